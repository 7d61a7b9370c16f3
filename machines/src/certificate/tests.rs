mod in_use;
mod requesting;

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
