use super::*;
use crate::core::{Blocked, Condition, State as _, Status, decide};
use crate::proof::{self, at};
use crate::reason;
use crate::{Failure, PodFailure, Report, Retry};
use std::collections::BTreeMap;

fn seen() -> Observed {
    Observed {
        now: at(0),
        deleting: false,
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
    Workload::Present { applied: Some("one".into()), in_place: true, desired, ready, updated: ready, rolled_out: ready > 0, failure: None }
}

/// The same in the middle of a rollout.
fn rolling(ready: u32, desired: u32) -> Workload {
    Workload::Present { applied: Some("one".into()), in_place: true, desired, ready, updated: 1, rolled_out: false, failure: None }
}

/// The same as another operator left it.
fn inherited(ready: u32, desired: u32) -> Workload {
    Workload::Present { applied: None, in_place: false, desired, ready, updated: ready, rolled_out: true, failure: None }
}

/// A container ends badly, for the first time or again and again.
fn crash(lasting: bool) -> PodFailure {
    PodFailure {
        reason: reason::CONTAINER_CRASHING,
        lasting,
        what: "container server of pod web-0 ended with exit code 1".into(),
        restarts: lasting.then(|| "3 times".into()),
        last_words: Some("no space left".into()),
        command: "kubectl logs web-0".into(),
    }
}

fn no_image() -> PodFailure {
    PodFailure { reason: reason::IMAGE_NOT_PULLED, restarts: None, last_words: None, ..crash(true) }
}

/// The Deployment of plan `one`, a pod of which does not run.
fn failing(ready: u32, desired: u32, failure: PodFailure) -> Observed {
    let applied = Some("one".into());
    with(Workload::Present { applied, in_place: true, desired, ready, updated: 1, rolled_out: false, failure: Some(failure) })
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
                workloads.push(Workload::Present { applied, in_place, desired, ready, updated: ready, rolled_out, failure: None });
            }
        }
    }
    let failures: Vec<Observed> = [crash(false), crash(true), no_image()]
        .into_iter()
        .flat_map(|failure| [failing(0, 0, failure.clone()), failing(0, 3, failure.clone()), failing(1, 3, failure)])
        .collect();
    let mut all = failures;
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

/// `seen` goes on for an hour, and every effect ends with `report`, or only begins something.
fn unchanged(start: State, seen: Observed, report: Option<Report>) -> proof::Unchanged<Server> {
    let answered = report.map(|report| Observed { report: Some(report), ..seen.clone() });
    proof::Unchanged {
        start,
        rest: Box::new(move |now| Observed { now, ..seen.clone() }),
        answer: Box::new(move |_, now| answered.clone().map(|seen| Observed { now, ..seen })),
    }
}

fn hours() -> BTreeMap<&'static str, proof::Hour> {
    let retrying = || State::Retrying {
        plan: plan(),
        retry: Retry { attempt: 1, next_attempt: at(1), reason: reason::APPLY_FAILED.into(), message: "quota".into() },
    };
    let drifted = |ready| match pods(ready, 3) {
        Workload::Present { applied, desired, ready, updated, rolled_out, failure, .. } => {
            with(Workload::Present { applied, in_place: false, desired, ready, updated, rolled_out, failure })
        }
        other => with(other),
    };
    let cases = [
        unchanged(State::default(), Observed { references: Some(dangling()), ..seen() }, None),
        unchanged(State::WaitingForCert, Observed { certificate: Some(unissued()), ..seen() }, None),
        unchanged(deploying(), with(pods(0, 3)), None),
        unchanged(deploying(), failing(0, 3, crash(false)), None),
        unchanged(State::ScaledToZero { plan: plan() }, with(pods(0, 0)), None),
        unchanged(State::Progressing { plan: plan() }, with(rolling(1, 3)), None),
        unchanged(available(), with(pods(3, 3)), None),
        unchanged(State::Degraded { plan: plan() }, with(pods(2, 3)), None),
        unchanged(State::Degraded { plan: plan() }, failing(1, 3, crash(true)), None),
        unchanged(retrying(), drifted(0), Some(failure())),
        unchanged(retrying(), drifted(3), Some(failure())),
        unchanged(State::Crashing { plan: plan() }, failing(0, 3, crash(true)), None),
        unchanged(State::NotStarting { plan: plan() }, failing(0, 3, no_image()), None),
        unchanged(State::Unavailable { plan: plan() }, with(pods(0, 3)), None),
        unchanged(State::Stalled { message: "theirs".into() }, with(foreign("theirs")), None),
    ];
    // Ten minutes without a ready pod.
    proof::hours(&cases, |path| usize::from(path == "Pending/Deploying"), conditions)
}

#[test]
fn an_hour_in_any_state_costs_next_to_nothing_while_nothing_changes() {
    hours();
}

