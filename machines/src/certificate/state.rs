//! The states of a Certificate.

use super::cleaning::CLEANED_PACE;
use super::machine::{REFUSED_PACE, SIGNING_PACE};
use super::{Event, Issued};
use crate::Retry;
use crate::core::{LONGEST_WAIT, Leaf, Pace, Timestamp};
use serde::{Deserialize, Serialize};

/// Where an interrupted way goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Resume {
    /// With submitting the CSR.
    Submit,
    /// With obtaining the certificate for a CSR that the CA has.
    Obtain,
}

/// A request under way.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Request {
    /// The key in the pending Secret.
    pub key: String,
    /// Our own former key, under which the CA may still hold something.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub superseded: Option<String>,
}

/// State of one Certificate. Public keys stand as the SHA-256 fingerprint of their `SubjectPublicKeyInfo`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "leaf", rename_all_fields = "camelCase")]
pub enum State {
    /// No way to ask the CA yet; the key is made meanwhile.
    WaitingForAuthority {
        /// Our own former key, under which the CA may still hold something.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        superseded: Option<String>,
        /// Failed attempts in a row to store a key.
        #[serde(default, skip_serializing_if = "is_zero")]
        attempt: u32,
        /// When to try that again.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        next_attempt: Option<Timestamp>,
        /// What failed last.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        failure: Option<String>,
    },
    /// The key lies in the pending Secret; its CSR is to be submitted.
    KeyStored {
        /// What is being requested.
        #[serde(flatten)]
        request: Request,
        /// Failed attempts in a row.
        attempt: u32,
    },
    /// The CA has our CSR; it is to be signed, fetched and stored.
    Submitted {
        /// What is being requested.
        #[serde(flatten)]
        request: Request,
        /// Failed attempts in a row.
        attempt: u32,
    },
    /// The CA holds a request or a certificate of this name for another key.
    Conflict {
        /// What is being requested.
        #[serde(flatten)]
        request: Request,
        /// What the CA holds.
        found: String,
        /// Looks and refusals so far.
        attempt: u32,
        /// When the CA is asked again.
        next_attempt: Timestamp,
    },
    /// Somebody else has to sign: the operator has no signing right at this CA.
    WaitingForSigning {
        /// What is being requested.
        #[serde(flatten)]
        request: Request,
        /// Times the CA was asked.
        attempt: u32,
        /// When the CA is asked again.
        next_attempt: Timestamp,
    },
    /// A matching pair lies in the TLS Secret.
    Valid {
        /// The certificate in it.
        certificate: Issued,
    },
    /// The renewal is due and the authority cannot be asked.
    Expiring {
        /// The certificate that runs out.
        certificate: Issued,
    },
    /// The renewal of this certificate was decided; the old pair stays in use.
    Renewing {
        /// The certificate that is being replaced.
        certificate: Issued,
        /// Failed attempts in a row.
        attempt: u32,
        /// When to try again after a failure.
        next_attempt: Option<Timestamp>,
        /// What failed last.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        failure: Option<String>,
    },
    /// The CA does not renew this certificate; the old pair stays in use.
    RenewalRefused {
        /// The certificate in use.
        certificate: Issued,
        /// What the CA said.
        message: String,
        /// When it is asked again anyway.
        next_attempt: Timestamp,
    },
    /// A certificate for a new key is being requested; the old pair stays in use.
    Rekeying {
        /// The certificate that is being replaced.
        certificate: Issued,
        /// `CamelCase` reason.
        reason: String,
        /// Why, in one clause.
        message: String,
        /// The new key, once it is stored.
        key: Option<String>,
        /// The CA has the CSR for the new key.
        submitted: bool,
        /// Failed attempts in a row, or times the CA was asked.
        attempt: u32,
        /// When to try again.
        next_attempt: Option<Timestamp>,
        /// What failed last.
        failure: Option<String>,
        /// What the CA holds in the way of the request.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        conflict: Option<String>,
    },
    /// A call failed for a reason that may pass.
    Retrying {
        /// Where to go on.
        resume: Resume,
        /// What is being requested.
        #[serde(flatten)]
        request: Request,
        /// The failures.
        #[serde(flatten)]
        retry: Retry,
    },
    /// The CA refused the request; only a change helps.
    Stalled {
        /// Where to go on when it is asked again.
        resume: Resume,
        /// What is being requested.
        #[serde(flatten)]
        request: Request,
        /// When to ask again anyway, in case the change was made at the CA.
        next_attempt: Timestamp,
        /// What the CA said.
        message: String,
        /// Generation of the spec that was refused.
        generation: i64,
    },
    /// Being deleted: the certificate is to be revoked and its files cleaned at the CA.
    Cleaning {
        /// The keys that were ours: what the CA holds under this name for another one is somebody else's.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        keys: Vec<String>,
        /// Failed attempts in a row.
        attempt: u32,
        /// When to try again after a failure.
        next_attempt: Option<Timestamp>,
    },
    /// Nothing of it is left at the CA, as far as that can be known.
    Cleaned,
}

impl crate::core::State for State {
    type Event = Event;

    const LEAVES: &'static [Leaf] = super::leaves::LEAVES;

    fn evolve(&self, event: &Event) -> Option<Self> {
        self.fold(event)
    }

