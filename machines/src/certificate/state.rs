//! The states of a Certificate.

use super::{Event, Issued};
use crate::core::{Leaf, MAX_ATTEMPT, Rest, Timestamp};
use serde::{Deserialize, Serialize};

/// Where an interrupted way goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Resume {
    /// With submitting the CSR.
    Submit,
    /// With obtaining the certificate for a CSR that the CA has.
    Obtain,
}

/// State of one Certificate. Public keys stand as the SHA-256 fingerprint of their `SubjectPublicKeyInfo`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(tag = "leaf", rename_all_fields = "camelCase")]
pub enum State {
    /// No way to ask the CA yet; the key is made meanwhile.
    #[default]
    WaitingForAuthority,
    /// The key lies in the pending Secret; its CSR is to be submitted.
    KeyStored {
        /// The stored key.
        key: String,
        /// Failed attempts in a row.
        attempt: u32,
    },
    /// The CA has our CSR; it is to be signed, fetched and stored.
    Submitted {
        /// The stored key.
        key: String,
        /// Failed attempts in a row.
        attempt: u32,
    },
    /// The CA holds a request or a certificate of this name for another key.
    Conflict {
        /// The stored key.
        key: String,
        /// What the CA holds.
        found: String,
        /// Looks and refusals so far.
        attempt: u32,
        /// When the CA is asked again.
        next_attempt: Timestamp,
    },
    /// Somebody else has to sign: the operator has no signing right at this CA.
    WaitingForSigning {
        /// The stored key.
        key: String,
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
    },
    /// A call failed for a reason that may pass.
    Retrying {
        /// Where to go on.
        resume: Resume,
        /// The stored key.
        key: String,
        /// Failed attempts in a row.
        attempt: u32,
        /// When to try again.
        next_attempt: Timestamp,
        /// `CamelCase` reason of the failure.
        reason: String,
        /// What failed, in one sentence.
        message: String,
    },
    /// The CA refused the request; only a change helps.
    Stalled {
        /// Where to go on when it is asked again.
        resume: Resume,
        /// The stored key.
        key: String,
        /// When to ask again anyway, in case the change was made at the CA.
        next_attempt: Timestamp,
        /// What the CA said.
        message: String,
        /// Generation of the spec that was refused.
        generation: i64,
    },
    /// Being deleted: the certificate is to be revoked and its files cleaned at the CA.
    Cleaning {
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

    const LEAVES: &'static [Leaf] = &[
        Leaf {
            path: "Pending/WaitingForAuthority",
            meaning: "A reference, a value or the authority is not ready; the private key is made meanwhile.",
            remedy: "Read the Ready condition: it names the object or the field that blocks.",
            rest: Rest::Waiting { deadline: 600 },
        },
        Leaf {
            path: "Requested/KeyStored",
            meaning: "The private key is stored in the pending Secret; the CSR is being submitted.",
            remedy: "Nothing: a failure leads to Error/Retrying with its reason.",
            rest: Rest::Waiting { deadline: 120 },
        },
        Leaf {
            path: "Requested/Submitted",
            meaning: "The CA has the CSR; it is compared with the stored key, signed, fetched and stored.",
            remedy: "Nothing: a failure leads to Error/Retrying with its reason.",
            rest: Rest::Waiting { deadline: 120 },
        },
        Leaf {
            path: "Requested/Conflict",
            meaning: "The CA holds a request or a certificate of this certname for another key. The operator does not sign it.",
            remedy: "Find out whose it is. If it is stale: puppetserver ca clean --certname NAME.",
            rest: Rest::Stuck,
        },
        Leaf {
            path: "WaitingForSigning/WaitingForSigning",
            meaning: "The CSR waits at a CA where the operator may not sign.",
            remedy: "Sign it at the CA: puppetserver ca sign --certname NAME, or let a policy there sign it.",
            rest: Rest::Waiting { deadline: 3600 },
        },
        Leaf {
            path: "Signed/Valid",
            meaning: "The TLS Secret holds a certificate of the authority and its private key.",
            remedy: "Nothing.",
            rest: Rest::Settled,
        },
        Leaf {
            path: "Signed/Expiring",
            meaning: "The certificate is due for renewal and the authority cannot be asked.",
            remedy: "Look at the CertificateAuthority: why is it not usable?",
            rest: Rest::Waiting { deadline: 86_400 },
        },
        Leaf {
            path: "Renewing/Renewing",
            meaning: "The renewal is decided and stored; the old pair stays in use until the new certificate is.",
            remedy: "If it lasts, read the CertSigned condition. allowAutoRenewal of the authority must be true.",
            rest: Rest::Waiting { deadline: 3600 },
        },
        Leaf {
            path: "Error/Retrying",
            meaning: "A call to the CA or to the API failed; status.machine.nextAttempt says when it is tried again.",
            remedy: "Read the Ready condition; the cause may pass by itself.",
            rest: Rest::Waiting { deadline: 600 },
        },
        Leaf {
            path: "Error/Stalled",
            meaning: "The CA refused the request.",
            remedy: "Change the spec or the CA's settings as the Ready condition says.",
            rest: Rest::Stuck,
        },
        Leaf {
            path: "Terminating/Cleaning",
            meaning: "The object is being deleted; the certificate is revoked and cleaned at the CA first.",
            remedy: "Nothing: after five failures the object goes all the same, and an event says that the certificate was not revoked.",
            rest: Rest::Waiting { deadline: 600 },
        },
        Leaf {
            path: "Terminating/Cleaned",
            meaning: "Nothing is left at the CA; the finalizer goes.",
            remedy: "Nothing.",
            rest: Rest::Final,
        },
    ];

