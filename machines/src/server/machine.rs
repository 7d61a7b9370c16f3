//! The Server machine.

use super::{Event, Observed, Plan, State, Workload};
use crate::PodFailure;
use crate::core::{Blocked, Machine, State as _, Timestamp, Turn, is_due};
use crate::reason;
use crate::{Failure, Report, Retry};
use chrono::TimeDelta;
use statig::prelude::*;
use strum::IntoStaticStr;

/// Seconds in which a pod has to become ready: pulling the image and starting a JVM on a small node take
/// minutes, and the Deployment controller's own deadline is ten.
const READY_WITHIN: i64 = 600;

/// What is done about a Server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, IntoStaticStr)]
pub enum Effect {
    /// Write the Deployment.
    ApplyWorkload,
    /// Write, or remove where they are not wanted, the disruption budget, the autoscaler and the network policy.
    ApplyExtras,
}

/// The machine; its data is in [`State`].
#[derive(Debug, Default)]
pub struct Server;

impl Machine for Server {
    const KIND: &'static str = "Server";
    type State = State;
    type Observed = Observed;
    type Effect = Effect;
    crate::core::drive!(Self);
}

type Context = Turn<Server>;

fn due(seen: &Observed) -> Timestamp {
    seen.now + TimeDelta::seconds(READY_WITHIN)
}

impl Server {
    /// Nothing changes; what is not as planned is written again, and `why` says what is still amiss.
    fn keep(context: &mut Context, seen: &Observed, plan: &Plan, why: Option<Blocked>) -> Outcome<State> {
        // Just applied: caches may still show what was there before.
        if seen.report.is_none() {
            context.effects.extend(seen.drift(plan));
        }
        context.blocked = seen.blocked().or(why);
        Handled
    }

    /// No pod is ready, and the newest do not run.
    fn failing(context: &mut Context, seen: &Observed, plan: &Plan) -> Outcome<State> {
        match (seen.workload.ready(), seen.workload.desired(), seen.workload.failure()) {
            (ready @ 1.., ..) => context.fire(Event::PodsReady { ready }, []),
            (_, Some(0), _) => context.fire(Event::ScaledToZero, []),
            // Other pods, or the same without what kept them from running.
            (.., None) => context.fire(Event::PodsStarting { due: due(seen) }, []),
            (.., Some(failure)) => {
                let event = Event::failed(failure);
                // A first bad end takes nothing back.
                if failure.lasting && context.here.evolve(&event).is_some_and(|next| next != context.here) {
                    return context.fire(event, []);
                }
                let why = Blocked::invalid(failure.reason, format!("no pod is ready: {failure}"));
                Self::keep(context, seen, plan, Some(why))
            }
        }
    }
}

#[state_machine(
    initial = "State::ResolvingReferences",
    event_identifier = "seen",
    state(custom, name = "State"),
    superstate(derive(Debug))
)]
#[expect(unused_variables, clippy::needless_pass_by_ref_mut, reason = "statig names every field of a state, and hands each out as &mut")]
impl Server {
    #[state(superstate = "undeployed")]
    fn resolving_references(context: &mut Context, seen: &Observed) -> Outcome<State> {
        match (&seen.references, &seen.certificate) {
            _ if seen.found() => Super,
            (Some(blocked), _) => context.wait(blocked.clone()),
            (None, Some(_)) => context.fire(Event::CertificateAwaited, []),
            (None, None) => Super,
        }
    }

    #[state(superstate = "undeployed")]
    fn waiting_for_cert(context: &mut Context, seen: &Observed) -> Outcome<State> {
        match (&seen.references, &seen.certificate) {
            _ if seen.found() => Super,
            (Some(_), _) => context.fire(Event::ReferenceLost, []),
            (None, Some(blocked)) => context.wait(blocked.clone()),
            (None, None) => Super,
        }
    }

    #[state(superstate = "deployed")]
    fn deploying(plan: &mut Plan, due: &mut Timestamp, context: &mut Context, seen: &Observed) -> Outcome<State> {
        if seen.interrupts(plan) {
            return Super;
        }
        let failure = seen.workload.failure();
        match (seen.workload.ready(), seen.workload.desired()) {
            (ready @ 1.., _) => context.fire(Event::PodsReady { ready }, []),
            (0, Some(0)) => context.fire(Event::ScaledToZero, []),
            (0, _) if let Some(failure) = seen.workload.lasting_failure() => context.fire(Event::failed(failure), []),
            (0, _) if is_due(*due, seen.now) => {
                let message = failure.map_or_else(|| "no pod became ready in time".to_owned(), PodFailure::to_string);
                context.fire(Event::DeadlineMissed { message }, [])
            }
            (0, _) => {
                let message = failure.map_or_else(|| "no pod is ready".to_owned(), |failure| format!("no pod is ready: {failure}"));
                Self::keep(context, seen, plan, Some(Blocked::waiting(reason::DEPLOYING, message)))
            }
        }
    }

