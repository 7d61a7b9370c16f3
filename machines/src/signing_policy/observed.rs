//! What the `SigningPolicy` machine looks at.

use crate::core::{Blocked, Gate, first_block};
use crate::reason;
use std::convert::Infallible;

/// Who reads the authority's file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CaServer {
    /// Nobody: no Server with `ca: true` works for the authority.
    Absent,
    /// There is such a Server, and none of its pods is ready.
    Starting,
    /// A pod is ready.
    Ready,
}

/// What the authority's file holds of a policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InFile {
    /// Nothing.
    Absent,
    /// A policy of this name with other rules, or with other values from Secrets.
    Other,
    /// Exactly the rules, values from Secrets included.
    Exactly,
}

/// Everything the gates and handlers of a `SigningPolicy` look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observed {
    /// The first rule that does not parse, or whose Secret or key is missing. The message names the rule.
    pub invalid: Option<Blocked>,
    /// The authority that the policy names does not exist.
    pub authority_missing: Option<Blocked>,
    /// The authority is outside the cluster, so nothing of ours decides there what is signed.
    pub external: bool,
    /// Digest of the rules without the values of `csrAttributes`: it stands in the status, where people read it who may
    /// not read Secrets. That a value has changed shows in `in_file`. Not looked at while `invalid` blocks.
    pub digest: String,
    /// What the authority's file holds of this policy.
    pub in_file: InFile,
    /// Who reads the file.
    pub server: CaServer,
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

    /// Why nobody signs by rules that stand in the file; `None` if somebody does.
    #[must_use]
    pub fn unread(&self) -> Option<Blocked> {
        match self.server {
            CaServer::Absent => Some(
                Blocked::waiting(
                    reason::WAITING_FOR_SERVER,
                    "the rules are written, and no Server with ca: true works for the CertificateAuthority, so nobody signs by them",
                )
                .remedy("create one whose certificateRef names a Certificate of the CertificateAuthority"),
            ),
            CaServer::Starting => Some(
                Blocked::waiting(
                    reason::AUTHORITY_NOT_ANSWERING,
                    "the rules are written, and no pod of the CA server is ready, so nobody signs by them yet",
                )
                .remedy("if it lasts, look at the Server with ca: true"),
            ),
            CaServer::Ready => None,
        }
    }
}
