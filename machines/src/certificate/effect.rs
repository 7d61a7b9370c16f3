//! The effects of a Certificate.

use super::{Request, Resume};
use strum::IntoStaticStr;

/// What is done about a Certificate.
#[derive(Debug, Clone, PartialEq, Eq, IntoStaticStr)]
pub enum Effect {
    /// Store a private key in the pending Secret, unless one is there: a new one, or the one with this fingerprint
    /// if the TLS Secret still holds it.
    EnsureKey {
        /// Fingerprint of the key to go on with.
        reuse: Option<String>,
    },
    /// Submit the CSR for the stored key.
    SubmitCsr {
        /// What the CA holds for this key of ours makes room for the new request.
        superseded: Option<String>,
    },
    /// Look whether the CA still holds what stands in the way of the request.
    CheckConflict {
        /// What it held.
        found: String,
    },
    /// Compare the queued CSR with the stored key, sign it if that is our right, fetch the certificate, check
    /// it and store it with its key.
    ObtainCertificate,
    /// Fetch the certificate; check and store it when it is there.
    PollCertificate,
    /// Renew at the CA with the key kept; check and store.
    Renew,
    /// Delete the pending Secret: its key is in the TLS Secret now.
    DropPendingKey,
    /// Revoke and clean at the CA what it holds for one of these keys.
    Clean {
        /// Fingerprints of our keys.
        keys: Vec<String>,
    },
    /// Let the object go.
    RemoveFinalizer,
}

impl Request {
    /// The effect that submits it.
    pub(super) fn submit(&self) -> Effect {
        Effect::SubmitCsr { superseded: self.superseded.clone().filter(|former| *former != self.key) }
    }

    /// The effect of a step of it.
    pub(super) fn step(&self, step: Resume) -> Effect {
        match step {
            Resume::Submit => self.submit(),
            Resume::Obtain => Effect::ObtainCertificate,
        }
    }
}
