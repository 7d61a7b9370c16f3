//! Decide: the machine's answer, and the status that says it. No client.

use super::pause::Pause;
use super::reconciler::{StateOf, StatusOf};
use super::{Error, Reconciler, View as _};
use crate::Document;
use crate::annotation;
use crate::core::{self, Attempts, DomainEvent as _, Machine, Rest, State as _, Status, Timestamp, Transition};
use crate::journal::ring;
use crate::lifecycle::{HistoryEntry, Lifecycle, Lifecycled, MachineStatus};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use k8s_openapi::jiff;
use kube::Resource as _;
use kube::core::object::HasStatus;
use serde_json::Value;

/// Version of the snapshot in `.status.machine`; it is that of the machine's events.
fn version<M: Machine>() -> u32 {
    <M::State as core::State>::Event::VERSION
}

/// What a reconcile has decided.
pub(super) struct Decision<R: Reconciler> {
    pub state: StateOf<R>,
    /// What is stored, each with its entry in the history.
    pub transitions: Vec<(Transition<StateOf<R>>, HistoryEntry)>,
    pub effects: Vec<<R::Machine as Machine>::Effect>,
    pub status: StatusOf<R>,
    /// Reason of the gate that keeps the object where it is.
    pub blocked: Option<&'static str>,
    /// Path of the state before.
    pub from: &'static str,
}

/// The k8s-openapi form of a time.
#[must_use]
pub fn time(at: Timestamp) -> Time {
    Time(jiff::Timestamp::from_second(at.timestamp()).unwrap_or_default())
}

/// When and why a decision is made: all that it depends on beside the object and what was observed.
pub(super) struct Moment<'a> {
    /// The time that the observation was judged by.
    pub now: Timestamp,
    /// Number of the last transition that the journal is known to have of this object.
    pub journaled: i64,
    /// What woke the reconcile.
    pub cause: Option<&'a str>,
    /// The trace of the reconcile.
    pub trace_id: Option<String>,
    /// Earlier attempts of the state.
    pub attempts: Attempts,
}

pub(super) fn decide<R: Reconciler>(object: &R::Resource, view: &R::View, moment: &Moment<'_>) -> Result<Decision<R>, Error> {
    let Moment { now, journaled, cause, trace_id, attempts } = moment;
    let mut status = object.status().cloned().unwrap_or_default();
    let before = status.lifecycle().clone();
    let state = rehydrate::<R>(&before);
    let decision = core::decide_after::<R::Machine>(&state, view.seen(), *attempts);
    // A history that the object itself has lost goes on where the journal ends.
    let mut seq = before.machine.as_ref().map_or(*journaled, |machine| machine.seq);
    let mut transitions = Vec::with_capacity(decision.transitions.len());
    let lifecycle = status.lifecycle_mut();
    for step in decision.transitions {
        seq = seq.saturating_add(1);
        let recorded = core::record(&step.event)?;
        let entry = HistoryEntry {
            seq,
            at: time(*now),
            event: recorded.name,
            version: recorded.version,
            from: step.from.path().to_owned(),
            to: step.to.path().to_owned(),
            phase: step.to.phase().to_owned(),
            cause: cause.map(str::to_owned),
            trace_id: trace_id.clone(),
            data: recorded.data.map(Document::from),
        };
        ring::push(&mut lifecycle.history, entry.clone(), *journaled);
        transitions.push((step, entry));
    }
    let mut conditions = R::conditions(&decision.state, view, decision.blocked.as_ref());
    let group = R::Resource::group(&());
    conditions.extend(Pause::of(object.meta(), &group, *now).condition(&group));
    snapshot(lifecycle, &decision.state, seq, *now)?;
    if transitions.is_empty() && decision.effects.is_empty() {
        // At rest, and what was asked for is done.
        lifecycle.last_handled_reconcile_at = requested_at(object).or(before.last_handled_reconcile_at);
    }
    lifecycle.observed_generation = object.meta().generation;
    lifecycle.conditions = merge(&before.conditions, conditions, object.meta().generation, *now);
    status.set_phase(decision.state.phase())?;
    R::project(&decision.state, view, &mut status);
    let blocked = decision.blocked.map(|gate| gate.reason);
    Ok(Decision { from: state.path(), state: decision.state, transitions, effects: decision.effects, status, blocked })
}

/// The object carries a request to be reconciled that is not handled yet.
pub(super) fn is_requested<K: kube::Resource<DynamicType = ()> + HasStatus<Status: Lifecycled>>(object: &K) -> bool {
    let handled = object.status().and_then(|status| status.lifecycle().last_handled_reconcile_at.clone());
    requested_at(object).is_some_and(|asked| Some(asked) != handled)
}

