use super::*;
use crate::core::{Blocked, State as _, Timestamp, decide};
use crate::proof::{self, at};
use crate::reason;

fn pair(serial: &str, key: &str) -> Issued {
    Issued { serial: serial.into(), key: key.into(), not_after: at(1000), renew_at: at(500) }
}

fn seen() -> Observed {
    Observed {
        now: at(0),
        deleting: false,
        generation: 1,
        invalid: None,
        certname_taken_by: None,
        authority_name: "harbor-ca".into(),
        authority: Authority::Usable { can_sign: true },
        issued_by_setup: false,
        server_awaited: false,
        pending_key: Some("ours".into()),
        tls: Tls::Absent,
        report: None,
    }
}

/// Every observation that makes a difference to some state.
fn signals() -> Vec<Observed> {
    let reports = [
        None,
        Some(Report::Submitted),
        Some(Report::Conflict { found: "theirs".into() }),
        Some(Report::Refused { message: "no".into() }),
        Some(Report::NotSigned),
        Some(Report::RequestLost),
        Some(Report::Stored(pair("01", "ours"))),
        Some(Report::Cleaned),
        Some(Report::Failed { reason: "Timeout".into(), message: "slow".into() }),
    ];
    let authorities = [
        Authority::Missing,
        Authority::NotUsable { state: "Initializing".into() },
        Authority::NotAnswering,
        Authority::Usable { can_sign: false },
        Authority::Usable { can_sign: true },
    ];
    let secrets = [Tls::Absent, Tls::Unusable { message: "no key".into() }, Tls::Pair(pair("01", "ours")), Tls::Pair(pair("02", "other"))];
    let mut all = Vec::new();
    for report in &reports {
        for authority in &authorities {
            for tls in &secrets {
                for pending_key in [None, Some("ours".to_owned())] {
                    for now in [at(0), at(100_000)] {
                        all.push(Observed {
                            report: report.clone(),
                            authority: authority.clone(),
                            tls: tls.clone(),
                            pending_key: pending_key.clone(),
                            now,
                            ..seen()
                        });
                    }
                }
            }
        }
    }
    let base = all.clone();
    all.extend(base.iter().cloned().map(|seen| Observed { deleting: true, ..seen }));
    all.push(Observed { generation: 2, ..seen() });
    all.push(Observed { issued_by_setup: true, ..seen() });
    all.push(Observed { certname_taken_by: Some("elder".into()), ..seen() });
    all.push(Observed { invalid: Some(Blocked::invalid(reason::INVALID_SPEC, "bad")), ..seen() });
    all
}

#[test]
fn every_state_is_documented_reached_and_left_again() {
    proof::explored::<Certificate>(&signals());
}

#[test]
fn history_folds_to_the_snapshot_whatever_happens_and_wherever_it_crashes() {
    proof::folds::<Certificate>(&signals());
}

#[test]
fn stored_events_of_version_1_can_be_read() {
    let all = [
        Event::Adopted { certificate: pair("01", "k") },
        Event::KeyStored { key: "k".into() },
        Event::CsrSubmitted,
        Event::ConflictFound { found: "x".into(), next_attempt: at(1) },
        Event::ConflictRechecked,
        Event::SigningAwaited { next_attempt: at(1) },
        Event::SigningPolled { next_attempt: at(1) },
        Event::CertificateStored { certificate: pair("01", "k") },
        Event::AttemptFailed { reason: "Timeout".into(), message: "m".into(), next_attempt: at(1) },
        Event::AttemptResumed,
        Event::RequestRefused { message: "m".into(), generation: 1, next_attempt: at(1) },
        Event::KeyLost,
        Event::RequestLost,
        Event::SecretLost { message: "m".into() },
        Event::CertificateReplaced { certificate: pair("01", "k") },
        Event::RenewalDelayed,
        Event::RenewalStarted,
        Event::CertificateRenewed { certificate: pair("01", "k") },
        Event::RenewalFailed { reason: "Timeout".into(), message: "m".into(), next_attempt: at(1) },
        Event::DeletionStarted,
        Event::Cleaned,
        Event::CleaningSkipped { message: "m".into() },
        Event::CleaningFailed { message: "m".into(), next_attempt: at(1) },
        Event::CleaningAbandoned { message: "m".into() },
    ];
    proof::golden("certificate.v1", &all);
}

/// Runs one decision and gives the state's path and the effects.
fn after(state: &State, seen: &Observed) -> (State, Vec<Effect>) {
    let decision = decide::<Certificate>(state, seen);
    (decision.state, decision.effects)
}

#[test]
fn the_key_is_made_while_the_authority_is_still_on_its_way() {
    let waiting = Observed { authority: Authority::NotUsable { state: "Initializing".into() }, pending_key: None, ..seen() };
    let decision = decide::<Certificate>(&State::default(), &waiting);
    assert_eq!(decision.effects, [Effect::EnsureKey]);
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
    assert_eq!((state.path(), &effects[..]), ("Requested/KeyStored", &[Effect::SubmitCsr][..]));
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
        &State::Submitted { key: "ours".into(), attempt: 0 },
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
    let failure = Some(Report::Failed { reason: "Timeout".into(), message: "slow".into() });
    let mut state = State::Submitted { key: "ours".into(), attempt: 0 };
    let mut now = at(0);
    let mut waits = Vec::new();
    for _ in 0..4 {
        state = after(&state, &Observed { report: failure.clone(), now, ..seen() }).0;
        let next = state.wake_at().unwrap();
        waits.push((next - now).num_seconds());
        assert_eq!(after(&state, &Observed { now, ..seen() }).1, []);
        now = next;
        let (resumed, effects) = after(&state, &Observed { now, ..seen() });
        assert_eq!(effects, [Effect::ObtainCertificate]);
        state = resumed;
    }
    assert_eq!(waits, [1, 2, 4, 8]);
}

#[test]
fn nobody_is_asked_while_no_ca_server_is_ready() {
    let state = State::Retrying {
        resume: Resume::Submit,
        key: "ours".into(),
        attempt: 1,
        next_attempt: at(1),
        reason: "Unreachable".into(),
        message: "m".into(),
    };
    let down = Observed { authority: Authority::NotAnswering, now: at(50), ..seen() };
    assert_eq!(after(&state, &down), (state.clone(), vec![]));
    assert_eq!(after(&state, &Observed { now: at(50), ..seen() }).1, [Effect::SubmitCsr]);
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
