//! What a Server's state means in its conditions.

use super::{Observed, State, Workload};
use crate::condition;
use crate::core::{Blocked, Condition, Status, not_ready, ready, ready_false, reconciling, stalled};
use crate::reason;

/// `Ready` (at least one pod is), the reference's `SSLBootstrapped`, and `Reconciling` or `Stalled` while
/// abnormal.
#[must_use]
pub fn conditions(state: &State, seen: &Observed, blocked: Option<&Blocked>) -> Vec<Condition> {
    let mut all = match (state.plan(), &seen.workload) {
        (Some(_), Workload::Present { ready: 1.., .. }) => serving(state, &seen.workload, blocked),
        _ => waiting(state, blocked),
    };
    let bootstrapped = match &seen.certificate {
        // Nothing is deployed without a certificate, so there was one.
        Some(Blocked { reason, message, .. }) if state.plan().is_none() => {
            Condition::new(condition::SSL_BOOTSTRAPPED, Status::False, reason, message.clone())
        }
        _ => Condition::new(condition::SSL_BOOTSTRAPPED, Status::True, reason::CERTIFICATE_SIGNED, "the certificate is there"),
    };
    all.insert(1, bootstrapped);
    all
}

/// Pods are ready: whatever else is amiss is said, and does not make the Server unready.
fn serving(state: &State, workload: &Workload, blocked: Option<&Blocked>) -> Vec<Condition> {
    let Workload::Present { desired, ready: count, updated, failure, .. } = workload else { return Vec::new() };
    let mut message = format!("{count} of {desired} pods are ready");
    let own = match state {
        State::Available { .. } => reason::AVAILABLE,
        State::Degraded { .. } => reason::DEGRADED,
        _ => {
            message = format!("{message}, {updated} up to date");
            reason::PROGRESSING
        }
    };
    if let Some(failure) = failure {
        message = format!("{message}; one does not run: {failure}");
    }
    let (reason, stuck) = match (blocked, failure) {
        (Some(Blocked { reason, message: why, permanent }), _) => {
            message = format!("{message}; {why}");
            (*reason, *permanent)
        }
        (None, Some(failure)) if failure.lasting => (failure.reason, true),
        (None, _) => (own, false),
    };
    let mut all = vec![ready(reason, message.clone())];
    if stuck {
        all.push(stalled(reason, message));
    } else if reason != reason::AVAILABLE {
        all.push(reconciling(reason, message));
    }
    all
}

fn waiting(state: &State, blocked: Option<&Blocked>) -> Vec<Condition> {
    let (reason, message, stuck) = match (state, blocked) {
        (State::Terminating, _) => (reason::TERMINATING, "the Server is being deleted".to_owned(), false),
        (_, Some(Blocked { reason, message, permanent })) => (*reason, message.clone(), *permanent),
        (State::Retrying { retry, .. }, None) => (reason::RETRYING, retry.message.clone(), false),
        (State::Stalled { message }, None) => (reason::INVALID_SPEC, message.clone(), true),
        (State::WaitingForCert, None) => (reason::WAITING_FOR_CERTIFICATE, "the certificate is awaited".to_owned(), false),
        _ => (reason::DEPLOYING, "the Deployment is being written".to_owned(), false),
    };
    match reason {
        // As the user wants it: nothing is under way.
        reason::SCALED_TO_ZERO => vec![ready_false(reason, message)],
        _ => not_ready(reason, &message, stuck).into(),
    }
}
