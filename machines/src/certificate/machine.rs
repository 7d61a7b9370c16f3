//! The Certificate machine.

use super::{Authority, Event, Issued, Observed, Report, Resume, State, Tls};
use crate::core::{Blocked, Machine, State as _, Timestamp, Turn, backoff};
use crate::reason;
use statig::prelude::*;

/// Cleaning is tried this often before the object goes anyway: a deleted namespace must not hang on a CA that
/// is gone, and the reference gives up after as many.
const CLEANING_ATTEMPTS: u32 = 5;

/// What is done about a Certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Generate the private key and store it in the pending Secret, unless it is there.
    EnsureKey,
    /// Submit the CSR for the stored key.
    SubmitCsr,
    /// Compare the queued CSR with the stored key, sign it if that is our right, fetch the certificate, check
    /// it and store it with its key.
    ObtainCertificate,
    /// Fetch the certificate; check and store it when it is there.
    PollCertificate,
    /// Renew at the CA with the key kept; check and store.
    Renew,
    /// Delete the pending Secret: its key is in the TLS Secret now.
    DropPendingKey,
    /// Revoke and clean at the CA.
    Clean,
    /// Let the object go.
    RemoveFinalizer,
}

/// The machine; its data is in [`State`].
#[derive(Debug, Default)]
pub struct Certificate;

impl Machine for Certificate {
    const KIND: &'static str = "Certificate";
    type State = State;
    type Observed = Observed;
    type Effect = Effect;
    crate::core::drive!(Self);
}

type Context = Turn<Certificate>;

/// Seconds between looks at a CA where somebody else signs, by the number of looks so far: the schedule of the
/// reference.
fn poll_after(polls: u32) -> i64 {
    match polls {
        0..=2 => 5,
        3..=5 => 30,
        6..=9 => 120,
        _ => 300,
    }
}

/// Seconds until a CA that refused is asked again without a change on our side.
const ASK_AGAIN: i64 = 300;

impl Certificate {
    /// Asks the CA, or waits while there is nobody to ask.
    fn ask(context: &mut Context, seen: &Observed, effect: Effect) -> Outcome<State> {
        match seen.authority_blocked() {
            Some(blocked) => context.wait(blocked),
            None => context.work([effect]),
        }
    }

    /// A call of one of the requesting states failed.
    fn failed(context: &mut Context, seen: &Observed, reason: &str, message: &str) -> Outcome<State> {
        let attempt = context.here.attempt().unwrap_or(0) + 1;
        let next_attempt = backoff(attempt, seen.now);
        context.fire(Event::AttemptFailed { reason: reason.to_owned(), message: message.to_owned(), next_attempt }, [])
    }

    fn refused(context: &mut Context, seen: &Observed, message: &str) -> Outcome<State> {
        let next_attempt = seen.now + chrono::TimeDelta::seconds(ASK_AGAIN);
        context.fire(Event::RequestRefused { message: message.to_owned(), generation: seen.generation, next_attempt }, [])
    }

    fn conflicting(context: &mut Context, seen: &Observed, found: &str) -> Outcome<State> {
        let attempt = context.here.attempt().unwrap_or(0) + 1;
        // Not sooner than the first slow look of the polling schedule: somebody has to act first.
        let next_attempt = backoff(attempt.max(6), seen.now);
        context.fire(Event::ConflictFound { found: found.to_owned(), next_attempt }, [])
    }
}

#[state_machine(initial = "State::WaitingForAuthority", state(custom, name = "State"), superstate(derive(Debug)))]
#[expect(
    unused_variables,
    clippy::too_many_arguments,
    clippy::ptr_arg,
    clippy::needless_pass_by_ref_mut,
    reason = "statig names every field of a state, and hands each out as &mut"
)]
impl Certificate {
    #[state(superstate = "requesting")]
    fn waiting_for_authority(context: &mut Context, event: &Observed) -> Outcome<State> {
        if event.deleting || matches!(event.tls, Tls::Pair(_)) {
            return Super;
        }
        if let Tls::Unusable { message } = &event.tls {
            return context.wait(
                Blocked::invalid(reason::SECRET_UNUSABLE, message.clone()).remedy("delete the Secret to have a new certificate issued"),
            );
        }
        match (event.blocked(), &event.pending_key) {
            (None, Some(key)) => context.fire(Event::KeyStored { key: key.clone() }, [Effect::SubmitCsr]),
            (Some(blocked), _) => {
                if event.wants_key() {
                    context.effects.push(Effect::EnsureKey);
                }
                context.wait(blocked)
            }
            (None, None) => context.work([Effect::EnsureKey]),
        }
    }

