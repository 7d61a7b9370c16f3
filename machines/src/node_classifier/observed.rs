//! What the `NodeClassifier` machine looks at.

use crate::core::{Blocked, Timestamp};
use std::convert::Infallible;

/// What can be made of the spec and the Secrets that it names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Settings {
    /// The settings that Servers need.
    Complete {
        /// Digest of the spec, without values of Secrets.
        digest: String,
    },
    /// Nothing yet: a Secret or a key does not exist.
    SecretMissing(Blocked),
    /// Nothing: a value cannot be used.
    Invalid(Blocked),
    /// That is not known: a Secret could not be read for a reason that may pass.
    Unreadable {
        /// What failed.
        message: String,
    },
}

/// Everything the handlers of a `NodeClassifier` look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observed {
    /// Time of the observation, whole seconds.
    pub now: Timestamp,
    /// A Config of the namespace refers to it.
    pub referred: bool,
    /// What can be made of the spec and its Secrets.
    pub settings: Settings,
    /// Nothing is ever reported, because nothing is ever done.
    pub report: Option<Infallible>,
}
