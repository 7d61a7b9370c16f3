//! What a Config's state means in its conditions.

use super::{Observed, State};
use crate::Report;
use crate::condition;
use crate::core::{Blocked, Condition, Status, not_ready, ready};
use crate::reason;

/// `Ready` (the spec of today is in place), the reference's `ConfigReady` (there are files that a server can
/// start with), and `Reconciling` or `Stalled` while abnormal. Files are decided before they are written, and only what is
/// written is ready.
#[must_use]
pub fn conditions(state: &State, seen: &Observed, blocked: Option<&Blocked>) -> Vec<Condition> {
    let in_place = seen.in_place || seen.report == Some(Report::Applied);
    let written = "the files of the Config are written";
    let (reason, message, stuck) = match (state, blocked) {
        (_, Some(Blocked { reason, message, permanent })) => (*reason, message.clone(), *permanent),
        (State::Rendered { .. }, None) if in_place => {
            return vec![
                ready(reason::CONFIG_MAPS_CREATED, written),
                Condition::new(condition::CONFIG_READY, Status::True, reason::CONFIG_MAPS_CREATED, written),
            ];
        }
        (State::Rendered { .. }, None) => (reason::CONFIG_NOT_READY, "the files are being written".to_owned(), false),
        (State::RenderFailed { message, .. }, None) => (reason::RENDER_FAILED, message.clone(), true),
        (State::Retrying { retry, .. }, None) => (reason::RETRYING, retry.message.clone(), false),
        (State::WaitingForReferences, None) => (reason::CONFIG_NOT_READY, "the files are being rendered".to_owned(), false),
    };
    let kept = state.rendered().filter(|_| blocked.is_some() || !matches!(state, State::Rendered { .. }));
    let message = if kept.is_some() { format!("{message}; the files written before stay in use") } else { message };
    let files = match kept {
        Some(_) => Condition::new(condition::CONFIG_READY, Status::True, reason::CONFIG_MAPS_CREATED, written),
        None => Condition::new(condition::CONFIG_READY, Status::False, reason, message.clone()),
    };
    let [unready, abnormal] = not_ready(reason, &message, stuck);
    vec![unready, files, abnormal]
}
