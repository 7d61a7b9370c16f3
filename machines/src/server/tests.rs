use super::*;
use crate::core::{Blocked, Condition, State as _, Status, decide};
use crate::proof::{self, at};
use crate::reason;

fn seen() -> Observed {
    Observed {
        now: at(0),
        deleting: false,
        generation: 1,
        references: None,
        certificate: None,
        plan: Ok("one".into()),
        workload: Workload::Absent,
        extras_in_place: true,
        report: None,
    }
}

fn dangling() -> Blocked {
    Blocked::waiting(reason::CONFIG_NOT_FOUND, "spec.configRef names Config harbor, which does not exist")
}

fn unissued() -> Blocked {
    Blocked::waiting(reason::WAITING_FOR_CERTIFICATE, "Certificate harbor is Requested")
}

fn bad(message: &str) -> Blocked {
    Blocked::invalid(reason::INVALID_SPEC, message)
}

fn failure() -> Report {
    Report::Failed { reason: reason::APPLY_FAILED.into(), message: "quota".into() }
}

fn foreign(message: &str) -> Workload {
    Workload::Foreign { message: message.into() }
}

/// The Deployment of plan `one`, of which `ready` of `desired` pods are ready.
fn pods(ready: u32, desired: u32) -> Workload {
    Workload::Present { applied: Some("one".into()), in_place: true, desired, ready, updated: ready, rolled_out: ready > 0, stuck: None }
}

/// The same in the middle of a rollout.
fn rolling(ready: u32, desired: u32) -> Workload {
    Workload::Present { applied: Some("one".into()), in_place: true, desired, ready, updated: 1, rolled_out: false, stuck: None }
}

/// The same as another operator left it.
fn inherited(ready: u32, desired: u32) -> Workload {
    Workload::Present { applied: None, in_place: false, desired, ready, updated: ready, rolled_out: true, stuck: None }
}

fn with(workload: Workload) -> Observed {
    Observed { workload, ..seen() }
}

fn plan() -> Plan {
    Plan { digest: "one".into(), adopted: false }
}

fn available() -> State {
    State::Available { plan: plan() }
}

fn deploying() -> State {
    State::Deploying { plan: plan(), due: at(600) }
}

/// Every observation that makes a difference to some state.
fn signals() -> Vec<Observed> {
    let gates = [
        (None, None, Ok("one".to_owned())),
        (None, None, Ok("two".to_owned())),
        (None, None, Err(bad("spec.image"))),
        (None, None, Err(bad("spec.resources"))),
        (Some(dangling()), None, Ok("one".to_owned())),
        (None, Some(unissued()), Ok("one".to_owned())),
        (Some(dangling()), Some(unissued()), Err(bad("spec.image"))),
    ];
    let mut workloads = vec![Workload::Absent, foreign("theirs"), foreign("others")];
    for (applied, in_place) in [(None, false), (Some("one"), false), (Some("one"), true), (Some("two"), false)] {
        for (ready, desired) in [(0, 0), (0, 3), (1, 3), (3, 3), (1, 0)] {
            for rolled_out in [false, true] {
                let applied = applied.map(str::to_owned);
                workloads.push(Workload::Present { applied, in_place, desired, ready, updated: ready, rolled_out, stuck: None });
            }
        }
    }
    let mut all = Vec::new();
    for report in [None, Some(Report::Applied), Some(failure())] {
        for (references, certificate, plan) in &gates {
            for workload in &workloads {
                for (now, extras_in_place) in [(at(0), true), (at(100_000), false)] {
                    let (references, certificate, plan) = (references.clone(), certificate.clone(), plan.clone());
                    all.push(Observed {
                        now,
                        references,
                        certificate,
                        plan,
                        workload: workload.clone(),
                        extras_in_place,
                        report: report.clone(),
                        ..seen()
                    });
                }
            }
        }
    }
    for workload in workloads {
        all.push(Observed { deleting: true, workload, ..seen() });
    }
    all
}

/// The state and the effects after one decision.
fn after(state: &State, seen: &Observed) -> (State, Vec<Effect>) {
    let decision = decide::<Server>(state, seen);
    (decision.state, decision.effects)
}

