mod external;
mod setup;
mod upkeep;

use super::*;
use crate::PodFailure;
use crate::core::{Attempts, Blocked, State as _, Status, decide, decide_after};
use crate::proof::{self, at};
use crate::reason;
use crate::{Failure, Retry};
use std::collections::BTreeMap;

fn facts(key: &str) -> Facts {
    Facts { key: key.into(), not_after: at(1000), warn_at: at(500) }
}

fn seen() -> Observed {
    Observed {
        now: at(0),
        deleting: false,
        retained: true,
        invalid: None,
        external: false,
        unverified: false,
        short_keys: false,
        trust: None,
        access: "https://ca".into(),
        given: None,
        configured: true,
        server: ServerCertificate::Named { name: "main".into(), issued: false },
        operator_issued: false,
        volume_in_use: false,
        in_place: true,
        volume: Some("first".into()),
        notice: None,
        material: Material::Absent,
        job: Job::Absent,
        crl_stale: false,
        crl_due: false,
        report: None,
    }
}

fn done() -> Observed {
    Observed {
        server: ServerCertificate::Named { name: "main".into(), issued: true },
        operator_issued: true,
        material: Material::Complete(facts("root")),
        job: Job::Succeeded,
        ..seen()
    }
}

/// A CA certificate that stays good for a day.
fn lasting() -> Facts {
    Facts { not_after: at(90_000), warn_at: at(86_400), ..facts("root") }
}

/// The container of the set-up ends badly, for the first time or again.
fn crash(lasting: bool) -> PodFailure {
    PodFailure {
        reason: reason::CONTAINER_CRASHING,
        lasting,
        what: "container ca-setup of Job corp-ca-setup ended with exit code 1".into(),
        restarts: None,
        last_words: Some("the key does not fit".into()),
        command: "kubectl logs job/corp-ca-setup".into(),
    }
}

fn list() -> RevocationList {
    RevocationList { number: Some("0007".into()), this_update: at(0), next_update: Some(at(900)), revoked: 1 }
}

fn unavailable() -> Report {
    Report::CrlUnavailable { reason: "Unreachable".into(), message: "nobody there".into() }
}

fn refused() -> Report {
    Report::CrlRefused { message: "signed by a stranger".into() }
}

/// Failures are seen at second 0 only: when they happen says nothing new, and the space stays small.
fn signals() -> Vec<Observed> {
    let failed = || Report::Failed { reason: "Forbidden".into(), message: "no".into() };
    let materials = [
        Material::Absent,
        Material::Incomplete { message: "no key".into() },
        Material::Complete(facts("root")),
        Material::Complete(facts("other")),
    ];
    let servers = [
        ServerCertificate::Unknown,
        ServerCertificate::Named { name: "main".into(), issued: false },
        ServerCertificate::Named { name: "main".into(), issued: true },
    ];
    let jobs = [
        Job::Absent,
        Job::Running { failure: None },
        Job::Running { failure: Some(crash(true)) },
        Job::Succeeded,
        Job::Failed { message: "died".into() },
    ];
    let mut all = Vec::new();
    for (report, now) in [(None, at(0)), (None, at(100_000)), (Some(Report::Applied), at(0)), (Some(failed()), at(0))] {
        for material in &materials {
            for server in &servers {
                for job in &jobs {
                    for (in_place, operator_issued, crl_stale) in
                        [(true, true, false), (false, true, false), (true, false, false), (true, true, true)]
                    {
                        all.push(Observed {
                            report: report.clone(),
                            material: material.clone(),
                            server: server.clone(),
                            job: job.clone(),
                            in_place,
                            operator_issued,
                            crl_stale,
                            now,
                            ..seen()
                        });
                    }
                }
            }
        }
    }
    let calm = |now| Observed { job: Job::Absent, now, ..done() };
    for report in [Report::CrlCurrent, Report::CrlStored(list()), unavailable(), refused(), failed()] {
        all.push(Observed { report: Some(report.clone()), ..calm(at(0)) });
        all.push(Observed { report: Some(report), ..outside() });
    }
    for now in [at(0), at(600), at(100_000)] {
        all.push(Observed { crl_due: true, ..calm(now) });
        all.push(Observed { crl_stale: true, ..calm(now) });
        all.push(Observed { now, ..outside() });
        all.push(Observed { now, crl_due: true, ..outside() });
    }
    for job in [Job::Absent, Job::Succeeded, Job::Failed { message: "died".into() }] {
        all.push(Observed { volume: Some("second".into()), job, ..done() });
    }
    all.push(Observed { volume: None, in_place: false, ..done() });
    all.push(Observed { notice: Some(Blocked::invalid(reason::STORAGE_NOT_CHANGED, "smaller")), ..calm(at(0)) });
    all.push(Observed { given: Some(Blocked::waiting(reason::SECRET_NOT_FOUND, "no Secret")), ..seen() });
    all.push(Observed { deleting: true, ..seen() });
    all.push(Observed { deleting: true, ..outside() });
    all.push(Observed { unverified: true, ..outside() });
    all.push(Observed { access: "https://other".into(), ..outside() });
    all.push(Observed { invalid: Some(Blocked::invalid(reason::INVALID_SPEC, "bad")), ..outside() });
    all.push(Observed { invalid: Some(Blocked::invalid(reason::INVALID_SPEC, "bad")), ..seen() });
    all.push(Observed { configured: false, ..seen() });
    all.push(Observed { volume_in_use: true, material: Material::Complete(facts("root")), ..seen() });
    all
}

