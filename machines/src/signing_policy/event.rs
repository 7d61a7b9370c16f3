//! The events of a `SigningPolicy`.

use crate::core::DomainEvent;
use serde::{Deserialize, Serialize};
use strum::{AsRefStr, VariantNames};

/// What happened to a `SigningPolicy`.
#[derive(Debug, Clone, PartialEq, Eq, AsRefStr, VariantNames, Serialize, Deserialize)]
#[serde(tag = "type", content = "data", rename_all_fields = "camelCase")]
pub enum Event {
    /// The authority's file held the rules already, and a CA server read it.
    Adopted {
        /// Digest of the rules without the values of `csrAttributes`.
        digest: String,
    },
    /// The rules are valid and there is an authority to enforce them.
    Accepted {
        /// Digest of the rules without the values of `csrAttributes`.
        digest: String,
    },
    /// The authority's file holds the rules, and a CA server reads it.
    Rendered {
        /// Digest of the rules without the values of `csrAttributes`.
        digest: String,
    },
    /// The rules, or a value that they take from a Secret, are others than before.
    Changed {
        /// Digest of the rules without the values of `csrAttributes`.
        digest: String,
    },
    /// The authority's file no longer holds the rules.
    Dropped,
    /// There is no CA server any more that reads the authority's file.
    Unread,
    /// A rule cannot be used.
    Rejected {
        /// `CamelCase` reason.
        reason: String,
        /// Which rule, and why.
        message: String,
    },
    /// There is no authority to enforce the rules any more.
    AuthorityLost,
}

impl DomainEvent for Event {
    const VERSION: u32 = 1;

    fn is_warning(&self) -> bool {
        matches!(self, Self::AuthorityLost)
    }
}