    #[expect(clippy::match_same_arms, clippy::too_many_lines, reason = "one arm for each way, also where two lead to the same place")]
    fn evolve(&self, event: &Event) -> Option<Self> {
        use State as S;
        let more = |attempt: &u32| (attempt + 1).min(MAX_ATTEMPT);
        Some(match (self, event) {
            (S::Cleaned, _) => return None,
            (_, Event::DeletionStarted) => S::Cleaning { attempt: 0, next_attempt: None },
            (S::Cleaning { attempt, .. }, Event::CleaningFailed { next_attempt, .. }) => {
                S::Cleaning { attempt: more(attempt), next_attempt: Some(*next_attempt) }
            }
            (S::Cleaning { .. }, Event::Cleaned | Event::CleaningSkipped { .. } | Event::CleaningAbandoned { .. }) => S::Cleaned,

            (S::WaitingForAuthority, Event::KeyStored { key }) => S::KeyStored { key: key.clone(), attempt: 0 },
            (
                S::WaitingForAuthority
                | S::KeyStored { .. }
                | S::Submitted { .. }
                | S::Conflict { .. }
                | S::WaitingForSigning { .. }
                | S::Retrying { .. }
                | S::Stalled { .. },
                Event::Adopted { certificate },
            )
            | (S::Submitted { .. } | S::WaitingForSigning { .. }, Event::CertificateStored { certificate })
            | (S::Renewing { .. }, Event::CertificateRenewed { certificate })
            | (S::Valid { .. } | S::Expiring { .. } | S::Renewing { .. }, Event::CertificateReplaced { certificate }) => {
                S::Valid { certificate: certificate.clone() }
            }
            (S::KeyStored { key, attempt }, Event::CsrSubmitted) => S::Submitted { key: key.clone(), attempt: *attempt },
            (
                S::KeyStored { key, attempt }
                | S::Submitted { key, attempt }
                | S::WaitingForSigning { key, attempt, .. }
                | S::Conflict { key, attempt, .. },
                Event::ConflictFound { found, next_attempt },
            ) => S::Conflict { key: key.clone(), found: found.clone(), attempt: more(attempt), next_attempt: *next_attempt },
            (S::Submitted { key, .. } | S::WaitingForSigning { key, .. }, Event::RequestLost) => {
                S::KeyStored { key: key.clone(), attempt: 0 }
            }
            (S::Conflict { key, .. }, Event::ConflictRechecked) => S::KeyStored { key: key.clone(), attempt: 0 },
            (S::Submitted { key, .. }, Event::SigningAwaited { next_attempt }) => {
                S::WaitingForSigning { key: key.clone(), attempt: 1, next_attempt: *next_attempt }
            }
            (S::WaitingForSigning { key, attempt, .. }, Event::SigningPolled { next_attempt }) => {
                S::WaitingForSigning { key: key.clone(), attempt: more(attempt), next_attempt: *next_attempt }
            }
            (S::KeyStored { key, attempt }, Event::AttemptFailed { reason, message, next_attempt }) => S::Retrying {
                resume: Resume::Submit,
                key: key.clone(),
                attempt: more(attempt),
                next_attempt: *next_attempt,
                reason: reason.clone(),
                message: message.clone(),
            },
            (
                S::Submitted { key, attempt } | S::WaitingForSigning { key, attempt, .. },
                Event::AttemptFailed { reason, message, next_attempt },
            ) => S::Retrying {
                resume: Resume::Obtain,
                key: key.clone(),
                attempt: more(attempt),
                next_attempt: *next_attempt,
                reason: reason.clone(),
                message: message.clone(),
            },
            (S::Retrying { resume: Resume::Submit, key, attempt, .. }, Event::AttemptResumed) => {
                S::KeyStored { key: key.clone(), attempt: *attempt }
            }
            (S::Retrying { resume: Resume::Obtain, key, attempt, .. }, Event::AttemptResumed) => {
                S::Submitted { key: key.clone(), attempt: *attempt }
            }
            (S::KeyStored { key, .. }, Event::RequestRefused { message, generation, next_attempt }) => S::Stalled {
                resume: Resume::Submit,
                key: key.clone(),
                next_attempt: *next_attempt,
                message: message.clone(),
                generation: *generation,
            },
            (S::Submitted { key, .. }, Event::RequestRefused { message, generation, next_attempt }) => S::Stalled {
                resume: Resume::Obtain,
                key: key.clone(),
                next_attempt: *next_attempt,
                message: message.clone(),
                generation: *generation,
            },
            (S::Stalled { resume: Resume::Submit, key, .. }, Event::AttemptResumed) => S::KeyStored { key: key.clone(), attempt: 0 },
            (S::Stalled { resume: Resume::Obtain, key, .. }, Event::AttemptResumed) => S::Submitted { key: key.clone(), attempt: 0 },
            (
                S::KeyStored { .. }
                | S::Submitted { .. }
                | S::Conflict { .. }
                | S::WaitingForSigning { .. }
                | S::Retrying { .. }
                | S::Stalled { .. },
                Event::KeyLost,
            )
            | (S::Valid { .. } | S::Expiring { .. } | S::Renewing { .. }, Event::SecretLost { .. }) => S::WaitingForAuthority,
            (S::Valid { certificate }, Event::RenewalDelayed) => S::Expiring { certificate: certificate.clone() },
            (S::Valid { certificate } | S::Expiring { certificate }, Event::RenewalStarted) => {
                S::Renewing { certificate: certificate.clone(), attempt: 0, next_attempt: None }
            }
            (S::Renewing { certificate, attempt, .. }, Event::RenewalFailed { next_attempt, .. }) => {
                S::Renewing { certificate: certificate.clone(), attempt: more(attempt), next_attempt: Some(*next_attempt) }
            }
            _ => return None,
        })
    }

