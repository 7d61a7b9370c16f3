//! What can go wrong between the operator and a Puppet CA.

use super::answer::Answer;
use super::tls_error;
use openvox_puppet::BundleError;
use std::error::Error;

/// Why the client of a CA could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum ClientConfigError {
    /// The address is not an https URL.
    #[error("failed to read the CA address {0:?}: it must be an https:// URL with a host")]
    Address(String),
    /// The operator's certificate or key is not usable.
    #[error("failed to load the client certificate for the CA: {0}")]
    Identity(String),
    /// The CA bundle holds a certificate TLS cannot use.
    #[error(transparent)]
    Trust(#[from] BundleError),
    /// TLS or HTTP could not be initialised.
    #[error("failed to set up the HTTP client of the CA")]
    Http(#[source] Box<dyn Error + Send + Sync>),
}

/// Why a call gave no answer, or none that can be used.
///
/// The messages hold addresses, names and text from the CA, never keys or requests.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ClientError {
    /// No connection, or it broke.
    #[error("failed to {action}: the CA cannot be reached: {detail}")]
    Unreachable {
        /// What was tried.
        action: String,
        /// The error of the network.
        detail: String,
        /// There was a connection: the CA may have received the request.
        sent: bool,
    },
    /// The CA's certificate is not trusted, or the CA does not trust ours.
    #[error("failed to {action}: TLS with the CA failed: {detail}")]
    TlsUntrusted {
        /// What was tried.
        action: String,
        /// The error of TLS.
        detail: String,
    },
    /// The CA did not answer in time.
    #[error("failed to {action}: the CA did not answer in time")]
    Timeout {
        /// What was tried.
        action: String,
    },
    /// The CA's rules do not allow the call (HTTP 401, 403).
    #[error("failed to {action}: the CA forbids it: {text}")]
    Forbidden {
        /// What was tried.
        action: String,
        /// The CA's message, shortened.
        text: String,
    },
    /// The CA has an internal problem (HTTP 5xx).
    #[error("failed to {action}: the CA answered {status}: {text}")]
    ServerError {
        /// What was tried.
        action: String,
        /// HTTP status.
        status: u16,
        /// The CA's message, shortened.
        text: String,
    },
    /// Something answered that does not speak like a Puppet CA.
    #[error("failed to {action}: the answer is not one of a Puppet CA: HTTP {status}: {text}")]
    UnexpectedAnswer {
        /// What was tried.
        action: String,
        /// HTTP status.
        status: u16,
        /// What is wrong, or the message received, shortened.
        text: String,
    },
}

impl ClientError {
    /// A short name for conditions, events and metric labels.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Unreachable { .. } => "Unreachable",
            Self::TlsUntrusted { .. } => "TlsUntrusted",
            Self::Timeout { .. } => "Timeout",
            Self::Forbidden { .. } => "Forbidden",
            Self::ServerError { .. } => "ServerError",
            Self::UnexpectedAnswer { .. } => "UnexpectedAnswer",
        }
    }

    /// The error for a call that got no complete answer.
    pub(super) fn transport(action: &str, error: &reqwest::Error) -> Self {
        let action = action.to_owned();
        if error.is_timeout() {
            return Self::Timeout { action };
        }
        if let Some(tls) = tls_error(error) {
            return Self::TlsUntrusted { action, detail: tls_error::message(tls) };
        }
        Self::Unreachable { action, detail: innermost(error), sent: !error.is_connect() }
    }

    /// The error for an answer whose status has no meaning of its own for the call.
    pub(super) fn status(action: &str, answer: &Answer) -> Self {
        let (action, status, text) = (action.to_owned(), answer.status, answer.excerpt());
        match status {
            401 | 403 => Self::Forbidden { action, text },
            500..=599 => Self::ServerError { action, status, text },
            _ => Self::UnexpectedAnswer { action, status, text },
        }
    }
}

/// The TLS error that caused `error`, if TLS did. I/O errors hide what they wrap from `source`, so both ways are walked.
fn tls_error<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a rustls::Error> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(tls) = error.downcast_ref::<rustls::Error>() {
            return Some(tls);
        }
        let wrapped = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        next = match wrapped {
            Some(inner) => Some(inner),
            None => error.source(),
        };
    }
    None
}

/// The text of the innermost cause: it names what happened, the outer ones only that a request failed.
fn innermost(error: &(dyn Error + 'static)) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}
