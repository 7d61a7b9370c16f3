//! From a key to a pair, and the end.

use super::*;

#[test]
fn the_key_is_made_while_the_authority_is_still_on_its_way() {
    let waiting = Observed { authority: Authority::NotUsable { state: "Initializing".into() }, pending_key: None, ..seen() };
    let decision = decide::<Certificate>(&State::default(), &waiting);
    assert_eq!(decision.effects, [Effect::EnsureKey { reuse: None }]);
    assert_eq!(decision.blocked.map(|blocked| blocked.reason), Some(reason::AUTHORITY_NOT_USABLE));
    assert!(decision.transitions.is_empty());
}

#[test]
fn no_key_is_made_for_a_certificate_that_the_set_up_issues_or_that_cannot_be_signed() {
    let setup = Observed { issued_by_setup: true, pending_key: None, ..seen() };
    let invalid = Observed { invalid: Some(Blocked::invalid(reason::INVALID_SPEC, "bad")), pending_key: None, ..seen() };
    let unknown =
        Observed { server_awaited: true, authority: Authority::NotUsable { state: "Initializing".into() }, pending_key: None, ..seen() };
    for seen in [setup, invalid, unknown] {
        assert_eq!(after(&State::default(), &seen), (State::default(), vec![]));
    }
}

#[test]
fn the_way_from_key_to_pair_stores_each_step_before_the_next_call() {
    let (state, effects) = after(&State::default(), &seen());
    assert_eq!((state.path(), &effects[..]), ("Requested/KeyStored", &[SUBMIT][..]));
    let (state, effects) = after(&state, &Observed { report: Some(Report::Submitted), ..seen() });
    assert_eq!((state.path(), &effects[..]), ("Requested/Submitted", &[Effect::ObtainCertificate][..]));
    let (state, effects) = after(&state, &Observed { report: Some(Report::Stored(pair("0A", "ours"))), ..seen() });
    assert_eq!((state.path(), &effects[..]), ("Signed/Valid", &[Effect::DropPendingKey][..]));
    let settled = Observed { tls: Tls::Pair(pair("0A", "ours")), pending_key: None, ..seen() };
    assert_eq!(after(&state, &settled), (state, vec![]));
}

#[test]
fn a_matching_pair_is_adopted_without_a_call_even_while_the_authority_is_missing() {
    let found = Observed { authority: Authority::Missing, tls: Tls::Pair(pair("07", "k")), pending_key: None, ..seen() };
    let (state, effects) = after(&State::default(), &found);
    assert_eq!((state.path(), effects), ("Signed/Valid", vec![]));
}

#[test]
fn a_foreign_request_under_the_same_name_is_never_signed() {
    let (state, _) = after(
        &State::Submitted { request: ours(), attempt: 0 },
        &Observed { report: Some(Report::Conflict { found: "theirs".into() }), ..seen() },
    );
    let decision = decide::<Certificate>(&state, &seen());
    assert_eq!(decision.state.path(), "Requested/Conflict");
    assert!(decision.effects.is_empty());
    assert!(
        conditions(&decision.state, decision.blocked.as_ref())
            .iter()
            .any(|c| c.kind == "Stalled" && c.message.contains("puppetserver ca clean"))
    );
}

#[test]
fn failures_back_off_and_go_on_where_they_stopped() {
    let failed = |message: &str| Some(Report::Failed { reason: "Timeout".into(), message: message.into() });
    let submitted = State::Submitted { request: ours(), attempt: 0 };
    let (state, _) = after(&submitted, &Observed { report: failed("slow"), ..seen() });
    let (mut last, mut waits) = (None, Vec::new());
    for _ in 0..5 {
        let next = state.wake_after(last).unwrap();
        waits.push((next - last.unwrap_or(at(0))).num_seconds());
        let asked = |now| decide_after::<Certificate>(&state, &Observed { now, ..seen() }, Attempts { last, at_once: false }).effects;
        assert_eq!(asked(next - TimeDelta::seconds(1)), []);
        assert_eq!(asked(next), [Effect::ObtainCertificate]);
        // The same failure is no news.
        assert_eq!(after(&state, &Observed { report: failed("slow"), now: next, ..seen() }), (state.clone(), vec![]));
        last = Some(next);
    }
    assert_eq!(waits, [1, 1, 2, 4, 8]);
    let (other, _) = after(&state, &Observed { report: failed("hung up"), now: at(9), ..seen() });
    assert_eq!((other.attempt(), other.wake_at()), (Some(2), Some(at(11))), "another failure is, and counts on");
    let (stored, _) = after(&state, &Observed { report: Some(Report::Stored(pair("0A", "ours"))), now: at(9), ..seen() });
    assert_eq!(stored.path(), "Signed/Valid");
}