    fn path(&self) -> &'static str {
        match self {
            Self::WaitingForAuthority { .. } => "Pending/WaitingForAuthority",
            Self::KeyStored { .. } => "Requested/KeyStored",
            Self::Submitted { .. } => "Requested/Submitted",
            Self::Conflict { .. } => "Requested/Conflict",
            Self::WaitingForSigning { .. } => "WaitingForSigning/WaitingForSigning",
            Self::Valid { .. } => "Signed/Valid",
            Self::Expiring { .. } => "Signed/Expiring",
            Self::Renewing { .. } => "Renewing/Renewing",
            Self::RenewalRefused { .. } => "Renewing/Refused",
            Self::Rekeying { .. } => "Renewing/Rekeying",
            Self::Retrying { .. } => "Error/Retrying",
            Self::Stalled { .. } => "Error/Stalled",
            Self::Cleaning { .. } => "Terminating/Cleaning",
            Self::Cleaned => "Terminating/Cleaned",
        }
    }

    fn attempt(&self) -> Option<u32> {
        match self {
            Self::Conflict { attempt, .. }
            | Self::WaitingForSigning { attempt, .. }
            | Self::KeyStored { attempt, .. }
            | Self::Submitted { attempt, .. }
            | Self::Renewing { attempt, .. }
            | Self::Rekeying { attempt, .. }
            | Self::WaitingForAuthority { attempt, .. }
            | Self::Cleaning { attempt, .. } => Some(*attempt).filter(|count| *count > 0),
            Self::Retrying { retry, .. } => Some(retry.attempt),
            Self::Valid { .. } | Self::Expiring { .. } | Self::RenewalRefused { .. } | Self::Stalled { .. } | Self::Cleaned => None,
        }
    }

    fn wake_at(&self) -> Option<Timestamp> {
        match self {
            Self::Conflict { next_attempt, .. }
            | Self::WaitingForSigning { next_attempt, .. }
            | Self::RenewalRefused { next_attempt, .. }
            | Self::Stalled { next_attempt, .. } => Some(*next_attempt),
            Self::Retrying { retry, .. } => Some(retry.next_attempt),
            Self::WaitingForAuthority { next_attempt, .. }
            | Self::Renewing { next_attempt, .. }
            | Self::Rekeying { next_attempt, .. }
            | Self::Cleaning { next_attempt, .. } => *next_attempt,
            Self::Valid { certificate } => Some(certificate.renew_at),
            // The end of the pair in use is worth a look: from then on it is said to be expired.
            Self::Expiring { certificate } => Some(certificate.not_after),
            Self::KeyStored { .. } | Self::Submitted { .. } | Self::Cleaned => None,
        }
    }

    fn wake_after(&self, last: Option<Timestamp>) -> Option<Timestamp> {
        match self {
            Self::Cleaned => last.map(|last| CLEANED_PACE.next(last, Some(last))),
            _ => self.wake_at().map(|first| self.pace().next(first, last)),
        }
    }

    fn pace(&self) -> Pace {
        match self {
            Self::Conflict { .. } | Self::Rekeying { conflict: Some(_), .. } | Self::Rekeying { failure: Some(_), .. } => Pace::SOMEBODY,
            Self::WaitingForSigning { .. } | Self::Rekeying { .. } => SIGNING_PACE,
            Self::Stalled { .. } => REFUSED_PACE,
            Self::RenewalRefused { .. } => Pace { base: LONGEST_WAIT, longest: LONGEST_WAIT },
            _ => Pace::FAILURE,
        }
    }
}

impl Default for State {
    fn default() -> Self {
        Self::waiting(None)
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands out references")]
fn is_zero(count: &u32) -> bool {
    *count == 0
}

impl State {
    pub(super) fn waiting(superseded: Option<String>) -> Self {
        Self::WaitingForAuthority { superseded, attempt: 0, next_attempt: None, failure: None }
    }

    /// A usable pair lies in the TLS Secret: what others ask a Certificate for.
    #[must_use]
    pub fn issued(&self) -> Option<&Issued> {
        match self {
            Self::Valid { certificate }
            | Self::Expiring { certificate }
            | Self::Renewing { certificate, .. }
            | Self::RenewalRefused { certificate, .. }
            | Self::Rekeying { certificate, .. } => Some(certificate),
            _ => None,
        }
    }

    /// Our keys, the ones under which the CA may hold something.
    pub(super) fn keys(&self) -> Vec<String> {
        let (issued, request) = (self.issued(), self.request());
        let next = match self {
            Self::Rekeying { key, .. } => key.as_ref(),
            Self::WaitingForAuthority { superseded, .. } => superseded.as_ref(),
            _ => request.and_then(|request| request.superseded.as_ref()),
        };
        let known = [issued.map(|certificate| &certificate.key), request.map(|request| &request.key), next];
        known.into_iter().flatten().cloned().collect()
    }

    /// Where the request under way goes on.
    pub(super) fn resume(&self) -> Option<Resume> {
        match self {
            Self::KeyStored { .. } => Some(Resume::Submit),
            Self::Submitted { .. } | Self::WaitingForSigning { .. } => Some(Resume::Obtain),
            Self::Retrying { resume, .. } | Self::Stalled { resume, .. } => Some(*resume),
            _ => None,
        }
    }

    /// The request under way.
    #[must_use]
    pub fn request(&self) -> Option<&Request> {
        match self {
            Self::KeyStored { request, .. }
            | Self::Submitted { request, .. }
            | Self::Conflict { request, .. }
            | Self::WaitingForSigning { request, .. }
            | Self::Retrying { request, .. }
            | Self::Stalled { request, .. } => Some(request),
            _ => None,
        }
    }
}
