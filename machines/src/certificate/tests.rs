use super::*;
use crate::core::{Attempts, Blocked, State as _, Timestamp, decide, decide_after};
use crate::proof::{self, at};
use crate::reason;
use crate::{Failure, Retry};
use chrono::TimeDelta;
use std::collections::BTreeMap;

const SUBMIT: Effect = Effect::SubmitCsr { superseded: None };

/// The request for the key `ours`.
fn ours() -> Request {
    Request { key: "ours".into(), superseded: None }
}

fn pair(serial: &str, key: &str) -> Issued {
    Issued {
        serial: serial.into(),
        key: key.into(),
        not_after: at(1000),
        renew_at: at(500),
        renew_before: None,
        capped: false,
        request: None,
    }
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
        Some(Report::Replaced { former: "former".into() }),
        Some(Report::Conflict { found: "theirs".into() }),
        Some(Report::ConflictGone),
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
        let sooner = Issued { renew_before: Some(600), renew_at: at(400), ..pair("01", "ours") };
        all.push(Observed { authority: authority.clone(), tls: Tls::Pair(sooner), ..in_use() });
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

/// `seen` goes on for an hour, and every effect ends with `report`, or only begins something.
fn unchanged(start: State, seen: Observed, report: Option<Report>) -> proof::Unchanged<Certificate> {
    let answered = report.map(|report| Observed { report: Some(report), ..seen.clone() });
    proof::Unchanged {
        start,
        rest: Box::new(move |now| Observed { now, ..seen.clone() }),
        answer: Box::new(move |_, now| answered.clone().map(|seen| Observed { now, ..seen })),
    }
}

/// A pair in use that stays good for a day.
fn lasting() -> Issued {
    Issued { not_after: at(90_000), renew_at: at(86_400), ..pair("01", "ours") }
}

fn told(state: &State, _: &Observed, blocked: Option<&Blocked>) -> Vec<crate::core::Condition> {
    conditions(state, blocked)
}

fn hours() -> BTreeMap<&'static str, proof::Hour> {
    let slow = || Report::Failed { reason: "Timeout".into(), message: "slow".into() };
    let theirs = || Report::Conflict { found: "theirs".into() };
    let no = || Report::Refused { message: "no".into() };
    let retrying = |resume| State::Retrying {
        resume,
        request: ours(),
        retry: Retry { attempt: 1, next_attempt: at(1), reason: "Timeout".into(), message: "slow".into() },
    };
    let stalled = |resume| State::Stalled { resume, request: ours(), next_attempt: at(300), message: "no".into(), generation: 1 };
    let conflict = || State::Conflict { request: ours(), found: "theirs".into(), attempt: 1, next_attempt: at(32) };
    let in_use = || Observed { tls: Tls::Pair(lasting()), pending_key: None, ..seen() };
    let due = || Issued { renew_at: at(0), ..lasting() };
    let in_use_and_due = || Observed { tls: Tls::Pair(due()), ..in_use() };
    let down = |seen: Observed| Observed { authority: Authority::NotAnswering, ..seen };
    let failing = || State::Renewing { certificate: due(), attempt: 1, next_attempt: Some(at(1)), failure: Some("slow".into()) };
    let rekeying = |key: Option<&str>, submitted, failure: Option<&str>, conflict: Option<&str>| State::Rekeying {
        certificate: lasting(),
        reason: reason::REKEY_REQUESTED.into(),
        message: "asked for".into(),
        key: key.map(str::to_owned),
        submitted,
        attempt: 1,
        next_attempt: Some(at(5)),
        failure: failure.map(str::to_owned),
        conflict: conflict.map(str::to_owned),
    };
    let with_next = || Observed { pending_key: Some("next".into()), ..in_use() };
    let unstored = State::WaitingForAuthority { superseded: None, attempt: 1, next_attempt: Some(at(1)), failure: Some("slow".into()) };
    let keyless = || Observed { pending_key: None, ..seen() };
    let refused = State::RenewalRefused { certificate: due(), message: "no".into(), next_attempt: at(3600) };
    let powerless = |seen: Observed| Observed { authority: Authority::Usable { can_sign: false }, ..seen };
    let cleaning = || State::Cleaning { keys: vec!["ours".into()], attempt: 0, next_attempt: None };
    let going = || Observed { deleting: true, ..seen() };
    let cases = [
        unchanged(State::default(), Observed { authority: Authority::Missing, ..seen() }, None),
        unchanged(State::default(), Observed { certname_taken_by: Some("elder".into()), ..seen() }, None),
        unchanged(unstored.clone(), keyless(), Some(slow())),
        unchanged(unstored, down(keyless()), Some(slow())),
        unchanged(State::KeyStored { request: ours(), attempt: 0 }, down(seen()), None),
        unchanged(State::KeyStored { request: ours(), attempt: 0 }, seen(), Some(slow())),
        unchanged(State::KeyStored { request: ours(), attempt: 0 }, seen(), Some(theirs())),
        unchanged(State::Submitted { request: ours(), attempt: 0 }, down(seen()), None),
        unchanged(State::Submitted { request: ours(), attempt: 0 }, seen(), Some(no())),
        unchanged(conflict(), seen(), Some(theirs())),
        unchanged(conflict(), seen(), Some(slow())),
        unchanged(conflict(), down(seen()), None),
        unchanged(
            State::WaitingForSigning { request: ours(), attempt: 1, next_attempt: at(5) },
            powerless(seen()),
            Some(Report::NotSigned),
        ),
        unchanged(State::Valid { certificate: lasting() }, in_use(), None),
        unchanged(State::Expiring { certificate: due() }, down(in_use_and_due()), None),
        unchanged(failing(), in_use_and_due(), Some(slow())),
        unchanged(failing(), down(in_use_and_due()), None),
        unchanged(refused, powerless(in_use_and_due()), Some(no())),
        unchanged(rekeying(Some("next"), true, None, None), powerless(with_next()), Some(Report::NotSigned)),
        unchanged(rekeying(Some("next"), false, Some("slow"), None), with_next(), Some(slow())),
        unchanged(rekeying(Some("next"), false, Some("no"), None), with_next(), Some(no())),
        unchanged(rekeying(Some("next"), false, None, Some("theirs")), with_next(), Some(theirs())),
        unchanged(rekeying(Some("next"), false, None, Some("theirs")), with_next(), Some(slow())),
        unchanged(rekeying(None, false, Some("slow"), None), in_use(), Some(slow())),
        unchanged(retrying(Resume::Submit), seen(), Some(slow())),
        unchanged(retrying(Resume::Obtain), seen(), Some(slow())),
        unchanged(retrying(Resume::Obtain), down(seen()), None),
        unchanged(stalled(Resume::Submit), seen(), Some(no())),
        unchanged(stalled(Resume::Obtain), seen(), Some(no())),
        unchanged(cleaning(), going(), Some(slow())),
        unchanged(cleaning(), down(going()), None),
    ];
    let changes = |path: &str| match path {
        // The first answer.
        "Requested/KeyStored" | "Requested/Submitted" => 1,
        // The object goes after five attempts.
        "Terminating/Cleaning" => 5,
        _ => 0,
    };
    proof::hours(&cases, changes, told)
}

