use super::*;
use crate::core::{Blocked, Condition, State as _, Status, decide};
use crate::proof;
use crate::reason;
use std::collections::BTreeMap;

fn seen() -> Observed {
    Observed {
        invalid: None,
        authority_missing: None,
        external: false,
        digest: "one".into(),
        in_file: InFile::Absent,
        server: CaServer::Ready,
        report: None,
    }
}

fn bad(reason: &'static str, message: &str) -> Blocked {
    Blocked::invalid(reason, message)
}

fn missing() -> Blocked {
    Blocked::waiting(reason::AUTHORITY_NOT_FOUND, "no CertificateAuthority harbor-ca")
}

fn in_file() -> Observed {
    Observed { in_file: InFile::Exactly, ..seen() }
}

fn rendered() -> State {
    State::Rendered { digest: "one".into() }
}

/// Every observation that makes a difference to some state.
fn signals() -> Vec<Observed> {
    let mut all = Vec::new();
    for invalid in [None, Some(bad(reason::INVALID_POLICY, "rule 1")), Some(bad(reason::SECRET_NOT_FOUND, "rule 2"))] {
        for authority_missing in [None, Some(missing())] {
            for external in [false, true] {
                for digest in ["one", "two"] {
                    for in_file in [InFile::Absent, InFile::Other, InFile::Exactly] {
                        for server in [CaServer::Absent, CaServer::Starting, CaServer::Ready] {
                            let (invalid, authority_missing) = (invalid.clone(), authority_missing.clone());
                            all.push(Observed { invalid, authority_missing, external, digest: digest.into(), in_file, server, ..seen() });
                        }
                    }
                }
            }
        }
    }
    all
}

/// The path after one decision, and all conditions.
fn after(state: &State, seen: &Observed) -> (State, Vec<Condition>) {
    let decision = decide::<SigningPolicy>(state, seen);
    let all = conditions(&decision.state, decision.blocked.as_ref());
    (decision.state, all)
}

fn unchanged(start: State, seen: Observed) -> proof::Unchanged<SigningPolicy> {
    proof::Unchanged { start, rest: Box::new(move |_| seen.clone()), answer: Box::new(|_, _| None) }
}

fn told(state: &State, _: &Observed, blocked: Option<&Blocked>) -> Vec<crate::core::Condition> {
    conditions(state, blocked)
}

fn hours() -> BTreeMap<&'static str, proof::Hour> {
    let cases = [
        unchanged(State::default(), Observed { authority_missing: Some(missing()), ..seen() }),
        unchanged(State::Rendering { digest: "one".into() }, seen()),
        unchanged(rendered(), in_file()),
        unchanged(State::Invalid { message: "rule 1".into() }, Observed { invalid: Some(bad(reason::INVALID_POLICY, "rule 1")), ..seen() }),
    ];
    proof::hours(&cases, |_| 0, told)
}

#[test]
fn an_hour_in_any_state_costs_next_to_nothing_while_nothing_changes() {
    hours();
}

#[test]
fn every_state_is_documented_reached_and_left_again() {
    proof::explored::<SigningPolicy>(&signals(), &hours(), told);
}

#[test]
fn history_folds_to_the_snapshot_whatever_happens_and_wherever_it_crashes() {
    proof::folds::<SigningPolicy>(&signals());
}

#[test]
fn stored_events_of_version_1_can_be_read() {
    let all = [
        Event::Adopted { digest: "one".into() },
        Event::Accepted { digest: "one".into() },
        Event::Rendered { digest: "one".into() },
        Event::Changed { digest: "one".into() },
        Event::Dropped,
        Event::Unread,
        Event::Rejected { reason: "InvalidPolicy".into(), message: "m".into() },
        Event::AuthorityLost,
    ];
    proof::golden("signing-policy.v1", &all, &["AuthorityLost"]);
}

#[test]
fn a_policy_is_active_only_once_the_file_of_the_authority_holds_it() {
    let (state, all) = after(&State::default(), &seen());
    assert_eq!(state.path(), "Pending/Rendering");
    assert_eq!((all[0].status, all[0].reason), (Status::False, reason::RENDERING_POLICY));
    let (state, all) = after(&state, &in_file());
    assert_eq!((state, all[0].status), (rendered(), Status::True));
}

#[test]
fn rules_found_in_the_file_are_adopted() {
    let decision = decide::<SigningPolicy>(&State::default(), &in_file());
    assert_eq!(decision.state, rendered());
    assert_eq!(decision.transitions[0].event, Event::Adopted { digest: "one".into() });
}