/// The request to be reconciled that an object carries, which may be handled already.
fn requested_at<K: kube::Resource<DynamicType = ()>>(object: &K) -> Option<String> {
    let annotations = object.meta().annotations.as_ref()?;
    annotations.get(&annotation::name(&K::group(&()), annotation::REQUESTED_AT)).filter(|value| !value.is_empty()).cloned()
}

/// The machine's state that an object carries.
#[must_use]
pub fn state_of<R: Reconciler>(object: &R::Resource) -> StateOf<R> {
    object.status().map_or_else(Default::default, |status| rehydrate::<R>(status.lifecycle()))
}

/// The state in the snapshot. One of another version, or one that cannot be read, counts as none: the machine
/// then finds out from what exists.
fn rehydrate<R: Reconciler>(lifecycle: &Lifecycle) -> StateOf<R> {
    let Some(machine) = &lifecycle.machine else { return Default::default() };
    let Some(data) = machine.data.as_ref().filter(|_| machine.version == version::<R::Machine>()) else { return Default::default() };
    read(&data.value()).unwrap_or_else(|error| {
        tracing::warn!(kind = R::Machine::KIND, error, "the snapshot in the status cannot be read; the state is derived from what exists");
        Default::default()
    })
}

/// Counts of a machine are far below this. From one near the end of its range, which only somebody else writes into a
/// status, nobody could count on.
const MOST_COUNTED: u64 = i32::MAX.unsigned_abs() as u64;

fn read<S: core::State>(data: &Value) -> Result<S, String> {
    if !is_counted(data) {
        return Err(format!("a number is beyond {MOST_COUNTED}"));
    }
    S::deserialize(data).map_err(|error| error.to_string())
}

/// No number is beyond what a machine counts to.
fn is_counted(data: &Value) -> bool {
    match data {
        Value::Number(number) => number.as_i64().is_some_and(|number| number.unsigned_abs() <= MOST_COUNTED),
        Value::Array(items) => items.iter().all(is_counted),
        Value::Object(members) => members.values().all(is_counted),
        Value::Null | Value::Bool(_) | Value::String(_) => true,
    }
}

fn snapshot<S: core::State>(lifecycle: &mut Lifecycle, state: &S, seq: i64, now: Timestamp) -> Result<(), serde_json::Error> {
    let data = serde_json::to_value(state)?;
    let before = lifecycle.machine.as_ref();
    // An attempt leaves the state for a moment and keeps the count: that is no end of the failures.
    let goes_on = before.filter(|before| state.retries() || (state.attempt().is_some() && state.attempt() == before.attempt));
    let failing_since = goes_on.and_then(|before| before.failing_since.clone()).or_else(|| state.retries().then(|| time(now)));
    let stays = before.filter(|_| lifecycle.state.as_deref() == Some(state.path())).map(|before| before.since.clone());
    let since = failing_since.clone().filter(|_| state.retries()).or(stays).unwrap_or_else(|| time(now));
    let deadline = match state.leaf().map(|leaf| leaf.rest) {
        Some(Rest::Waiting { deadline }) => {
            // None at the end of time, which only a status that somebody else wrote can be near.
            since.0.checked_add(jiff::SignedDuration::from_secs(i64::from(deadline))).ok().map(Time)
        }
        _ => None,
    };
    lifecycle.state = Some(state.path().to_owned());
    lifecycle.machine = Some(MachineStatus {
        version: <S::Event as core::DomainEvent>::VERSION,
        seq,
        since,
        failing_since,
        attempt: state.attempt(),
        next_attempt: state.wake_at().map(time),
        deadline,
        data: Some(Document::from(data)),
    });
    Ok(())
}

/// The status of an object that is paused: as it is, and the condition that says so.
pub(super) fn paused<R: Reconciler>(object: &R::Resource, condition: core::Condition, now: Timestamp) -> StatusOf<R> {
    let mut status = object.status().cloned().unwrap_or_default();
    let conditions = &mut status.lifecycle_mut().conditions;
    let told = told(conditions, condition, object.meta().generation, now);
    let same = |old: &Condition| old.status == told.status && old.message == told.message;
    match conditions.iter_mut().find(|old| old.type_ == told.type_) {
        // A change of the spec that nothing is done about is no news.
        Some(old) if same(old) => {}
        Some(old) => *old = told,
        None => conditions.push(told),
    }
    status
}

/// New conditions with the times of the old ones where their status has not changed. Conditions that the
/// machine no longer mentions go: `Reconciling` and `Stalled` are there only while abnormal.
fn merge(before: &[Condition], wanted: Vec<core::Condition>, generation: Option<i64>, now: Timestamp) -> Vec<Condition> {
    wanted.into_iter().map(|condition| told(before, condition, generation, now)).collect()
}