#[test]
fn an_hour_in_any_state_costs_next_to_nothing_while_nothing_changes() {
    hours();
}

#[test]
fn every_state_is_documented_reached_and_left_again() {
    proof::explored::<Certificate>(&signals(), &hours(), told);
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
        Event::AttemptFailed(Failure { reason: "Timeout".into(), message: "m".into(), next_attempt: at(1) }),
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
        Event::RenewalRescheduled { renew_at: at(1), renew_before: 60, capped: true },
        Event::CsrReplaced { former: "k".into() },
    ];
    proof::golden(
        "certificate.v1",
        &all,
        &[
            "RequestLost",
            "AttemptFailed",
            "RequestRefused",
            "KeyLost",
            "SecretLost",
            "RenewalRefused",
            "RekeyAbandoned",
            "RenewalFailed",
            "CleaningFailed",
            "CleaningAbandoned",
        ],
    );
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
    // The history says that the CA had to forget the certificate of the old key.
    let replaced =
        decide::<Certificate>(&rekeying, &Observed { report: Some(Report::Replaced { former: "ours".into() }), ..keyed.clone() });
    let events: Vec<&Event> = replaced.transitions.iter().map(|step| &step.event).collect();
    assert_eq!(events, [&Event::CsrReplaced { former: "ours".into() }]);
    let (rekeying, effects) = (replaced.state, replaced.effects);
    assert_eq!(effects, [Effect::ObtainCertificate]);
    assert_eq!(rekeying.issued(), Some(&pair("01", "ours")), "others go on with the old pair");
    let stored = Report::Stored(pair("02", "next"));
    let (rekeyed, effects) = after(&rekeying, &Observed { report: Some(stored), ..keyed });
    assert_eq!((rekeyed, effects), (State::Valid { certificate: pair("02", "next") }, vec![Effect::DropPendingKey]));
}

