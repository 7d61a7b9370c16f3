//! What a `SigningPolicy`'s state means in its conditions.

use super::State;
use crate::core::{Blocked, Condition, ready, ready_false, reconciling, stalled};
use crate::reason;

/// `Ready`, and `Reconciling` or `Stalled` while abnormal.
#[must_use]
pub fn conditions(state: &State, blocked: Option<&Blocked>) -> Vec<Condition> {
    let (reason, message, stuck) = match (state, blocked) {
        (State::Invalid { .. }, Some(Blocked { reason, message, permanent })) => {
            (*reason, format!("{message}; nothing is signed by this policy"), *permanent)
        }
        (_, Some(Blocked { reason, message, permanent })) => (*reason, message.clone(), *permanent),
        (State::Rendered { .. }, None) => return vec![ready(reason::POLICY_RENDERED, "the CA signs by these rules")],
        (State::Invalid { message }, None) => (reason::INVALID_POLICY, message.clone(), true),
        (State::Rendering { .. } | State::WaitingForAuthority, None) => {
            (reason::RENDERING_POLICY, "the rules are being written".to_owned(), false)
        }
    };
    let abnormal = if stuck { stalled(reason, message.clone()) } else { reconciling(reason, message.clone()) };
    vec![ready_false(reason, message), abnormal]
}
