//! A new key for a Certificate in use: the way to its certificate.

use super::machine::{Context, SIGNING_PACE, first};
use super::{Certificate, Effect, Event, Issued, Observed, Report, State, Tls};
use crate::Failure;
use crate::core::{Blocked, Pace, State as _, Timestamp, backoff};
use crate::reason;
use statig::prelude::*;

/// Failures of a rekeying are counted up to here: the old pair is in use, so from then on each is given half a minute.
pub(super) const MAX_REKEY_ATTEMPT: u32 = 3;

impl Certificate {
    pub(super) fn rekey(context: &mut Context, seen: &Observed, reason: &str, message: &str) -> Outcome<State> {
        if let Some(mut blocked) = seen.rekey_blocked() {
            blocked.message = format!("{message}, but {}", blocked.message);
            return context.wait(blocked);
        }
        if seen.pending_key.is_some() {
            // A leftover: the new key must be one that was made for this.
            return context.work([Effect::DropPendingKey]);
        }
        context.fire(Event::RekeyStarted { reason: reason.to_owned(), message: message.to_owned() }, [])
    }
}

/// How far it is.
pub(super) struct Rekey<'a> {
    /// Why it was begun.
    pub reason: &'a str,
    /// The certificate in use.
    pub certificate: &'a Issued,
    /// Fingerprint of the new key, once it is stored.
    pub key: Option<&'a str>,
    /// The CA has the CSR for it.
    pub submitted: bool,
    /// What the CA holds in its way.
    pub conflict: Option<&'a str>,
    /// When the next attempt is due, where it waits for one.
    pub next_attempt: Option<Timestamp>,
    /// What failed last.
    pub failure: Option<&'a str>,
}

impl Rekey<'_> {
    /// It waits for another attempt.
    fn waits(&self) -> bool {
        self.next_attempt.is_some()
    }

    /// What follows from an observation.
    pub fn step(&self, context: &mut Context, seen: &Observed) -> Outcome<State> {
        if seen.deleting || matches!(seen.tls, Tls::Absent | Tls::Unusable { .. }) {
            return Super;
        }
        if let Some(answer) = self.answered(context, seen) {
            return answer;
        }
        if seen.interrupts(&context.here) {
            return Super;
        }
        let unwanted = matches!(self.reason, crate::reason::SPEC_CHANGED | crate::reason::NOT_TRUSTED) && seen.misfit.is_none();
        if unwanted && !self.submitted && !seen.rekey_requested {
            return context.fire(Event::RekeyAbandoned, []);
        }
        if let Some(found) = self.keys(context, seen) {
            return found;
        }
        if let Some(blocked) = seen.rekey_blocked() {
            return context.wait(blocked);
        }
        let paused = seen.report.is_some() || self.next_attempt.is_some_and(|at| !context.may_try(at, seen.now)) && !seen.rekey_requested;
        if paused && self.waits() {
            return context.wait(self.blocked(seen));
        }
        if self.waits() { context.try_again(self.blocked(seen), [self.next()]) } else { context.work([self.next()]) }
    }

    fn submit(&self) -> Effect {
        Effect::SubmitCsr { superseded: Some(self.certificate.key.clone()) }
    }

    /// What follows from the report of an effect.
    fn answered(&self, context: &mut Context, seen: &Observed) -> Option<Outcome<State>> {
        let same = |message: &String| self.failure == Some(message);
        Some(match seen.report.as_ref()? {
            Report::Stored(stored) if self.submitted => {
                context.fire(Event::CertificateRekeyed { certificate: stored.clone() }, [Effect::DropPendingKey])
            }
            Report::Submitted if self.key.is_some() => context.fire(Event::CsrSubmitted, [Effect::ObtainCertificate]),
            Report::Replaced { former } if self.key.is_some() => {
                context.fire(Event::CsrReplaced { former: former.clone() }, [Effect::ObtainCertificate])
            }
            Report::NotSigned if self.submitted && !(self.waits() && self.failure.is_none() && self.conflict.is_none()) => {
                context.fire(Event::SigningPolled { next_attempt: first(SIGNING_PACE, seen.now) }, [])
            }
            Report::RequestLost if self.submitted => context.fire(Event::RequestLost, [self.submit()]),
            Report::Failed { reason, message } if self.conflict.is_none() && !same(message) => {
                let attempt = context.here.attempt().unwrap_or(0) + 1;
                let hasty = attempt < MAX_REKEY_ATTEMPT;
                let next_attempt = if hasty { backoff(attempt, seen.now) } else { first(Pace::SOMEBODY, seen.now) };
                context.fire(Event::AttemptFailed(Failure { reason: reason.clone(), message: message.clone(), next_attempt }), [])
            }
            Report::Refused { message } if !same(message) => {
                let next_attempt = first(Pace::SOMEBODY, seen.now);
                let (reason, message) = (reason::REQUEST_REFUSED.to_owned(), message.clone());
                context.fire(Event::AttemptFailed(Failure { reason, message, next_attempt }), [])
            }
            Report::Conflict { found } if self.conflict != Some(found) => {
                context.fire(Event::ConflictFound { found: found.clone(), next_attempt: first(Pace::SOMEBODY, seen.now) }, [])
            }
            Report::ConflictGone => context.fire(Event::ConflictRechecked, [self.submit()]),
            _ => return None,
        })
    }

    /// What follows from the key in the pending Secret, where it is not the one that is known.
    fn keys(&self, context: &mut Context, seen: &Observed) -> Option<Outcome<State>> {
        match (seen.pending_key.as_deref(), self.key) {
            (Some(found), _) if found == self.certificate.key => Some(context.work([Effect::DropPendingKey])),
            (None, Some(_)) => Some(context.fire(Event::KeyLost, [Effect::EnsureKey { reuse: None }])),
            (Some(found), known) if known != Some(found) => Some(context.fire(Event::KeyStored { key: found.to_owned() }, [])),
            _ => None,
        }
    }

    /// What it waits for until the next attempt.
    fn blocked(&self, seen: &Observed) -> Blocked {
        let certname = &seen.certname;
        match (self.conflict, self.failure) {
            (Some(found), _) => Blocked::waiting(reason::CERTNAME_CONFLICT, format!("the CA holds {found} under certname {certname}"))
                .remedy(&format!("make room with: puppetserver ca clean --certname {certname}")),
            (None, Some(failure)) => Blocked::waiting(reason::RETRYING, failure.to_owned()),
            (None, None) => {
                Blocked::waiting(reason::WAITING_FOR_SIGNING, "the CSR for the new key waits at the CA for somebody to sign it")
                    .remedy(&format!("sign it with: puppetserver ca sign --certname {certname}"))
            }
        }
    }

    /// The next step.
    fn next(&self) -> Effect {
        match (self.key, self.conflict) {
            (None, _) => Effect::EnsureKey { reuse: None },
            (_, Some(found)) => Effect::CheckConflict { found: found.to_owned() },
            _ if self.submitted => Effect::ObtainCertificate,
            _ => self.submit(),
        }
    }
}
