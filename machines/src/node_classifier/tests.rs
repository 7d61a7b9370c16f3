use super::*;
use crate::core::{Blocked, Condition, State as _, Status, decide};
use crate::proof::{self, at};
use crate::reason;
use crate::{Failure, Retry};
use std::collections::BTreeMap;

fn seen() -> Observed {
    Observed { now: at(0), referred: true, settings: complete("one"), report: None }
}

fn complete(digest: &str) -> Settings {
    Settings::Complete { digest: digest.into() }
}

fn invalid(message: &str) -> Settings {
    Settings::Invalid(Blocked::invalid(reason::INVALID_SPEC, message))
}

fn missing(message: &str) -> Settings {
    Settings::SecretMissing(Blocked::waiting(reason::SECRET_NOT_FOUND, message))
}

fn unreadable(message: &str) -> Settings {
    Settings::Unreadable { message: message.into() }
}

fn rendered() -> State {
    State::Rendered { digest: "one".into() }
}

/// Every observation that makes a difference to some state.
fn signals() -> Vec<Observed> {
    let settings = [complete, missing, invalid, unreadable].into_iter().flat_map(|settings| ["one", "two"].map(settings));
    let mut all = Vec::new();
    for settings in settings {
        for referred in [false, true] {
            for now in [at(0), at(100_000)] {
                all.push(Observed { now, referred, settings: settings.clone(), ..seen() });
            }
        }
    }
    all
}

fn shown(state: &State, _: &Observed, blocked: Option<&Blocked>) -> Vec<Condition> {
    conditions(state, blocked)
}

/// The state after one decision, and all conditions.
fn after(state: &State, seen: &Observed) -> (State, Vec<Condition>) {
    let decision = decide::<NodeClassifier>(state, seen);
    let all = conditions(&decision.state, decision.blocked.as_ref());
    (decision.state, all)
}

fn unchanged(start: State, seen: Observed) -> proof::Unchanged<NodeClassifier> {
    proof::Unchanged { start, rest: Box::new(move |now| Observed { now, ..seen.clone() }), answer: Box::new(|_, _| None) }
}

fn retrying() -> State {
    let retry = Retry { attempt: 1, next_attempt: at(1), reason: reason::RETRYING.into(), message: "forbidden".into() };
    State::Retrying { digest: None, retry }
}

fn hours() -> BTreeMap<&'static str, proof::Hour> {
    let cases = [
        unchanged(State::default(), Observed { referred: false, ..seen() }),
        unchanged(State::WaitingForSecret, Observed { settings: missing("a"), ..seen() }),
        unchanged(rendered(), seen()),
        unchanged(State::Failing { digest: "one".into() }, Observed { settings: missing("a"), ..seen() }),
        unchanged(State::Invalid { digest: None, message: "spec.url".into() }, Observed { settings: invalid("spec.url"), ..seen() }),
        unchanged(retrying(), Observed { settings: unreadable("forbidden"), ..seen() }),
    ];
    proof::hours(&cases, |_| 0, shown)
}

#[test]
fn an_hour_in_any_state_costs_next_to_nothing_while_nothing_changes() {
    hours();
}

#[test]
fn every_state_is_documented_reached_and_left_again() {
    proof::explored::<NodeClassifier>(&signals(), &hours(), shown);
}

#[test]
fn history_folds_to_the_snapshot_whatever_happens_and_wherever_it_crashes() {
    proof::folds::<NodeClassifier>(&signals());
}

#[test]
fn stored_events_of_version_1_can_be_read() {
    let all = [
        Event::Rendered { digest: "one".into() },
        Event::SecretMissing { message: "m".into() },
        Event::Released,
        Event::Rejected { reason: "InvalidSpec".into(), message: "m".into() },
        Event::AttemptFailed(Failure { reason: "Retrying".into(), message: "m".into(), next_attempt: at(1) }),
    ];
    proof::golden("node-classifier.v1", &all, &["SecretMissing", "Rejected", "AttemptFailed"]);
}

#[test]
fn a_classifier_is_active_once_a_config_refers_to_it_and_its_secrets_exist() {
    let (state, all) = after(&State::default(), &Observed { referred: false, ..seen() });
    assert_eq!((state.path(), all[0].reason, all.len()), ("Pending/WaitingForConfig", reason::WAITING_FOR_CONFIG, 1));
    let (state, all) = after(&state, &Observed { settings: missing("Secret token"), ..seen() });
    assert_eq!((state.path(), all[0].reason), ("Pending/WaitingForSecret", reason::SECRET_NOT_FOUND));
    let (state, all) = after(&state, &seen());
    assert_eq!((state, all[0].status), (rendered(), Status::True));
}

#[test]
fn a_secret_that_goes_later_leaves_the_last_complete_settings_in_use() {
    let (state, all) = after(&rendered(), &Observed { settings: missing("Secret token"), ..seen() });
    assert_eq!((state.path(), state.rendered()), ("Active/Failing", Some("one")));
    assert!(all[0].status == Status::False && all[0].message.contains("stay in use"), "{all:?}");
    assert_eq!(after(&state, &Observed { settings: complete("two"), ..seen() }).0, State::Rendered { digest: "two".into() });
}

#[test]
fn a_value_that_cannot_be_used_is_named_before_anything_else_and_heals_by_itself() {
    for start in [State::default(), rendered(), retrying()] {
        let (state, all) = after(&start, &Observed { settings: invalid("spec.url"), referred: false, ..seen() });
        assert_eq!((state.path(), state.rendered()), ("Error/Invalid", start.rendered()));
        assert_eq!((all[0].reason, all[1].kind), (reason::INVALID_SPEC, "Stalled"));
        assert_eq!(after(&state, &seen()).0, rendered());
    }
}

#[test]
fn a_classifier_that_no_config_refers_to_any_more_waits_for_one() {
    for start in [State::WaitingForSecret, rendered(), State::Failing { digest: "one".into() }, retrying()] {
        let (state, _) = after(&start, &Observed { referred: false, settings: unreadable("forbidden"), ..seen() });
        assert_eq!(state, State::WaitingForConfig);
    }
}

#[test]
fn a_changed_spec_is_an_event_and_an_unchanged_one_is_not() {
    assert!(decide::<NodeClassifier>(&rendered(), &seen()).transitions.is_empty());
    let decision = decide::<NodeClassifier>(&rendered(), &Observed { settings: complete("two"), ..seen() });
    assert_eq!(decision.transitions[0].event, Event::Rendered { digest: "two".into() });
}

#[test]
fn a_secret_that_cannot_be_read_is_tried_again_and_the_same_failure_is_no_news() {
    let failed = Observed { settings: unreadable("forbidden"), ..seen() };
    let (state, all) = after(&rendered(), &failed);
    assert_eq!((state.path(), state.rendered(), all[0].reason), ("Error/Retrying", Some("one"), reason::RETRYING));
    assert_eq!(proof::waits(&state, at(0))[0], 1);
    assert!(decide::<NodeClassifier>(&state, &failed).transitions.is_empty());
    let (other, _) = after(&state, &Observed { settings: unreadable("timeout"), now: at(60), ..seen() });
    assert_eq!((other.attempt(), other.wake_at()), (Some(2), Some(at(62))));
    assert_eq!(after(&other, &seen()).0, rendered());
}
