//! The states of a Server.

use super::Event;
use crate::Retry;
use crate::core::{Leaf, Rest, Timestamp};
use serde::{Deserialize, Serialize};

/// What the Deployment should be.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Plan {
    /// Digest of everything it is made of.
    pub digest: String,
    /// Another operator made the Deployment that stands for it; it is left alone until the digest changes.
    pub adopted: bool,
}

/// State of one Server.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(tag = "leaf", rename_all_fields = "camelCase")]
pub enum State {
    /// An object that the spec names is not there or not ready.
    #[default]
    ResolvingReferences,
    /// Everything is there but the certificate.
    WaitingForCert,
    /// The Deployment is decided and no pod is ready.
    Deploying {
        /// What the Deployment should be.
        plan: Plan,
        /// When a pod has to be ready.
        due: Timestamp,
    },
    /// No pod is wanted, and none is ready.
    ScaledToZero {
        /// What the Deployment should be.
        plan: Plan,
    },
    /// At least one pod is ready, and a rollout goes on.
    Progressing {
        /// What the Deployment should be.
        plan: Plan,
    },
    /// All pods are ready and of the newest template.
    Available {
        /// What the Deployment should be.
        plan: Plan,
    },
    /// At least one pod is ready, fewer than wanted, and no rollout goes on.
    Degraded {
        /// What the Deployment should be.
        plan: Plan,
    },
    /// Writing an object failed for a reason that may pass.
    Retrying {
        /// What the Deployment should be.
        plan: Plan,
        /// The failures.
        #[serde(flatten)]
        retry: Retry,
    },
    /// No pod became ready in time.
    Unavailable {
        /// What the Deployment should be.
        plan: Plan,
    },
    /// No pod is ready, and a container of the newest ends badly again and again.
    Crashing {
        /// What the Deployment should be.
        plan: Plan,
    },
    /// No pod is ready, and the newest do not start.
    NotStarting {
        /// What the Deployment should be.
        plan: Plan,
    },
    /// Nothing can be deployed until the user does something.
    Stalled {
        /// What is wrong.
        message: String,
    },
    /// Being deleted.
    Terminating,
}

impl crate::core::State for State {
    type Event = Event;

