//! What the CertificateAuthority machine looks at.

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
        /// Why its pod does not start, in the words of the scheduler or the kubelet.
        stuck: Option<String>,
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
    /// The external CA answered.
    Answered,
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
    /// The first value in the spec that cannot be used.
    pub invalid: Option<Blocked>,
    /// The spec names an external CA.
    pub external: bool,
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
    /// The CA's material.
    pub material: Material,
    /// The set-up Job.
    pub job: Job,
    /// The revocation list is past its own next update.
    pub crl_stale: bool,
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
