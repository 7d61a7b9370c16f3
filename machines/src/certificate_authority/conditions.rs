//! What a CertificateAuthority's state means in its conditions.

use super::{CrlTrouble, Facts, Health, Observed, State};
use crate::condition;
use crate::core::{Blocked, Condition, Status, Timestamp, ready, reconciling, stalled};
use crate::reason;

fn shown(at: Timestamp) -> String {
    at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true)
}

/// `Ready`, the reference's `CAReady` and `OperatorSigningReady`, `Insecure` where TLS is not verified, and
/// `Reconciling` or `Stalled` while abnormal.
#[must_use]
pub fn conditions(state: &State, seen: &Observed, blocked: Option<&Blocked>) -> Vec<Condition> {
    let mut all = match state {
        State::Ready { health: Health::Expired, authority, .. } => expired(authority),
        State::Ready { .. } => internal(state, blocked),
        State::Reachable { unverified, crl } => reachable(seen, *unverified, crl.as_ref(), blocked),
        _ => unusable(state, blocked),
    };
    if !seen.external && seen.operator_issued && *state != State::Releasing {
        all.push(Condition::new(
            condition::OPERATOR_SIGNING_READY,
            Status::True,
            reason::OPERATOR_SIGNING_READY,
            "the operator holds its own certificate for this CA",
        ));
    }
    all
}

/// `Ready` and `CAReady` with the same words.
fn both(status: Status, reason: &'static str, message: &str) -> Vec<Condition> {
    [condition::READY, condition::CA_READY].map(|kind| Condition::new(kind, status, reason, message)).into()
}

fn expired(authority: &Facts) -> Vec<Condition> {
    let ended = shown(authority.not_after);
    let message = format!(
        "the CA certificate ended at {ended}, and nothing that it signed is trusted any more; renew it by hand on its volume and put it \
         into the CA's Secret, or set up a new authority and enrol the agents there"
    );
    let mut all = both(Status::False, reason::CA_EXPIRED, &message);
    all.push(stalled(reason::CA_EXPIRED, message));
    all
}

fn internal(state: &State, blocked: Option<&Blocked>) -> Vec<Condition> {
    let State::Ready { health, authority, attempt, message: failure, crl, .. } = state else { return Vec::new() };
    let until = shown(authority.not_after);
    let (reason, mut message) = match health {
        Health::Expiring => (reason::CA_EXPIRING, format!("the CA certificate runs out at {until}; plan its successor")),
        Health::CrlStale => (
            reason::CRL_STALE,
            "a revocation list of the CA's chain is past its own next update, so TLS refuses everybody; a CA server must run to renew its own".to_owned(),
        ),
        Health::Valid | Health::Expired => (reason::CA_INITIALIZED, format!("the CA certificate is valid until {until}")),
    };
    if let Some(trouble) = crl {
        message = format!("{message}; {}", crl_message(trouble));
    }
    let mut all =
        vec![ready(reason, message.clone()), Condition::new(condition::CA_READY, Status::True, reason::CA_INITIALIZED, message.clone())];
    if *attempt > 0 {
        let failure = failure.as_deref().unwrap_or("an object of the CA could not be written");
        all.push(reconciling(reason::APPLY_FAILED, format!("{failure}; it is tried again")));
    } else if let Some(trouble) = crl {
        all.push(reconciling(reason::CRL_NOT_REFRESHED, crl_message(trouble)));
    } else if *health == Health::CrlStale {
        all.push(reconciling(reason::CRL_STALE, message));
    }
    if let Some(blocked) = blocked {
        all.push(goes_on(blocked));
    }
    all
}

fn crl_message(trouble: &CrlTrouble) -> String {
    format!("the stored revocation list stays in use, because no newer one could be taken: {}; the CA is asked again", trouble.message)
}

fn reachable(seen: &Observed, unverified: bool, crl: Option<&CrlTrouble>, blocked: Option<&Blocked>) -> Vec<Condition> {
    let (reason, mut message) = match &seen.trust {
        Some(trust) if seen.now >= trust.not_after => {
            (reason::CA_EXPIRED, format!("the external CA answers, but its certificate ended at {}", shown(trust.not_after)))
        }
        Some(trust) if seen.now >= trust.warn_at => {
            (reason::CA_EXPIRING, format!("the external CA answers; its certificate runs out at {}", shown(trust.not_after)))
        }
        _ if seen.crl_stale => {
            (reason::CRL_STALE, "the external CA answers, but a revocation list of its chain is past its own next update".to_owned())
        }
        _ => (reason::EXTERNAL_CA, "the external CA answers".to_owned()),
    };
    if unverified {
        message.push_str("; INSECURE: insecureSkipVerify is set, so anybody on the way can pose as this CA");
    }
    if seen.short_keys {
        message.push_str("; INSECURE: allowShortKeys is set, so signatures that can be forged are accepted");
    }
    if let Some(trouble) = crl {
        message = format!("{message}; {}", crl_message(trouble));
    }
    let expired = reason == reason::CA_EXPIRED;
    let mut all = both(if expired { Status::False } else { Status::True }, reason, &message);
    // One condition has one reason; the Ready condition names both.
    let insecure = match (unverified, seen.short_keys) {
        (true, _) => Some((
            reason::TLS_NOT_VERIFIED,
            "spec.external.insecureSkipVerify is set: who answers at the CA's address is not verified; remove it once the CA's certificate names that address",
        )),
        (false, true) => Some((
            reason::SHORT_KEYS_ALLOWED,
            "spec.external.allowShortKeys is set: RSA keys of 1024 bits and more are accepted; replace the CA by one with 2048 bits or more, and remove it",
        )),
        (false, false) => None,
    };
    all.extend(insecure.map(|(reason, message)| Condition::new(condition::INSECURE, Status::True, reason, message)));
    if expired {
        all.push(stalled(reason, message));
    } else if let Some(trouble) = crl {
        all.push(reconciling(reason::CRL_NOT_REFRESHED, crl_message(trouble)));
    }
    if let Some(blocked) = blocked.filter(|_| !expired) {
        all.push(goes_on(blocked));
    }
    all
}

/// What the spec asks for in vain.
fn goes_on(blocked: &Blocked) -> Condition {
    stalled(blocked.reason, format!("the CA goes on as before: {}", blocked.message))
}

fn unusable(state: &State, blocked: Option<&Blocked>) -> Vec<Condition> {
    if let Some(Blocked { reason, message, permanent }) = blocked {
        let mut all = both(Status::False, reason, message);
        all.push(if *permanent { stalled(reason, message.clone()) } else { reconciling(reason, message.clone()) });
        return all;
    }
    let (reason, message) = match state {
        State::Probing { .. } => (reason::PROBING, "the external CA is asked for its revocation list"),
        State::SetupRunning { .. } => (reason::SETUP_RUNNING, "the set-up Job makes or imports the CA"),
        _ => (reason::PROVISIONING, "the volume, the Service and the rights of the set-up are being made"),
    };
    let mut all = both(Status::False, reason, message);
    all.push(reconciling(reason, message));
    all
}