    #[state(superstate = "deployed")]
    fn scaled_to_zero(plan: &mut Plan, context: &mut Context, seen: &Observed) -> Outcome<State> {
        if seen.interrupts(plan) {
            return Super;
        }
        match (seen.workload.ready(), seen.workload.desired()) {
            (ready @ 1.., _) => context.fire(Event::PodsReady { ready }, []),
            (0, Some(1..)) => context.fire(Event::ScaledUp { due: due(seen) }, []),
            (0, _) => Self::keep(context, seen, plan, Some(Blocked::waiting(reason::SCALED_TO_ZERO, "scaled to zero: no pod is wanted"))),
        }
    }

    #[state(superstate = "running")]
    fn progressing(plan: &mut Plan, context: &mut Context, seen: &Observed) -> Outcome<State> {
        if seen.interrupts(plan) || seen.workload.ready() == 0 {
            return Super;
        }
        match seen.missing() {
            _ if let Some(failure) = seen.workload.lasting_failure() => context.fire(Event::failed(failure), []),
            _ if !seen.rolled_out(plan) => Self::keep(context, seen, plan, None),
            None => context.fire(Event::RolledOut, []),
            Some((ready, desired)) => context.fire(Event::PodsDegraded { ready, desired }, []),
        }
    }

    #[state(superstate = "running")]
    fn available(plan: &mut Plan, context: &mut Context, seen: &Observed) -> Outcome<State> {
        if seen.interrupts(plan) || seen.workload.ready() == 0 {
            return Super;
        }
        match seen.missing() {
            _ if let Some(failure) = seen.workload.lasting_failure() => context.fire(Event::failed(failure), []),
            _ if seen.rolling() => context.fire(Event::RolloutObserved, []),
            None => Self::keep(context, seen, plan, None),
            Some((ready, desired)) => context.fire(Event::PodsDegraded { ready, desired }, []),
        }
    }

    #[state(superstate = "running")]
    fn degraded(plan: &mut Plan, context: &mut Context, seen: &Observed) -> Outcome<State> {
        if seen.interrupts(plan) || seen.workload.ready() == 0 {
            return Super;
        }
        match seen.missing() {
            // A first bad end of another container takes nothing back.
            _ if seen.workload.failure().is_some() => Self::keep(context, seen, plan, None),
            _ if seen.rolling() => context.fire(Event::RolloutObserved, []),
            None => context.fire(Event::PodsRecovered, []),
            Some(_) => Self::keep(context, seen, plan, None),
        }
    }

    #[state(superstate = "deployed")]
    fn unavailable(plan: &mut Plan, context: &mut Context, seen: &Observed) -> Outcome<State> {
        if seen.interrupts(plan) {
            return Super;
        }
        match (seen.workload.ready(), seen.workload.desired()) {
            (ready @ 1.., _) => context.fire(Event::PodsReady { ready }, []),
            (_, Some(0)) => context.fire(Event::ScaledToZero, []),
            _ if let Some(failure) = seen.workload.lasting_failure() => context.fire(Event::failed(failure), []),
            _ => {
                let cause = seen.workload.failure().map_or_else(|| "look at the pods and their logs".to_owned(), PodFailure::to_string);
                let why = Blocked::invalid(reason::UNAVAILABLE, format!("no pod became ready within ten minutes: {cause}"));
                Self::keep(context, seen, plan, Some(why))
            }
        }
    }

    #[state(superstate = "deployed")]
    fn crashing(plan: &mut Plan, context: &mut Context, seen: &Observed) -> Outcome<State> {
        if seen.interrupts(plan) { Super } else { Self::failing(context, seen, plan) }
    }

    #[state(superstate = "deployed")]
    fn not_starting(plan: &mut Plan, context: &mut Context, seen: &Observed) -> Outcome<State> {
        if seen.interrupts(plan) { Super } else { Self::failing(context, seen, plan) }
    }

    #[state(superstate = "deployed")]
    fn retrying(plan: &mut Plan, retry: &mut Retry, context: &mut Context, seen: &Observed) -> Outcome<State> {
        let same = matches!(&seen.report, Some(Report::Failed { reason, message }) if retry.failed_with(reason, message));
        if if same { seen.replaced(plan) } else { seen.interrupts(plan) } {
            return Super;
        }
        if let Some(blocked) = seen.blocked() {
            return context.wait(blocked);
        }
        let left = seen.drift(plan);
        let done = left.is_empty() || seen.report == Some(Report::Applied);
        match seen.workload.ready() {
            ready @ 1.. if done => context.fire(Event::PodsReady { ready }, []),
            _ if done => context.fire(Event::Recovered { due: due(seen) }, []),
            _ => {
                let due = seen.report.is_none() && retry.is_due(context, seen.now);
                context.try_again(retry.blocked(), left.into_iter().filter(|_| due))
            }
        }
    }