    const LEAVES: &'static [Leaf] = &[
        Leaf {
            path: "Pending/ResolvingReferences",
            meaning: "An object that the spec names is missing or not ready.",
            remedy: "Read the Ready condition: it names the object. Create it or change the reference.",
            rest: Rest::Waiting { deadline: 600 },
        },
        Leaf {
            path: "Pending/Deploying",
            meaning: "The Deployment is decided and no pod is ready yet.",
            remedy: "Nothing: a pod that does not start becomes Error/Crashing or Error/NotStarting, and ten minutes without a ready pod Error/Unavailable, with the cause.",
            rest: Rest::Waiting { deadline: 660 },
        },
        Leaf {
            path: "Pending/ScaledToZero",
            meaning: "The replica count is 0: no pod is wanted, and none runs.",
            remedy: "Raise spec.replicas when the Server is to run.",
            rest: Rest::Settled,
        },
        Leaf {
            path: "WaitingForCert/WaitingForCert",
            meaning: "Everything is there but the certificate.",
            remedy: "Look at the Certificate that the Ready condition names.",
            rest: Rest::Waiting { deadline: 900 },
        },
        Leaf {
            path: "Running/Progressing",
            meaning: "At least one pod is ready, and a rollout goes on.",
            remedy: "If it lasts, look at the newest pods: they do not become ready.",
            rest: Rest::Waiting { deadline: 1800 },
        },
        Leaf {
            path: "Running/Available",
            meaning: "All pods are ready and up to date.",
            remedy: "Nothing. If the Ready condition names another object, the next rollout waits for that.",
            rest: Rest::Settled,
        },
        Leaf {
            path: "Running/Degraded",
            meaning: "At least one pod is ready, and another is missing without a rollout, does not start, or ends badly again and again.",
            remedy: "Read the Ready condition. Look at the pods that are not ready: their node, their memory, their log.",
            rest: Rest::Waiting { deadline: 900 },
        },
        Leaf {
            path: "Error/Retrying",
            meaning: "The API server refused an object; status.machine.nextAttempt says when it is tried again. Pods that run go on running.",
            remedy: "Read the Ready condition: quota, admission and rights are the usual causes.",
            rest: Rest::Waiting { deadline: 600 },
        },
        Leaf {
            path: "Error/Crashing",
            meaning: "No pod is ready, and a container of the newest pods ends badly again and again. The kubelet goes on restarting it.",
            remedy: "Read the Ready condition: it names the container, its exit code, its last words, and the command that shows more (kubectl logs POD --container CONTAINER --previous).",
            rest: Rest::Stuck,
        },
        Leaf {
            path: "Error/NotStarting",
            meaning: "No pod is ready, and the newest do not start: no node takes them, or image, volumes or network are not to be had.",
            remedy: "Read the Ready condition: it says what is missing, and the command that shows more (kubectl describe pod POD).",
            rest: Rest::Stuck,
        },
        Leaf {
            path: "Error/Unavailable",
            meaning: "No pod became ready within ten minutes.",
            remedy: "Read the Ready condition, and the log of the pods: kubectl logs deployment/NAME. The Server goes on by itself once a pod is ready.",
            rest: Rest::Stuck,
        },
        Leaf {
            path: "Error/Stalled",
            meaning: "The Deployment cannot be made from the spec, or one of its name belongs to somebody else. Nothing is touched.",
            remedy: "Change the field or free the name, as the Ready condition says; the Server goes on by itself.",
            rest: Rest::Stuck,
        },
        Leaf {
            path: "Terminating/Terminating",
            meaning: "The Server is being deleted; its Deployment and what belongs to it go with it.",
            remedy: "Nothing: garbage collection ends it.",
            rest: Rest::Final,
        },
    ];

    fn evolve(&self, event: &Event) -> Option<Self> {
        use State as S;
        let fresh = |digest: &String| Plan { digest: digest.clone(), adopted: false };
        Some(match (self, event) {
            (S::Terminating, _) => return None,
            (_, Event::DeletionStarted) => S::Terminating,
            (S::ResolvingReferences, Event::CertificateAwaited) => S::WaitingForCert,
            (S::WaitingForCert, Event::ReferenceLost) | (S::Stalled { .. }, Event::StallResolved) => S::ResolvingReferences,
            (S::ResolvingReferences | S::WaitingForCert, Event::Adopted { digest, ours, due }) => {
                S::Deploying { plan: Plan { digest: digest.clone(), adopted: !ours }, due: *due }
            }
            (S::ResolvingReferences | S::WaitingForCert, Event::DeploymentPlanned { digest, due })
            | (
                S::Deploying { .. }
                | S::ScaledToZero { .. }
                | S::Unavailable { .. }
                | S::Crashing { .. }
                | S::NotStarting { .. }
                | S::Retrying { .. },
                Event::RolloutStarted { digest, due },
            ) => S::Deploying { plan: fresh(digest), due: *due },
            (S::Progressing { .. } | S::Available { .. } | S::Degraded { .. }, Event::RolloutStarted { digest, .. }) => {
                S::Progressing { plan: fresh(digest) }
            }
            (S::ResolvingReferences | S::WaitingForCert | S::Stalled { .. }, Event::PlanRejected { message, .. })
            | (_, Event::NameTaken { message }) => S::Stalled { message: message.clone() },
            (
                S::Deploying { plan, .. }
                | S::ScaledToZero { plan }
                | S::Unavailable { plan }
                | S::Crashing { plan }
                | S::NotStarting { plan }
                | S::Retrying { plan, .. },
                Event::PodsReady { .. },
            )
            | (S::Available { plan } | S::Degraded { plan }, Event::RolloutObserved) => S::Progressing { plan: plan.clone() },
            (S::Progressing { plan }, Event::RolledOut) | (S::Degraded { plan }, Event::PodsRecovered) => {
                S::Available { plan: plan.clone() }
            }
            (S::Progressing { plan } | S::Available { plan }, Event::PodsDegraded { .. } | Event::PodsFailed { .. }) => {
                S::Degraded { plan: plan.clone() }
            }
            (
                S::Deploying { plan, .. } | S::Unavailable { plan } | S::Crashing { plan } | S::NotStarting { plan },
                Event::PodsFailed { reason, .. },
            ) => {
                if reason == crate::reason::CONTAINER_CRASHING {
                    S::Crashing { plan: plan.clone() }
                } else {
                    S::NotStarting { plan: plan.clone() }
                }
            }
            (S::Progressing { plan } | S::Available { plan } | S::Degraded { plan }, Event::PodsLost { due })
            | (S::ScaledToZero { plan }, Event::ScaledUp { due })
            | (S::Crashing { plan } | S::NotStarting { plan }, Event::PodsStarting { due })
            | (S::Retrying { plan, .. }, Event::Recovered { due }) => S::Deploying { plan: plan.clone(), due: *due },
            (
                S::Deploying { plan, .. }
                | S::Progressing { plan }
                | S::Available { plan }
                | S::Degraded { plan }
                | S::Unavailable { plan }
                | S::Crashing { plan }
                | S::NotStarting { plan },
                Event::ScaledToZero,
            ) => S::ScaledToZero { plan: plan.clone() },
            (S::Deploying { plan, .. }, Event::DeadlineMissed { .. }) => S::Unavailable { plan: plan.clone() },
            (_, Event::AttemptFailed(failure)) => S::Retrying { plan: self.plan()?.clone(), retry: Retry::after(self.attempt(), failure) },
            _ => return None,
        })
    }

    fn path(&self) -> &'static str {
        match self {
            Self::ResolvingReferences => "Pending/ResolvingReferences",
            Self::Deploying { .. } => "Pending/Deploying",
            Self::ScaledToZero { .. } => "Pending/ScaledToZero",
            Self::WaitingForCert => "WaitingForCert/WaitingForCert",
            Self::Progressing { .. } => "Running/Progressing",
            Self::Available { .. } => "Running/Available",
            Self::Degraded { .. } => "Running/Degraded",
            Self::Retrying { .. } => "Error/Retrying",
            Self::Unavailable { .. } => "Error/Unavailable",
            Self::Crashing { .. } => "Error/Crashing",
            Self::NotStarting { .. } => "Error/NotStarting",
            Self::Stalled { .. } => "Error/Stalled",
            Self::Terminating => "Terminating/Terminating",
        }
    }

    fn attempt(&self) -> Option<u32> {
        if let Self::Retrying { retry, .. } = self { Some(retry.attempt) } else { None }
    }

    fn wake_at(&self) -> Option<Timestamp> {
        match self {
            Self::Deploying { due, .. } => Some(*due),
            Self::Retrying { retry, .. } => Some(retry.next_attempt),
            _ => None,
        }
    }
}

impl State {
    /// What the Deployment should be, once it was decided.
    #[must_use]
    pub fn plan(&self) -> Option<&Plan> {
        match self {
            Self::Deploying { plan, .. }
            | Self::ScaledToZero { plan }
            | Self::Progressing { plan }
            | Self::Available { plan }
            | Self::Degraded { plan }
            | Self::Retrying { plan, .. }
            | Self::Unavailable { plan }
            | Self::Crashing { plan }
            | Self::NotStarting { plan } => Some(plan),
            Self::ResolvingReferences | Self::WaitingForCert | Self::Stalled { .. } | Self::Terminating => None,
        }
    }

    /// At least one pod was ready when the state was entered and none was missed since.
    #[must_use]
    pub fn serving(&self) -> bool {
        matches!(self, Self::Progressing { .. } | Self::Available { .. } | Self::Degraded { .. })
    }
}