fn shown(state: &State, seen: &Observed, kind: &str) -> Option<Condition> {
    let decision = decide::<Server>(state, seen);
    let all = conditions(&decision.state, seen, decision.blocked.as_ref());
    all.into_iter().find(|condition| condition.kind == kind)
}

#[test]
fn every_state_is_documented_reached_and_left_again() {
    proof::explored::<Server>(&signals(), conditions);
}

#[test]
fn history_folds_to_the_snapshot_whatever_happens_and_wherever_it_crashes() {
    proof::folds::<Server>(&signals());
}

#[test]
fn stored_events_of_version_1_can_be_read() {
    let all = [
        Event::Adopted { digest: "one".into(), ours: true, due: at(1) },
        Event::CertificateAwaited,
        Event::ReferenceLost,
        Event::DeploymentPlanned { digest: "one".into(), due: at(1) },
        Event::PlanRejected { reason: "InvalidSpec".into(), message: "m".into() },
        Event::NameTaken { message: "m".into() },
        Event::StallResolved,
        Event::RolloutStarted { digest: "one".into(), due: at(1) },
        Event::PodsReady { ready: 1 },
        Event::RolledOut,
        Event::RolloutObserved,
        Event::PodsDegraded { ready: 1, desired: 2 },
        Event::PodsRecovered,
        Event::PodsLost { due: at(1) },
        Event::ScaledToZero,
        Event::ScaledUp { due: at(1) },
        Event::DeadlineMissed { message: "m".into() },
        Event::DeletionStarted,
        Event::AttemptFailed { reason: "ApplyFailed".into(), message: "m".into(), next_attempt: at(1) },
        Event::Recovered { due: at(1) },
    ];
    proof::golden("server.v1", &all);
}

#[test]
fn the_way_from_nothing_to_available_waits_at_each_gate_and_names_it() {
    let waiting = Observed { references: Some(dangling()), certificate: Some(unissued()), ..seen() };
    assert_eq!(after(&State::default(), &waiting), (State::default(), vec![]));
    assert_eq!(shown(&State::default(), &waiting, "Ready").unwrap().reason, reason::CONFIG_NOT_FOUND);
    let waiting = Observed { certificate: Some(unissued()), ..seen() };
    let (state, effects) = after(&State::default(), &waiting);
    assert_eq!((state.phase(), effects), ("WaitingForCert", vec![]));
    assert_eq!(shown(&state, &waiting, "SSLBootstrapped").unwrap().status, Status::False);
    let (state, effects) = after(&state, &Observed { extras_in_place: false, ..seen() });
    assert_eq!((&state, effects), (&deploying(), vec![Effect::ApplyWorkload, Effect::ApplyExtras]));
    let (state, _) = after(&state, &with(rolling(1, 3)));
    assert_eq!(state.path(), "Running/Progressing");
    assert_eq!(after(&state, &with(pods(3, 3))), (available(), vec![]));
    assert_eq!(shown(&available(), &with(pods(3, 3)), "Ready").unwrap().message, "3 of 3 pods are ready");
    assert_eq!(shown(&available(), &with(pods(3, 3)), "SSLBootstrapped").unwrap().status, Status::True);
}

#[test]
fn a_reference_that_goes_while_the_certificate_is_awaited_is_shown() {
    let lost = Observed { references: Some(dangling()), certificate: Some(unissued()), ..seen() };
    assert_eq!(after(&State::WaitingForCert, &lost), (State::ResolvingReferences, vec![]));
}

#[test]
fn the_deployment_of_another_operator_is_left_alone_until_the_plan_changes() {
    let (state, effects) = after(&State::default(), &with(inherited(3, 3)));
    let adopted = State::Available { plan: Plan { digest: "one".into(), adopted: true } };
    assert_eq!((&state, effects), (&adopted, vec![]));
    assert_eq!(after(&adopted, &with(inherited(3, 3))), (adopted.clone(), vec![]));
    let decision = decide::<Server>(&adopted, &Observed { plan: Ok("two".into()), ..with(inherited(3, 3)) });
    assert!(matches!(&decision.transitions[0].event, Event::RolloutStarted { digest, .. } if digest == "two"));
    assert_eq!((decision.state.path(), decision.effects), ("Running/Progressing", vec![Effect::ApplyWorkload]));
}

