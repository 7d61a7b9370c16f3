//! What the Pool machine looks at.

use crate::Report;
use crate::core::{Blocked, Gate, Timestamp, first_block};

/// Everything the gates and handlers of a Pool look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observed {
    /// Time of the observation, whole seconds.
    pub now: Timestamp,
    /// The first value in the spec that cannot be used.
    pub invalid: Option<Blocked>,
    /// A Service of the name that the Pool needs belongs to somebody else.
    pub foreign: Option<Blocked>,
    /// The Service of a deleted Pool of the same name is still there.
    pub predecessor: Option<Blocked>,
    /// The Service in the cluster equals the plan.
    pub in_place: bool,
    /// Digest of the Service that the spec asks for. Not looked at while `invalid` blocks.
    pub digest: String,
    /// Ready endpoints behind the Service. Only shown: pods come and go without a change of state.
    pub endpoints: u32,
    /// What came of the last effect.
    pub report: Option<Report>,
}

/// The gates before the Service is written.
const GATES: &[Gate<Observed>] = &[
    // What the spec asks for comes before what the cluster holds: the remedy may be one change of the spec.
    |seen| seen.invalid.clone(),
    |seen| seen.foreign.clone(),
    // Goes by itself.
    |seen| seen.predecessor.clone(),
];

impl Observed {
    /// The gate that keeps the Service from being written.
    #[must_use]
    pub fn blocked(&self) -> Option<Blocked> {
        first_block(GATES, self)
    }
}
