//! A new key for a Certificate in use: when it is due, and the way to its certificate.

use super::machine::{ASK_AGAIN, Context, poll_after};
use super::{Authority, Certificate, Effect, Event, Issued, Observed, Report, State};
use crate::core::Blocked;
use crate::reason;
use chrono::TimeDelta;
use statig::prelude::*;

impl Certificate {
    /// The renewal is due, or asked for, or the pair does not fit any more.
    pub(super) fn replace(context: &mut Context, seen: &Observed, certificate: &Issued) -> Option<Outcome<State>> {
        if let Some((reason, message)) = seen.rekey_due() {
            return Some(Self::rekey(context, seen, reason, &message));
        }
        if !matches!(seen.authority, Authority::Usable { .. }) {
            return None;
        }
        let due = seen.now >= certificate.renew_at;
        if due && seen.now >= certificate.not_after {
            // Nobody can show an expired certificate to the CA.
            return Some(Self::rekey(context, seen, reason::EXPIRED, "the certificate ran out before it was renewed"));
        }
        if due && seen.rotates && seen.rekey_blocked().is_none() {
            return Some(Self::rekey(context, seen, reason::KEY_ROTATION, "every renewal makes a new key"));
        }
        if seen.renew_requested {
            return Some(context.fire(Event::RenewalRequested, [Effect::Renew]));
        }
        due.then(|| context.fire(Event::RenewalStarted, [Effect::Renew]))
    }

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
    /// The certificate in use.
    pub certificate: &'a Issued,
    /// Fingerprint of the new key, once it is stored.
    pub key: Option<&'a str>,
    /// The CA has the CSR for it.
    pub submitted: bool,
}

impl Rekey<'_> {
    fn submit(&self) -> Effect {
        Effect::SubmitCsr { superseded: Some(self.certificate.key.clone()) }
    }

    /// What follows from the report of an effect.
    pub fn answered(&self, context: &mut Context, seen: &Observed, attempt: u32) -> Option<Outcome<State>> {
        let failed = |reason: &str, message: String| {
            let next_attempt = seen.now + TimeDelta::seconds(ASK_AGAIN);
            Event::AttemptFailed { reason: reason.to_owned(), message, next_attempt }
        };
        Some(match seen.report.as_ref()? {
            Report::Stored(stored) if self.submitted => {
                context.fire(Event::CertificateRekeyed { certificate: stored.clone() }, [Effect::DropPendingKey])
            }
            Report::Submitted if self.key.is_some() => context.fire(Event::CsrSubmitted, [Effect::ObtainCertificate]),
            Report::NotSigned if self.submitted => {
                let next_attempt = seen.now + TimeDelta::seconds(poll_after(attempt + 1));
                context.fire(Event::SigningPolled { next_attempt }, [])
            }
            Report::RequestLost if self.submitted => context.fire(Event::RequestLost, [self.submit()]),
            Report::Failed { reason, message } => Certificate::failed(context, seen, reason, message),
            Report::Refused { message } => context.fire(failed(reason::REQUEST_REFUSED, message.clone()), []),
            Report::Conflict { found } => {
                let message =
                    format!("the CA holds {found} under certname {0}; make room with: puppetserver ca clean --certname {0}", seen.certname);
                context.fire(failed(reason::CERTNAME_CONFLICT, message), [])
            }
            _ => return None,
        })
    }

    /// What follows from the key in the pending Secret, where it is not the one that is known.
    pub fn keys(&self, context: &mut Context, seen: &Observed) -> Option<Outcome<State>> {
        match (seen.pending_key.as_deref(), self.key) {
            (Some(found), _) if found == self.certificate.key => Some(context.work([Effect::DropPendingKey])),
            (None, Some(_)) => Some(context.fire(Event::KeyLost, [Effect::EnsureKey { reuse: None }])),
            (Some(found), known) if known != Some(found) => Some(context.fire(Event::KeyStored { key: found.to_owned() }, [])),
            _ => None,
        }
    }

    /// What it waits for until the next attempt.
    pub fn waits(seen: &Observed, failure: Option<&str>) -> Blocked {
        match failure {
            Some(failure) => Blocked::waiting(reason::RETRYING, failure.to_owned()),
            None => Blocked::waiting(reason::WAITING_FOR_SIGNING, "the CSR for the new key waits at the CA for somebody to sign it")
                .remedy(&format!("sign it with: puppetserver ca sign --certname {}", seen.certname)),
        }
    }

    /// The next step.
    pub fn next(&self) -> Effect {
        match self.key {
            None => Effect::EnsureKey { reuse: None },
            Some(_) if self.submitted => Effect::ObtainCertificate,
            Some(_) => self.submit(),
        }
    }
}