    #[state(superstate = "top")]
    fn stalled(message: &mut String, context: &mut Context, seen: &Observed) -> Outcome<State> {
        match seen.stall() {
            _ if seen.deleting => Super,
            None => context.fire(Event::StallResolved, []),
            Some(blocked) if blocked.message == *message => context.wait(blocked),
            Some(blocked) => Self::stall(context, blocked),
        }
    }

    /// No Deployment is known: one that is there is adopted, otherwise it is decided now.
    #[superstate(superstate = "top")]
    fn undeployed(context: &mut Context, seen: &Observed) -> Outcome<State> {
        if seen.deleting {
            return Super;
        }
        if let Some(blocked) = seen.stall() {
            return Self::stall(context, blocked);
        }
        match (&seen.workload, seen.wanted()) {
            (Workload::Present { applied: Some(digest), .. }, _) => {
                context.fire(Event::Adopted { digest: digest.clone(), ours: true, due: due(seen) }, [])
            }
            (Workload::Present { applied: None, .. }, Some(digest)) => {
                context.fire(Event::Adopted { digest: digest.to_owned(), ours: false, due: due(seen) }, [])
            }
            (_, Some(digest)) => {
                let plan = Plan { digest: digest.to_owned(), adopted: false };
                let effects = seen.drift(&plan);
                context.fire(Event::DeploymentPlanned { digest: plan.digest, due: due(seen) }, effects)
            }
            (_, None) => Super,
        }
    }

    /// Pods serve; the last one may be lost.
    #[superstate(superstate = "deployed")]
    fn running(context: &mut Context, seen: &Observed) -> Outcome<State> {
        if context.here.plan().is_none_or(|plan| seen.interrupts(plan)) {
            return Super;
        }
        match seen.workload.desired() {
            Some(0) => context.fire(Event::ScaledToZero, []),
            _ => context.fire(Event::PodsLost { due: due(seen) }, []),
        }
    }

    /// A Deployment was decided: it may be taken away, refused or outdated.
    #[superstate(superstate = "top")]
    fn deployed(context: &mut Context, seen: &Observed) -> Outcome<State> {
        match (&seen.workload, &seen.report, seen.wanted()) {
            _ if seen.deleting => Super,
            (Workload::Foreign { message }, _, _) => context.fire(Event::NameTaken { message: message.clone() }, []),
            (_, Some(Report::Failed { reason, message }), _) => {
                context.fire(Event::AttemptFailed(Failure::after(context.here.attempt(), reason, message, seen.now)), [])
            }
            (_, _, Some(digest)) => {
                let effects = seen.drift(&Plan { digest: digest.to_owned(), adopted: false });
                context.fire(Event::RolloutStarted { digest: digest.to_owned(), due: due(seen) }, effects)
            }
            (_, _, None) => Super,
        }
    }

    /// What it owns goes with it by garbage collection.
    #[state(superstate = "top")]
    fn terminating(context: &mut Context) -> Outcome<State> {
        Handled
    }

    #[superstate]
    fn top(context: &mut Context, seen: &Observed) -> Outcome<State> {
        if seen.deleting { context.fire(Event::DeletionStarted, []) } else { context.unhandled() }
    }
}

impl Event {
    fn failed(failure: &PodFailure) -> Self {
        Self::PodsFailed { reason: failure.reason.to_owned(), message: failure.to_string() }
    }
}

impl Server {
    fn stall(context: &mut Context, blocked: Blocked) -> Outcome<State> {
        let Blocked { reason, message, .. } = blocked;
        if reason == reason::NOT_OURS {
            context.fire(Event::NameTaken { message }, [])
        } else {
            context.fire(Event::PlanRejected { reason: reason.to_owned(), message }, [])
        }
    }
}

impl Observed {
    /// There is a Deployment that needs no gate to be judged.
    fn found(&self) -> bool {
        self.deleting || matches!(self.workload, Workload::Foreign { .. } | Workload::Present { applied: Some(_), .. })
    }

    /// The Deployment of `plan` is not what is wanted any more, or cannot be had.
    fn replaced(&self, plan: &Plan) -> bool {
        self.deleting || matches!(self.workload, Workload::Foreign { .. }) || self.rollout(plan).is_some()
    }

    /// Something has happened that concerns all states with a plan, so the leaf hands the observation up.
    fn interrupts(&self, plan: &Plan) -> bool {
        self.replaced(plan) || matches!(self.report, Some(Report::Failed { .. }))
    }

    /// A rollout goes on.
    fn rolling(&self) -> bool {
        matches!(self.workload, Workload::Present { rolled_out: false, .. })
    }

    /// Pods ready and wanted, if the former are fewer.
    fn missing(&self) -> Option<(u32, u32)> {
        let ready = self.workload.ready();
        self.workload.desired().filter(|desired| ready < *desired).map(|desired| (ready, desired))
    }
}
