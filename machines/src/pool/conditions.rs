//! What a Pool's state means in its conditions.

use super::State;
use crate::core::{Blocked, Condition, not_ready, ready};
use crate::reason;

/// `Ready`, and `Reconciling` or `Stalled` while abnormal. `endpoints` is the number of ready endpoints.
#[must_use]
pub fn conditions(state: &State, blocked: Option<&Blocked>, endpoints: u32) -> Vec<Condition> {
    let (reason, message, stuck) = match (state, blocked) {
        (_, Some(Blocked { reason, message, permanent })) => (*reason, message.clone(), *permanent),
        (State::Synced { .. }, None) => {
            let count = match endpoints {
                0 => "no ready endpoint yet".to_owned(),
                1 => "1 ready endpoint".to_owned(),
                many => format!("{many} ready endpoints"),
            };
            return vec![ready(reason::SERVICE_SYNCED, format!("the Service is in place with {count}"))];
        }
        (State::Retrying { retry }, None) => (reason::RETRYING, retry.message.clone(), false),
        (State::Stalled { message }, None) => (reason::NOT_OURS, message.clone(), true),
        (State::Provisioning, None) => (reason::PROVISIONING, "the Service is being written".to_owned(), false),
    };
    not_ready(reason, &message, stuck).into()
}
