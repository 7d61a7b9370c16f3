//! The fold of a Certificate: which state an event leads to.

use super::rekeying::MAX_REKEY_ATTEMPT;
use super::{Event, Issued, Request, Resume, State as S};
use crate::core::{MAX_ATTEMPT, State as _};
use crate::{Failure, Retry};

fn more(attempt: u32) -> u32 {
    (attempt + 1).min(MAX_ATTEMPT)
}

impl S {
    /// The state after `event`, or `None` if this state cannot absorb it.
    pub(super) fn fold(&self, event: &Event) -> Option<Self> {
        match (self, event) {
            (S::Cleaned, _) => None,
            (_, Event::DeletionStarted) => Some(S::Cleaning { keys: self.keys(), attempt: 0, next_attempt: None }),
            (S::Cleaning { keys, attempt, .. }, event) => cleaning(keys, *attempt, event),
            (S::WaitingForAuthority { superseded, attempt, .. }, event) => waiting(superseded.as_ref(), *attempt, event),
            (S::Rekeying { .. }, event) => self.in_use(event).or_else(|| self.rekeying(event)),
            (_, event) => match self.request() {
                Some(request) => self.requesting(request.clone(), event),
                None => self.in_use(event),
            },
        }
    }

    /// A request is under way.
    fn requesting(&self, request: Request, event: &Event) -> Option<Self> {
        let attempt = self.attempt().unwrap_or(0);
        Some(match (self, event) {
            (_, Event::Adopted { certificate })
            | (
                S::Submitted { .. } | S::WaitingForSigning { .. } | S::Retrying { .. } | S::Stalled { .. },
                Event::CertificateStored { certificate },
            ) => S::Valid { certificate: certificate.clone() },
            (S::KeyStored { .. } | S::Retrying { .. } | S::Stalled { .. }, Event::CsrSubmitted | Event::CsrReplaced { .. }) => {
                S::Submitted { request, attempt }
            }
            (_, Event::ConflictFound { found, next_attempt }) => {
                S::Conflict { request, found: found.clone(), attempt: more(attempt), next_attempt: *next_attempt }
            }
            (S::Submitted { .. } | S::WaitingForSigning { .. } | S::Retrying { .. } | S::Stalled { .. }, Event::RequestLost)
            | (S::Conflict { .. }, Event::ConflictRechecked) => S::KeyStored { request, attempt: 0 },
            (S::Submitted { .. } | S::Retrying { .. } | S::Stalled { .. }, Event::SigningAwaited { next_attempt }) => {
                S::WaitingForSigning { request, attempt: 1, next_attempt: *next_attempt }
            }
            (S::WaitingForSigning { .. }, Event::SigningPolled { next_attempt }) => {
                S::WaitingForSigning { request, attempt: more(attempt), next_attempt: *next_attempt }
            }
            (_, Event::AttemptFailed(failure)) => {
                S::Retrying { resume: self.resume()?, request, retry: Retry::after(self.attempt(), failure) }
            }
            (_, Event::RequestRefused { message, generation, next_attempt }) => S::Stalled {
                resume: self.resume()?,
                request,
                next_attempt: *next_attempt,
                message: message.clone(),
                generation: *generation,
            },
            (S::Retrying { resume, .. } | S::Stalled { resume, .. }, Event::AttemptResumed) => match resume {
                Resume::Submit => S::KeyStored { request, attempt },
                Resume::Obtain => S::Submitted { request, attempt },
            },
            (_, Event::KeyLost) => S::waiting(Some(request.key)),
            _ => return None,
        })
    }

