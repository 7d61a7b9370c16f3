//! The states of a Config.

use super::Event;
use crate::Retry;
use crate::core::{Leaf, Rest, Timestamp};
use serde::{Deserialize, Serialize};

/// State of one Config.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(tag = "leaf", rename_all_fields = "camelCase")]
pub enum State {
    /// An object that the spec names is missing, and nothing was rendered yet.
    #[default]
    WaitingForReferences,
    /// The files are decided; they are kept as they should be.
    Rendered {
        /// Digest of the files.
        digest: String,
    },
    /// The spec cannot be rendered; files that were written before stay.
    RenderFailed {
        /// Digest of the files that stay, if any were written.
        digest: Option<String>,
        /// Which field, and why.
        message: String,
    },
    /// Writing the files failed for a reason that may pass.
    Retrying {
        /// Digest of the files that are to be written.
        digest: String,
        /// The failures.
        #[serde(flatten)]
        retry: Retry,
    },
}

impl crate::core::State for State {
    type Event = Event;

    const LEAVES: &'static [Leaf] = &[
        Leaf {
            path: "Pending/WaitingForReferences",
            meaning: "An object that the spec names is missing; nothing was rendered yet.",
            remedy: "Read the Ready condition: it names the object. Create it or change the reference.",
            rest: Rest::Waiting { deadline: 600 },
        },
        Leaf {
            path: "Running/Rendered",
            meaning: "The files that Puppet servers read are in the cluster and are kept as they should be.",
            remedy: "Nothing. If Ready is False, the files of the last good spec stay until the cause it names is gone.",
            rest: Rest::Settled,
        },
        Leaf {
            path: "Error/RenderFailed",
            meaning: "The spec cannot be rendered. Files that were written before stay.",
            remedy: "Change the field that the Ready condition names.",
            rest: Rest::Stuck,
        },
        Leaf {
            path: "Error/Retrying",
            meaning: "The API server refused an object; status.machine.nextAttempt says when it is tried again.",
            remedy: "Read the Ready condition: quota, admission and rights are the usual causes.",
            rest: Rest::Waiting { deadline: 600 },
        },
    ];

    fn evolve(&self, event: &Event) -> Option<Self> {
        use State as S;
        Some(match (self, event) {
            (S::WaitingForReferences, Event::Adopted { digest })
            | (_, Event::Rendered { digest })
            | (S::Retrying { digest, .. }, Event::Recovered) => S::Rendered { digest: digest.clone() },
            (S::WaitingForReferences | S::Retrying { .. }, Event::RenderFailed { message, .. }) => {
                S::RenderFailed { digest: None, message: message.clone() }
            }
            (S::Rendered { digest }, Event::RenderFailed { message, .. }) => {
                S::RenderFailed { digest: Some(digest.clone()), message: message.clone() }
            }
            (S::RenderFailed { digest, .. }, Event::RenderFailed { message, .. }) => {
                S::RenderFailed { digest: digest.clone(), message: message.clone() }
            }
            (S::Rendered { digest } | S::Retrying { digest, .. }, Event::AttemptFailed(failure)) => {
                S::Retrying { digest: digest.clone(), retry: Retry::after(self.attempt(), failure) }
            }
            _ => return None,
        })
    }

    fn path(&self) -> &'static str {
        match self {
            Self::WaitingForReferences => "Pending/WaitingForReferences",
            Self::Rendered { .. } => "Running/Rendered",
            Self::RenderFailed { .. } => "Error/RenderFailed",
            Self::Retrying { .. } => "Error/Retrying",
        }
    }

    fn attempt(&self) -> Option<u32> {
        match self {
            Self::Retrying { retry, .. } => Some(retry.attempt),
            Self::WaitingForReferences | Self::Rendered { .. } | Self::RenderFailed { .. } => None,
        }
    }

    fn wake_at(&self) -> Option<Timestamp> {
        match self {
            Self::Retrying { retry, .. } => Some(retry.next_attempt),
            Self::WaitingForReferences | Self::Rendered { .. } | Self::RenderFailed { .. } => None,
        }
    }
}

impl State {
    /// Digest of the last good files: what a Server asks a Config for.
    #[must_use]
    pub fn rendered(&self) -> Option<&str> {
        match self {
            Self::Rendered { digest } => Some(digest),
            Self::RenderFailed { digest, .. } => digest.as_deref(),
            Self::WaitingForReferences | Self::Retrying { .. } => None,
        }
    }
}
