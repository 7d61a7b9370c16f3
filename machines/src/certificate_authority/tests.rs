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

#[test]
fn from_a_config_to_a_ready_authority() {
    let (state, effects) = after(&State::default(), &seen());
    assert_eq!((state.path(), effects), ("Initializing/Provisioning", vec![Effect::EnsureObjects]));
    let (state, effects) = after(&state, &seen());
    assert_eq!((state.path(), effects), ("Initializing/SetupRunning", vec![Effect::RunSetup]));
    let (state, effects) = after(&state, &Observed { job: Job::Running { failure: None }, ..seen() });
    assert_eq!((state.path(), effects), ("Initializing/SetupRunning", vec![]));
    let (state, effects) = after(&state, &Observed { job: Job::Running { failure: None }, ..done() });
    assert_eq!((state.path(), effects), ("Ready/Valid", vec![]));
    assert_eq!(after(&state, &done()), (state.clone(), vec![Effect::RemoveSetup]));
    assert_eq!(after(&state, &Observed { job: Job::Absent, ..done() }), (state, vec![]));
}

#[test]
fn a_server_that_comes_late_gets_its_certificate_in_a_second_run() {
    let nobody = Observed { server: ServerCertificate::Unknown, ..seen() };
    let (state, _) = after(&State::default(), &nobody);
    assert_eq!(after(&state, &nobody), (state.clone(), vec![]));
    let (state, effects) = after(&state, &Observed { now: at(3), ..nobody });
    assert_eq!(effects, [Effect::RunSetup]);
    let (state, _) = after(&state, &Observed { server: ServerCertificate::Unknown, ..done() });
    let late = Observed { server: ServerCertificate::Named { name: "main".into(), issued: false }, job: Job::Absent, ..done() };
    assert_eq!(after(&state, &late).1, [Effect::RunSetup]);
    assert_eq!(after(&state, &Observed { volume_in_use: true, ..late }).1, []);
}

#[test]
fn material_that_exists_is_adopted_without_a_set_up() {
    let (state, effects) = after(&State::default(), &Observed { job: Job::Absent, ..done() });
    assert_eq!((state.path(), effects), ("Ready/Valid", vec![]));
}

#[test]
fn lost_material_is_never_made_anew() {
    let (state, _) = after(&State::default(), &done());
    let (state, effects) = after(&state, &Observed { material: Material::Absent, ..done() });
    assert_eq!((state.path(), effects), ("Error/Stalled", vec![]));
    assert_eq!(after(&state, &done()).0.path(), "Ready/Valid");
}

#[test]
fn a_failed_set_up_is_run_again_after_a_while_with_its_last_words_in_the_status() {
    let (state, _) = after(&State::Provisioning { server_awaited_until: at(0) }, &seen());
    let failed = Observed { job: Job::Failed { message: "the volume is full".into() }, ..seen() };
    let decision = decide::<CertificateAuthority>(&state, &failed);
    assert_eq!(decision.state.path(), "Error/Retrying");
    assert!(
        conditions(&decision.state, &failed, decision.blocked.as_ref())
            .iter()
            .any(|c| c.kind == "Ready" && c.message == "the volume is full")
    );
    assert_eq!(after(&decision.state, &Observed { now: at(8), ..failed }).1, [Effect::RunSetup]);
}

#[test]
fn a_set_up_whose_pods_end_badly_fails_with_the_second_one_and_goes_on_when_another_does_it() {
    let state = State::SetupRunning { server_certificate: None, refill: false, attempt: 0 };
    let job = |failure: PodFailure| Observed { job: Job::Running { failure: Some(failure) }, ..seen() };
    let once = decide::<CertificateAuthority>(&state, &job(crash(false)));
    assert!(once.transitions.is_empty());
    assert!(once.blocked.is_some_and(|blocked| blocked.message.contains("exit code 1")));
    let (failed, effects) = after(&state, &job(crash(true)));
    assert_eq!((failed.path(), effects), ("Error/Retrying", vec![]));
    let (_, reason, message) = condition(&failed, &job(crash(true)), "Ready").unwrap();
    assert_eq!(reason, "SetupFailed");
    for words in ["exit code 1", "the key does not fit", "kubectl logs job/corp-ca-setup"] {
        assert!(message.contains(words), "{message}");
    }
    // The Job goes on by itself: nothing is done while it does, and its words stay until it ends otherwise.
    let next_run = Observed { job: Job::Running { failure: None }, now: at(100), ..seen() };
    for seen in [job(crash(true)), Observed { now: at(100), ..job(crash(true)) }, next_run] {
        assert_eq!(after(&failed, &seen), (failed.clone(), vec![]));
    }
    assert_eq!(after(&failed, &done()).0.path(), "Ready/Valid");
    // One that never started has ended nothing.
    let image = PodFailure { reason: reason::IMAGE_NOT_PULLED, ..crash(true) };
    let (waits, _) = after(&state, &job(image));
    assert_eq!(after(&waits, &Observed { job: Job::Running { failure: None }, ..seen() }).0.path(), "Initializing/SetupRunning");
}

