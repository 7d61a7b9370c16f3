use super::*;
use crate::core::{Blocked, Condition, State as _, Status, decide};
use crate::proof::{self, at};
use crate::reason;
use crate::{Failure, Report, Retry};
use std::collections::BTreeMap;

fn seen() -> Observed {
    Observed { now: at(0), references: None, rendered: Ok("one".into()), in_place: false, report: None }
}

fn dangling() -> Blocked {
    Blocked::waiting(reason::AUTHORITY_NOT_FOUND, "spec.authorityRef names CertificateAuthority harbor-ca, which does not exist")
}

fn bad(message: &str) -> Blocked {
    Blocked::invalid(reason::RENDER_FAILED, message)
}

fn failure() -> Report {
    Report::Failed { reason: reason::APPLY_FAILED.into(), message: "quota".into() }
}

/// Every observation that makes a difference to some state.
fn signals() -> Vec<Observed> {
    let mut all = Vec::new();
    for report in [None, Some(Report::Applied), Some(failure())] {
        for rendered in [Ok("one".to_owned()), Ok("two".to_owned()), Err(bad("puppet.conf")), Err(bad("logback.xml"))] {
            for references in [None, Some(dangling())] {
                for in_place in [false, true] {
                    for now in [at(0), at(100_000)] {
                        let report = report.clone();
                        all.push(Observed { now, report, rendered: rendered.clone(), references: references.clone(), in_place });
                    }
                }
            }
        }
    }
    all
}

fn rendered(digest: &str) -> State {
    State::Rendered { digest: digest.into() }
}

fn condition(state: &State, seen: &Observed, kind: &str) -> Condition {
    let decision = decide::<Config>(state, seen);
    let all = conditions(&decision.state, seen, decision.blocked.as_ref());
    all.into_iter().find(|condition| condition.kind == kind).unwrap()
}

/// `seen` goes on for an hour, and every effect ends with `report`, or only begins something.
fn unchanged(start: State, seen: Observed, report: Option<Report>) -> proof::Unchanged<Config> {
    let answered = report.map(|report| Observed { report: Some(report), ..seen.clone() });
    proof::Unchanged {
        start,
        rest: Box::new(move |now| Observed { now, ..seen.clone() }),
        answer: Box::new(move |_, now| answered.clone().map(|seen| Observed { now, ..seen })),
    }
}

fn hours() -> BTreeMap<&'static str, proof::Hour> {
    let retrying = State::Retrying {
        digest: "one".into(),
        retry: Retry { attempt: 1, next_attempt: at(1), reason: reason::APPLY_FAILED.into(), message: "quota".into() },
    };
    let failed = State::RenderFailed { digest: None, message: "puppet.conf".into() };
    let cases = [
        unchanged(State::default(), Observed { references: Some(dangling()), ..seen() }, None),
        unchanged(rendered("one"), Observed { in_place: true, ..seen() }, None),
        unchanged(failed, Observed { rendered: Err(bad("puppet.conf")), ..seen() }, None),
        unchanged(retrying, seen(), Some(failure())),
    ];
    proof::hours(&cases, |_| 0, conditions)
}

#[test]
fn an_hour_in_any_state_costs_next_to_nothing_while_nothing_changes() {
    hours();
}

#[test]
fn every_state_is_documented_reached_and_left_again() {
    proof::explored::<Config>(&signals(), &hours(), conditions);
}

#[test]
fn history_folds_to_the_snapshot_whatever_happens_and_wherever_it_crashes() {
    proof::folds::<Config>(&signals());
}

#[test]
fn stored_events_of_version_1_can_be_read() {
    let all = [
        Event::Adopted { digest: "one".into() },
        Event::Rendered { digest: "one".into() },
        Event::RenderFailed { reason: "RenderFailed".into(), message: "m".into() },
        Event::AttemptFailed(Failure { reason: "ApplyFailed".into(), message: "m".into(), next_attempt: at(1) }),
        Event::Recovered,
    ];
    proof::golden("config.v1", &all, &["RenderFailed", "AttemptFailed"]);
}

#[test]
fn files_that_are_there_already_are_adopted_without_a_write() {
    let decision = decide::<Config>(&State::default(), &Observed { in_place: true, ..seen() });
    assert_eq!((decision.state, decision.effects), (rendered("one"), vec![]));
    assert_eq!(decision.transitions[0].event, Event::Adopted { digest: "one".into() });
}

