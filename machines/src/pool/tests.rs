use super::*;
use crate::core::{Blocked, State as _, decide, decide_at_once};
use crate::proof::{self, at};
use crate::reason;

fn seen() -> Observed {
    Observed {
        now: at(0),
        generation: 1,
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

#[test]
fn every_state_is_documented_reached_and_left_again() {
    proof::explored::<Pool>(&signals(), |state, seen, blocked| conditions(state, blocked, seen.endpoints));
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
        Event::AttemptFailed { reason: "ApplyFailed".into(), message: "m".into(), next_attempt: at(1) },
        Event::NameTaken { message: "m".into() },
        Event::NameFreed,
    ];
    proof::golden("pool.v1", &all);
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
    let (mut state, mut now, mut waits) = (State::default(), at(0), Vec::new());
    for _ in 0..4 {
        state = decide::<Pool>(&state, &Observed { report: Some(failure()), now, ..seen() }).state;
        let next = state.wake_at().unwrap();
        waits.push((next - now).num_seconds());
        assert_eq!(decide::<Pool>(&state, &Observed { now, ..seen() }).effects, []);
        assert_eq!(decide_at_once::<Pool>(&state, &Observed { now, ..seen() }).effects, [Effect::ApplyService], "where somebody asks");
        now = next;
        assert_eq!(decide::<Pool>(&state, &Observed { now, ..seen() }).effects, [Effect::ApplyService]);
    }
    assert_eq!(waits, [1, 2, 4, 8]);
    assert_eq!(decide::<Pool>(&state, &Observed { in_place: true, now, ..seen() }).state, synced());
}
