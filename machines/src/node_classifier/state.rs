//! The states of a `NodeClassifier`.

use super::Event;
use crate::Retry;
use crate::core::{Leaf, Rest, Timestamp};
use serde::{Deserialize, Serialize};

/// State of one `NodeClassifier`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(tag = "leaf", rename_all_fields = "camelCase")]
pub enum State {
    /// No Config refers to it.
    #[default]
    WaitingForConfig,
    /// A Secret or a key is missing, and the settings were never complete.
    WaitingForSecret,
    /// The settings are complete.
    Rendered {
        /// Digest of the spec.
        digest: String,
    },
    /// A Secret or a key is missing since; the last complete settings stay in use.
    Failing {
        /// Digest of the last complete settings.
        digest: String,
    },
    /// A value in the spec cannot be used.
    Invalid {
        /// Digest of the last complete settings, which stay in use.
        digest: Option<String>,
        /// Which field, and why.
        message: String,
    },
    /// A Secret could not be read for a reason that may pass.
    Retrying {
        /// Digest of the last complete settings, which stay in use.
        digest: Option<String>,
        /// The failures.
        #[serde(flatten)]
        retry: Retry,
    },
}

impl crate::core::State for State {
    type Event = Event;

    const LEAVES: &'static [Leaf] = &[
        Leaf {
            path: "Pending/WaitingForConfig",
            meaning: "No Config refers to the classifier, so no Server asks it.",
            remedy: "Name it in the nodeClassifierRef of a Config, or delete it.",
            rest: Rest::Settled,
        },
        Leaf {
            path: "Pending/WaitingForSecret",
            meaning: "A Secret that the spec names, or a key of it, does not exist.",
            remedy: "Create the Secret that the Ready condition names; the classifier goes on by itself.",
            rest: Rest::Waiting { deadline: 600 },
        },
        Leaf {
            path: "Active/Rendered",
            meaning: "A Config refers to the classifier, the spec is valid, and its Secrets exist.",
            remedy: "Nothing.",
            rest: Rest::Settled,
        },
        Leaf {
            path: "Active/Failing",
            meaning: "A Secret that the spec names, or a key of it, no longer exists. The last complete settings stay in use.",
            remedy: "Create the Secret that the Ready condition names; the classifier goes on by itself.",
            rest: Rest::Waiting { deadline: 600 },
        },
        Leaf {
            path: "Error/Invalid",
            meaning: "A value in the spec cannot be used. Settings that were complete before stay in use.",
            remedy: "Change the field that the Ready condition names.",
            rest: Rest::Stuck,
        },
        Leaf {
            path: "Error/Retrying",
            meaning: "The API server did not return a Secret; status.machine.nextAttempt says when it is tried again.",
            remedy: "Read the Ready condition: the rights of the operator are the usual cause.",
            rest: Rest::Waiting { deadline: 600 },
        },
    ];

    fn evolve(&self, event: &Event) -> Option<Self> {
        Some(match (self, event) {
            (_, Event::Rendered { digest }) => Self::Rendered { digest: digest.clone() },
            (_, Event::SecretMissing { .. }) => match self.rendered() {
                Some(digest) => Self::Failing { digest: digest.to_owned() },
                None => Self::WaitingForSecret,
            },
            (Self::WaitingForConfig, Event::Released) => return None,
            (_, Event::Released) => Self::WaitingForConfig,
            (_, Event::Rejected { message, .. }) => Self::Invalid { digest: self.rendered().map(str::to_owned), message: message.clone() },
            (_, Event::AttemptFailed(failure)) => {
                Self::Retrying { digest: self.rendered().map(str::to_owned), retry: Retry::after(self.attempt(), failure) }
            }
        })
    }

    fn path(&self) -> &'static str {
        match self {
            Self::WaitingForConfig => "Pending/WaitingForConfig",
            Self::WaitingForSecret => "Pending/WaitingForSecret",
            Self::Rendered { .. } => "Active/Rendered",
            Self::Failing { .. } => "Active/Failing",
            Self::Invalid { .. } => "Error/Invalid",
            Self::Retrying { .. } => "Error/Retrying",
        }
    }

    fn attempt(&self) -> Option<u32> {
        match self {
            Self::Retrying { retry, .. } => Some(retry.attempt),
            Self::WaitingForConfig | Self::WaitingForSecret | Self::Rendered { .. } | Self::Failing { .. } | Self::Invalid { .. } => None,
        }
    }

    fn wake_at(&self) -> Option<Timestamp> {
        match self {
            Self::Retrying { retry, .. } => Some(retry.next_attempt),
            Self::WaitingForConfig | Self::WaitingForSecret | Self::Rendered { .. } | Self::Failing { .. } | Self::Invalid { .. } => None,
        }
    }
}

impl State {
    /// Digest of the last complete settings.
    #[must_use]
    pub fn rendered(&self) -> Option<&str> {
        match self {
            Self::Rendered { digest } | Self::Failing { digest } => Some(digest),
            Self::Invalid { digest, .. } | Self::Retrying { digest, .. } => digest.as_deref(),
            Self::WaitingForConfig | Self::WaitingForSecret => None,
        }
    }
}
