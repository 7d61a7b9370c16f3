use super::*;
use crate::core::{Attempts, Blocked, State as _, decide, decide_after};
use crate::proof::{self, at};
use crate::reason;
use crate::{Failure, Report, Retry};
use std::collections::BTreeMap;

fn seen() -> Observed {
    Observed {
        now: at(0),
        invalid: None,
        foreign: None,
        predecessor: None,
        in_place: false,
        digest: "one".into(),
        endpoints: 0,
        report: None,
    }
}

fn taken(message: &str) -> Blocked {
    Blocked::invalid(reason::NOT_OURS, message)
}

fn leaving() -> Blocked {
    Blocked::waiting(reason::WAITING_FOR_REMOVAL, "that of the deleted one")
}

fn failure() -> Report {
    Report::Failed { reason: reason::APPLY_FAILED.into(), message: "port in use".into() }
}

fn synced() -> State {
    State::Synced { digest: "one".into() }
}

/// Every observation that makes a difference to some state.
fn signals() -> Vec<Observed> {
    let mut all = Vec::new();
    for report in [None, Some(Report::Applied), Some(failure())] {
        for invalid in [None, Some(Blocked::invalid(reason::INVALID_SPEC, "spec.service.port"))] {
            for (foreign, predecessor) in
                [(None, None), (Some(taken("theirs")), None), (Some(taken("others")), None), (None, Some(leaving()))]
            {
                for (in_place, digest) in [(false, "one"), (true, "one"), (false, "two"), (true, "two")] {
                    for now in [at(0), at(100_000)] {
                        let (report, invalid) = (report.clone(), invalid.clone());
                        let (foreign, predecessor) = (foreign.clone(), predecessor.clone());
                        all.push(Observed { now, report, invalid, foreign, predecessor, in_place, digest: digest.into(), ..seen() });
                    }
                }
            }
        }
    }
    all
}

/// `seen` goes on for an hour, and every effect ends with `report`, or only begins something.
fn unchanged(start: State, seen: Observed, report: Option<Report>) -> proof::Unchanged<Pool> {
    let answered = report.map(|report| Observed { report: Some(report), ..seen.clone() });
    proof::Unchanged {
        start,
        rest: Box::new(move |now| Observed { now, ..seen.clone() }),
        answer: Box::new(move |_, now| answered.clone().map(|seen| Observed { now, ..seen })),
    }
}

fn shown(state: &State, seen: &Observed, blocked: Option<&Blocked>) -> Vec<crate::core::Condition> {
    conditions(state, blocked, seen.endpoints)
}

fn hours() -> BTreeMap<&'static str, proof::Hour> {
    let retrying = State::Retrying {
        retry: Retry { attempt: 1, next_attempt: at(1), reason: reason::APPLY_FAILED.into(), message: "port in use".into() },
    };
    let invalid = Some(Blocked::invalid(reason::INVALID_SPEC, "spec.service.port"));
    let cases = [
        unchanged(State::Provisioning, seen(), Some(failure())),
        unchanged(State::Provisioning, Observed { invalid, ..seen() }, None),
        unchanged(State::Provisioning, Observed { predecessor: Some(leaving()), ..seen() }, None),
        unchanged(synced(), Observed { in_place: true, ..seen() }, None),
        unchanged(retrying, seen(), Some(failure())),
        unchanged(State::Stalled { message: "theirs".into() }, Observed { foreign: Some(taken("theirs")), ..seen() }, None),
    ];
    proof::hours(&cases, |path| usize::from(path == "Pending/Provisioning"), shown)
}

#[test]
fn an_hour_in_any_state_costs_next_to_nothing_while_nothing_changes() {
    hours();
}

#[test]
fn every_state_is_documented_reached_and_left_again() {
    proof::explored::<Pool>(&signals(), &hours(), shown);
}

#[test]
fn history_folds_to_the_snapshot_whatever_happens_and_wherever_it_crashes() {
    proof::folds::<Pool>(&signals());
}

#[test]
fn stored_events_of_version_1_can_be_read() {
    let all = [
        Event::Adopted { digest: "one".into() },
        Event::Synced { digest: "one".into() },
        Event::Changed { digest: "one".into() },
        Event::AttemptFailed(Failure { reason: "ApplyFailed".into(), message: "m".into(), next_attempt: at(1) }),
        Event::NameTaken { message: "m".into() },
        Event::NameFreed,
    ];
    proof::golden("pool.v1", &all, &["AttemptFailed"]);
}

