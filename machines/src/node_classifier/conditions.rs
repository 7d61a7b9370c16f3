//! What a `NodeClassifier`'s state means in its conditions.

use super::State;
use crate::core::{Blocked, Condition, not_ready, ready, ready_false};
use crate::reason;

/// `Ready`, and `Reconciling` or `Stalled` while abnormal. One that no Config refers to is neither: nothing is under way.
#[must_use]
pub fn conditions(state: &State, blocked: Option<&Blocked>) -> Vec<Condition> {
    let (reason, message, stuck) = match (state, blocked) {
        (_, Some(Blocked { reason, message, permanent })) => (*reason, message.clone(), *permanent),
        (State::Rendered { .. }, None) => {
            return vec![ready(reason::CLASSIFIER_RENDERED, "a Config refers to it, the spec is valid, and its Secrets exist")];
        }
        (State::WaitingForConfig, None) => (reason::WAITING_FOR_CONFIG, "no Config refers to this NodeClassifier".to_owned(), false),
        (State::WaitingForSecret | State::Failing { .. }, None) => (reason::SECRET_NOT_FOUND, "a Secret does not exist".to_owned(), false),
        (State::Invalid { message, .. }, None) => (reason::INVALID_SPEC, message.clone(), true),
        (State::Retrying { retry, .. }, None) => (reason::RETRYING, retry.message.clone(), false),
    };
    let message = match (state, state.rendered()) {
        (State::Rendered { .. }, _) | (_, None) => message,
        (_, Some(_)) => format!("{message}; the last complete settings stay in use"),
    };
    match state {
        State::WaitingForConfig => vec![ready_false(reason, message)],
        _ => not_ready(reason, &message, stuck).into(),
    }
}
