//! Publish: the journal, metrics, logs and Kubernetes Events. Nothing here can hold up or fail a reconcile.

use super::decide::Decision;
use super::reconciler::StateOf;
use super::{Context as _, Reconciler};
use crate::core::condition::READY;
use crate::core::{DomainEvent as _, MAX_ATTEMPT, Machine as _, Rest, State, Transition};
use crate::lifecycle::Lifecycled;
use crate::{CurrentState, ObjectKey};
use k8s_openapi::api::core::v1::ObjectReference;
use kube::core::object::HasStatus as _;
use kube::runtime::events::{Event, EventType, Recorder, Reporter};
use kube::runtime::reflector::ObjectRef;
use kube::{Client, Resource as _, ResourceExt as _};
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
pub struct EventRecorder {
    queue: mpsc::Sender<(Event, ObjectReference)>,
}

impl EventRecorder {
    /// Starts the task. Events name the `controller` and its `instance`, a pod.
    #[must_use]
    pub fn start(client: Client, controller: &str, instance: Option<String>) -> Self {
        let (queue, mut waiting) = mpsc::channel::<(Event, ObjectReference)>(QUEUE);
        let reporter = Reporter { controller: controller.into(), instance };
        let make = move || Recorder::new(client.clone(), reporter.clone());
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
    pub fn record(&self, event: Event, object: ObjectReference) {
        if self.queue.try_send((event, object)).is_err() {
            tracing::debug!("the queue of events is full; one is left out");
        }
    }
}

/// Hands on the current state of an object, as its status has it; `view` is missing where nothing was observed.
pub(super) fn measure<R: Reconciler>(
    context: &R::Context,
    object: &R::Resource,
    view: Option<&R::View>,
    state: &StateOf<R>,
    blocked: Option<&'static str>,
) {
    let (engine, key) = (context.engine(), ObjectKey::of(R::Machine::KIND, object));
    if let (Some(leaf), Some(lifecycle)) = (state.leaf(), object.status().map(Lifecycled::lifecycle))
        && let Some(machine) = &lifecycle.machine
    {
        let current = CurrentState {
            phase: leaf.phase(),
            state: leaf.path,
            rest: leaf.rest,
            since: machine.since.0.as_second(),
            ready: lifecycle.conditions.iter().any(|condition| condition.type_ == READY && condition.status == "True"),
            blocked,
            attempts: machine.attempt.map_or(0, |count| count.saturating_add(engine.attempts.count(&key)).min(MAX_ATTEMPT)),
        };
        engine.telemetry.current_state(&key, &R::phases(), current);
    }
    R::measure(context, object, state, view);
    // It may have gone meanwhile. Whoever takes it out of the store drops its series after that, so one of the two
    // comes last and finds them.
    if R::cache(context).store().get(&ObjectRef::from_obj(object)).is_none() {
        engine.telemetry.forget(&key);
    }
}

pub(super) fn publish<R: Reconciler>(context: &R::Context, object: &R::Resource, view: &R::View, decision: &Decision<R>) {
    let (namespace, name) = (object.namespace().unwrap_or_default(), object.name_any());
    let (engine, kind) = (context.engine(), R::Machine::KIND);
    measure::<R>(context, object, Some(view), &decision.state, decision.blocked);
    if decision.transitions.is_empty() {
        return;
    }
    let uid = object.meta().uid.as_deref().unwrap_or_default();
    if let Some(status) = object.status() {
        // One that finds no room is offered again when the object settles.
        let _ = engine.outbox.offer(uid, &ObjectKey::of(kind, object), &status.lifecycle().history);
    }
    let message =
        decision.status.lifecycle().conditions.iter().find(|condition| condition.type_ == READY).map(|condition| condition.message.clone());
    for (step, entry) in &decision.transitions {
        // Event names are the variants of an enum of ours, so their number is bounded.
        engine.telemetry.transition(kind, &entry.event, step.from.phase(), step.to.phase());
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
        engine.recorder.record(event, object.object_ref(&()));
    }
}

/// Somebody should hear of this transition: what it enters is trouble, or what happened is.
fn is_warning<S: State>(step: &Transition<S>) -> bool {
    step.event.is_warning() || step.to.leaf().is_some_and(|leaf| leaf.phase() == "Error" || leaf.rest == Rest::Stuck)
}