#[test]
fn a_service_as_it_should_be_is_adopted_without_a_write() {
    let decision = decide::<Pool>(&State::default(), &Observed { in_place: true, ..seen() });
    assert_eq!(decision.transitions[0].event, Event::Adopted { digest: "one".into() });
    assert_eq!((decision.state, decision.effects), (synced(), vec![]));
}

#[test]
fn a_pool_is_ready_once_its_service_is_written() {
    let decision = decide::<Pool>(&State::default(), &seen());
    assert_eq!((decision.state, decision.effects), (State::default(), vec![Effect::ApplyService]));
    let decision = decide::<Pool>(&State::default(), &Observed { report: Some(Report::Applied), ..seen() });
    assert_eq!((decision.state, decision.effects), (synced(), vec![]));
}

#[test]
fn the_service_of_somebody_else_is_never_written_and_the_pool_heals_when_it_is_gone() {
    for state in [State::default(), synced()] {
        let decision = decide::<Pool>(&state, &Observed { foreign: Some(taken("theirs")), ..seen() });
        assert_eq!((decision.state.path(), decision.effects), ("Error/Stalled", vec![]));
        let all = conditions(&decision.state, decision.blocked.as_ref(), 0);
        assert!(all.iter().any(|condition| condition.kind == "Stalled" && condition.reason == reason::NOT_OURS));
        let healed = decide::<Pool>(&decision.state, &seen());
        assert_eq!((healed.state, healed.effects), (State::default(), vec![Effect::ApplyService]));
    }
}

#[test]
fn the_service_of_the_deleted_pool_of_the_name_is_waited_for() {
    let decision = decide::<Pool>(&State::default(), &Observed { predecessor: Some(leaving()), ..seen() });
    assert_eq!((decision.state, decision.effects, decision.transitions.len()), (State::default(), vec![], 0));
    assert_eq!(decision.blocked, Some(leaving()));
}

#[test]
fn endpoints_are_shown_and_change_no_state() {
    for (endpoints, text) in [(0, "no ready endpoint"), (1, "1 ready endpoint"), (3, "3 ready endpoints")] {
        let decision = decide::<Pool>(&synced(), &Observed { in_place: true, endpoints, ..seen() });
        assert!(decision.transitions.is_empty() && decision.effects.is_empty());
        let all = conditions(&decision.state, decision.blocked.as_ref(), endpoints);
        assert!(all[0].kind == "Ready" && all[0].message.contains(text), "{all:?}");
    }
}

#[test]
fn a_changed_spec_is_an_event_and_drift_is_not() {
    let decision = decide::<Pool>(&synced(), &Observed { digest: "two".into(), ..seen() });
    assert_eq!(decision.transitions[0].event, Event::Changed { digest: "two".into() });
    assert_eq!(decision.effects, [Effect::ApplyService]);
    let decision = decide::<Pool>(&synced(), &seen());
    assert_eq!((decision.transitions.len(), decision.effects), (0, vec![Effect::ApplyService]));
}

#[test]
fn an_invalid_spec_keeps_the_service_that_is_there() {
    let invalid = Observed { invalid: Some(Blocked::invalid(reason::INVALID_SPEC, "spec.service.port")), ..seen() };
    let decision = decide::<Pool>(&synced(), &invalid);
    assert_eq!((decision.state, decision.effects), (synced(), vec![]));
    assert_eq!(decision.blocked.map(|blocked| blocked.reason), Some(reason::INVALID_SPEC));
}

#[test]
fn failed_writes_back_off_until_one_succeeds() {
    let failed = |now| Observed { report: Some(failure()), now: at(now), ..seen() };
    let state = decide::<Pool>(&State::default(), &failed(0)).state;
    assert_eq!(proof::waits(&state, at(0)), [1, 1, 2, 4, 8, 16]);
    assert_eq!(decide::<Pool>(&state, &seen()).effects, []);
    let asked = Attempts { at_once: true, last: None };
    assert_eq!(decide_after::<Pool>(&state, &seen(), asked).effects, [Effect::ApplyService], "where somebody asks");
    let due = Observed { now: at(1), ..seen() };
    assert_eq!(decide::<Pool>(&state, &due).effects, [Effect::ApplyService]);
    let again = decide_after::<Pool>(&state, &failed(1), Attempts { at_once: false, last: Some(at(1)) });
    assert_eq!((again.state, again.effects), (state.clone(), vec![]), "the same failure is no news");
    assert_eq!(decide::<Pool>(&state, &Observed { in_place: true, ..due }).state, synced());
}
