//! The events of a Certificate.

use super::Issued;
use crate::Failure;
use crate::core::{DomainEvent, Timestamp};
use serde::{Deserialize, Serialize};
use strum::{AsRefStr, VariantNames};

/// What happened to a Certificate.
#[derive(Debug, Clone, PartialEq, Eq, AsRefStr, VariantNames, Serialize, Deserialize)]
#[serde(tag = "type", content = "data", rename_all_fields = "camelCase")]
pub enum Event {
    /// A matching pair was found in the TLS Secret; nothing was issued for it.
    Adopted {
        /// What was found.
        certificate: Issued,
    },
    /// The private key lies in the pending Secret and the authority can be asked.
    KeyStored {
        /// Fingerprint of its public key.
        key: String,
    },
    /// The CA has our CSR.
    CsrSubmitted,
    /// The CA has our CSR, and has forgotten for it what it held for another key of ours, or for the same one as an older
    /// request. Nothing was revoked.
    CsrReplaced {
        /// Fingerprint of the key that it held something for.
        former: String,
    },
    /// The CA holds something of this name that is not ours.
    ConflictFound {
        /// What it holds: a fingerprint, or what the CA said.
        found: String,
        /// When the CA is asked again.
        next_attempt: Timestamp,
    },
    /// The time to look at a conflict again has come.
    ConflictRechecked,
    /// The CA has not signed and the operator may not.
    SigningAwaited {
        /// When the CA is asked again.
        next_attempt: Timestamp,
    },
    /// The CA was asked again and has not signed yet.
    SigningPolled {
        /// When the CA is asked again.
        next_attempt: Timestamp,
    },
    /// The CA has our request no more: it is submitted again.
    RequestLost,
    /// The certificate was checked against the key and the authority and stored with it.
    CertificateStored {
        /// What was stored.
        certificate: Issued,
    },
    /// A call failed for a reason that may pass.
    AttemptFailed(Failure),
    /// The time for another attempt has come, or what failed has changed.
    AttemptResumed,
    /// The CA refused the request as it is.
    RequestRefused {
        /// What the CA said.
        message: String,
        /// Generation of the refused spec.
        generation: i64,
        /// When it is asked again anyway.
        next_attempt: Timestamp,
    },
    /// The pending Secret is gone or holds another key: a new request begins.
    KeyLost,
    /// The TLS Secret is gone or unusable.
    SecretLost {
        /// What is wrong with it.
        message: String,
    },
    /// The TLS Secret holds another matching pair than the one recorded, put there by somebody else.
    CertificateReplaced {
        /// What it holds now.
        certificate: Issued,
    },
    /// `renewBefore` has changed: the renewal of the certificate in use is due at another time.
    RenewalRescheduled {
        /// When it is due.
        renew_at: Timestamp,
        /// The new `renewBefore` in seconds.
        renew_before: i64,
        /// It is more than two thirds of the certificate's life.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        capped: bool,
    },
    /// The renewal is due, but the authority cannot be asked.
    RenewalDelayed,
    /// The renewal was decided.
    RenewalStarted,
    /// A renewal was asked for by annotation, and decided.
    RenewalRequested,
    /// The CA does not renew this certificate.
    RenewalRefused {
        /// What the CA said.
        message: String,
        /// When it is asked again anyway.
        next_attempt: Timestamp,
    },
    /// A certificate for a new key was decided; the old pair stays in use until it is stored.
    RekeyStarted {
        /// `CamelCase` reason.
        reason: String,
        /// Why, in one clause.
        message: String,
    },
    /// What called for a new certificate is over, and the CA was not asked yet.
    RekeyAbandoned,
    /// The certificate for the new key was stored with it.
    CertificateRekeyed {
        /// What was stored.
        certificate: Issued,
    },
    /// The renewed certificate was stored.
    CertificateRenewed {
        /// What was stored.
        certificate: Issued,
    },
    /// The renewal failed for a reason that may pass.
    RenewalFailed {
        /// `CamelCase` reason.
        reason: String,
        /// What failed.
        message: String,
        /// When it is tried again.
        next_attempt: Timestamp,
    },
    /// The object is being deleted.
    DeletionStarted,
    /// The CA has revoked and forgotten the certificate.
    Cleaned,
    /// There is nothing to clean, or nobody to ask.
    CleaningSkipped {
        /// Why.
        message: String,
    },
    /// Cleaning failed for a reason that may pass.
    CleaningFailed {
        /// What failed.
        message: String,
        /// When it is tried again.
        next_attempt: Timestamp,
    },
    /// Cleaning failed too often: the certificate stays valid at the CA.
    CleaningAbandoned {
        /// What failed last.
        message: String,
    },
}

impl DomainEvent for Event {
    const VERSION: u32 = 1;

    fn is_warning(&self) -> bool {
        matches!(
            self,
            Self::RequestLost
                | Self::AttemptFailed { .. }
                | Self::RequestRefused { .. }
                | Self::KeyLost
                | Self::SecretLost { .. }
                | Self::RenewalRefused { .. }
                | Self::RekeyAbandoned
                | Self::RenewalFailed { .. }
                | Self::CleaningFailed { .. }
                | Self::CleaningAbandoned { .. }
        )
    }
}
