//! A CA that has its material.

use super::*;

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