    /// A pair is in use.
    fn in_use(&self, event: &Event) -> Option<Self> {
        let certificate = self.issued()?.clone();
        Some(match (self, event) {
            (S::Renewing { .. } | S::RenewalRefused { .. }, Event::CertificateRenewed { certificate })
            | (S::Rekeying { .. }, Event::CertificateRekeyed { certificate })
            | (_, Event::CertificateReplaced { certificate }) => S::Valid { certificate: certificate.clone() },
            (_, Event::SecretLost { .. }) => S::waiting(Some(certificate.key)),
            (S::Valid { .. }, Event::RenewalRescheduled { renew_at, renew_before, capped }) => {
                S::Valid { certificate: Issued { renew_at: *renew_at, renew_before: Some(*renew_before), capped: *capped, ..certificate } }
            }
            (S::Valid { .. }, Event::RenewalDelayed) => S::Expiring { certificate },
            (S::Valid { .. } | S::Expiring { .. } | S::RenewalRefused { .. }, Event::RenewalStarted | Event::RenewalRequested) => {
                S::Renewing { certificate, attempt: 0, next_attempt: None, failure: None }
            }
            (S::Renewing { attempt, .. }, Event::RenewalFailed { message, next_attempt, .. }) => {
                S::Renewing { certificate, attempt: more(*attempt), next_attempt: Some(*next_attempt), failure: Some(message.clone()) }
            }
            (S::Renewing { .. } | S::RenewalRefused { .. }, Event::RenewalRefused { message, next_attempt }) => {
                S::RenewalRefused { certificate, message: message.clone(), next_attempt: *next_attempt }
            }
            (
                S::Valid { .. } | S::Expiring { .. } | S::Renewing { .. } | S::RenewalRefused { .. },
                Event::RekeyStarted { reason, message },
            ) => S::Rekeying {
                certificate,
                reason: reason.clone(),
                message: message.clone(),
                key: None,
                submitted: false,
                attempt: 0,
                next_attempt: None,
                failure: None,
                conflict: None,
            },
            (S::Rekeying { .. }, Event::RekeyAbandoned) => S::Valid { certificate },
            _ => return None,
        })
    }

    /// A certificate for a new key is being requested.
    fn rekeying(&self, event: &Event) -> Option<Self> {
        let S::Rekeying { certificate, reason, message, key, submitted, attempt, .. } = self.clone() else { return None };
        let more = |attempt: u32| (attempt + 1).min(MAX_REKEY_ATTEMPT);
        let (key, submitted, attempt, next_attempt, failure, conflict) = match event {
            Event::KeyStored { key } => (Some(key.clone()), false, 0, None, None, None),
            Event::CsrSubmitted | Event::CsrReplaced { .. } => (key, true, 0, None, None, None),
            Event::RequestLost | Event::ConflictRechecked => (key, false, 0, None, None, None),
            Event::KeyLost => (None, false, 0, None, None, None),
            Event::SigningAwaited { next_attempt } | Event::SigningPolled { next_attempt } => {
                (key, true, 1, Some(*next_attempt), None, None)
            }
            Event::AttemptFailed(Failure { message, next_attempt, .. }) => {
                (key, submitted, more(attempt), Some(*next_attempt), Some(message.clone()), None)
            }
            Event::ConflictFound { found, next_attempt } => (key, submitted, 1, Some(*next_attempt), None, Some(found.clone())),
            _ => return None,
        };
        Some(S::Rekeying { certificate, reason, message, key, submitted, attempt, next_attempt, failure, conflict })
    }
}

/// Nothing was requested yet.
fn waiting(superseded: Option<&String>, attempt: u32, event: &Event) -> Option<S> {
    let superseded = superseded.cloned();
    Some(match event {
        Event::AttemptFailed(Failure { message, next_attempt, .. }) => {
            S::WaitingForAuthority { superseded, attempt: more(attempt), next_attempt: Some(*next_attempt), failure: Some(message.clone()) }
        }
        Event::KeyStored { key } => S::KeyStored { request: Request { key: key.clone(), superseded }, attempt: 0 },
        Event::Adopted { certificate } => S::Valid { certificate: certificate.clone() },
        _ => return None,
    })
}

/// It is being deleted.
fn cleaning(keys: &[String], attempt: u32, event: &Event) -> Option<S> {
    match event {
        Event::CleaningFailed { next_attempt, .. } => {
            Some(S::Cleaning { keys: keys.to_vec(), attempt: more(attempt), next_attempt: Some(*next_attempt) })
        }
        Event::Cleaned | Event::CleaningSkipped { .. } | Event::CleaningAbandoned { .. } => Some(S::Cleaned),
        _ => None,
    }
}
