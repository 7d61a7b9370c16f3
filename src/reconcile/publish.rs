//! Publish: the journal, metrics, logs and Kubernetes Events. Nothing here can hold up or fail a reconcile.

use super::decide::Decision;
use super::kind::StateOf;
use super::{Context, Kind};
use crate::telemetry::Standing;
use k8s_openapi::api::core::v1::ObjectReference;
use kube::core::object::HasStatus as _;
use kube::runtime::events::{Event, EventType, Recorder, Reporter};
use kube::runtime::reflector::ObjectRef;
use kube::{Client, Resource as _, ResourceExt as _};
use openvox_crds::Lifecycled;
use openvox_crds::vocabulary::FIELD_MANAGER;
use openvox_engine::ObjectKey;
use openvox_machines::condition::READY;
use openvox_machines::core::{DomainEvent as _, MAX_ATTEMPT, Machine as _, Rest, State, Transition};
use tokio::sync::mpsc;

/// Events waiting to be sent. A burst of a thousand objects has a few thousand transitions; what does not fit
/// is dropped, because the history has it all the same.
const QUEUE: usize = 1024;

/// Events after which the recorder is made anew. It keeps each for six minutes, to count repetitions, and looks through
/// all of them for every further one: thousands of objects made it hold megabytes. Repetitions come from an object that
/// tries again and again, and then mostly right after each other.
const RECORDED: usize = 256;

/// Sends Kubernetes Events from a task of its own. Clones share it.
#[derive(Clone)]
pub struct Announcer {
    queue: mpsc::Sender<(Event, ObjectReference)>,
}

impl Announcer {
    /// Starts the task. `instance` is the name of this pod.
    #[must_use]
    pub fn start(client: Client, instance: Option<String>) -> Self {
        let (queue, mut waiting) = mpsc::channel::<(Event, ObjectReference)>(QUEUE);
        let make = move || Recorder::new(client.clone(), Reporter { controller: FIELD_MANAGER.into(), instance: instance.clone() });
        tokio::spawn(async move {
            let (mut recorder, mut count) = (make(), 0);
            while let Some((event, object)) = waiting.recv().await {
                if count == RECORDED {
                    (recorder, count) = (make(), 0);
                }
                count += 1;
                if let Err(error) = recorder.publish(&event, &object).await {
                    tracing::debug!(%error, "an event was not taken");
                }
            }
        });
        Self { queue }
    }

    /// Queues an event about an object.
    pub(crate) fn announce(&self, event: Event, object: ObjectReference) {
        if self.queue.try_send((event, object)).is_err() {
            tracing::debug!("the queue of events is full; one is left out");
        }
    }
}

/// Sets the series of an object as its status stands; `view` is missing where nothing was observed.
pub(super) fn stand<R: Kind>(
    context: &Context,
    object: &R::Resource,
    view: Option<&R::View>,
    state: &StateOf<R>,
    blocked: Option<&'static str>,
) {
    let (kind, namespace, name) = (R::Machine::KIND, object.namespace().unwrap_or_default(), object.name_any());
    if let (Some(leaf), Some(lifecycle)) = (state.leaf(), object.status().map(Lifecycled::lifecycle))
        && let Some(machine) = &lifecycle.machine
    {
        let standing = Standing {
            phase: leaf.phase(),
            state: leaf.path,
            rest: leaf.rest,
            since: machine.since.0.as_second(),
            ready: lifecycle.conditions.iter().any(|condition| condition.type_ == READY && condition.status == "True"),
            blocked,
            attempts: machine
                .attempt
                .map_or(0, |count| count.saturating_add(context.unchanged.count(kind, &namespace, &name)).min(MAX_ATTEMPT)),
        };
        context.metrics.stands(kind, &namespace, &name, R::phases(), standing);
    }
    R::measure(context, object, state, view);
    // It may have gone meanwhile. Whoever takes it out of the store drops its series after that, so one of the two
    // comes last and finds them.
    if R::cache(&context.caches).store().get(&ObjectRef::from_obj(object)).is_none() {
        context.metrics.forget(kind, &namespace, &name);
    }
}

pub(super) fn publish<R: Kind>(context: &Context, object: &R::Resource, view: &R::View, decision: &Decision<R>) {
    let (namespace, name) = (object.namespace().unwrap_or_default(), object.name_any());
    let kind = R::Machine::KIND;
    stand::<R>(context, object, Some(view), &decision.state, decision.blocked);
    if decision.transitions.is_empty() {
        return;
    }
    let uid = object.meta().uid.as_deref().unwrap_or_default();
    if let Some(status) = object.status() {
        // One that finds no room is offered again when the object settles.
        let _ = context.outbox.offer(uid, &ObjectKey::of(kind, object), &status.lifecycle().history);
    }
    let message =
        decision.status.lifecycle().conditions.iter().find(|condition| condition.type_ == READY).map(|condition| condition.message.clone());
    for (step, entry) in &decision.transitions {
        // Event names are the variants of an enum of ours, so their number is bounded.
        context.metrics.transition(kind, &entry.event, step.from.phase(), step.to.phase());
        tracing::info!(
            kind,
            namespace,
            name,
            seq = entry.seq,
            event = entry.event,
            from = entry.from,
            to = entry.to,
            cause = entry.cause,
            "transition"
        );
        let note = match &message {
            Some(message) => format!("{} → {}: {message}", entry.from, entry.to),
            None => format!("{} → {}", entry.from, entry.to),
        };
        let event = Event {
            type_: if is_warning(step) { EventType::Warning } else { EventType::Normal },
            reason: entry.event.clone(),
            note: Some(note.chars().take(1000).collect()),
            action: entry.to.rsplit('/').next().unwrap_or_default().to_owned(),
            secondary: None,
        };
        context.announcer.announce(event, object.object_ref(&()));
    }
}

/// Somebody should hear of this transition: what it enters is trouble, or what happened is.
fn is_warning<S: State>(step: &Transition<S>) -> bool {
    step.event.is_warning() || step.to.leaf().is_some_and(|leaf| leaf.phase() == "Error" || leaf.rest == Rest::Stuck)
}
