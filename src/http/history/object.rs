//! An object as the API shows it.

use crate::http::kinds;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::ResourceExt as _;
use openvox_crds::{ApiKind, Lifecycled};
use serde::Serialize;

/// An object with its state.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Object {
    /// Kind as in manifests.
    pub kind: String,
    /// Namespace.
    pub namespace: String,
    /// Name.
    pub name: String,
    /// `metadata.uid`.
    pub uid: String,
    /// When it was created.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created: Option<Time>,
    /// It is being deleted.
    pub deleting: bool,
    /// Generation of the spec.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub generation: Option<i64>,
    /// Generation of the spec that the rest describes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Phase; none before the first decision.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phase: Option<String>,
    /// Path of the state.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// When the state was entered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<Time>,
    /// Number of the last transition.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seq: Option<i64>,
    /// Failed attempts of the current step.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attempt: Option<u32>,
    /// When the next attempt is due.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_attempt: Option<Time>,
    /// When waiting counts as failure.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deadline: Option<Time>,
    /// All conditions; `Ready` says what blocks.
    pub conditions: Vec<Condition>,
    /// Objects that its spec names.
    #[serde(skip)]
    pub uses: Vec<Reference>,
}

/// Another object of the same namespace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// Its kind.
    pub kind: &'static str,
    /// Its name.
    pub name: String,
}

impl Object {
    /// The view of an object of any kind of ours.
    pub fn of<K: ApiKind>(object: &K) -> Self {
        let meta = object.meta();
        let status = object.status();
        let lifecycle = status.map(Lifecycled::lifecycle);
        let machine = lifecycle.and_then(|lifecycle| lifecycle.machine.as_ref());
        Self {
            kind: K::kind(&()).into_owned(),
            namespace: object.namespace().unwrap_or_default(),
            name: object.name_any(),
            uid: object.uid().unwrap_or_default(),
            created: meta.creation_timestamp.clone(),
            deleting: meta.deletion_timestamp.is_some(),
            generation: meta.generation,
            observed_generation: lifecycle.and_then(|lifecycle| lifecycle.observed_generation),
            phase: status.and_then(Lifecycled::phase),
            state: lifecycle.and_then(|lifecycle| lifecycle.state.clone()),
            since: machine.map(|machine| machine.since.clone()),
            seq: machine.map(|machine| machine.seq),
            attempt: machine.and_then(|machine| machine.attempt),
            next_attempt: machine.and_then(|machine| machine.next_attempt.clone()),
            deadline: machine.and_then(|machine| machine.deadline.clone()),
            conditions: lifecycle.map(|lifecycle| lifecycle.conditions.clone()).unwrap_or_default(),
            uses: object.references().iter().filter_map(Reference::within_api).collect(),
        }
    }
}

impl Reference {
    /// A reference to an object of this API; none for a Secret or `ConfigMap`.
    fn within_api(to: &openvox_crds::Reference<'_>) -> Option<Self> {
        kinds::named(to.kind).map(|_| Self { kind: to.kind, name: to.name.to_owned() })
    }
}