    #[state(superstate = "holding_key")]
    fn key_stored(key: &mut String, attempt: &mut u32, context: &mut Context, event: &Observed) -> Outcome<State> {
        if event.interrupts(&context.here) {
            return Super;
        }
        match &event.report {
            Some(Report::Submitted) => context.fire(Event::CsrSubmitted, [Effect::ObtainCertificate]),
            Some(Report::Conflict { found }) => Self::conflicting(context, event, found),
            Some(Report::Refused { message }) => Self::refused(context, event, message),
            Some(Report::Failed { reason, message }) => Self::failed(context, event, reason, message),
            _ => Self::ask(context, event, Effect::SubmitCsr),
        }
    }

    #[state(superstate = "holding_key")]
    fn submitted(key: &mut String, attempt: &mut u32, context: &mut Context, event: &Observed) -> Outcome<State> {
        if event.interrupts(&context.here) {
            return Super;
        }
        match &event.report {
            Some(Report::Stored(certificate)) => {
                context.fire(Event::CertificateStored { certificate: certificate.clone() }, [Effect::DropPendingKey])
            }
            Some(Report::RequestLost) => context.fire(Event::RequestLost, [Effect::SubmitCsr]),
            Some(Report::NotSigned) => {
                let next_attempt = event.now + chrono::TimeDelta::seconds(poll_after(1));
                context.fire(Event::SigningAwaited { next_attempt }, [])
            }
            Some(Report::Conflict { found }) => Self::conflicting(context, event, found),
            Some(Report::Refused { message }) => Self::refused(context, event, message),
            Some(Report::Failed { reason, message }) => Self::failed(context, event, reason, message),
            _ => Self::ask(context, event, Effect::ObtainCertificate),
        }
    }

    #[state(superstate = "holding_key")]
    fn conflict(
        key: &mut String,
        found: &mut String,
        attempt: &mut u32,
        next_attempt: &mut Timestamp,
        context: &mut Context,
        event: &Observed,
    ) -> Outcome<State> {
        if event.interrupts(&context.here) {
            return Super;
        }
        if event.now >= *next_attempt {
            return context.fire(Event::ConflictRechecked, [Effect::SubmitCsr]);
        }
        context.wait(
            Blocked::invalid(reason::CERTNAME_CONFLICT, format!("the CA holds {found} under this certname, not ours; it is not signed"))
                .remedy("if it is stale, remove it with: puppetserver ca clean --certname <certname>"),
        )
    }

    #[state(superstate = "holding_key")]
    fn waiting_for_signing(
        key: &mut String,
        attempt: &mut u32,
        next_attempt: &mut Timestamp,
        context: &mut Context,
        event: &Observed,
    ) -> Outcome<State> {
        if event.interrupts(&context.here) {
            return Super;
        }
        match &event.report {
            Some(Report::Stored(certificate)) => {
                context.fire(Event::CertificateStored { certificate: certificate.clone() }, [Effect::DropPendingKey])
            }
            Some(Report::RequestLost) => context.fire(Event::RequestLost, [Effect::SubmitCsr]),
            Some(Report::Conflict { found }) => Self::conflicting(context, event, found),
            Some(Report::NotSigned) => {
                let next_attempt = event.now + chrono::TimeDelta::seconds(poll_after(*attempt + 1));
                context.fire(Event::SigningPolled { next_attempt }, [])
            }
            Some(Report::Failed { reason, message }) => Self::failed(context, event, reason, message),
            _ if event.now >= *next_attempt => context.work([Effect::PollCertificate]),
            _ => context.wait(
                Blocked::waiting(reason::WAITING_FOR_SIGNING, "the CSR waits at the CA for somebody to sign it")
                    .remedy("sign it with: puppetserver ca sign --certname <certname>"),
            ),
        }
    }

