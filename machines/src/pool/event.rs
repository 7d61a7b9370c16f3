//! The events of a Pool.

use crate::Failure;
use crate::core::DomainEvent;
use serde::{Deserialize, Serialize};
use strum::{AsRefStr, VariantNames};

/// What happened to a Pool.
#[derive(Debug, Clone, PartialEq, Eq, AsRefStr, VariantNames, Serialize, Deserialize)]
#[serde(tag = "type", content = "data", rename_all_fields = "camelCase")]
pub enum Event {
    /// The Service was found as the spec asks for it; nothing was written.
    Adopted {
        /// Digest of the Service.
        digest: String,
    },
    /// The Service was written, for the first time or after failures.
    Synced {
        /// Digest of the Service.
        digest: String,
    },
    /// The spec asks for another Service than before.
    Changed {
        /// Digest of the Service.
        digest: String,
    },
    /// Writing the Service failed for a reason that may pass.
    AttemptFailed(Failure),
    /// A Service of the name belongs to somebody else.
    NameTaken {
        /// Whose it is.
        message: String,
    },
    /// The name is free again, or the Service is ours.
    NameFreed,
}

impl DomainEvent for Event {
    const VERSION: u32 = 1;

    fn is_warning(&self) -> bool {
        matches!(self, Self::AttemptFailed { .. })
    }
}