    fn path(&self) -> &'static str {
        match self {
            Self::WaitingForAuthority => "Pending/WaitingForAuthority",
            Self::KeyStored { .. } => "Requested/KeyStored",
            Self::Submitted { .. } => "Requested/Submitted",
            Self::Conflict { .. } => "Requested/Conflict",
            Self::WaitingForSigning { .. } => "WaitingForSigning/WaitingForSigning",
            Self::Valid { .. } => "Signed/Valid",
            Self::Expiring { .. } => "Signed/Expiring",
            Self::Renewing { .. } => "Renewing/Renewing",
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
            | Self::Retrying { attempt, .. }
            | Self::KeyStored { attempt, .. }
            | Self::Submitted { attempt, .. }
            | Self::Renewing { attempt, .. }
            | Self::Cleaning { attempt, .. } => Some(*attempt).filter(|count| *count > 0),
            Self::WaitingForAuthority | Self::Valid { .. } | Self::Expiring { .. } | Self::Stalled { .. } | Self::Cleaned => None,
        }
    }

    fn wake_at(&self) -> Option<Timestamp> {
        match self {
            Self::Conflict { next_attempt, .. }
            | Self::WaitingForSigning { next_attempt, .. }
            | Self::Retrying { next_attempt, .. }
            | Self::Stalled { next_attempt, .. } => Some(*next_attempt),
            Self::Renewing { next_attempt, .. } | Self::Cleaning { next_attempt, .. } => *next_attempt,
            Self::Valid { certificate } => Some(certificate.renew_at),
            Self::WaitingForAuthority | Self::KeyStored { .. } | Self::Submitted { .. } | Self::Expiring { .. } | Self::Cleaned => None,
        }
    }
}

impl State {
    /// A usable pair lies in the TLS Secret: what others ask a Certificate for.
    #[must_use]
    pub fn issued(&self) -> Option<&Issued> {
        match self {
            Self::Valid { certificate } | Self::Expiring { certificate } | Self::Renewing { certificate, .. } => Some(certificate),
            _ => None,
        }
    }
}
