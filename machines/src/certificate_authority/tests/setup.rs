//! The set-up of a CA.

use super::*;

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
