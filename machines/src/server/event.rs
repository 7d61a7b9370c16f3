//! The events of a Server.

use crate::Failure;
use crate::core::{DomainEvent, Timestamp};
use serde::{Deserialize, Serialize};
use strum::{AsRefStr, VariantNames};

/// What happened to a Server.
#[derive(Debug, Clone, PartialEq, Eq, AsRefStr, VariantNames, Serialize, Deserialize)]
#[serde(tag = "type", content = "data", rename_all_fields = "camelCase")]
pub enum Event {
    /// A Deployment was found; nothing was restarted for it.
    Adopted {
        /// Digest of its inputs.
        digest: String,
        /// This operator made it; otherwise it is left alone until the digest changes.
        ours: bool,
        /// When a pod has to be ready.
        due: Timestamp,
    },
    /// Everything but the certificate is there.
    CertificateAwaited,
    /// An object that the spec names went away before anything was deployed.
    ReferenceLost,
    /// Everything is there; the Deployment is decided.
    DeploymentPlanned {
        /// Digest of its inputs.
        digest: String,
        /// When a pod has to be ready.
        due: Timestamp,
    },
    /// The Deployment cannot be made from the spec.
    PlanRejected {
        /// `CamelCase` reason.
        reason: String,
        /// Which field, and why.
        message: String,
    },
    /// A Deployment of the name belongs to somebody else.
    NameTaken {
        /// Whose it is.
        message: String,
    },
    /// What kept the Deployment from being made is gone.
    StallResolved,
    /// The inputs of the Deployment changed, or an adopted one is gone; the new one is decided.
    RolloutStarted {
        /// Digest of the new inputs.
        digest: String,
        /// When a pod has to be ready, if none is.
        due: Timestamp,
    },
    /// Pods are ready where none was.
    PodsReady {
        /// How many.
        ready: u32,
    },
    /// All pods are of the newest template, and ready.
    RolledOut,
    /// A rollout goes on that was not decided here: drift was repaired, or somebody restarted the pods.
    RolloutObserved,
    /// Fewer pods are ready than wanted, outside a rollout.
    PodsDegraded {
        /// Pods ready.
        ready: u32,
        /// Pods wanted.
        desired: u32,
    },
    /// As many pods as wanted are ready again.
    PodsRecovered,
    /// No pod is ready any more.
    PodsLost {
        /// When one has to be.
        due: Timestamp,
    },
    /// No pod is wanted, and none is ready.
    ScaledToZero,
    /// Pods are wanted again.
    ScaledUp {
        /// When one has to be ready.
        due: Timestamp,
    },
    /// No pod became ready in time.
    DeadlineMissed {
        /// What is known of the cause.
        message: String,
    },
    /// A pod of the newest template does not start, or a container of it ends badly again and again.
    PodsFailed {
        /// `CamelCase` reason.
        reason: String,
        /// What is the case, with the last words of the container.
        message: String,
    },
    /// What kept the pods from starting is gone, and none is ready yet.
    PodsStarting {
        /// When one has to be.
        due: Timestamp,
    },
    /// Writing an object failed for a reason that may pass.
    AttemptFailed(Failure),
    /// The object is being deleted.
    DeletionStarted,
    /// What had failed before succeeded, and no pod is ready yet.
    Recovered {
        /// When one has to be.
        due: Timestamp,
    },
}

impl DomainEvent for Event {
    const VERSION: u32 = 1;

    fn is_warning(&self) -> bool {
        matches!(self, Self::ReferenceLost | Self::PodsLost { .. } | Self::PodsFailed { .. } | Self::AttemptFailed { .. })
    }
}
