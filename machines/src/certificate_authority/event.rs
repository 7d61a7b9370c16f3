//! The events of a CertificateAuthority.

use super::{Facts, RevocationList};
use crate::Failure;
use crate::core::{DomainEvent, Timestamp};
use serde::{Deserialize, Serialize};
use strum::{AsRefStr, VariantNames};

/// What happened to a CertificateAuthority.
#[derive(Debug, Clone, PartialEq, Eq, AsRefStr, VariantNames, Serialize, Deserialize)]
#[serde(tag = "type", content = "data", rename_all_fields = "camelCase")]
pub enum Event {
    /// Complete material was found; nothing was made for it.
    Adopted {
        /// The CA certificate.
        authority: Facts,
        /// Identity of the volume claim, if there is one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        volume: Option<String>,
    },
    /// A Config names the authority: its volume, Service and rights are to be made.
    ProvisioningStarted {
        /// Until when the CA server's Certificate is waited for.
        server_awaited_until: Timestamp,
    },
    /// What the set-up Job needs is there; it is to run.
    SetupStarted {
        /// The Certificate of the CA server that it issues.
        server_certificate: Option<String>,
    },
    /// Something that only the set-up can issue is missing, and no CA server holds the volume; or the volume is
    /// a new one and has to be filled from the Secrets.
    SetupRequired {
        /// The Certificate of the CA server that it issues.
        server_certificate: Option<String>,
        /// The volume is to be filled.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        refill: bool,
    },
    /// The set-up Job failed.
    SetupFailed(Failure),
    /// The time for another run has come.
    SetupResumed,
    /// The set-up has written everything.
    SetupCompleted {
        /// The CA certificate.
        authority: Facts,
        /// Identity of the volume claim.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        volume: Option<String>,
    },
    /// An object could not be written.
    AttemptFailed(Failure),
    /// An object of a CA that is ready could not be written.
    UpkeepFailed {
        /// `CamelCase` reason.
        reason: String,
        /// What failed.
        message: String,
        /// When it is tried again.
        next_attempt: Timestamp,
    },
    /// All objects are as they should be again.
    UpkeepRecovered,
    /// The Secret holds another CA certificate than the one recorded.
    AuthorityReplaced {
        /// The CA certificate that it holds now.
        authority: Facts,
    },
    /// The Secrets with the material are gone.
    AuthorityLost {
        /// What is missing.
        message: String,
    },
    /// The CA certificate runs out soon.
    ExpiryNeared,
    /// The CA certificate has run out.
    AuthorityExpired,
    /// The CA has published a newer revocation list, and it was stored.
    CrlStored {
        /// The list.
        crl: RevocationList,
    },
    /// No usable revocation list came from the CA; the stored one stays.
    CrlRefreshFailed {
        /// `CamelCase` reason.
        reason: String,
        /// What failed.
        message: String,
        /// When the CA is asked again.
        next_attempt: Timestamp,
    },
    /// The CA shows its revocation list again.
    CrlRefreshRecovered,
    /// A revocation list of the chain is past its own next update.
    CrlWentStale,
    /// The revocation list is current again.
    CrlRefreshed,
    /// The spec names an external CA.
    ExternalConfigured,
    /// The external CA answered.
    ExternalAnswered,
    /// The external CA did not answer.
    ExternalFailed {
        /// What failed.
        message: String,
        /// When it is asked again.
        next_attempt: Timestamp,
        /// Digest of the address and the trust that it was asked with.
        #[serde(default)]
        access: String,
    },
    /// The time to ask the external CA again has come, or it is asked with another address or trust.
    ProbeResumed,
    /// The spec says not to verify who answers at the address of the external CA.
    TlsVerificationDisabled,
    /// Who answers at the address of the external CA is verified again.
    TlsVerificationRestored,
    /// The spec was changed between internal and external.
    ModeChanged,
    /// Somebody deleted the object.
    DeletionStarted,
}

impl DomainEvent for Event {
    const VERSION: u32 = 1;

    fn is_warning(&self) -> bool {
        matches!(
            self,
            Self::UpkeepFailed { .. }
                | Self::AuthorityReplaced { .. }
                | Self::ExpiryNeared
                | Self::CrlRefreshFailed { .. }
                | Self::CrlWentStale
                | Self::ExternalFailed { .. }
                | Self::TlsVerificationDisabled
        )
    }
}