#[test]
fn an_adopted_deployment_that_is_deleted_is_made_anew() {
    let adopted = State::Available { plan: Plan { digest: "one".into(), adopted: true } };
    let (state, effects) = after(&adopted, &seen());
    assert_eq!((state.plan(), effects), (Some(&plan()), vec![Effect::ApplyWorkload]));
}

#[test]
fn our_own_deployment_is_recognised_without_a_status_even_while_a_reference_dangles() {
    for references in [None, Some(dangling())] {
        let found = Observed { references, ..with(pods(3, 3)) };
        assert_eq!(after(&State::default(), &found), (available(), vec![]));
    }
    let outdated = Observed { plan: Ok("two".into()), ..with(pods(3, 3)) };
    assert_eq!(after(&State::default(), &outdated).1, [Effect::ApplyWorkload]);
}

#[test]
fn a_changed_plan_is_an_event_before_it_is_applied() {
    for (state, path) in [(available(), "Running/Progressing"), (deploying(), "Pending/Deploying")] {
        let decision = decide::<Server>(&state, &Observed { plan: Ok("two".into()), ..with(pods(u32::from(state.serving()), 1)) });
        assert_eq!((decision.state.path(), decision.effects), (path, vec![Effect::ApplyWorkload]));
        assert_eq!(decision.transitions.len(), 1);
    }
}

#[test]
fn what_caches_still_show_of_the_old_pods_does_not_end_a_rollout() {
    let state = State::Progressing { plan: Plan { digest: "two".into(), adopted: false } };
    let cached = Observed { plan: Ok("two".into()), report: Some(Report::Applied), ..with(pods(3, 3)) };
    assert_eq!(after(&state, &cached), (state, vec![]));
}

#[test]
fn drift_is_repaired_without_an_event_and_a_settled_server_does_nothing() {
    let drifted =
        Workload::Present { applied: Some("one".into()), in_place: false, desired: 3, ready: 3, updated: 3, rolled_out: true, stuck: None };
    let decision = decide::<Server>(&available(), &Observed { extras_in_place: false, ..with(drifted) });
    assert_eq!((decision.transitions.len(), decision.effects), (0, vec![Effect::ApplyWorkload, Effect::ApplyExtras]));
    let decision = decide::<Server>(&available(), &with(pods(3, 3)));
    assert_eq!((decision.transitions.len(), decision.effects, decision.blocked), (0, vec![], None));
}

#[test]
fn gates_that_fail_later_never_demote_a_running_server_and_are_shown() {
    for (references, certificate, plan) in
        [(Some(dangling()), None, Ok("two".into())), (None, Some(unissued()), Ok("two".into())), (None, None, Err(bad("spec.image")))]
    {
        let seen = Observed { references, certificate, plan, ..with(pods(3, 3)) };
        assert_eq!(after(&available(), &seen), (available(), vec![]));
        let ready = shown(&available(), &seen, "Ready").unwrap();
        let gate = seen.blocked().unwrap();
        assert_eq!((ready.status, ready.reason), (Status::True, gate.reason));
        assert!(ready.message.contains("3 of 3 pods are ready") && ready.message.contains(&gate.message));
        assert_eq!(shown(&available(), &seen, "SSLBootstrapped").unwrap().status, Status::True);
    }
}

#[test]
fn lost_and_missing_pods_show_as_what_they_are() {
    let (degraded, _) = after(&available(), &with(pods(2, 3)));
    assert_eq!(degraded.path(), "Running/Degraded");
    assert_eq!(shown(&degraded, &with(pods(2, 3)), "Reconciling").unwrap().reason, reason::DEGRADED);
    assert_eq!(after(&degraded, &with(pods(3, 3))), (available(), vec![]));
    assert_eq!(after(&available(), &with(pods(0, 3))), (deploying(), vec![]));
    assert_eq!(after(&available(), &with(rolling(3, 3))).0.path(), "Running/Progressing");
}