#[test]
fn another_failure_of_the_set_up_is_news_and_the_same_is_none() {
    let failed = |words: &str| Observed { job: Job::Failed { message: words.into() }, now: at(5), ..seen() };
    let (state, _) = after(&State::SetupRunning { server_certificate: None, refill: false, attempt: 0 }, &failed("the volume is full"));
    assert!(decide::<CertificateAuthority>(&state, &failed("the volume is full")).transitions.is_empty());
    let decision = decide::<CertificateAuthority>(&state, &failed("the key is damaged"));
    assert!(matches!(&decision.transitions[0].event, Event::SetupFailed(Failure { message, .. }) if message == "the key is damaged"));
}

/// Ready, with nothing to do.
fn ready() -> (State, Observed) {
    let calm = Observed { job: Job::Absent, ..done() };
    let (state, _) = after(&State::default(), &calm);
    assert_eq!(state.path(), "Ready/Valid");
    (state, calm)
}

fn condition(state: &State, seen: &Observed, kind: &str) -> Option<(Status, &'static str, String)> {
    let blocked = decide::<CertificateAuthority>(state, seen).blocked;
    let all = conditions(state, seen, blocked.as_ref());
    all.into_iter().find(|condition| condition.kind == kind).map(|condition| (condition.status, condition.reason, condition.message))
}

#[test]
fn a_list_that_is_the_stored_one_changes_nothing() {
    let (state, calm) = ready();
    let due = Observed { crl_due: true, ..calm.clone() };
    assert_eq!(after(&state, &due), (state.clone(), vec![Effect::RefreshCrl]));
    assert_eq!(after(&state, &Observed { report: Some(Report::CrlCurrent), ..calm }), (state, vec![]));
}

#[test]
fn a_list_is_fetched_without_a_right_to_sign() {
    let (state, calm) = ready();
    let powerless = Observed { crl_due: true, operator_issued: false, volume_in_use: true, ..calm };
    assert_eq!(after(&state, &powerless).1, [Effect::RefreshCrl]);
}

#[test]
fn the_condition_of_the_operators_right_follows_its_pair() {
    let (state, calm) = ready();
    let shown = |seen: &Observed| condition(&state, seen, "OperatorSigningReady").map(|(status, ..)| status);
    assert_eq!(shown(&calm), Some(Status::True));
    let lost = Observed { operator_issued: false, ..calm };
    assert_eq!(shown(&lost), None);
    // The set-up makes it again, once no CA server uses the volume.
    assert_eq!(after(&state, &lost).1, [Effect::RunSetup]);
    assert_eq!(after(&state, &Observed { volume_in_use: true, ..lost }).1, []);
}

#[test]
fn a_list_that_cannot_be_fetched_is_asked_for_again_after_half_a_minute_and_then_later_and_later() {
    let calm = Observed { material: Material::Complete(lasting()), job: Job::Absent, ..done() };
    let (state, _) = after(&State::default(), &calm);
    let (state, _) = after(&state, &Observed { report: Some(unavailable()), ..calm.clone() });
    let (mut last, mut waits) = (None, Vec::new());
    for _ in 0..6 {
        let next = state.wake_after(last).unwrap();
        waits.push((next - last.unwrap_or(at(0))).num_seconds());
        let asked = |now| {
            decide_after::<CertificateAuthority>(
                &state,
                &Observed { now, crl_due: true, ..calm.clone() },
                Attempts { last, at_once: false },
            )
        };
        assert_eq!(asked(next - chrono::TimeDelta::seconds(1)).effects, []);
        assert_eq!(asked(next).effects, [Effect::RefreshCrl]);
        last = Some(next);
        // The same failure is no news.
        let again = Observed { now: next, report: Some(unavailable()), crl_due: true, ..calm.clone() };
        assert_eq!(after(&state, &again), (state.clone(), vec![]));
    }
    assert_eq!(waits, [30, 30, 60, 120, 240, 300]);
    // Another one is, and counts on.
    let (other, _) = after(&state, &Observed { report: Some(refused()), ..calm.clone() });
    assert_eq!(other.wake_at(), Some(at(60)));
    assert_eq!(state.path(), "Ready/Valid");
    assert!(state.usable(), "certificates can still be requested");
    let (_, reason, message) = condition(&state, &calm, "Reconciling").unwrap();
    assert!(reason == "CRLNotRefreshed" && message.contains("nobody there"), "{reason} {message}");
    let well = after(&state, &Observed { report: Some(Report::CrlCurrent), ..calm.clone() }).0;
    assert_eq!(well, after(&State::default(), &calm).0);
    assert_eq!(condition(&well, &calm, "Reconciling"), None);
}

