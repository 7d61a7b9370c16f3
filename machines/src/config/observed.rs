//! What the Config machine looks at.

use crate::Report;
use crate::core::{Blocked, Timestamp};

/// Everything the gates and handlers of a Config look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observed {
    /// Time of the observation, whole seconds.
    pub now: Timestamp,
    /// The first object that the spec names and that is not there, or not ready to be read from.
    pub references: Option<Blocked>,
    /// Digest of the files that the spec asks for, or why they cannot be rendered. Not looked at while
    /// `references` blocks.
    pub rendered: Result<String, Blocked>,
    /// The `ConfigMap`s and the `ServiceAccount` in the cluster equal what was rendered.
    pub in_place: bool,
    /// What came of the last effect.
    pub report: Option<Report>,
}

impl Observed {
    /// What keeps the spec from being rendered: a dangling reference, or the spec itself.
    #[must_use]
    pub fn blocked(&self) -> Option<&Blocked> {
        self.references.as_ref().or(self.rendered.as_ref().err())
    }
}