#[test]
fn a_deadline_without_a_ready_pod_names_the_cause_and_heals_when_one_is_ready() {
    let stuck = Workload::Present {
        applied: Some("one".into()),
        in_place: true,
        desired: 1,
        ready: 0,
        updated: 1,
        rolled_out: false,
        stuck: Some("ImagePullBackOff".into()),
    };
    assert_eq!(deploying().wake_at(), Some(at(600)));
    assert_eq!(after(&deploying(), &Observed { now: at(599), ..with(stuck.clone()) }).0, deploying());
    let late = Observed { now: at(600), ..with(stuck) };
    let (state, _) = after(&deploying(), &late);
    assert_eq!(state.path(), "Error/Unavailable");
    assert!(shown(&state, &late, "Stalled").unwrap().message.contains("ImagePullBackOff"));
    assert_eq!(after(&state, &with(pods(1, 1))), (available(), vec![]));
}

#[test]
fn a_server_scaled_to_zero_waits_without_a_deadline_and_without_an_alarm() {
    let (state, _) = after(&available(), &with(pods(0, 0)));
    assert_eq!((state.path(), state.wake_at()), ("Pending/ScaledToZero", None));
    let long = Observed { now: at(100_000), ..with(pods(0, 0)) };
    assert_eq!(after(&state, &long), (state.clone(), vec![]));
    assert_eq!(shown(&state, &long, "Ready").unwrap().reason, reason::SCALED_TO_ZERO);
    assert_eq!(shown(&state, &long, "Reconciling"), None);
    let (state, _) = after(&state, &Observed { now: at(100_000), ..with(pods(0, 2)) });
    assert_eq!(state.wake_at(), Some(at(100_600)));
}

#[test]
fn a_deployment_of_somebody_else_is_never_written_and_the_server_heals_when_it_is_gone() {
    for state in [State::default(), deploying(), available()] {
        let (state, effects) = after(&state, &with(foreign("owned by Helm release web")));
        assert_eq!((state.path(), effects), ("Error/Stalled", vec![]));
        assert_eq!(shown(&state, &with(foreign("owned by Helm release web")), "Stalled").unwrap().reason, reason::NOT_OURS);
        assert_eq!(after(&state, &seen()), (deploying(), vec![Effect::ApplyWorkload]));
    }
}

#[test]
fn a_plan_that_cannot_be_made_stalls_what_is_not_deployed_and_heals_by_itself() {
    let broken = Observed { plan: Err(bad("spec.image")), ..seen() };
    let (state, effects) = after(&State::default(), &broken);
    assert_eq!((state.path(), effects), ("Error/Stalled", vec![]));
    assert_eq!(shown(&state, &broken, "Ready").unwrap().message, "spec.image");
    assert_eq!(after(&state, &seen()), (deploying(), vec![Effect::ApplyWorkload]));
}

#[test]
fn failed_writes_back_off_while_ready_pods_keep_the_server_ready() {
    let (mut state, mut now, mut waits) = (available(), at(0), Vec::new());
    let drifted =
        Workload::Present { applied: Some("one".into()), in_place: false, desired: 3, ready: 3, updated: 3, rolled_out: true, stuck: None };
    for _ in 0..4 {
        state = after(&state, &Observed { report: Some(failure()), now, ..with(drifted.clone()) }).0;
        let next = state.wake_at().unwrap();
        waits.push((next - now).num_seconds());
        let early = Observed { now, ..with(drifted.clone()) };
        assert_eq!(after(&state, &early).1, []);
        let ready = shown(&state, &early, "Ready").unwrap();
        assert_eq!((ready.status, ready.reason), (Status::True, reason::RETRYING));
        now = next;
        assert_eq!(after(&state, &Observed { now, ..with(drifted.clone()) }).1, [Effect::ApplyWorkload]);
    }
    assert_eq!(waits, [1, 2, 4, 8]);
    assert_eq!(after(&state, &Observed { now, ..with(pods(3, 3)) }), (available(), vec![]));
}