#[test]
fn a_refused_list_is_said_with_its_reason_and_the_stored_one_stays() {
    let (state, calm) = ready();
    let decision = decide::<CertificateAuthority>(&state, &Observed { report: Some(refused()), ..calm.clone() });
    assert!(matches!(&decision.transitions[0].event, Event::CrlRefreshFailed { reason, .. } if reason == "CRLRefused"));
    let (status, _, message) = condition(&decision.state, &calm, "Ready").unwrap();
    assert_eq!(status, Status::True);
    assert!(message.contains("signed by a stranger") && message.contains("stays in use"), "{message}");
}

#[test]
fn the_most_urgent_trouble_of_a_ca_is_the_one_that_shows() {
    let (state, calm) = ready();
    let seen = |now: i64, crl_stale: bool| Observed { now: at(now), crl_stale, ..calm.clone() };
    let (expiring, _) = after(&state, &seen(500, false));
    assert_eq!(expiring.path(), "Ready/Expiring");
    let (old_list, _) = after(&expiring, &seen(501, true));
    assert_eq!(old_list.path(), "Ready/CrlStale");
    assert!(condition(&old_list, &calm, "Ready").unwrap().2.contains("next update"));
    assert_eq!(condition(&old_list, &calm, "Reconciling").unwrap().1, "CRLStale");
    assert_eq!(after(&old_list, &seen(502, false)).0.path(), "Ready/Expiring");
    let (expired, _) = after(&old_list, &seen(1000, true));
    assert_eq!((expired.path(), expired.usable()), ("Error/Expired", false));
    let (status, reason, message) = condition(&expired, &calm, "Ready").unwrap();
    assert_eq!((status, reason), (Status::False, "CAExpired"));
    assert!(message.contains("ended at 1970-01-01T00:16:40Z") && message.contains("renew it by hand"), "{message}");
}

#[test]
fn the_machine_wakes_for_each_date_of_the_ca() {
    let (state, calm) = ready();
    assert_eq!(state.wake_at(), Some(at(500)));
    let (state, _) = after(&state, &Observed { now: at(500), ..calm.clone() });
    assert_eq!(state.wake_at(), Some(at(1000)));
    let (state, _) = after(&state, &Observed { now: at(600), report: Some(unavailable()), ..calm });
    assert_eq!(state.wake_at(), Some(at(630)));
}

#[test]
fn a_renewed_ca_certificate_for_the_same_key_brings_its_new_dates() {
    let (state, calm) = ready();
    let longer = Facts { not_after: at(9000), warn_at: at(8000), ..facts("root") };
    let (state, _) = after(&state, &Observed { now: at(1000), material: Material::Complete(longer), ..calm });
    assert_eq!((state.path(), state.wake_at()), ("Ready/Valid", Some(at(8000))));
}

#[test]
fn a_new_volume_is_filled_from_the_secrets_before_anything_else() {
    let (state, calm) = ready();
    let gone = Observed { volume: None, in_place: false, volume_in_use: true, ..calm.clone() };
    assert_eq!(after(&state, &gone), (state.clone(), vec![Effect::EnsureObjects]));
    // A CA server that waits for its volume does not hold the set-up up.
    let fresh = Observed { volume: Some("second".into()), volume_in_use: true, ..calm };
    let (state, effects) = after(&state, &fresh);
    assert_eq!((state.path(), effects), ("Initializing/SetupRunning", vec![Effect::RunSetup]));
    assert!(!state.usable());
    // The Secrets are complete all the time, so only the end of the Job counts.
    let running = Observed { job: Job::Running { failure: None }, ..fresh.clone() };
    assert_eq!(after(&state, &running), (state.clone(), vec![]));
    let failed = after(&state, &Observed { job: Job::Failed { message: "the key is damaged".into() }, ..fresh.clone() }).0;
    assert_eq!(failed.path(), "Error/Retrying");
    assert_eq!(after(&failed, &Observed { now: at(300), ..fresh.clone() }), (failed.clone(), vec![Effect::RunSetup]));
    assert_eq!(after(&failed, &running).0, failed, "a second run is one that fills, too");
    let (state, _) = after(&failed, &Observed { job: Job::Succeeded, ..fresh.clone() });
    assert_eq!(state.path(), "Ready/Valid");
    assert_eq!(after(&state, &fresh), (state, vec![]));
}