/// `seen` goes on for an hour, and every effect ends with `report`, or only begins something.
fn unchanged(start: State, seen: Observed, report: Option<Report>) -> proof::Unchanged<CertificateAuthority> {
    let answered = report.map(|report| Observed { report: Some(report), ..seen.clone() });
    proof::Unchanged {
        start,
        rest: Box::new(move |now| Observed { now, ..seen.clone() }),
        answer: Box::new(move |_, now| answered.clone().map(|seen| Observed { now, ..seen })),
    }
}

fn hours() -> BTreeMap<&'static str, proof::Hour> {
    let calm = || Observed { job: Job::Absent, material: Material::Complete(lasting()), ..done() };
    let refused_write = || Report::Failed { reason: reason::APPLY_FAILED.into(), message: "quota".into() };
    let in_state = |health| State::Ready {
        health,
        authority: lasting(),
        volume: Some("first".into()),
        attempt: 0,
        next_attempt: None,
        message: None,
        crl: None,
    };
    let retrying = |in_setup: bool, reason: &str, message: &str| State::Retrying {
        server_certificate: None,
        in_setup,
        refill: false,
        retry: Retry { attempt: 1, next_attempt: at(8), reason: reason.into(), message: message.into() },
    };
    let setting_up = || State::SetupRunning { server_certificate: None, refill: false, attempt: 0 };
    let unreachable =
        || State::Unreachable { attempt: 1, next_attempt: at(1), message: "nobody there".into(), access: "https://ca".into() };
    let long_outside = || Observed { trust: Some(lasting()), ..outside() };
    let crl_due = || Observed { crl_due: true, ..calm() };
    let expired = Facts { not_after: at(0), warn_at: at(0), ..facts("root") };
    let dead = State::Ready {
        health: Health::Expired,
        authority: expired.clone(),
        volume: Some("first".into()),
        attempt: 0,
        next_attempt: None,
        message: None,
        crl: None,
    };
    let cases = [
        unchanged(State::default(), Observed { configured: false, ..seen() }, None),
        unchanged(State::Provisioning { server_awaited_until: at(3) }, Observed { in_place: false, ..seen() }, Some(refused_write())),
        unchanged(
            State::Provisioning { server_awaited_until: at(3) },
            Observed { given: Some(Blocked::waiting(reason::SECRET_NOT_FOUND, "no Secret")), ..seen() },
            None,
        ),
        unchanged(setting_up(), Observed { job: Job::Running { failure: None }, ..seen() }, None),
        unchanged(setting_up(), Observed { job: Job::Running { failure: Some(crash(true)) }, ..seen() }, None),
        unchanged(in_state(Health::Valid), calm(), None),
        unchanged(in_state(Health::Valid), crl_due(), Some(unavailable())),
        unchanged(in_state(Health::Valid), crl_due(), Some(refused())),
        unchanged(in_state(Health::Valid), Observed { in_place: false, ..calm() }, Some(refused_write())),
        unchanged(in_state(Health::Expiring), calm(), None),
        unchanged(in_state(Health::CrlStale), Observed { crl_stale: true, ..crl_due() }, Some(unavailable())),
        unchanged(dead, Observed { material: Material::Complete(expired), ..calm() }, None),
        unchanged(State::Probing { attempt: 0 }, long_outside(), Some(unavailable())),
        unchanged(State::Reachable { unverified: false, crl: None }, long_outside(), None),
        unchanged(State::Reachable { unverified: false, crl: None }, Observed { crl_due: true, ..long_outside() }, Some(refused())),
        unchanged(State::Reachable { unverified: false, crl: None }, Observed { crl_due: true, ..long_outside() }, Some(unavailable())),
        unchanged(unreachable(), long_outside(), Some(unavailable())),
        unchanged(
            unreachable(),
            Observed { invalid: Some(Blocked::invalid(reason::INVALID_SPEC, "spec.external.url")), ..long_outside() },
            None,
        ),
        unchanged(retrying(false, reason::APPLY_FAILED, "quota"), Observed { in_place: false, ..seen() }, Some(refused_write())),
        unchanged(retrying(true, reason::APPLY_FAILED, "quota"), seen(), Some(refused_write())),
        unchanged(
            retrying(true, reason::SETUP_FAILED, "the volume is full"),
            Observed { job: Job::Failed { message: "the volume is full".into() }, ..seen() },
            None,
        ),
        unchanged(
            retrying(true, reason::CONTAINER_CRASHING, &crash(true).to_string()),
            Observed { job: Job::Running { failure: Some(crash(true)) }, ..seen() },
            None,
        ),
        unchanged(State::Stalled { message: "gone".into() }, seen(), None),
    ];
    // A first failure, and what it leads to.
    let changes = |path: &str| match path {
        "Initializing/Provisioning"
        | "Initializing/SetupRunning"
        | "Ready/Valid"
        | "Ready/CrlStale"
        | "External/Probing"
        | "External/Reachable" => 1,
        _ => 0,
    };
    proof::hours(&cases, changes, conditions)
}