    #[state(superstate = "issued")]
    fn valid(certificate: &mut Issued, context: &mut Context, event: &Observed) -> Outcome<State> {
        if event.interrupts(&context.here) {
            return Super;
        }
        let due = event.now >= certificate.renew_at;
        match event.authority {
            Authority::Usable { .. } if due => context.fire(Event::RenewalStarted, [Effect::Renew]),
            _ if due => context.fire(Event::RenewalDelayed, []),
            _ => {
                if event.pending_key.is_some() {
                    context.effects.push(Effect::DropPendingKey);
                }
                Handled
            }
        }
    }

    #[state(superstate = "issued")]
    fn expiring(certificate: &mut Issued, context: &mut Context, event: &Observed) -> Outcome<State> {
        if event.interrupts(&context.here) {
            return Super;
        }
        match event.authority {
            Authority::Usable { .. } => context.fire(Event::RenewalStarted, [Effect::Renew]),
            _ => Handled,
        }
    }

    #[state(superstate = "issued")]
    fn renewing(
        certificate: &mut Issued,
        attempt: &mut u32,
        next_attempt: &mut Option<Timestamp>,
        context: &mut Context,
        event: &Observed,
    ) -> Outcome<State> {
        match &event.report {
            _ if event.deleting || matches!(event.tls, Tls::Absent | Tls::Unusable { .. }) => Super,
            Some(Report::Stored(certificate)) => context.fire(Event::CertificateRenewed { certificate: certificate.clone() }, []),
            Some(Report::Failed { reason, message }) => {
                let next_attempt = backoff(*attempt + 1, event.now);
                context.fire(Event::RenewalFailed { reason: reason.clone(), message: message.clone(), next_attempt }, [])
            }
            Some(Report::Refused { message }) => {
                let next_attempt = event.now + chrono::TimeDelta::seconds(ASK_AGAIN);
                context
                    .fire(Event::RenewalFailed { reason: reason::REQUEST_REFUSED.to_owned(), message: message.clone(), next_attempt }, [])
            }
            _ if event.interrupts(&context.here) => Super,
            _ if next_attempt.is_none_or(|at| event.now >= at) => context.work([Effect::Renew]),
            _ => Handled,
        }
    }

    #[state(superstate = "holding_key")]
    fn retrying(
        resume: &mut Resume,
        key: &mut String,
        attempt: &mut u32,
        next_attempt: &mut Timestamp,
        reason: &mut String,
        message: &mut String,
        context: &mut Context,
        event: &Observed,
    ) -> Outcome<State> {
        if event.interrupts(&context.here) {
            return Super;
        }
        if event.now < *next_attempt {
            return context.wait(Blocked::waiting(crate::reason::RETRYING, message.clone()));
        }
        if let Some(blocked) = event.authority_blocked() {
            return context.wait(blocked);
        }
        let effect = if *resume == Resume::Submit { Effect::SubmitCsr } else { Effect::ObtainCertificate };
        context.fire(Event::AttemptResumed, [effect])
    }

    #[state(superstate = "holding_key")]
    fn stalled(
        resume: &mut Resume,
        key: &mut String,
        next_attempt: &mut Timestamp,
        message: &mut String,
        generation: &mut i64,
        context: &mut Context,
        event: &Observed,
    ) -> Outcome<State> {
        if event.interrupts(&context.here) {
            return Super;
        }
        if event.now < *next_attempt && event.generation == *generation {
            return context.wait(Blocked::invalid(reason::REQUEST_REFUSED, format!("the CA refused the request: {message}")));
        }
        let effect = if *resume == Resume::Submit { Effect::SubmitCsr } else { Effect::ObtainCertificate };
        context.fire(Event::AttemptResumed, [effect])
    }