#[test]
fn a_spec_that_turns_bad_is_said_while_the_ca_goes_on() {
    let (state, calm) = ready();
    for seen in [
        Observed { invalid: Some(Blocked::invalid(reason::INVALID_SPEC, "spec.crlRefreshInterval: 0")), ..calm.clone() },
        Observed { notice: Some(Blocked::invalid(reason::STORAGE_NOT_CHANGED, "spec.crlRefreshInterval: 0")), ..calm.clone() },
    ] {
        assert_eq!(after(&state, &seen), (state.clone(), vec![]));
        assert_eq!(condition(&state, &seen, "Ready").unwrap().0, Status::True);
        assert!(condition(&state, &seen, "Stalled").unwrap().2.contains("spec.crlRefreshInterval: 0"));
        let due = Observed { crl_due: true, ..seen };
        assert_eq!(after(&state, &due).1, [Effect::RefreshCrl]);
    }
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

#[test]
fn an_external_ca_is_used_once_its_first_list_is_stored() {
    let (probing, _) = after(&State::default(), &outside());
    for bad in [refused(), unavailable()] {
        let (state, _) = after(&probing, &Observed { report: Some(bad), ..outside() });
        assert_eq!((state.path(), state.usable()), ("External/Unreachable", false));
    }
    assert!(reachable().usable());
}

#[test]
fn an_external_ca_that_stops_answering_is_asked_again_and_one_that_shows_a_bad_list_stays_in_use() {
    let state = reachable();
    assert_eq!(after(&state, &Observed { crl_due: true, ..outside() }).1, [Effect::RefreshCrl]);
    let (lost, _) = after(&state, &Observed { report: Some(unavailable()), ..outside() });
    assert_eq!(lost.path(), "External/Unreachable");
    assert_eq!(after(&lost, &outside()).1, []);
    assert_eq!(after(&lost, &Observed { now: at(1), ..outside() }).1, [Effect::RefreshCrl]);
    let (doubted, _) = after(&state, &Observed { report: Some(refused()), ..outside() });
    assert_eq!(doubted.path(), "External/Reachable");
    assert!(condition(&doubted, &outside(), "Ready").unwrap().2.contains("signed by a stranger"));
}

#[test]
fn a_corrected_address_is_tried_at_once() {
    let (lost, _) = after(&reachable(), &Observed { report: Some(unavailable()), ..outside() });
    let corrected = Observed { access: "https://right".into(), ..outside() };
    assert_eq!(after(&lost, &corrected).1, [Effect::RefreshCrl]);
}

#[test]
fn short_keys_that_are_accepted_show_loudly() {
    let short = Observed { short_keys: true, ..outside() };
    let (reason, message) = condition(&reachable(), &short, "Insecure").map(|(_, reason, message)| (reason, message)).unwrap();
    assert!(reason == "ShortKeysAllowed" && message.contains("allowShortKeys"), "{message}");
    assert!(condition(&reachable(), &short, "Ready").unwrap().2.contains("INSECURE"));
    assert_eq!(condition(&reachable(), &outside(), "Insecure"), None);
}

#[test]
fn tls_that_is_not_verified_shows_loudly() {
    let unverified = Observed { unverified: true, ..outside() };
    let decision = decide::<CertificateAuthority>(&reachable(), &unverified);
    assert_eq!(decision.transitions[0].event, Event::TlsVerificationDisabled);
    assert!(condition(&decision.state, &unverified, "Ready").unwrap().2.contains("INSECURE"));
    assert_eq!(condition(&decision.state, &unverified, "Insecure").unwrap().1, "TLSNotVerified");
    assert_eq!(after(&decision.state, &outside()).0, reachable());
}

#[test]
fn an_external_ca_whose_certificate_has_ended_is_not_ready() {
    let late = Observed { now: at(1000), ..outside() };
    let (status, reason, _) = condition(&reachable(), &late, "Ready").unwrap();
    assert_eq!((status, reason), (Status::False, "CAExpired"));
}

#[test]
fn a_deleted_authority_only_says_so() {
    for state in [State::default(), ready().0, reachable()] {
        let deleted = Observed { deleting: true, in_place: false, crl_due: true, ..done() };
        let (state, effects) = after(&state, &deleted);
        assert_eq!((state.path(), effects), ("Terminating/Releasing", vec![]));
        assert!(condition(&state, &deleted, "Ready").unwrap().2.contains("volume and Secrets of the CA stay"));
        assert_eq!(after(&state, &deleted), (state, vec![]));
    }
}
