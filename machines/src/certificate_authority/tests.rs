use super::*;
use crate::core::{Blocked, State as _, decide};
use crate::proof::{self, at};
use crate::reason;

fn facts(key: &str) -> Facts {
    Facts { key: key.into(), not_after: at(1000), warn_at: at(500) }
}

fn seen() -> Observed {
    Observed {
        now: at(0),
        invalid: None,
        external: false,
        configured: true,
        server: ServerCertificate::Named { name: "main".into(), issued: false },
        operator_issued: false,
        volume_in_use: false,
        in_place: true,
        material: Material::Absent,
        job: Job::Absent,
        crl_stale: false,
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

fn signals() -> Vec<Observed> {
    let reports =
        [None, Some(Report::Applied), Some(Report::Answered), Some(Report::Failed { reason: "Forbidden".into(), message: "no".into() })];
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
    let jobs = [Job::Absent, Job::Running { stuck: None }, Job::Succeeded, Job::Failed { message: "died".into() }];
    let mut all = Vec::new();
    for report in &reports {
        for material in &materials {
            for server in &servers {
                for job in &jobs {
                    for (in_place, operator_issued, crl_stale) in
                        [(true, true, false), (false, true, false), (true, false, false), (true, true, true)]
                    {
                        for now in [at(0), at(100_000)] {
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
    }
    all.extend(
        reports
            .iter()
            .flat_map(|report| [at(0), at(100_000)].map(|now| Observed { external: true, report: report.clone(), now, ..seen() })),
    );
    all.push(Observed { external: true, in_place: false, ..seen() });
    all.push(Observed { external: true, invalid: Some(Blocked::invalid(reason::INVALID_SPEC, "bad")), ..seen() });
    all.push(Observed { invalid: Some(Blocked::invalid(reason::INVALID_SPEC, "bad")), ..seen() });
    all.push(Observed { configured: false, ..seen() });
    all.push(Observed { volume_in_use: true, material: Material::Complete(facts("root")), ..seen() });
    all
}

#[test]
fn every_state_is_documented_reached_and_left_again() {
    proof::explored::<CertificateAuthority>(&signals());
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
        Event::Adopted { authority: facts("k") },
        Event::ProvisioningStarted { server_awaited_until: at(1) },
        Event::SetupStarted { server_certificate: Some("main".into()) },
        Event::SetupRequired { server_certificate: None },
        Event::SetupFailed { reason: reason.clone(), message: message.clone(), next_attempt },
        Event::SetupResumed,
        Event::SetupCompleted { authority: facts("k") },
        Event::AttemptFailed { reason: reason.clone(), message: message.clone(), next_attempt },
        Event::UpkeepFailed { reason, message: message.clone(), next_attempt },
        Event::UpkeepRecovered,
        Event::AuthorityReplaced { authority: facts("k") },
        Event::AuthorityLost { message: message.clone() },
        Event::ExpiryNeared,
        Event::CrlWentStale,
        Event::CrlRefreshed,
        Event::ExternalConfigured,
        Event::ExternalAnswered,
        Event::ExternalFailed { message, next_attempt },
        Event::ProbeResumed,
        Event::ModeChanged,
    ];
    proof::golden("certificate-authority.v1", &all);
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
    let (state, effects) = after(&state, &Observed { job: Job::Running { stuck: None }, ..seen() });
    assert_eq!((state.path(), effects), ("Initializing/SetupRunning", vec![]));
    let (state, effects) = after(&state, &Observed { job: Job::Running { stuck: None }, ..done() });
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
fn a_set_up_that_does_not_start_says_why() {
    let state = State::SetupRunning { server_certificate: None, attempt: 0 };
    let waiting = Observed { job: Job::Running { stuck: Some("no node has room".into()) }, ..seen() };
    let decision = decide::<CertificateAuthority>(&state, &waiting);
    assert_eq!(decision.blocked.map(|blocked| blocked.message).as_deref(), Some("the set-up Job does not start: no node has room"));
}
