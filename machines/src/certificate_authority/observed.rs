//! What the CertificateAuthority machine looks at.

use crate::PodFailure;
use crate::core::{Blocked, Timestamp};
use serde::{Deserialize, Serialize};

/// The CA certificate, as far as the machine cares.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Facts {
    /// Fingerprint of the CA's public key.
    pub key: String,
    /// End of validity.
    pub not_after: Timestamp,
    /// When to begin warning about it.
    pub warn_at: Timestamp,
}

/// What a revocation list says about itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RevocationList {
    /// The CRL number, in hexadecimal digits; absent in lists that carry none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<String>,
    /// When the list was issued.
    pub this_update: Timestamp,
    /// When the next one is due, of this CA or of one above it, whichever comes first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_update: Option<Timestamp>,
    /// How many certificates are revoked.
    pub revoked: u32,
}

/// The CA's material in its three Secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Material {
    /// The Secret with the CA certificate is not there. It is written last, so this also means "not yet all".
    Absent,
    /// The certificate is there and something else is not.
    Incomplete {
        /// What is missing or unreadable.
        message: String,
    },
    /// All there.
    Complete(Facts),
}

/// The set-up Job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Job {
    /// There is none.
    Absent,
    /// It runs, or waits to run.
    Running {
        /// Why its pods do not run, or how they have ended.
        failure: Option<PodFailure>,
    },
    /// It has ended well.
    Succeeded,
    /// It has ended badly.
    Failed {
        /// The last words of its pod.
        message: String,
    },
}

/// The Certificate that the CA server runs with: the CA itself must issue it before that server can start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ServerCertificate {
    /// No Server with `ca: true` uses this authority, or its Certificate does not exist.
    Unknown,
    /// The Certificate of that name, and whether its TLS Secret is there.
    Named {
        /// Name of the Certificate.
        name: String,
        /// Its TLS Secret holds a pair.
        issued: bool,
    },
}

/// What came of an effect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Report {
    /// The objects are written.
    Applied,
    /// The CA has shown its revocation list, and it is the one that is stored.
    CrlCurrent,
    /// The CA has shown a newer revocation list, and it is stored now.
    CrlStored(RevocationList),
    /// The CA has not shown its revocation list.
    CrlUnavailable {
        /// `CamelCase` reason.
        reason: String,
        /// What failed.
        message: String,
    },
    /// The CA has shown a revocation list that must not take the place of the stored one.
    CrlRefused {
        /// What is wrong with it.
        message: String,
    },
    /// An effect failed for a reason that may pass.
    Failed {
        /// `CamelCase` reason.
        reason: String,
        /// What failed.
        message: String,
    },
}

/// Everything the gates and handlers of a CertificateAuthority look at.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is one fact that was observed, and none excludes another")]
pub struct Observed {
    /// Time of the observation, whole seconds.
    pub now: Timestamp,
    /// The object is being deleted.
    pub deleting: bool,
    /// The CA's volume and Secrets outlive the object.
    pub retained: bool,
    /// The first value in the spec that cannot be used.
    pub invalid: Option<Blocked>,
    /// The spec names an external CA.
    pub external: bool,
    /// The spec says not to verify who answers at the address of the external CA.
    pub unverified: bool,
    /// The spec says to accept short RSA keys of the external CA.
    pub short_keys: bool,
    /// The certificate by which an external CA is known.
    pub trust: Option<Facts>,
    /// Digest of the address and the trust by which an external CA is asked.
    pub access: String,
    /// What the set-up needs of the user and does not find.
    pub given: Option<Blocked>,
    /// A Config names this authority.
    pub configured: bool,
    /// The Certificate of the CA server.
    pub server: ServerCertificate,
    /// The operator's own certificate for this CA is there.
    pub operator_issued: bool,
    /// A pod of a CA server exists: the volume is in use, the set-up must not run.
    pub volume_in_use: bool,
    /// Volume, Service, policy file and, before the set-up, its rights are as they should be.
    pub in_place: bool,
    /// Identity of the volume claim; another one is another, empty volume.
    pub volume: Option<String>,
    /// What the spec asks for and cannot be; the CA goes on without it.
    pub notice: Option<Blocked>,
    /// The CA's material.
    pub material: Material,
    /// The set-up Job.
    pub job: Job,
    /// A revocation list of the chain is past its own next update.
    pub crl_stale: bool,
    /// The CA is there to be asked for its revocation list, and was not asked for an interval.
    pub crl_due: bool,
    /// What came of the last effect.
    pub report: Option<Report>,
}

/// What only the set-up can issue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Missing {
    /// The Certificate of the CA server, by its name.
    Server(String),
    /// The operator's own.
    Operator,
}

impl Observed {
    /// A CA in the cluster is no longer wanted.
    pub(super) fn leaves_internal(&self) -> bool {
        self.deleting || self.external
    }

    /// A CA outside is no longer wanted.
    pub(super) fn leaves_external(&self) -> bool {
        self.deleting || !self.external
    }

    /// What only the set-up can issue and is not there.
    #[must_use]
    pub(super) fn missing(&self) -> Option<Missing> {
        match &self.server {
            ServerCertificate::Named { name, issued: false } => Some(Missing::Server(name.clone())),
            _ if !self.operator_issued => Some(Missing::Operator),
            _ => None,
        }
    }
}