#[test]
fn nothing_is_written_while_a_reference_dangles_before_the_first_rendering() {
    let waiting = Observed { references: Some(dangling()), ..seen() };
    let decision = decide::<Config>(&State::default(), &waiting);
    assert_eq!((decision.state, decision.effects), (State::default(), vec![]));
    assert_eq!(condition(&State::default(), &waiting, "Ready").reason, reason::AUTHORITY_NOT_FOUND);
    assert_eq!(condition(&State::default(), &waiting, "ConfigReady").status, Status::False);
}

#[test]
fn a_reference_that_dangles_later_keeps_the_files_and_shows_in_ready() {
    let waiting = Observed { references: Some(dangling()), rendered: Err(bad("unknown")), ..seen() };
    let decision = decide::<Config>(&rendered("one"), &waiting);
    assert_eq!((decision.state, decision.effects), (rendered("one"), vec![]));
    assert_eq!(condition(&rendered("one"), &waiting, "Ready").reason, reason::AUTHORITY_NOT_FOUND);
    assert_eq!(condition(&rendered("one"), &waiting, "ConfigReady").status, Status::True);
}

#[test]
fn each_changed_digest_is_an_event_before_it_is_written() {
    let decision = decide::<Config>(&rendered("zero"), &seen());
    assert_eq!(decision.transitions[0].event, Event::Rendered { digest: "one".into() });
    assert_eq!((decision.state, decision.effects), (rendered("one"), vec![Effect::ApplyFiles]));
}

#[test]
fn files_that_are_decided_are_ready_once_they_are_written() {
    let decided = condition(&State::default(), &seen(), "Ready");
    assert_eq!((decided.status, decided.reason), (Status::False, reason::CONFIG_NOT_READY));
    assert_eq!(condition(&State::default(), &seen(), "ConfigReady").status, Status::False);
    for written in [Observed { report: Some(Report::Applied), ..seen() }, Observed { in_place: true, ..seen() }] {
        assert_eq!(condition(&rendered("one"), &written, "Ready").status, Status::True);
        assert_eq!(condition(&rendered("one"), &written, "ConfigReady").status, Status::True);
    }
}

#[test]
fn drift_is_repaired_without_an_event_and_a_settled_config_does_nothing() {
    let decision = decide::<Config>(&rendered("one"), &seen());
    assert_eq!((decision.transitions.len(), decision.effects), (0, vec![Effect::ApplyFiles]));
    let decision = decide::<Config>(&rendered("one"), &Observed { in_place: true, ..seen() });
    assert_eq!((decision.transitions.len(), decision.effects), (0, vec![]));
}

#[test]
fn a_spec_that_does_not_render_keeps_the_old_files_and_heals_by_itself() {
    let broken = Observed { rendered: Err(bad("puppet.conf")), ..seen() };
    let decision = decide::<Config>(&rendered("one"), &broken);
    assert_eq!(decision.state.path(), "Error/RenderFailed");
    assert_eq!((decision.state.rendered(), decision.effects), (Some("one"), vec![]));
    assert_eq!(condition(&rendered("one"), &broken, "Stalled").reason, reason::RENDER_FAILED);
    assert_eq!(condition(&rendered("one"), &broken, "ConfigReady").status, Status::True);
    let healed = decide::<Config>(&decision.state, &Observed { in_place: true, ..seen() });
    assert_eq!((healed.state, healed.effects), (rendered("one"), vec![]));
}

#[test]
fn failed_writes_back_off_until_one_succeeds() {
    let failed = |now| Observed { report: Some(failure()), now: at(now), ..seen() };
    let state = decide::<Config>(&rendered("one"), &failed(0)).state;
    assert_eq!(proof::waits(&state, at(0)), [1, 1, 2, 4, 8, 16]);
    assert_eq!(decide::<Config>(&state, &seen()).effects, []);
    let due = Observed { now: at(1), ..seen() };
    assert_eq!(decide::<Config>(&state, &due).effects, [Effect::ApplyFiles]);
    assert!(decide::<Config>(&state, &failed(1)).transitions.is_empty(), "the same failure is no news");
    let decision = decide::<Config>(&state, &Observed { report: Some(Report::Applied), ..due });
    assert_eq!((decision.state, decision.effects), (rendered("one"), vec![]));
}
