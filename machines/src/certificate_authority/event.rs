//! The events of a CertificateAuthority.

use super::Facts;
use crate::core::{DomainEvent, Timestamp};
use serde::{Deserialize, Serialize};

/// What happened to a CertificateAuthority.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", content = "data", rename_all_fields = "camelCase")]
pub enum Event {
    /// Complete material was found; nothing was made for it.
    Adopted {
        /// The CA certificate.
        authority: Facts,
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
    /// Something that only the set-up can issue is missing, and no CA server holds the volume.
    SetupRequired {
        /// The Certificate of the CA server that it issues.
        server_certificate: Option<String>,
    },
    /// The set-up Job failed.
    SetupFailed {
        /// `CamelCase` reason.
        reason: String,
        /// Its last words.
        message: String,
        /// When it is run again.
        next_attempt: Timestamp,
    },
    /// The time for another run has come.
    SetupResumed,
    /// The set-up has written everything.
    SetupCompleted {
        /// The CA certificate.
        authority: Facts,
    },
    /// An object could not be written.
    AttemptFailed {
        /// `CamelCase` reason.
        reason: String,
        /// What failed.
        message: String,
        /// When it is tried again.
        next_attempt: Timestamp,
    },
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
    /// The revocation list is past its own next update.
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
    },
    /// The time to ask the external CA again has come.
    ProbeResumed,
    /// The spec was changed between internal and external.
    ModeChanged,
}

impl DomainEvent for Event {
    const VERSION: u32 = 1;
}
