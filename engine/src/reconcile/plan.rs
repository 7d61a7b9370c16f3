//! Plan: what a reconcile would do next. It looks, judges and decides, and neither commits nor acts: nothing is written,
//! and no other service is called.

use super::decide::{Moment, decide, is_requested};
use super::pause::Pause;
use super::{Context as _, Error, Reconciler};
use crate::core::{Attempts, Machine as _, State as _, reason};
use crate::lifecycle::HistoryEntry;
use crate::{Difference, ObjectKey};
use kube::{Resource as _, ResourceExt as _};
use serde::Serialize;
use std::sync::Arc;

/// What would happen to an object next.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NextStep {
    /// Its kind.
    pub kind: &'static str,
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Path of the state that it is in.
    pub state: &'static str,
    /// The transitions that would be stored.
    pub transitions: Vec<HistoryEntry>,
    /// Names of the effects that would be run then. What comes of them decides how it goes on.
    pub effects: Vec<&'static str>,
    /// Reason of the gate that keeps it where it would be.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub blocked: Option<&'static str>,
    /// The objects that the effects would write, as far as they are known beforehand.
    pub objects: Vec<Difference>,
}

impl NextStep {
    /// Nothing would happen.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.transitions.is_empty() && self.effects.is_empty()
    }
}

/// The next steps of all objects of a kind that are `wanted`.
///
/// # Errors
/// [`Error`] if a decision cannot be written down.
pub async fn next_steps<R: Reconciler>(context: &R::Context, wanted: impl Fn(&ObjectKey) -> bool) -> Result<Vec<NextStep>, Error> {
    let mut objects = R::cache(context).store().state();
    objects.sort_by_key(|object| (object.namespace(), object.name_any()));
    let mut steps = Vec::new();
    for object in objects {
        let key = ObjectKey::of(R::Machine::KIND, &*object);
        let left_alone = object.meta().deletion_timestamp.is_some() && !R::OUTLIVES_DELETION;
        if wanted(&key) && !left_alone {
            steps.push(next_step::<R>(context, &object, key).await?);
        }
    }
    Ok(steps)
}

async fn next_step<R: Reconciler>(context: &R::Context, object: &Arc<R::Resource>, key: ObjectKey) -> Result<NextStep, Error> {
    let state = super::state_of::<R>(object).path();
    if matches!(Pause::of(object.meta(), &R::Resource::group(&()), context.engine().now()), Pause::Holds { .. }) {
        let (ObjectKey { kind, namespace, name }, blocked) = (key, Some(reason::PAUSED));
        return Ok(NextStep { kind, namespace, name, state, transitions: Vec::new(), effects: Vec::new(), blocked, objects: Vec::new() });
    }
    let facts = R::look(context, object).await;
    let last = context.engine().attempts.last(&key);
    let attempts = Attempts { last, at_once: is_requested(&**object) };
    let moment = Moment { now: context.engine().now(), journaled: 0, cause: None, trace_id: None, attempts };
    let view = R::judge(object, facts, None, moment.now);
    let decision = decide::<R>(object, &view, &moment)?;
    let objects = if decision.effects.is_empty() { Vec::new() } else { R::differences(&view) };
    let ObjectKey { kind, namespace, name } = key;
    Ok(NextStep {
        kind,
        namespace,
        name,
        state,
        transitions: decision.transitions.into_iter().map(|(_, entry)| entry).collect(),
        effects: decision.effects.into_iter().map(Into::into).collect(),
        blocked: decision.blocked,
        objects,
    })
}
