//! When to look again.

use super::decide::Decision;
use super::{Context as _, Error, Reconciler};
use crate::ObjectKey;
use crate::core::{Machine as _, State as _, Timestamp, backoff};
use crate::journal::Offer;
use crate::lifecycle::Lifecycled as _;
use kube::core::object::HasStatus as _;
use kube::runtime::controller::Action;
use kube::{Resource as _, ResourceExt as _};
use std::sync::PoisonError;
use std::time::Duration;

/// How soon an object is looked at again whose history the journal could not take: its ring keeps the entries
/// meanwhile.
const JOURNAL_AGAIN: Duration = Duration::from_secs(30);

/// How soon there may be room in the journal's queue, which is written in batches.
const JOURNAL_ROOM: Duration = Duration::from_secs(1);

/// How soon an object is looked at again whose time has come, but which waits for something else too. That
/// something wakes it; this is for the case that nobody told.
const OVERDUE: Duration = Duration::from_mins(1);

/// Timers longer than this are set again when they come: a clock that jumps is noticed within the hour.
const LONGEST_TIMER: Duration = Duration::from_hours(1);

/// After a settled round: nothing is to be done until the state's own time comes or something changes.
pub(super) fn settled<R: Reconciler>(context: &R::Context, object: &R::Resource, view: &R::View, decision: &Decision<R>) -> Action {
    let last = context.engine().attempts.last(&ObjectKey::of(R::Machine::KIND, object));
    rest::<R>(context, object, [decision.state.wake_after(last), R::wakes_at(view)].into_iter().flatten().min())
}

/// Nothing is to be done until `wake` or a change.
pub(super) fn rest<R: Reconciler>(context: &R::Context, object: &R::Resource, wake: Option<Timestamp>) -> Action {
    let key = ObjectKey::of(R::Machine::KIND, object);
    context.engine().failures.lock().unwrap_or_else(PoisonError::into_inner).remove(&key);
    let journal = offer::<R>(context, object);
    // A time that has come and moved nothing: the machine waits for something else, which wakes it.
    let state = wake.map(|at| (at - context.engine().now()).to_std().unwrap_or(OVERDUE).min(LONGEST_TIMER));
    match (state, journal == Offer::Full) {
        (Some(wait), false) => Action::requeue(wait.max(Duration::from_secs(1))),
        (Some(wait), true) => Action::requeue(wait.clamp(Duration::from_secs(1), JOURNAL_AGAIN)),
        (None, true) => Action::requeue(JOURNAL_AGAIN),
        (None, false) => Action::await_change(),
    }
}

/// Hands the history on to the journal; costs nothing when the journal has it.
fn offer<R: Reconciler>(context: &R::Context, object: &R::Resource) -> Offer {
    let uid = object.meta().uid.as_deref().unwrap_or_default();
    match object.status() {
        Some(status) => context.engine().outbox.offer(uid, &ObjectKey::of(R::Machine::KIND, object), &status.lifecycle().history),
        None => Offer::NothingNew,
    }
}

/// Hands over the history of all objects whenever the journal was begun anew: those that are settled would not come by
/// for hours. Ends with the operator.
pub(super) async fn refill_journal<R: Reconciler>(context: &R::Context) {
    let mut begun_anew = context.engine().outbox.begun_anew();
    while begun_anew.changed().await.is_ok() {
        for object in R::cache(context).store().state() {
            while offer::<R>(context, &object) == Offer::Full {
                tokio::time::sleep(JOURNAL_ROOM).await;
            }
        }
    }
}

/// After an error: the same object again, later each time. A conflict is no error worth a word: the object has
/// changed under us and is looked at anew.
pub(super) fn after_error<R: Reconciler>(object: &R::Resource, error: &Error, context: &R::Context) -> Action {
    let (namespace, name) = (object.namespace().unwrap_or_default(), object.name_any());
    if let Error::Commit(source) = error
        && let kube::Error::Api(status) = &**source
        && (status.code == 409 || status.code == 404)
    {
        tracing::debug!(kind = R::Machine::KIND, namespace, name, "the object changed under us");
        return Action::requeue(Duration::from_millis(100));
    }
    let attempt = {
        let mut failures = context.engine().failures.lock().unwrap_or_else(PoisonError::into_inner);
        let count = failures.entry(ObjectKey::of(R::Machine::KIND, object)).or_default();
        *count += 1;
        *count
    };
    let now = context.engine().now();
    // Ten doublings are too slow for an API server that comes back after a restart: half a minute at most.
    let wait = (backoff(attempt, now) - now).to_std().unwrap_or_default().min(Duration::from_secs(30));
    context.engine().telemetry.reconcile_error(R::Machine::KIND, error.reason());
    tracing::warn!(kind = R::Machine::KIND, namespace, name, %error, again_in = ?wait, "reconcile failed");
    Action::requeue(wait)
}
