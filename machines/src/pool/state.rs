//! The states of a Pool.

use super::Event;
use crate::Retry;
use crate::core::{Leaf, Rest, Timestamp};
use serde::{Deserialize, Serialize};

/// State of one Pool.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(tag = "leaf", rename_all_fields = "camelCase")]
pub enum State {
    /// The Service is not in the cluster yet.
    #[default]
    Provisioning,
    /// The Service is in the cluster and is kept as it should be.
    Synced {
        /// Digest of the Service.
        digest: String,
    },
    /// Writing the Service failed for a reason that may pass.
    Retrying {
        /// The failures.
        #[serde(flatten)]
        retry: Retry,
    },
    /// A Service of the name belongs to somebody else; it is not touched.
    Stalled {
        /// Whose it is.
        message: String,
    },
}

impl crate::core::State for State {
    type Event = Event;

    const LEAVES: &'static [Leaf] = &[
        Leaf {
            path: "Pending/Provisioning",
            meaning: "The Service is being written, or a value in the spec keeps it from being written.",
            remedy: "If it lasts, read the Ready condition: it names the field.",
            rest: Rest::Waiting { deadline: 120 },
        },
        Leaf {
            path: "Ready/Synced",
            meaning: "The Service is in the cluster and is kept as it should be.",
            remedy: "Nothing. If no endpoint is ready, look at the Servers that name this Pool.",
            rest: Rest::Settled,
        },
        Leaf {
            path: "Error/Retrying",
            meaning: "The API server refused the Service; status.machine.nextAttempt says when it is tried again.",
            remedy: "Read the Ready condition: a node port in use, quota, admission and rights are the usual causes.",
            rest: Rest::Waiting { deadline: 600 },
        },
        Leaf {
            path: "Error/Stalled",
            meaning: "A Service of the name belongs to somebody else. It is not touched.",
            remedy: "Delete that Service or give the Pool another name; the Pool goes on by itself.",
            rest: Rest::Stuck,
        },
    ];

    fn evolve(&self, event: &Event) -> Option<Self> {
        use State as S;
        Some(match (self, event) {
            (S::Provisioning, Event::Adopted { digest })
            | (S::Provisioning | S::Retrying { .. }, Event::Synced { digest })
            | (S::Synced { .. }, Event::Changed { digest }) => S::Synced { digest: digest.clone() },
            (S::Provisioning | S::Synced { .. } | S::Retrying { .. }, Event::AttemptFailed(failure)) => {
                S::Retrying { retry: Retry::after(self.attempt(), failure) }
            }
            (_, Event::NameTaken { message }) => S::Stalled { message: message.clone() },
            (S::Stalled { .. }, Event::NameFreed) => S::Provisioning,
            _ => return None,
        })
    }

    fn path(&self) -> &'static str {
        match self {
            Self::Provisioning => "Pending/Provisioning",
            Self::Synced { .. } => "Ready/Synced",
            Self::Retrying { .. } => "Error/Retrying",
            Self::Stalled { .. } => "Error/Stalled",
        }
    }

    fn attempt(&self) -> Option<u32> {
        match self {
            Self::Retrying { retry } => Some(retry.attempt),
            Self::Provisioning | Self::Synced { .. } | Self::Stalled { .. } => None,
        }
    }

    fn wake_at(&self) -> Option<Timestamp> {
        match self {
            Self::Retrying { retry } => Some(retry.next_attempt),
            Self::Provisioning | Self::Synced { .. } | Self::Stalled { .. } => None,
        }
    }
}
