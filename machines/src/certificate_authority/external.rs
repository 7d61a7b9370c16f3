//! A CA outside the cluster: whether it answers.

use super::crl::{crl_due, crl_event, crl_failed};
use super::machine::Context;
use super::{CrlTrouble, Effect, Event, Observed, Report, State};
use crate::core::{Blocked, Timestamp, backoff};
use crate::reason;
use statig::prelude::*;

/// It is asked for its first list. `attempt` have failed in a row.
pub(super) fn probe(context: &mut Context, seen: &Observed, attempt: u32) -> Outcome<State> {
    let failed = |message: &str| failed(seen, attempt, message);
    match (&seen.invalid, &seen.report) {
        _ if seen.leaves_external() => Super,
        (Some(invalid), _) => context.fire(failed(&invalid.message), []),
        (None, Some(Report::CrlCurrent | Report::CrlStored(_))) => context.fire(Event::ExternalAnswered, []),
        // Without a first list no server can start, so a refused one counts as none here.
        (None, Some(Report::CrlUnavailable { message, .. } | Report::CrlRefused { message } | Report::Failed { message, .. })) => {
            context.fire(failed(message), [])
        }
        (None, Some(Report::Applied) | None) => context.work([Effect::RefreshCrl]),
    }
}

/// It has answered.
pub(super) fn keep(context: &mut Context, seen: &Observed, unverified: bool, crl: Option<&CrlTrouble>) -> Outcome<State> {
    if seen.leaves_external() {
        return Super;
    }
    let failed = |message: &str| failed(seen, 0, message);
    if let Some(invalid) = &seen.invalid {
        return context.fire(failed(&invalid.message), []);
    }
    match &seen.report {
        Some(Report::CrlUnavailable { message, .. }) => return context.fire(failed(message), []),
        // A list that could be fetched and not stored is the same trouble as one that was refused.
        Some(Report::Failed { reason, message }) => {
            if let Some(news) = crl_failed(crl, seen.now, reason, message) {
                return context.fire(news, []);
            }
        }
        _ => {}
    }
    if let Some(news) = crl_event(crl, seen) {
        return context.fire(news, []);
    }
    match (seen.unverified, unverified) {
        (true, false) => context.fire(Event::TlsVerificationDisabled, []),
        (false, true) => context.fire(Event::TlsVerificationRestored, []),
        _ if crl_due(context, crl, seen) => context.work([Effect::RefreshCrl]),
        _ => match &seen.notice {
            Some(blocked) => context.wait(blocked.clone()),
            None => Handled,
        },
    }
}

/// It did not answer, as `message` says, when it was asked with `access`. `attempt` have failed in a row.
pub(super) fn retry(
    context: &mut Context,
    seen: &Observed,
    attempt: u32,
    next_attempt: Timestamp,
    message: &str,
    access: &str,
) -> Outcome<State> {
    if seen.leaves_external() {
        return Super;
    }
    let failure = match &seen.report {
        Some(Report::CrlCurrent | Report::CrlStored(_)) => return context.fire(Event::ExternalAnswered, []),
        // Without a first list no server can start, so a refused one counts as none here.
        Some(Report::CrlUnavailable { message, .. } | Report::CrlRefused { message } | Report::Failed { message, .. }) => Some(message),
        Some(Report::Applied) | None => None,
    };
    match failure {
        Some(failure) if (failure.as_str(), seen.access.as_str()) != (message, access) => context.fire(failed(seen, attempt, failure), []),
        _ if let Some(invalid) = &seen.invalid => context.wait(invalid.clone()),
        failure => {
            let due = failure.is_none() && (context.may_try(next_attempt, seen.now) || seen.access != access);
            let unreachable = Blocked::waiting(reason::EXTERNAL_UNREACHABLE, message);
            context.try_again(unreachable, due.then_some(Effect::RefreshCrl))
        }
    }
}

/// The event for a CA that does not answer, after `attempt` failures in a row.
fn failed(seen: &Observed, attempt: u32, message: &str) -> Event {
    let next_attempt = backoff(attempt + 1, seen.now);
    Event::ExternalFailed { message: message.to_owned(), next_attempt, access: seen.access.clone() }
}
