use super::*;
use crate::core::{Blocked, State as _, Timestamp, decide};
use crate::proof::{self, at};
use crate::reason;

const SUBMIT: Effect = Effect::SubmitCsr { superseded: None };

/// The request for the key `ours`.
fn ours() -> Request {
    Request { key: "ours".into(), superseded: None }
}

fn pair(serial: &str, key: &str) -> Issued {
    Issued { serial: serial.into(), key: key.into(), not_after: at(1000), renew_at: at(500), request: None }
}

fn seen() -> Observed {
    Observed {
        now: at(0),
        deleting: false,
        generation: 1,
        invalid: None,
        certname_taken_by: None,
        certname: "harbor.example".into(),
        request: "r1".into(),
        misfit: None,
        lacks: None,
        renew_requested: false,
        rekey_requested: false,
        rotates: false,
        authority_name: "harbor-ca".into(),
        authority: Authority::Usable { can_sign: true },
        issued_by_setup: false,
        setup_only: false,
        server_awaited: false,
        pending_key: Some("ours".into()),
        tls: Tls::Absent,
        report: None,
    }
}

fn spec_changed() -> Misfit {
    Misfit { reason: reason::SPEC_CHANGED, message: "spec.dnsAltNames differs".into() }
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
                for pending_key in [None, Some("ours".to_owned()), Some("next".to_owned())] {
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
    // What lies in the Secrets makes no difference to an object that goes.
    let going: Vec<Observed> = all.iter().filter(|seen| seen.tls == Tls::Absent && seen.pending_key.is_none()).cloned().collect();
    all.extend(going.into_iter().map(|seen| Observed { deleting: true, ..seen }));
    all.push(Observed { generation: 2, ..seen() });
    let in_use = || Observed { tls: Tls::Pair(pair("01", "ours")), pending_key: None, ..seen() };
    for authority in &authorities {
        for now in [at(0), at(600), at(100_000)] {
            for pending_key in [None, Some("next".to_owned())] {
                let base = Observed { authority: authority.clone(), now, pending_key, ..in_use() };
                all.push(Observed { misfit: Some(spec_changed()), ..base.clone() });
                all.push(Observed { renew_requested: true, ..base.clone() });
                all.push(Observed { rekey_requested: true, ..base.clone() });
                all.push(Observed { rotates: true, ..base.clone() });
                all.push(Observed { lacks: Some("DNS web".into()), ..base.clone() });
                all.push(Observed { setup_only: true, rekey_requested: true, ..base });
            }
        }
    }
    all.push(Observed { issued_by_setup: true, ..seen() });
    all.push(Observed { certname_taken_by: Some("elder".into()), ..seen() });
    all.push(Observed { invalid: Some(Blocked::invalid(reason::INVALID_SPEC, "bad")), ..seen() });
    all
}

#[test]
fn every_state_is_documented_reached_and_left_again() {
    proof::explored::<Certificate>(&signals(), |state, _, blocked| conditions(state, blocked));
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
        Event::RenewalRequested,
        Event::RenewalRefused { message: "m".into(), next_attempt: at(1) },
        Event::RekeyStarted { reason: "SpecChanged".into(), message: "m".into() },
        Event::RekeyAbandoned,
        Event::CertificateRekeyed { certificate: Issued { request: Some("r".into()), ..pair("02", "k2") } },
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
    let failure = Some(Report::Failed { reason: "Timeout".into(), message: "slow".into() });
    let mut state = State::Submitted { request: ours(), attempt: 0 };
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
        request: ours(),
        attempt: 1,
        next_attempt: at(1),
        reason: "Unreachable".into(),
        message: "m".into(),
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

/// A pair in use, and the observation that goes with it.
fn in_use() -> (State, Observed) {
    let seen = Observed { tls: Tls::Pair(pair("01", "ours")), pending_key: None, ..seen() };
    (State::Valid { certificate: pair("01", "ours") }, seen)
}

#[test]
fn a_renewal_is_decided_before_the_ca_is_called_and_begins_once_whatever_the_clock_does() {
    let (valid, seen) = in_use();
    let day = 86_400;
    // A day ahead, a day back, a day ahead again.
    let ahead = Observed { now: at(day), tls: Tls::Pair(Issued { not_after: at(2 * day), ..pair("01", "ours") }), ..seen.clone() };
    let valid = match valid {
        State::Valid { certificate } => State::Valid { certificate: Issued { not_after: at(2 * day), ..certificate } },
        other => other,
    };
    let (renewing, effects) = after(&valid, &ahead);
    assert_eq!((renewing.path(), effects), ("Renewing/Renewing", vec![Effect::Renew]));
    for now in [at(0), at(day)] {
        let again = decide::<Certificate>(&renewing, &Observed { now, ..ahead.clone() });
        assert!(again.transitions.is_empty(), "{:?}", again.transitions);
        assert_eq!(again.effects, [Effect::Renew], "the one that was decided goes on");
    }
    let stored = Issued { not_after: at(9 * day), renew_at: at(8 * day), ..pair("02", "ours") };
    let (renewed, _) = after(&renewing, &Observed { report: Some(Report::Stored(stored.clone())), ..ahead.clone() });
    let settled = Observed { tls: Tls::Pair(stored), now: at(0), ..ahead };
    assert_eq!(after(&renewed, &settled), (renewed, vec![]), "and ends with one");
}

#[test]
fn an_answer_that_was_stored_and_not_committed_counts_as_the_renewal() {
    let (_, seen) = in_use();
    let renewing = State::Renewing { certificate: pair("01", "ours"), attempt: 0, next_attempt: None, failure: None };
    let decision = decide::<Certificate>(&renewing, &Observed { tls: Tls::Pair(pair("02", "ours")), ..seen });
    let events: Vec<_> = decision.transitions.iter().map(|step| step.event.clone()).collect();
    assert_eq!(events, [Event::CertificateRenewed { certificate: pair("02", "ours") }]);
}

#[test]
fn a_refused_renewal_becomes_a_new_key_where_the_operator_signs_and_waits_for_somebody_where_it_does_not() {
    let (_, seen) = in_use();
    let renewing = State::Renewing { certificate: pair("01", "ours"), attempt: 0, next_attempt: None, failure: None };
    let refused = Observed { now: at(600), report: Some(Report::Refused { message: "off".into() }), ..seen.clone() };
    let (state, _) = after(&renewing, &refused);
    assert_eq!(state.path(), "Renewing/Refused");
    let later = Observed { now: at(600), ..seen };
    assert_eq!(after(&state, &later).0.path(), "Renewing/Rekeying");
    let stranger = Observed { authority: Authority::Usable { can_sign: false }, ..later };
    let decision = decide::<Certificate>(&state, &stranger);
    assert!(decision.transitions.is_empty() && decision.blocked.as_ref().is_some_and(|blocked| blocked.permanent));
    let said = conditions(&decision.state, decision.blocked.as_ref());
    assert!(said.iter().any(|c| c.kind == "Ready" && c.status == crate::core::Status::True), "the old pair is good: {said:?}");
    assert!(said.iter().any(|c| c.kind == "Stalled" && c.message.contains("harbor.example")), "{said:?}");
}

#[test]
fn a_rekey_makes_one_new_key_and_keeps_the_old_pair_until_the_new_one_is_stored() {
    let (valid, seen) = in_use();
    let wish = Observed { rekey_requested: true, ..seen.clone() };
    // A leftover of an earlier request is never mistaken for the new key.
    assert_eq!(after(&valid, &Observed { pending_key: Some("next".into()), ..wish.clone() }).1, [Effect::DropPendingKey]);
    let (rekeying, effects) = after(&valid, &wish);
    assert_eq!((rekeying.path(), effects), ("Renewing/Rekeying", vec![Effect::EnsureKey { reuse: None }]));
    let keyed = Observed { pending_key: Some("next".into()), ..seen };
    let (rekeying, _) = after(&rekeying, &keyed);
    let submit = Effect::SubmitCsr { superseded: Some("ours".into()) };
    assert_eq!(after(&rekeying, &keyed).1, [submit]);
    let (rekeying, effects) = after(&rekeying, &Observed { report: Some(Report::Submitted), ..keyed.clone() });
    assert_eq!(effects, [Effect::ObtainCertificate]);
    assert_eq!(rekeying.issued(), Some(&pair("01", "ours")), "others go on with the old pair");
    let stored = Report::Stored(pair("02", "next"));
    let (rekeyed, effects) = after(&rekeying, &Observed { report: Some(stored), ..keyed });
    assert_eq!((rekeyed, effects), (State::Valid { certificate: pair("02", "next") }, vec![Effect::DropPendingKey]));
}

#[test]
fn a_revoked_certificate_gets_a_new_key_unless_only_the_set_up_issues_it() {
    let (valid, seen) = in_use();
    let revoked = Misfit { reason: reason::REVOKED, message: "the CA has revoked the certificate in use, number 01".into() };
    let seen = Observed { misfit: Some(revoked), ..seen };
    let (rekeying, effects) = after(&valid, &seen);
    assert_eq!((rekeying.path(), effects), ("Renewing/Rekeying", vec![Effect::EnsureKey { reuse: None }]));
    // It stays revoked, whatever a later list forgets.
    assert_eq!(after(&rekeying, &Observed { misfit: None, ..seen.clone() }).0.path(), "Renewing/Rekeying");
    let decision = decide::<Certificate>(&valid, &Observed { setup_only: true, ..seen });
    assert!(decision.transitions.is_empty() && decision.effects.is_empty());
    assert!(
        decision.blocked.is_some_and(|blocked| blocked.message.contains("revoked") && blocked.message.contains("scale the CA server to 0"))
    );
}

#[test]
fn a_lost_secret_leads_to_a_request_that_knows_the_key_it_takes_the_place_of() {
    let (valid, seen) = in_use();
    let lost = Observed { tls: Tls::Absent, ..seen };
    let (waiting, effects) = after(&valid, &lost);
    assert_eq!((waiting.path(), effects), ("Pending/WaitingForAuthority", vec![Effect::EnsureKey { reuse: Some("ours".into()) }]));
    let (_, effects) = after(&waiting, &Observed { pending_key: Some("next".into()), ..lost });
    assert_eq!(effects, [Effect::SubmitCsr { superseded: Some("ours".into()) }]);
}

#[test]
fn a_secret_that_was_never_ours_is_not_overwritten() {
    let found = Observed { tls: Tls::Unusable { message: "Secret harbor-tls has no key.pem".into() }, pending_key: None, ..seen() };
    let decision = decide::<Certificate>(&State::default(), &found);
    assert!(decision.effects.is_empty() && decision.transitions.is_empty());
    assert_eq!(decision.blocked.map(|blocked| blocked.reason), Some(reason::SECRET_UNUSABLE));
}
