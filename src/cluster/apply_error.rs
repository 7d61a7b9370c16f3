//! Why an object could not be written, or deleted.

use super::{Foreign, api_error};
use kube::core::response::StatusCause;
use openvox_crds::vocabulary::annotation;
use openvox_machines::core::Acted;

/// Writing failed.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// The plan does not serialise, which no plan of ours can do.
    #[error("failed to serialise {kind} {name}: {source}")]
    Serialise {
        /// Kind of the object.
        kind: String,
        /// Its name.
        name: String,
        /// What serde says.
        source: serde_json::Error,
    },
    /// An object of this name belongs to somebody else.
    #[error("failed to write {kind} {name}: it {owner}{}", owner.remedy())]
    Foreign {
        /// Kind of the object.
        kind: String,
        /// Its name.
        name: String,
        /// Whose it is.
        owner: Foreign,
    },
    /// The namespace is being deleted: nothing can be made there, and nothing has to be.
    #[error("failed to write {kind} {name}: the namespace is being deleted")]
    Terminating {
        /// Kind of the object.
        kind: String,
        /// Its name.
        name: String,
    },
    /// The object cannot be changed at all.
    #[error(
        "failed to write {kind} {name}: it is immutable, and its content has to change; save it, delete it, and create it again \
         without the line `immutable: true`"
    )]
    Immutable {
        /// Kind of the object.
        kind: String,
        /// Its name.
        name: String,
    },
    /// A volume claim of the CA's name is there that nobody has given to the CA.
    #[error(
        "failed to use PersistentVolumeClaim {name}: it {owner}; if CertificateAuthority {authority} may have it, set the annotation \
         {}={authority} on it; otherwise rename the CertificateAuthority",
        annotation::IMPORT
    )]
    Unmarked {
        /// Its name.
        name: String,
        /// Name of the CA.
        authority: String,
        /// Whose it is.
        owner: Foreign,
    },
    /// What is there could not be read.
    #[error("failed to read {kind} {name}: {}", api_error::words(source))]
    Read {
        /// Kind of the object.
        kind: String,
        /// Its name.
        name: String,
        /// What the API server said.
        source: Box<kube::Error>,
    },
    /// The API server refused, or did not answer.
    #[error("failed to write {kind} {name}: {}", api_error::words(source))]
    Api {
        /// Kind of the object.
        kind: String,
        /// Its name.
        name: String,
        /// What the API server said.
        source: Box<kube::Error>,
    },
}

impl ApplyError {
    /// `CamelCase` reason for conditions and metrics.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Foreign { owner, .. } | Self::Unmarked { owner, .. } => owner.reason(),
            Self::Terminating { .. } => openvox_machines::reason::TERMINATING,
            Self::Serialise { .. } | Self::Immutable { .. } | Self::Read { .. } | Self::Api { .. } => {
                openvox_machines::reason::APPLY_FAILED
            }
        }
    }

    /// What the API server said about a write of this object.
    #[must_use]
    pub fn from_api(kind: &str, name: String, source: kube::Error) -> Self {
        let terminating = |cause: &StatusCause| cause.reason == "NamespaceTerminating";
        if let kube::Error::Api(status) = &source
            && status.details.as_ref().is_some_and(|details| details.causes.iter().any(terminating))
        {
            return Self::Terminating { kind: kind.to_owned(), name };
        }
        // What `ValidateSecretUpdate` and `ValidateConfigMapUpdate` of Kubernetes say.
        if let kube::Error::Api(status) = &source
            && status.code == 422
            && status.message.contains("field is immutable when `immutable` is set")
        {
            return Self::Immutable { kind: kind.to_owned(), name };
        }
        Self::Api { kind: kind.to_owned(), name, source: Box::new(source) }
    }

    /// What an effect that ended with this error came to: a report made of reason and message. Moot where the object goes
    /// with its namespace.
    pub fn acted<R>(&self, failed: impl FnOnce(String, String) -> R) -> Acted<R> {
        match self {
            Self::Terminating { .. } => Acted::Moot,
            error => Acted::Reported(failed(error.reason().to_owned(), error.to_string())),
        }
    }
}
