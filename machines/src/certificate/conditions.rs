//! What a Certificate's state means in its conditions.

use super::State;
use crate::core::{Blocked, Condition, Status, ready, ready_false, reconciling, stalled};
use crate::reason;

/// `Ready`, the reference's `CertSigned`, and `Reconciling` or `Stalled` while abnormal.
#[must_use]
pub fn conditions(state: &State, blocked: Option<&Blocked>) -> Vec<Condition> {
    if let Some(certificate) = state.issued() {
        let until = certificate.not_after.to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
        let (reason, message) = match state {
            State::Expiring { .. } => (reason::EXPIRING, format!("valid until {until}; the renewal waits for the authority")),
            State::Renewing { .. } => (reason::RENEWING, format!("valid until {until}; being renewed")),
            _ => (reason::CERTIFICATE_SIGNED, format!("valid until {until}")),
        };
        let mut all =
            vec![ready(reason, message.clone()), Condition::new("CertSigned", Status::True, reason::CERTIFICATE_SIGNED, message.clone())];
        if reason != reason::CERTIFICATE_SIGNED {
            all.push(reconciling(reason, message));
        }
        return all;
    }
    let (reason, message, stuck) = match (state, blocked) {
        (_, Some(Blocked { reason, message, permanent })) => (*reason, message.clone(), *permanent),
        (State::Retrying { message, .. }, _) => (reason::RETRYING, message.clone(), false),
        (State::Conflict { found, .. }, _) => {
            (reason::CERTNAME_CONFLICT, format!("the CA holds {found} under this certname, not ours; it is not signed"), true)
        }
        (State::Stalled { message, .. }, _) => (reason::REQUEST_REFUSED, format!("the CA refused the request: {message}"), true),
        (State::Cleaning { .. } | State::Cleaned, _) => {
            (reason::TERMINATING, "the certificate is being revoked and cleaned at the CA".to_owned(), false)
        }
        _ => (reason::REQUESTING, "the certificate is being requested".to_owned(), false),
    };
    let abnormal = if stuck { stalled(reason, message.clone()) } else { reconciling(reason, message.clone()) };
    vec![ready_false(reason, message.clone()), Condition::new("CertSigned", Status::False, reason, message), abnormal]
}
