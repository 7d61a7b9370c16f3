//! The events of a Config.

use crate::Failure;
use crate::core::DomainEvent;
use serde::{Deserialize, Serialize};
use strum::{AsRefStr, VariantNames};

/// What happened to a Config.
#[derive(Debug, Clone, PartialEq, Eq, AsRefStr, VariantNames, Serialize, Deserialize)]
#[serde(tag = "type", content = "data", rename_all_fields = "camelCase")]
pub enum Event {
    /// The files were found in the cluster as the spec asks for them; nothing was written.
    Adopted {
        /// Digest of the files.
        digest: String,
    },
    /// The spec was rendered to files that differ from those before.
    Rendered {
        /// Digest of the files.
        digest: String,
    },
    /// The spec cannot be rendered.
    RenderFailed {
        /// `CamelCase` reason.
        reason: String,
        /// Which field, and why.
        message: String,
    },
    /// Writing the files failed for a reason that may pass.
    AttemptFailed(Failure),
    /// What had failed before succeeded.
    Recovered,
}

impl DomainEvent for Event {
    const VERSION: u32 = 1;

    fn is_warning(&self) -> bool {
        matches!(self, Self::RenderFailed { .. } | Self::AttemptFailed { .. })
    }
}