#[test]
fn every_state_is_documented_reached_and_left_again() {
    proof::explored::<Server>(&signals(), &hours(), conditions);
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
        Event::AttemptFailed(Failure { reason: "ApplyFailed".into(), message: "m".into(), next_attempt: at(1) }),
        Event::Recovered { due: at(1) },
        Event::PodsFailed { reason: "ContainerCrashing".into(), message: "m".into() },
        Event::PodsStarting { due: at(1) },
    ];
    proof::golden("server.v1", &all, &["ReferenceLost", "PodsLost", "PodsFailed", "AttemptFailed"]);
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
    let drifted = Workload::Present {
        applied: Some("one".into()),
        in_place: false,
        desired: 3,
        ready: 3,
        updated: 3,
        rolled_out: true,
        failure: None,
    };
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
    let died_once = failing(0, 1, crash(false));
    assert_eq!(deploying().wake_at(), Some(at(600)));
    assert_eq!(after(&deploying(), &Observed { now: at(599), ..died_once.clone() }).0, deploying());
    let late = Observed { now: at(600), ..died_once };
    let (state, _) = after(&deploying(), &late);
    assert_eq!(state.path(), "Error/Unavailable");
    assert!(shown(&state, &late, "Stalled").unwrap().message.contains("exit code 1"));
    assert_eq!(after(&state, &with(pods(1, 1))), (available(), vec![]));
}

#[test]
fn a_container_that_ends_badly_again_is_an_error_at_once_and_a_first_bad_end_is_only_told() {
    let once = failing(0, 1, crash(false));
    assert_eq!(after(&deploying(), &once), (deploying(), vec![]));
    let told = shown(&deploying(), &once, "Ready").unwrap();
    assert_eq!((told.reason, shown(&deploying(), &once, "Stalled")), (reason::DEPLOYING, None));
    assert!(told.message.contains("ended with exit code 1") && told.message.contains("no space left"), "{}", told.message);

    let again = failing(0, 1, crash(true));
    let (state, _) = after(&deploying(), &again);
    assert_eq!(state.path(), "Error/Crashing");
    let told = shown(&state, &again, "Ready").unwrap();
    assert_eq!((told.reason, told.status), (reason::CONTAINER_CRASHING, Status::False));
    for words in ["exit code 1", "restarted 3 times", "no space left", "kubectl logs web-0"] {
        assert!(told.message.contains(words), "{}", told.message);
    }
    assert!(shown(&state, &again, "Stalled").is_some());
    // Between two ends the container runs, or its successor has died once: neither is a way out.
    assert_eq!(after(&state, &once), (state.clone(), vec![]));
    assert_eq!(after(&state, &failing(0, 1, no_image())).0.path(), "Error/NotStarting");
    assert_eq!(after(&state, &Observed { now: at(50), ..with(rolling(0, 1)) }).0, State::Deploying { plan: plan(), due: at(650) });
    assert_eq!(after(&state, &with(pods(1, 1))), (available(), vec![]));
}

#[test]
fn a_pod_that_does_not_run_beside_one_that_is_ready_degrades_the_server_until_it_does() {
    for state in [available(), State::Progressing { plan: plan() }] {
        let seen = failing(1, 3, crash(true));
        let (state, _) = after(&state, &seen);
        assert_eq!(state.path(), "Running/Degraded");
        assert_eq!(after(&state, &seen), (state.clone(), vec![]));
        let ready = shown(&state, &seen, "Ready").unwrap();
        assert_eq!((ready.status, ready.reason), (Status::True, reason::CONTAINER_CRASHING));
        assert!(ready.message.contains("1 of 3 pods are ready") && ready.message.contains("no space left"), "{}", ready.message);
        assert!(shown(&state, &seen, "Stalled").is_some());
        assert_eq!(after(&state, &with(rolling(1, 3))).0.path(), "Running/Progressing");
        assert_eq!(after(&state, &with(pods(3, 3))), (available(), vec![]));
    }
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
    let drifted = Workload::Present {
        applied: Some("one".into()),
        in_place: false,
        desired: 3,
        ready: 3,
        updated: 3,
        rolled_out: true,
        failure: None,
    };
    let seen = |now, report| Observed { report, now: at(now), ..with(drifted.clone()) };
    let (state, _) = after(&available(), &seen(0, Some(failure())));
    assert_eq!(proof::waits(&state, at(0)), [1, 1, 2, 4, 8, 16]);
    assert_eq!(after(&state, &seen(0, None)).1, []);
    for now in [0, 1] {
        let ready = shown(&state, &seen(now, None), "Ready").unwrap();
        assert_eq!((ready.status, ready.reason), (Status::True, reason::RETRYING));
    }
    assert_eq!(after(&state, &seen(1, None)).1, [Effect::ApplyWorkload]);
    assert_eq!(after(&state, &seen(1, Some(failure()))).0, state, "the same failure is no news");
    assert_eq!(after(&state, &Observed { now: at(1), ..with(pods(3, 3)) }), (available(), vec![]));
}
