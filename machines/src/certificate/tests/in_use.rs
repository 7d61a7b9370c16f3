//! A pair in use: renewals, new keys, lost Secrets.

use super::*;

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