#[test]
fn an_hour_in_any_state_costs_next_to_nothing_while_nothing_changes() {
    hours();
}

#[test]
fn every_state_is_documented_reached_and_left_again() {
    proof::explored::<CertificateAuthority>(&signals(), &hours(), conditions);
}

#[test]
fn history_folds_to_the_snapshot_whatever_happens_and_wherever_it_crashes() {
    proof::folds::<CertificateAuthority>(&signals());
}

#[test]
fn stored_events_of_version_1_can_be_read() {
    let failure = || ("Forbidden".to_owned(), "m".to_owned(), at(1));
    let (reason, message, next_attempt) = failure();
    let all = [
        Event::Adopted { authority: facts("k"), volume: None },
        Event::Adopted { authority: facts("k"), volume: Some("uid".into()) },
        Event::ProvisioningStarted { server_awaited_until: at(1) },
        Event::SetupStarted { server_certificate: Some("main".into()) },
        Event::SetupRequired { server_certificate: None, refill: false },
        Event::SetupRequired { server_certificate: None, refill: true },
        Event::SetupFailed(Failure { reason: reason.clone(), message: message.clone(), next_attempt }),
        Event::SetupResumed,
        Event::SetupCompleted { authority: facts("k"), volume: None },
        Event::SetupCompleted { authority: facts("k"), volume: Some("uid".into()) },
        Event::AttemptFailed(Failure { reason: reason.clone(), message: message.clone(), next_attempt }),
        Event::UpkeepFailed { reason: reason.clone(), message: message.clone(), next_attempt },
        Event::UpkeepRecovered,
        Event::AuthorityReplaced { authority: facts("k") },
        Event::AuthorityLost { message: message.clone() },
        Event::ExpiryNeared,
        Event::AuthorityExpired,
        Event::CrlStored { crl: list() },
        Event::CrlStored { crl: RevocationList { number: None, next_update: None, ..list() } },
        Event::CrlRefreshFailed { reason, message: message.clone(), next_attempt },
        Event::CrlRefreshRecovered,
        Event::CrlWentStale,
        Event::CrlRefreshed,
        Event::ExternalConfigured,
        Event::ExternalAnswered,
        Event::ExternalFailed { message, next_attempt, access: "a".into() },
        Event::ProbeResumed,
        Event::TlsVerificationDisabled,
        Event::TlsVerificationRestored,
        Event::ModeChanged,
        Event::DeletionStarted,
    ];
    proof::golden(
        "certificate-authority.v1",
        &all,
        &[
            "UpkeepFailed",
            "AuthorityReplaced",
            "ExpiryNeared",
            "CrlRefreshFailed",
            "CrlWentStale",
            "ExternalFailed",
            "TlsVerificationDisabled",
        ],
    );
}

