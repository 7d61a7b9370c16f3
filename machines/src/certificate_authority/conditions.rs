//! What a CertificateAuthority's state means in its conditions.

use super::{Health, Observed, State};
use crate::core::{Blocked, Condition, Status, ready, ready_false, reconciling, stalled};
use crate::reason;

/// `Ready`, the reference's `CAReady` and `OperatorSigningReady`, and `Reconciling` or `Stalled` while abnormal.
#[must_use]
pub fn conditions(state: &State, seen: &Observed, blocked: Option<&Blocked>) -> Vec<Condition> {
    let mut all = Vec::new();
    match (state, blocked) {
        (State::Ready { health, authority, next_attempt, .. }, _) => {
            let until = authority.not_after.to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
            let (reason, message) = match health {
                Health::Valid => (reason::CA_INITIALIZED, format!("the CA certificate is valid until {until}")),
                Health::Expiring => (reason::CA_EXPIRING, format!("the CA certificate runs out at {until}; plan its successor")),
                Health::CrlStale => {
                    (reason::CRL_STALE, "the revocation list is past its own next update; a CA server must run to renew it".to_owned())
                }
            };
            all.push(ready(reason, message.clone()));
            all.push(Condition::new("CAReady", Status::True, reason::CA_INITIALIZED, message));
            if next_attempt.is_some() {
                all.push(reconciling(reason::APPLY_FAILED, "an object of the CA could not be written; it is tried again"));
            }
        }
        (State::Reachable, _) => {
            all.push(ready(reason::EXTERNAL_CA, "the external CA answers"));
            all.push(Condition::new("CAReady", Status::True, reason::EXTERNAL_CA, "the external CA answers"));
        }
        (_, Some(Blocked { reason, message, permanent })) => {
            all.push(ready_false(reason, message.clone()));
            all.push(Condition::new("CAReady", Status::False, reason, message.clone()));
            all.push(if *permanent { stalled(reason, message.clone()) } else { reconciling(reason, message.clone()) });
        }
        (_, None) => {
            let (reason, message) = match state {
                State::Probing { .. } => (reason::PROBING, "the external CA is asked whether it answers"),
                State::SetupRunning { .. } => (reason::SETUP_RUNNING, "the set-up Job makes or imports the CA"),
                _ => (reason::PROVISIONING, "the volume, the Service and the rights of the set-up are being made"),
            };
            all.push(ready_false(reason, message));
            all.push(Condition::new("CAReady", Status::False, reason, message));
            all.push(reconciling(reason, message));
        }
    }
    if !seen.external && seen.operator_issued {
        all.push(Condition::new(
            "OperatorSigningReady",
            Status::True,
            reason::OPERATOR_SIGNING_READY,
            "the operator holds its own certificate for this CA",
        ));
    }
    all
}