#[test]
fn changed_rules_are_not_active_until_the_file_holds_the_new_ones() {
    let changed = Observed { digest: "two".into(), in_file: InFile::Other, ..seen() };
    let (state, _) = after(&rendered(), &changed);
    assert_eq!(state, State::Rendering { digest: "two".into() });
    assert_eq!(after(&state, &Observed { in_file: InFile::Exactly, ..changed }).0.path(), "Active/Rendered");
}

#[test]
fn a_changed_value_of_a_secret_is_a_change_although_the_digest_says_nothing_of_it() {
    let decision = decide::<SigningPolicy>(&rendered(), &Observed { in_file: InFile::Other, ..seen() });
    assert_eq!(decision.transitions[0].event, Event::Changed { digest: "one".into() });
    assert_eq!(decision.state, State::Rendering { digest: "one".into() });
    assert_eq!(after(&decision.state, &in_file()).0, rendered());
}

#[test]
fn a_digest_of_an_older_operator_gives_way_without_a_moment_of_not_being_active() {
    let before = State::Rendered { digest: "5eb63bbbe01eeed093cb22bb8f5acdc3".into() };
    let decision = decide::<SigningPolicy>(&before, &in_file());
    let events: Vec<_> = decision.transitions.iter().map(|transition| &transition.event).collect();
    assert_eq!(events, [&Event::Changed { digest: "one".into() }, &Event::Rendered { digest: "one".into() }]);
    assert_eq!(decision.state, rendered());
}

#[test]
fn rules_that_vanish_from_the_file_are_not_active() {
    assert_eq!(after(&rendered(), &seen()).0.path(), "Pending/Rendering");
}

#[test]
fn a_rule_that_cannot_be_used_is_named_and_heals_by_itself() {
    let broken =
        Observed { invalid: Some(bad(reason::SECRET_NOT_FOUND, "csrAttributes[0]: Secret harbor-psk does not exist")), ..in_file() };
    for state in [State::default(), rendered(), State::Invalid { message: "another".into() }] {
        let (state, all) = after(&state, &broken);
        assert_eq!(state.path(), "Error/Invalid");
        assert_eq!((all[0].status, all[0].reason), (Status::False, reason::SECRET_NOT_FOUND));
        assert!(all[0].message.contains("csrAttributes[0]"));
        assert_eq!(after(&state, &in_file()).0, rendered());
    }
}

#[test]
fn a_policy_of_an_external_authority_is_never_active_and_says_so() {
    for state in [State::default(), rendered(), State::Invalid { message: "m".into() }] {
        let (state, all) = after(&state, &Observed { external: true, ..in_file() });
        assert_eq!((state, all[0].status, all[0].reason), (State::default(), Status::False, reason::EXTERNAL_CA));
        assert!(all[0].message.contains("enforces no SigningPolicy"));
    }
}

#[test]
fn a_missing_authority_is_named_and_waited_for() {
    let (state, all) = after(&rendered(), &Observed { authority_missing: Some(missing()), ..in_file() });
    assert_eq!((state, all[0].reason, all[1].kind), (State::default(), reason::AUTHORITY_NOT_FOUND, "Reconciling"));
}

#[test]
fn a_policy_that_nobody_reads_is_not_active_and_says_why() {
    for (server, reason, word) in [
        (CaServer::Absent, reason::WAITING_FOR_SERVER, "no Server with ca: true"),
        (CaServer::Starting, reason::AUTHORITY_NOT_ANSWERING, "no pod of the CA server is ready"),
    ] {
        for state in [State::default(), State::Rendering { digest: "one".into() }, State::Invalid { message: "m".into() }] {
            let (state, all) = after(&state, &Observed { server, ..in_file() });
            assert_eq!((state.path(), all[0].status, all[0].reason), ("Pending/Rendering", Status::False, reason));
            assert!(all[0].message.contains(word), "{}", all[0].message);
            assert_eq!(after(&state, &in_file()).0, rendered());
        }
    }
}

#[test]
fn a_ca_pod_that_restarts_does_not_take_its_policies_back_and_a_server_that_goes_does() {
    assert_eq!(after(&rendered(), &Observed { server: CaServer::Starting, ..in_file() }).0, rendered());
    let gone = Observed { server: CaServer::Absent, ..in_file() };
    let decision = decide::<SigningPolicy>(&rendered(), &gone);
    assert_eq!(decision.transitions[0].event, Event::Unread);
    assert_eq!(decision.state.path(), "Pending/Rendering");
}
