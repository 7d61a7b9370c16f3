//! The newest transitions, as the objects themselves carry them.

use super::service::Asked;
use super::transition::Transition;
use crate::connection::Connection;
use crate::fleet::{Fleet, Member};
use kube::ResourceExt as _;
use kube::api::DynamicObject;
use openvox_crds::HistoryEntry;

/// The transitions in the status of the objects, oldest first.
///
/// # Errors
/// If the objects cannot be listed, or the one that is asked for does not exist.
pub async fn newest(connection: &Connection, asked: &Asked) -> anyhow::Result<Vec<Transition>> {
    let fleet = Fleet::list(&connection.client, asked.namespace.as_deref()).await?;
    if let (Some(target), Some(namespace)) = (&asked.object, &asked.namespace) {
        fleet.target(namespace, target)?;
    }
    let mut transitions: Vec<Transition> = fleet.0.iter().flat_map(of).collect();
    asked.reduce(&mut transitions);
    Ok(transitions)
}

/// The transitions that an object carries.
pub fn of(member: &Member) -> impl Iterator<Item = Transition> {
    member.lifecycle.history.iter().map(|entry| Transition {
        kind: member.object.kind.clone(),
        namespace: member.object.namespace.clone(),
        name: member.object.name.clone(),
        uid: member.object.uid.clone(),
        entry: entry.clone(),
    })
}

/// The transitions that an object of any kind carries.
pub fn of_any(object: &DynamicObject) -> Vec<Transition> {
    let kind = object.types.as_ref().map(|types| types.kind.clone()).unwrap_or_default();
    let (namespace, name, uid) = (object.namespace().unwrap_or_default(), object.name_any(), object.uid().unwrap_or_default());
    let entries: Vec<HistoryEntry> =
        object.data.pointer("/status/history").and_then(|ring| serde_json::from_value(ring.clone()).ok()).unwrap_or_default();
    let transition = |entry| Transition { kind: kind.clone(), namespace: namespace.clone(), name: name.clone(), uid: uid.clone(), entry };
    entries.into_iter().map(transition).collect()
}
