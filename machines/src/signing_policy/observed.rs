//! What the `SigningPolicy` machine looks at.

use crate::core::{Blocked, Gate, Timestamp, first_block};
use crate::reason;
use std::convert::Infallible;

/// Everything the gates and handlers of a `SigningPolicy` look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observed {
    /// Time of the observation, whole seconds.
    pub now: Timestamp,
    /// Generation of the spec.
    pub generation: i64,
    /// The first rule that does not parse, or whose Secret or key is missing. The message names the rule.
    pub invalid: Option<Blocked>,
    /// The authority that the policy names does not exist.
    pub authority_missing: Option<Blocked>,
    /// The authority is outside the cluster, so nothing of ours decides there what is signed.
    pub external: bool,
    /// Digest of what this policy contributes to the authority's file. Not looked at while `invalid` blocks.
    pub digest: String,
    /// Digest of what stands for this policy in the authority's file; `None` while nothing does.
    pub rendered: Option<String>,
    /// Nothing is ever reported, because nothing is ever done.
    pub report: Option<Infallible>,
}

/// The gates before a policy can take effect, apart from its own rules.
const GATES: &[Gate<Observed>] = &[
    |seen| seen.authority_missing.clone(),
    // Saying Active here would promise a check that nobody makes.
    |seen| {
        seen.external.then(|| {
            Blocked::invalid(reason::EXTERNAL_CA, "the authority is outside the cluster and enforces no SigningPolicy")
                .remedy("set up autosigning at that CA, or sign there by hand")
        })
    },
];

impl Observed {
    /// Why no authority enforces the policy, whatever its rules are.
    #[must_use]
    pub fn authority_blocked(&self) -> Option<Blocked> {
        first_block(GATES, self)
    }
}
