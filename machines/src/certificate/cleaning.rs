//! Cleaning up at the CA before a Certificate goes.

use super::machine::Context;
use super::{Authority, Effect, Event, Observed, Report, State};
use crate::core::{Blocked, Pace, Timestamp, backoff};
use crate::reason;
use statig::prelude::*;

/// Cleaning is tried this often before the object goes anyway: a deleted namespace must not hang on a CA that
/// is gone, and the reference gives up after as many.
const CLEANING_ATTEMPTS: u32 = 5;

/// How often a finalizer is removed that the API server keeps.
pub(super) const CLEANED_PACE: Pace = Pace { base: 30, longest: 30 };

/// The certificate is to be revoked and its request taken back. `attempt` have failed in a row.
pub(super) fn clean(
    context: &mut Context,
    seen: &Observed,
    keys: &[String],
    attempt: u32,
    next_attempt: Option<Timestamp>,
) -> Outcome<State> {
    match &seen.report {
        Some(Report::Cleaned) => context.fire(Event::Cleaned, [Effect::RemoveFinalizer]),
        Some(Report::Failed { message, .. }) if attempt + 1 >= CLEANING_ATTEMPTS => {
            context.fire(Event::CleaningAbandoned { message: message.clone() }, [Effect::RemoveFinalizer])
        }
        Some(Report::Failed { message, .. }) => {
            let next_attempt = backoff(attempt + 1, seen.now);
            context.fire(Event::CleaningFailed { message: message.clone(), next_attempt }, [])
        }
        _ => match &seen.authority {
            Authority::Usable { can_sign: true } if next_attempt.is_none_or(|at| context.may_try(at, seen.now)) => {
                context.work([Effect::Clean { keys: keys.to_vec() }])
            }
            Authority::Usable { can_sign: true } => Handled,
            Authority::NotAnswering if attempt + 1 < CLEANING_ATTEMPTS => {
                // The CA server may be on its way: wait for it, but not for ever.
                if next_attempt.is_some_and(|at| !context.may_try(at, seen.now)) {
                    return context
                        .wait(Blocked::waiting(reason::AUTHORITY_NOT_ANSWERING, "no CA server is ready to revoke the certificate"));
                }
                let next_attempt = backoff(attempt + 1, seen.now);
                context.fire(Event::CleaningFailed { message: "no CA server is ready".to_owned(), next_attempt }, [])
            }
            other => {
                let message = match other {
                    Authority::Missing => "the authority is gone",
                    Authority::NotUsable { .. } => "the authority is not usable",
                    Authority::NotAnswering => "no CA server answers",
                    Authority::Usable { .. } => "the operator has no rights at this CA",
                };
                context.fire(Event::CleaningSkipped { message: message.to_owned() }, [Effect::RemoveFinalizer])
            }
        },
    }
}

/// Nothing is left at the CA: the object may go.
pub(super) fn let_go(context: &mut Context, seen: &Observed) -> Outcome<State> {
    let last = context.attempts.last.unwrap_or(Timestamp::MIN_UTC);
    let due = seen.report.is_none() && context.may_try_at(CLEANED_PACE, last, seen.now);
    context.work(due.then_some(Effect::RemoveFinalizer))
}