    #[state(superstate = "top")]
    fn cleaning(attempt: &mut u32, next_attempt: &mut Option<Timestamp>, context: &mut Context, event: &Observed) -> Outcome<State> {
        match &event.report {
            Some(Report::Cleaned) => context.fire(Event::Cleaned, [Effect::RemoveFinalizer]),
            Some(Report::Failed { message, .. }) if *attempt + 1 >= CLEANING_ATTEMPTS => {
                context.fire(Event::CleaningAbandoned { message: message.clone() }, [Effect::RemoveFinalizer])
            }
            Some(Report::Failed { message, .. }) => {
                let next_attempt = backoff(*attempt + 1, event.now);
                context.fire(Event::CleaningFailed { message: message.clone(), next_attempt }, [])
            }
            _ => match &event.authority {
                Authority::Usable { can_sign: true } if next_attempt.is_none_or(|at| event.now >= at) => context.work([Effect::Clean]),
                Authority::Usable { can_sign: true } => Handled,
                Authority::NotAnswering if *attempt + 1 < CLEANING_ATTEMPTS => {
                    // The CA server may be on its way: wait for it, but not for ever.
                    if next_attempt.is_some_and(|at| event.now < at) {
                        return context
                            .wait(Blocked::waiting(reason::AUTHORITY_NOT_ANSWERING, "no CA server is ready to revoke the certificate"));
                    }
                    let next_attempt = backoff(*attempt + 1, event.now);
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

    #[state(superstate = "top")]
    fn cleaned(context: &mut Context) -> Outcome<State> {
        context.work([Effect::RemoveFinalizer])
    }

    /// A request is under way and its key is stored: the key may vanish.
    #[superstate(superstate = "requesting")]
    fn holding_key(context: &mut Context, event: &Observed) -> Outcome<State> {
        if event.deleting || matches!(event.tls, Tls::Pair(_)) { Super } else { context.fire(Event::KeyLost, []) }
    }

    /// No pair is recorded yet: one may be found all the same.
    #[superstate(superstate = "existing")]
    fn requesting(context: &mut Context, event: &Observed) -> Outcome<State> {
        match &event.tls {
            Tls::Pair(certificate) if !event.deleting => context.fire(Event::Adopted { certificate: certificate.clone() }, []),
            _ => Super,
        }
    }

    /// A pair is recorded: its Secret may be lost or replaced.
    #[superstate(superstate = "existing")]
    fn issued(context: &mut Context, event: &Observed) -> Outcome<State> {
        match &event.tls {
            _ if event.deleting => Super,
            Tls::Absent => context.fire(Event::SecretLost { message: "the TLS Secret is gone".to_owned() }, []),
            Tls::Unusable { message } => context.fire(Event::SecretLost { message: message.clone() }, []),
            Tls::Pair(certificate) => context.fire(Event::CertificateReplaced { certificate: certificate.clone() }, []),
        }
    }

    #[superstate(superstate = "top")]
    fn existing(context: &mut Context, event: &Observed) -> Outcome<State> {
        if event.deleting { context.fire(Event::DeletionStarted, []) } else { Super }
    }

    #[superstate]
    fn top(context: &mut Context) -> Outcome<State> {
        context.unhandled()
    }
}

impl Observed {
    /// Something has happened that concerns a whole group of states, so the leaf hands the observation up.
    fn interrupts(&self, here: &State) -> bool {
        if self.deleting {
            return true;
        }
        match (here, &self.tls) {
            (State::Valid { certificate } | State::Expiring { certificate } | State::Renewing { certificate, .. }, Tls::Pair(found)) => {
                (&found.serial, &found.key) != (&certificate.serial, &certificate.key)
            }
            (State::Valid { .. } | State::Expiring { .. } | State::Renewing { .. }, _) => true,
            // The report of the store is the better witness than a Secret that appeared with it.
            (_, Tls::Pair(_)) => !matches!(self.report, Some(Report::Stored(_))),
            (
                State::KeyStored { key, .. }
                | State::Submitted { key, .. }
                | State::Conflict { key, .. }
                | State::WaitingForSigning { key, .. }
                | State::Retrying { key, .. }
                | State::Stalled { key, .. },
                _,
            ) => !matches!(self.report, Some(Report::Stored(_))) && self.pending_key.as_ref() != Some(key),
            _ => false,
        }
    }
}