/// A condition with the time of the old one where its status has not changed.
fn told(before: &[Condition], condition: core::Condition, generation: Option<i64>, now: Timestamp) -> Condition {
    let status = match condition.status {
        Status::True => "True",
        Status::False => "False",
        Status::Unknown => "Unknown",
    };
    let old = before.iter().find(|old| old.type_ == condition.kind && old.status == status);
    Condition {
        type_: condition.kind.to_owned(),
        status: status.to_owned(),
        reason: condition.reason.to_owned(),
        message: shortened(condition.message),
        observed_generation: generation,
        last_transition_time: old.map_or_else(|| time(now), |old| old.last_transition_time.clone()),
    }
}

/// The API server refuses a message of more than 32768 characters; a kilobyte is more than anybody reads.
fn shortened(message: String) -> String {
    const MOST: usize = 1024;
    if message.chars().count() <= MOST { message } else { message.chars().take(MOST - 1).chain(std::iter::once('…')).collect() }
}

#[cfg(test)]
mod tests {
    use super::super::lamp::{self, Lamp, LampSpec, Lamps, State};
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_timestamp(second, 0).unwrap()
    }

    fn retrying(attempt: u32) -> State {
        State::Retrying { attempt, next_attempt: at(9) }
    }

    #[test]
    fn a_count_that_no_machine_reaches_makes_the_snapshot_none() {
        let read = |attempt: u32| read::<State>(&serde_json::to_value(State::Switching { attempt }).unwrap());
        assert_eq!(read(7), Ok(State::Switching { attempt: 7 }));
        assert_eq!(read(i32::MAX.unsigned_abs()).unwrap().attempt(), Some(i32::MAX.unsigned_abs()));
        assert!(read(u32::MAX).unwrap_err().contains("2147483647"));
    }

    #[test]
    fn a_state_that_was_entered_at_the_end_of_time_has_no_deadline() {
        let state = State::Switching { attempt: 0 };
        let mut lifecycle = Lifecycle::default();
        snapshot(&mut lifecycle, &state, 1, at(10)).unwrap();
        let machine = lifecycle.machine.as_mut().unwrap();
        assert!(machine.deadline.is_some());
        machine.since = Time("9999-12-30T21:59:59Z".parse().unwrap());
        snapshot(&mut lifecycle, &state, i64::MAX, at(20)).unwrap();
        assert_eq!(lifecycle.machine.unwrap().deadline, None);
    }

    #[test]
    fn the_deadline_of_retries_counts_from_the_first_failure_in_a_row() {
        let mut lifecycle = Lifecycle::default();
        let mut enter = |state: State, second| {
            snapshot(&mut lifecycle, &state, 1, at(second)).unwrap();
            let machine = lifecycle.machine.clone().unwrap();
            (machine.since.0.as_second(), machine.failing_since.map(|since| since.0.as_second()))
        };
        let trying = |attempt| State::Switching { attempt };
        assert_eq!(enter(trying(0), 10), (10, None));
        assert_eq!(enter(retrying(1), 20), (20, Some(20)));
        assert_eq!(enter(trying(1), 30), (30, Some(20)));
        assert_eq!(enter(retrying(2), 31), (20, Some(20)));
        assert_eq!(enter(retrying(2), 40), (20, Some(20)));
        assert_eq!(enter(trying(2), 50), (50, Some(20)));
        // It succeeded: what fails later begins anew.
        assert_eq!(enter(State::On, 51), (51, None));
        assert_eq!(enter(retrying(2), 70), (70, Some(70)));
    }

    #[test]
    fn the_history_has_the_time_that_the_machine_judged_by() {
        let lamp = Lamp::new("hall", LampSpec { on: true });
        let view = Lamps::judge(&lamp, lamp::Facts::default(), None, at(100));
        let moment = Moment { now: at(100), journaled: 7, cause: Some("created"), trace_id: None, attempts: Attempts::default() };
        let decision = decide::<Lamps>(&lamp, &view, &moment).unwrap();
        let (_, entry) = &decision.transitions[0];
        assert_eq!((entry.seq, entry.at.clone(), entry.cause.as_deref()), (8, time(at(100)), Some("created")));
        let lifecycle = decision.status.lifecycle();
        assert_eq!(lifecycle.machine.as_ref().map(|machine| machine.since.clone()), Some(time(at(100))));
        assert!(lifecycle.conditions.iter().all(|condition| condition.last_transition_time == time(at(100))));
    }

    #[test]
    fn a_state_that_does_not_serialise_is_an_error_and_leaves_the_status_as_it_was() {
        let mut lifecycle = Lifecycle::default();
        let error = snapshot(&mut lifecycle, &State::Unwritable, 1, at(10)).unwrap_err();
        assert!(error.to_string().contains("cannot be serialized"), "{error}");
        assert_eq!(lifecycle, Lifecycle::default());
    }
}