#[test]
fn a_conflict_is_looked_at_with_one_call_until_it_is_another_or_none() {
    let conflict = State::Conflict { request: ours(), found: "theirs".into(), attempt: 1, next_attempt: at(32) };
    let seen = Observed { now: at(32), ..seen() };
    assert_eq!(after(&conflict, &seen), (conflict.clone(), vec![Effect::CheckConflict { found: "theirs".into() }]));
    let same = Observed { report: Some(Report::Conflict { found: "theirs".into() }), ..seen.clone() };
    assert_eq!(after(&conflict, &same), (conflict.clone(), vec![]));
    let other = Observed { report: Some(Report::Conflict { found: "others".into() }), ..seen.clone() };
    assert!(matches!(after(&conflict, &other).0, State::Conflict { found, .. } if found == "others"));
    let gone = Observed { report: Some(Report::ConflictGone), ..seen };
    let (state, effects) = after(&conflict, &gone);
    assert_eq!((state.path(), effects), ("Requested/KeyStored", vec![SUBMIT]));
}

#[test]
fn nobody_is_asked_while_no_ca_server_is_ready() {
    let state = State::Retrying {
        resume: Resume::Submit,
        request: ours(),
        retry: Retry { attempt: 1, next_attempt: at(1), reason: "Unreachable".into(), message: "m".into() },
    };
    let down = Observed { authority: Authority::NotAnswering, now: at(50), ..seen() };
    assert_eq!(after(&state, &down), (state.clone(), vec![]));
    assert_eq!(after(&state, &Observed { now: at(50), ..seen() }).1, [SUBMIT]);
}

#[test]
fn what_is_cleaned_is_what_was_requested_with_a_key_of_ours() {
    let cleans = |state: &State| {
        let (cleaning, _) = after(state, &Observed { deleting: true, ..seen() });
        assert_eq!(cleaning.path(), "Terminating/Cleaning");
        match &after(&cleaning, &Observed { deleting: true, ..seen() }).1[..] {
            [Effect::Clean { keys }] => keys.clone(),
            other => panic!("{other:?}"),
        }
    };
    let conflict = State::Conflict { request: ours(), found: "a certificate for key theirs".into(), attempt: 1, next_attempt: at(1) };
    assert_eq!(cleans(&conflict), ["ours"]);
    assert_eq!(cleans(&State::Valid { certificate: pair("01", "k") }), ["k"]);
    let again = Request { superseded: Some("former".into()), ..ours() };
    assert_eq!(cleans(&State::Submitted { request: again, attempt: 0 }), ["ours", "former"]);
    assert_eq!(cleans(&State::default()), Vec::<String>::new());
}

#[test]
fn deletion_never_waits_for_ever() {
    let failure = Some(Report::Failed { reason: "Timeout".into(), message: "slow".into() });
    let mut state = after(&State::Valid { certificate: pair("01", "k") }, &Observed { deleting: true, ..seen() }).0;
    let mut now: Timestamp = at(0);
    for _ in 0..5 {
        assert_eq!(state.path(), "Terminating/Cleaning");
        state = after(&state, &Observed { deleting: true, report: failure.clone(), now, ..seen() }).0;
        now = state.wake_at().unwrap_or(now);
    }
    assert_eq!(state, State::Cleaned);
}
