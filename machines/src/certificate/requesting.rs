//! A request under way: what the answers of the CA mean for it.

use super::machine::{Context, REFUSED_PACE, SIGNING_PACE, first};
use super::{Certificate, Effect, Event, Observed, Report, Request, Resume, State};
use crate::Failure;
use crate::core::{Pace, State as _};
use statig::prelude::*;

impl Certificate {
    /// Asks the CA, or waits while there is nobody to ask.
    pub(super) fn ask(context: &mut Context, seen: &Observed, effect: Effect) -> Outcome<State> {
        match seen.authority_blocked() {
            Some(blocked) => context.wait(blocked),
            None => context.work([effect]),
        }
    }

    /// A call of one of the requesting states failed.
    pub(super) fn failed(context: &mut Context, seen: &Observed, reason: &str, message: &str) -> Outcome<State> {
        context.fire(Event::AttemptFailed(Failure::after(context.here.attempt(), reason, message, seen.now)), [])
    }

    pub(super) fn refused(context: &mut Context, seen: &Observed, message: &str) -> Outcome<State> {
        let next_attempt = first(REFUSED_PACE, seen.now);
        context.fire(Event::RequestRefused { message: message.to_owned(), generation: seen.generation, next_attempt }, [])
    }

    pub(super) fn conflicting(context: &mut Context, seen: &Observed, found: &str) -> Outcome<State> {
        context.fire(Event::ConflictFound { found: found.to_owned(), next_attempt: first(Pace::SOMEBODY, seen.now) }, [])
    }

    /// What follows from the answer of a CA to the step of a request that `resume` names; `None` if it says nothing new.
    pub(super) fn answered(context: &mut Context, seen: &Observed, request: &Request, resume: Resume) -> Option<Outcome<State>> {
        let obtains = resume == Resume::Obtain;
        Some(match seen.report.as_ref()? {
            Report::Submitted if !obtains => context.fire(Event::CsrSubmitted, [Effect::ObtainCertificate]),
            Report::Replaced { former } if !obtains => {
                context.fire(Event::CsrReplaced { former: former.clone() }, [Effect::ObtainCertificate])
            }
            Report::Stored(certificate) if obtains => {
                context.fire(Event::CertificateStored { certificate: certificate.clone() }, [Effect::DropPendingKey])
            }
            Report::RequestLost if obtains => context.fire(Event::RequestLost, [request.submit()]),
            Report::NotSigned if obtains => context.fire(Event::SigningAwaited { next_attempt: first(SIGNING_PACE, seen.now) }, []),
            Report::Conflict { found } => Self::conflicting(context, seen, found),
            Report::Refused { message } => Self::refused(context, seen, message),
            Report::Failed { reason, message } => Self::failed(context, seen, reason, message),
            _ => return None,
        })
    }
}
