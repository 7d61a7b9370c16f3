//! What a `SigningPolicy`'s state means in its conditions.

use super::State;
use crate::core::{Blocked, Condition, not_ready, ready};
use crate::reason;

/// What is so once the file is written. kubelet looks at the Secrets of its pods about once a minute.
const RENDERED: &str = "the CA signs by these rules; a change reaches a running CA server within about a minute";

/// `Ready`, and `Reconciling` or `Stalled` while abnormal.
#[must_use]
pub fn conditions(state: &State, blocked: Option<&Blocked>) -> Vec<Condition> {
    let (reason, message, stuck) = match (state, blocked) {
        (State::Invalid { .. }, Some(Blocked { reason, message, permanent })) => {
            (*reason, format!("{message}; nothing is signed by this policy"), *permanent)
        }
        (_, Some(Blocked { reason, message, permanent })) => (*reason, message.clone(), *permanent),
        (State::Rendered { .. }, None) => return vec![ready(reason::POLICY_RENDERED, RENDERED)],
        (State::Invalid { message }, None) => (reason::INVALID_POLICY, message.clone(), true),
        (State::Rendering { .. } | State::WaitingForAuthority, None) => {
            (reason::RENDERING_POLICY, "the rules are being written".to_owned(), false)
        }
    };
    not_ready(reason, &message, stuck).into()
}