#[test]
fn a_renew_before_that_makes_the_pair_in_use_due_renews_it_once_and_the_new_one_follows_its_own_life() {
    let (valid, seen) = in_use();
    let longer = Issued { renew_at: at(700), renew_before: Some(5000), capped: true, ..pair("01", "ours") };
    let changed = Observed { now: at(10), tls: Tls::Pair(longer.clone()), ..seen.clone() };
    let decision = decide::<Certificate>(&valid, &changed);
    let events: Vec<_> = decision.transitions.iter().map(|step| step.event.clone()).collect();
    let rescheduled = Event::RenewalRescheduled { renew_at: at(10), renew_before: 5000, capped: true };
    assert_eq!(events, [rescheduled, Event::RenewalStarted]);
    assert_eq!((decision.state.path(), decision.effects), ("Renewing/Renewing", vec![Effect::Renew]));
    let renewed = Issued { serial: "02".into(), ..longer };
    let (state, _) = after(&decision.state, &Observed { report: Some(Report::Stored(renewed.clone())), ..changed.clone() });
    let settled = Observed { now: at(20), tls: Tls::Pair(renewed), ..changed };
    assert_eq!(after(&state, &settled), (state.clone(), vec![]));
    let said = conditions(&state, None);
    assert!(said[0].message.contains("more than two thirds of its life") && said[0].message.contains("1970-01-01T00:11:40Z"), "{said:?}");

    // Where nobody can be asked, it is due all the same.
    let (delayed, _) = after(&valid, &Observed { authority: Authority::NotAnswering, ..settled_with(5000, &seen) });
    assert_eq!(delayed.path(), "Signed/Expiring");
    // One that does not make it due moves the date and nothing else, and so does the way back.
    let sooner =
        Observed { now: at(10), tls: Tls::Pair(Issued { renew_at: at(400), renew_before: Some(600), ..pair("01", "ours") }), ..seen };
    let (state, effects) = after(&valid, &sooner);
    assert_eq!((state.path(), state.wake_at(), effects), ("Signed/Valid", Some(at(400)), vec![]));
    assert_eq!(after(&state, &sooner), (state, vec![]));
}

/// The pair in use, and a `renewBefore` of so many seconds.
fn settled_with(renew_before: i64, seen: &Observed) -> Observed {
    let found = Issued { renew_at: at(700), renew_before: Some(renew_before), capped: true, ..pair("01", "ours") };
    Observed { now: at(10), tls: Tls::Pair(found), ..seen.clone() }
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