#[test]
fn events_and_states_without_the_fields_that_came_later_can_be_read() {
    let facts = r#"{"key":"k","notAfter":"1970-01-01T00:16:40Z","warnAt":"1970-01-01T00:08:20Z"}"#;
    let event = |text: &str| serde_json::from_str::<Event>(text).unwrap();
    let adopted = event(&format!(r#"{{"type":"Adopted","data":{{"authority":{facts}}}}}"#));
    assert_eq!(adopted, Event::Adopted { authority: self::facts("k"), volume: None });
    let failed = event(r#"{"type":"ExternalFailed","data":{"message":"m","nextAttempt":"1970-01-01T00:00:01Z"}}"#);
    assert_eq!(failed, Event::ExternalFailed { message: "m".into(), next_attempt: at(1), access: String::new() });
    let state = |text: &str| serde_json::from_str::<State>(text).unwrap();
    assert_eq!(state(r#"{"leaf":"Reachable"}"#), State::Reachable { unverified: false, crl: None });
    let ready = state(&format!(r#"{{"leaf":"Ready","health":"Valid","authority":{facts},"attempt":0,"nextAttempt":null}}"#));
    assert_eq!(ready.path(), "Ready/Valid");
}

fn after(state: &State, seen: &Observed) -> (State, Vec<Effect>) {
    let decision = decide::<CertificateAuthority>(state, seen);
    (decision.state, decision.effects)
}

fn condition(state: &State, seen: &Observed, kind: &str) -> Option<(Status, &'static str, String)> {
    let blocked = decide::<CertificateAuthority>(state, seen).blocked;
    let all = conditions(state, seen, blocked.as_ref());
    all.into_iter().find(|condition| condition.kind == kind).map(|condition| (condition.status, condition.reason, condition.message))
}

fn outside() -> Observed {
    Observed { external: true, trust: Some(facts("theirs")), ..seen() }
}

fn reachable() -> State {
    let (state, effects) = after(&State::default(), &outside());
    assert_eq!((state.path(), effects), ("External/Probing", vec![Effect::RefreshCrl]));
    let (state, _) = after(&state, &Observed { report: Some(Report::CrlStored(list())), ..outside() });
    assert_eq!(state.path(), "External/Reachable");
    state
}

/// Ready, with nothing to do.
fn ready() -> (State, Observed) {
    let calm = Observed { job: Job::Absent, ..done() };
    let (state, _) = after(&State::default(), &calm);
    assert_eq!(state.path(), "Ready/Valid");
    (state, calm)
}
