//! A CA outside the cluster.

use super::*;

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
