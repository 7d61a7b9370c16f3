//! What the Server machine looks at.

use super::{Effect, Plan};
use crate::PodFailure;
use crate::Report;
use crate::core::{Blocked, Gate, Timestamp, first_block};
use crate::reason;

/// The Deployment in the cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Workload {
    /// There is none.
    Absent,
    /// One of the name belongs to somebody else.
    Foreign {
        /// Whose it is.
        message: String,
    },
    /// One that is the Server's.
    Present {
        /// The digest of inputs it was last applied for; `None` if another operator made it.
        applied: Option<String>,
        /// It equals the plan. Not looked at while a gate blocks.
        in_place: bool,
        /// Pods wanted.
        desired: u32,
        /// Pods ready.
        ready: u32,
        /// Pods of the newest template.
        updated: u32,
        /// The newest template has been rolled out to its end once: its generation was seen by the Deployment
        /// controller, which reports the new `ReplicaSet` as available, and no pod of an older one is left.
        /// A pod that is lost later does not undo this.
        rolled_out: bool,
        /// Why a pod of the newest template does not run.
        failure: Option<PodFailure>,
    },
}

impl Workload {
    /// Pods ready.
    #[must_use]
    pub fn ready(&self) -> u32 {
        if let Self::Present { ready, .. } = self { *ready } else { 0 }
    }

    /// Pods wanted, where that is known.
    #[must_use]
    pub fn desired(&self) -> Option<u32> {
        if let Self::Present { desired, .. } = self { Some(*desired) } else { None }
    }

    /// Why a pod of the newest template does not run.
    #[must_use]
    pub fn failure(&self) -> Option<&PodFailure> {
        if let Self::Present { failure, .. } = self { failure.as_ref() } else { None }
    }

    /// The same, where it does not pass by itself within seconds.
    #[must_use]
    pub fn lasting_failure(&self) -> Option<&PodFailure> {
        self.failure().filter(|failure| failure.lasting)
    }
}

/// Everything the gates and handlers of a Server look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observed {
    /// Time of the observation, whole seconds.
    pub now: Timestamp,
    /// The object carries a deletion timestamp.
    pub deleting: bool,
    /// The first object that the spec names, the Certificate apart, that is not there or not ready to be used; or what
    /// keeps the Server from running the CA, such as another Server that does.
    pub references: Option<Blocked>,
    /// The Certificate does not exist or is not issued.
    pub certificate: Option<Blocked>,
    /// Digest of everything the Deployment is made of, or why it cannot be made. Not looked at while
    /// `references` or `certificate` blocks.
    pub plan: Result<String, Blocked>,
    /// The Deployment in the cluster.
    pub workload: Workload,
    /// The disruption budget, the autoscaler and the network policy equal the plan. Not looked at while a gate
    /// blocks.
    pub extras_in_place: bool,
    /// What came of the last effects.
    pub report: Option<Report>,
}

/// The gates before a Deployment, in the order in which a user would want to hear of them.
const GATES: &[Gate<Observed>] = &[
    // A dangling reference comes before everything that depends on it.
    |seen| seen.references.clone(),
    // No pod starts without its certificate: the Secret is mounted.
    |seen| seen.certificate.clone(),
    // Only what is complete can be found wrong.
    |seen| seen.plan.as_ref().err().cloned(),
];

impl Observed {
    /// The gate that keeps the Deployment from being written.
    #[must_use]
    pub fn blocked(&self) -> Option<Blocked> {
        first_block(GATES, self)
    }

    /// Digest of the wanted Deployment, if no gate blocks.
    #[must_use]
    pub fn wanted(&self) -> Option<&str> {
        if self.references.is_some() || self.certificate.is_some() { None } else { self.plan.as_deref().ok() }
    }

    /// Why nothing can be deployed until the user does something.
    #[must_use]
    pub(super) fn stall(&self) -> Option<Blocked> {
        match &self.workload {
            Workload::Foreign { message } => Some(Blocked::invalid(reason::NOT_OURS, message.clone())),
            // Our pods are there already: what is wrong with the spec does not stop them.
            Workload::Present { applied: Some(_), .. } => None,
            Workload::Absent | Workload::Present { applied: None, .. } if self.references.is_some() || self.certificate.is_some() => None,
            // What comes by itself is waited for; only what the user has to change is a rejection.
            Workload::Absent | Workload::Present { applied: None, .. } => {
                self.plan.as_ref().err().filter(|blocked| blocked.permanent).cloned()
            }
        }
    }

    /// What differs from `plan` in the cluster and may be written.
    #[must_use]
    pub(super) fn drift(&self, plan: &Plan) -> Vec<Effect> {
        if self.wanted() != Some(&plan.digest) {
            return Vec::new();
        }
        let workload = match &self.workload {
            Workload::Absent => true,
            Workload::Foreign { .. } => false,
            // Left alone until the plan changes: writing it would restart pods for nothing.
            Workload::Present { .. } if plan.adopted => false,
            Workload::Present { applied, in_place, .. } => !in_place || applied.as_ref() != Some(&plan.digest),
        };
        let workload = workload.then_some(Effect::ApplyWorkload);
        let extras = (!self.extras_in_place).then_some(Effect::ApplyExtras);
        workload.into_iter().chain(extras).collect()
    }

    /// The Deployment is to be made anew for another plan, or for an adopted one that is gone.
    #[must_use]
    pub(super) fn rollout(&self, plan: &Plan) -> Option<&str> {
        let gone = plan.adopted && self.workload == Workload::Absent;
        self.wanted().filter(|wanted| gone || *wanted != plan.digest)
    }

    /// The Deployment of `plan` has been rolled out to its end. What caches still show of the one before does
    /// not count.
    #[must_use]
    pub(super) fn rolled_out(&self, plan: &Plan) -> bool {
        match &self.workload {
            Workload::Present { applied, rolled_out, .. } => *rolled_out && (plan.adopted || applied.as_ref() == Some(&plan.digest)),
            Workload::Absent | Workload::Foreign { .. } => false,
        }
    }
}
