//! The revocation list: when it is asked for, and what the answers of the CA mean.

use super::machine::Context;
use super::state::MAX_CRL_ATTEMPT;
use super::{CrlTrouble, Event, Observed, Report};
use crate::core::{Pace, Timestamp};
use crate::reason;

/// Waits after failures in a row to renew the revocation list. The first is the reference's; the list in use is still good
/// for years as a rule, so a CA that has trouble is not pressed harder.
pub(super) const CRL_PACE: Pace = Pace { base: 30, longest: 300 };

/// When to ask for the revocation list again after another failure than the one before.
fn crl_backoff(before: Option<&CrlTrouble>, now: Timestamp) -> Timestamp {
    let doublings = before.map_or(0, |trouble| trouble.attempt.min(MAX_CRL_ATTEMPT));
    now + chrono::TimeDelta::seconds((CRL_PACE.base << doublings).min(CRL_PACE.longest))
}

/// The event for a revocation list that could not be had; `None` if it failed like this before.
pub(super) fn crl_failed(trouble: Option<&CrlTrouble>, now: Timestamp, reason: &str, message: &str) -> Option<Event> {
    let (reason, message) = (reason.to_owned(), message.to_owned());
    let news = trouble.is_none_or(|trouble| trouble.message != message);
    news.then(|| Event::CrlRefreshFailed { reason, message, next_attempt: crl_backoff(trouble, now) })
}

/// The event for what the CA has shown of its revocation list; `None` if it is no news.
pub(super) fn crl_event(trouble: Option<&CrlTrouble>, seen: &Observed) -> Option<Event> {
    match seen.report.as_ref()? {
        Report::CrlStored(crl) => Some(Event::CrlStored { crl: crl.clone() }),
        Report::CrlCurrent if trouble.is_some() => Some(Event::CrlRefreshRecovered),
        Report::CrlUnavailable { reason, message } => crl_failed(trouble, seen.now, reason, message),
        Report::CrlRefused { message } => crl_failed(trouble, seen.now, reason::CRL_REFUSED, message),
        Report::CrlCurrent | Report::Applied | Report::Failed { .. } => None,
    }
}

/// The CA may be asked for its revocation list now.
pub(super) fn crl_due(context: &Context, trouble: Option<&CrlTrouble>, seen: &Observed) -> bool {
    seen.report.is_none() && seen.crl_due && trouble.is_none_or(|trouble| context.may_try_at(CRL_PACE, trouble.next_attempt, seen.now))
}
