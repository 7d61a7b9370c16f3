//! What a Certificate's state means in its conditions.

use super::{Issued, State};
use crate::condition;
use crate::core::{Blocked, Condition, Status, Timestamp, not_ready, ready, ready_false, reconciling, stalled};
use crate::reason;

/// `Ready`, the reference's `CertSigned`, and `Reconciling` or `Stalled` while abnormal.
#[must_use]
pub fn conditions(state: &State, blocked: Option<&Blocked>) -> Vec<Condition> {
    if let Some(certificate) = state.issued() {
        return of_a_pair(state, certificate, blocked);
    }
    let (reason, message, stuck) = match (state, blocked) {
        (_, Some(Blocked { reason, message, permanent })) => (*reason, message.clone(), *permanent),
        (State::Retrying { retry, .. }, _) => (reason::RETRYING, retry.message.clone(), false),
        (State::Conflict { found, .. }, _) => {
            (reason::CERTNAME_CONFLICT, format!("the CA holds {found} under this certname; it is not signed"), true)
        }
        (State::Stalled { message, .. }, _) => (reason::REQUEST_REFUSED, format!("the CA refused the request: {message}"), true),
        (State::Cleaning { .. } | State::Cleaned, _) => {
            (reason::TERMINATING, "the certificate is being revoked and cleaned at the CA".to_owned(), false)
        }
        _ => (reason::REQUESTING, "the certificate is being requested".to_owned(), false),
    };
    let [unready, abnormal] = not_ready(reason, &message, stuck);
    vec![unready, Condition::new(condition::CERT_SIGNED, Status::False, reason, message), abnormal]
}

fn shown(at: Timestamp) -> String {
    at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true)
}

/// There is a pair: it is said until when it is good, and what is on its way besides.
fn of_a_pair(state: &State, certificate: &Issued, blocked: Option<&Blocked>) -> Vec<Condition> {
    let until = shown(certificate.not_after);
    let (reason, doing) = match state {
        State::Expiring { .. } => (reason::EXPIRING, "the renewal waits for the authority".to_owned()),
        State::Renewing { .. } => (reason::RENEWING, "being renewed".to_owned()),
        State::RenewalRefused { message, .. } => (reason::RENEWAL_REFUSED, format!("the CA does not renew it: {message}")),
        State::Rekeying { message, .. } => (reason::REKEYING, format!("a certificate for a new key is being requested, because {message}")),
        _ if certificate.capped => (
            reason::CERTIFICATE_SIGNED,
            format!(
                "spec.renewBefore is more than two thirds of its life, so it is renewed after two thirds of it, at {}",
                shown(certificate.renew_at)
            ),
        ),
        _ => (reason::CERTIFICATE_SIGNED, String::new()),
    };
    let expired = matches!(state, State::Rekeying { reason, .. } if reason == reason::EXPIRED)
        || blocked.is_some_and(|blocked| blocked.reason == reason::EXPIRED);
    let mut message = if expired { format!("ran out at {until}") } else { format!("valid until {until}") };
    for part in [&doing, blocked.map_or(&String::new(), |blocked| &blocked.message)] {
        if !part.is_empty() {
            message.push_str("; ");
            message.push_str(part);
        }
    }
    let mut all = if expired {
        vec![
            ready_false(reason::EXPIRED, message.clone()),
            Condition::new(condition::CERT_SIGNED, Status::False, reason::EXPIRED, message.clone()),
        ]
    } else {
        vec![
            ready(reason, message.clone()),
            Condition::new(condition::CERT_SIGNED, Status::True, reason::CERTIFICATE_SIGNED, message.clone()),
        ]
    };
    if blocked.is_some_and(|blocked| blocked.permanent) {
        all.push(stalled(reason, message));
    } else if reason != reason::CERTIFICATE_SIGNED {
        all.push(reconciling(reason, message));
    }
    all
}
