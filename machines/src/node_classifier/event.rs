//! The events of a `NodeClassifier`.

use crate::Failure;
use crate::core::DomainEvent;
use serde::{Deserialize, Serialize};
use strum::{AsRefStr, VariantNames};

/// What happened to a `NodeClassifier`.
#[derive(Debug, Clone, PartialEq, Eq, AsRefStr, VariantNames, Serialize, Deserialize)]
#[serde(tag = "type", content = "data", rename_all_fields = "camelCase")]
pub enum Event {
    /// A Config refers to it, and the settings are complete: the spec is valid, and its Secrets exist.
    Rendered {
        /// Digest of the spec, without values of Secrets.
        digest: String,
    },
    /// A Secret or a key that the spec names does not exist.
    SecretMissing {
        /// Which one, and which field names it.
        message: String,
    },
    /// No Config refers to it.
    Released,
    /// A value in the spec cannot be used.
    Rejected {
        /// `CamelCase` reason.
        reason: String,
        /// Which field, and why.
        message: String,
    },
    /// A Secret could not be read for a reason that may pass.
    AttemptFailed(Failure),
}

impl DomainEvent for Event {
    const VERSION: u32 = 1;

    fn is_warning(&self) -> bool {
        matches!(self, Self::SecretMissing { .. } | Self::Rejected { .. } | Self::AttemptFailed(_))
    }
}
