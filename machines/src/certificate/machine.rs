//! The Certificate machine.

use super::rekeying::Rekey;
use super::{Authority, Effect, Event, Issued, Observed, Report, Request, Resume, State, Tls};
use crate::core::{Blocked, LONGEST_WAIT, Machine, State as _, Timestamp, Turn, backoff};
use crate::reason;
use chrono::TimeDelta;
use statig::prelude::*;

/// Cleaning is tried this often before the object goes anyway: a deleted namespace must not hang on a CA that
/// is gone, and the reference gives up after as many.
const CLEANING_ATTEMPTS: u32 = 5;

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

pub(super) type Context = Turn<Certificate>;

/// Seconds between looks at a CA where somebody else signs, by the number of looks so far: the schedule of the
/// reference.
pub(super) fn poll_after(polls: u32) -> i64 {
    match polls {
        0..=2 => 5,
        3..=5 => 30,
        6..=9 => 120,
        _ => 300,
    }
}

/// Seconds until a CA that refused is asked again without a change on our side.
pub(super) const ASK_AGAIN: i64 = 300;

/// Seconds until a CA that does not renew is asked again: it is a setting there, and there are weeks to change it.
const RENEW_AGAIN: i64 = LONGEST_WAIT;

impl Certificate {
    /// Asks the CA, or waits while there is nobody to ask.
    fn ask(context: &mut Context, seen: &Observed, effect: Effect) -> Outcome<State> {
        match seen.authority_blocked() {
            Some(blocked) => context.wait(blocked),
            None => context.work([effect]),
        }
    }

    /// A call of one of the requesting states failed.
    pub(super) fn failed(context: &mut Context, seen: &Observed, reason: &str, message: &str) -> Outcome<State> {
        let attempt = context.here.attempt().unwrap_or(0) + 1;
        let next_attempt = backoff(attempt, seen.now);
        context.fire(Event::AttemptFailed { reason: reason.to_owned(), message: message.to_owned(), next_attempt }, [])
    }

    fn refused(context: &mut Context, seen: &Observed, message: &str) -> Outcome<State> {
        let next_attempt = seen.now + TimeDelta::seconds(ASK_AGAIN);
        context.fire(Event::RequestRefused { message: message.to_owned(), generation: seen.generation, next_attempt }, [])
    }

    fn conflicting(context: &mut Context, seen: &Observed, found: &str) -> Outcome<State> {
        let attempt = context.here.attempt().unwrap_or(0) + 1;
        // Not sooner than the first slow look of the polling schedule: somebody has to act first.
        let next_attempt = backoff(attempt.max(6), seen.now);
        context.fire(Event::ConflictFound { found: found.to_owned(), next_attempt }, [])
    }
}

#[state_machine(initial = "State::default()", state(custom, name = "State"), superstate(derive(Debug)))]
#[expect(
    unused_variables,
    clippy::too_many_arguments,
    clippy::ptr_arg,
    clippy::needless_pass_by_ref_mut,
    reason = "statig names every field of a state, and hands each out as &mut"
)]
impl Certificate {
    #[state(superstate = "requesting")]
    fn waiting_for_authority(
        superseded: &mut Option<String>,
        attempt: &mut u32,
        next_attempt: &mut Option<Timestamp>,
        failure: &mut Option<String>,
        context: &mut Context,
        event: &Observed,
    ) -> Outcome<State> {
        if event.deleting || matches!(event.tls, Tls::Pair(_)) {
            return Super;
        }
        if let (Tls::Unusable { message }, None) = (&event.tls, &superseded) {
            // It was never ours: what is in it may be all that somebody has.
            return context.wait(
                Blocked::invalid(reason::SECRET_UNUSABLE, message.clone()).remedy("delete the Secret to have a new certificate issued"),
            );
        }
        if let Some(Report::Failed { reason, message }) = &event.report {
            return Self::failed(context, event, reason, message);
        }
        if let (Some(message), true) = (&*failure, next_attempt.is_some_and(|at| !context.may_try(at, event.now))) {
            return context.wait(Blocked::waiting(crate::reason::RETRYING, message.clone()));
        }
        match (event.blocked(), &event.pending_key) {
            (None, Some(key)) => {
                let submit = Effect::SubmitCsr { superseded: superseded.clone().filter(|former| former != key) };
                context.fire(Event::KeyStored { key: key.clone() }, [submit])
            }
            (Some(blocked), _) => {
                if event.wants_key() {
                    context.effects.push(Effect::EnsureKey { reuse: superseded.clone() });
                }
                context.wait(blocked)
            }
            (None, None) => context.work([Effect::EnsureKey { reuse: superseded.clone() }]),
        }
    }

    #[state(superstate = "holding_key")]
    fn key_stored(request: &mut Request, attempt: &mut u32, context: &mut Context, event: &Observed) -> Outcome<State> {
        if event.interrupts(&context.here) {
            return Super;
        }
        match &event.report {
            Some(Report::Submitted) => context.fire(Event::CsrSubmitted, [Effect::ObtainCertificate]),
            Some(Report::Conflict { found }) => Self::conflicting(context, event, found),
            Some(Report::Refused { message }) => Self::refused(context, event, message),
            Some(Report::Failed { reason, message }) => Self::failed(context, event, reason, message),
            _ => Self::ask(context, event, request.submit()),
        }
    }

    #[state(superstate = "holding_key")]
    fn submitted(request: &mut Request, attempt: &mut u32, context: &mut Context, event: &Observed) -> Outcome<State> {
        if event.interrupts(&context.here) {
            return Super;
        }
        match &event.report {
            Some(Report::Stored(certificate)) => {
                context.fire(Event::CertificateStored { certificate: certificate.clone() }, [Effect::DropPendingKey])
            }
            Some(Report::RequestLost) => context.fire(Event::RequestLost, [request.submit()]),
            Some(Report::NotSigned) => {
                let next_attempt = event.now + TimeDelta::seconds(poll_after(1));
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
        request: &mut Request,
        found: &mut String,
        attempt: &mut u32,
        next_attempt: &mut Timestamp,
        context: &mut Context,
        event: &Observed,
    ) -> Outcome<State> {
        if event.interrupts(&context.here) {
            return Super;
        }
        if context.may_try(*next_attempt, event.now) {
            return context.fire(Event::ConflictRechecked, [request.submit()]);
        }
        context.wait(
            Blocked::invalid(
                reason::CERTNAME_CONFLICT,
                format!("the CA holds {found} under certname {}; it is not signed", event.certname),
            )
            .remedy(&format!("if it is stale, remove it with: puppetserver ca clean --certname {}", event.certname)),
        )
    }

    #[state(superstate = "holding_key")]
    fn waiting_for_signing(
        request: &mut Request,
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
            Some(Report::RequestLost) => context.fire(Event::RequestLost, [request.submit()]),
            Some(Report::Conflict { found }) => Self::conflicting(context, event, found),
            Some(Report::NotSigned) => {
                let next_attempt = event.now + TimeDelta::seconds(poll_after(*attempt + 1));
                context.fire(Event::SigningPolled { next_attempt }, [])
            }
            Some(Report::Refused { message }) => Self::refused(context, event, message),
            Some(Report::Failed { reason, message }) => Self::failed(context, event, reason, message),
            _ if context.may_try(*next_attempt, event.now) => context.work([Effect::PollCertificate]),
            _ => context.wait(
                Blocked::waiting(reason::WAITING_FOR_SIGNING, "the CSR waits at the CA for somebody to sign it")
                    .remedy(&format!("sign it with: puppetserver ca sign --certname {}", event.certname)),
            ),
        }
    }

    #[state(superstate = "issued")]
    fn valid(certificate: &mut Issued, context: &mut Context, event: &Observed) -> Outcome<State> {
        if event.interrupts(&context.here) {
            return Super;
        }
        if let Some(outcome) = Self::replace(context, event, certificate) {
            return outcome;
        }
        if event.now >= certificate.renew_at {
            return context.fire(Event::RenewalDelayed, []);
        }
        if event.pending_key.is_some() {
            context.effects.push(Effect::DropPendingKey);
        }
        match &event.lacks {
            Some(lacks) => context.wait(
                Blocked::waiting(reason::CERTIFICATE_SIGNED, format!("the certificate was found here and lacks {lacks}"))
                    .remedy("annotate the Certificate with openvox.voxpupuli.org/rekey to have it issued anew"),
            ),
            None => Handled,
        }
    }

    #[state(superstate = "issued")]
    fn expiring(certificate: &mut Issued, context: &mut Context, event: &Observed) -> Outcome<State> {
        if event.interrupts(&context.here) {
            return Super;
        }
        if let Some(outcome) = Self::replace(context, event, certificate) {
            return outcome;
        }
        match event.authority_blocked() {
            Some(mut blocked) if event.now >= certificate.not_after => {
                blocked.reason = reason::EXPIRED;
                context.wait(blocked)
            }
            Some(blocked) => context.wait(blocked),
            // It was due once: a clock that went back does not take that away.
            None => context.fire(Event::RenewalStarted, [Effect::Renew]),
        }
    }

    #[state(superstate = "issued")]
    fn renewing(
        certificate: &mut Issued,
        attempt: &mut u32,
        next_attempt: &mut Option<Timestamp>,
        failure: &mut Option<String>,
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
            Some(Report::Refused { message } | Report::Conflict { found: message }) => {
                let next_attempt = event.now + TimeDelta::seconds(RENEW_AGAIN);
                context.fire(Event::RenewalRefused { message: message.clone(), next_attempt }, [])
            }
            _ if event.interrupts(&context.here) => Super,
            _ if event.misfit.is_some() || event.rekey_requested || event.now >= certificate.not_after => {
                match Self::replace(context, event, certificate) {
                    Some(outcome) => outcome,
                    None => context.wait(Blocked::waiting(reason::EXPIRED, "the certificate ran out before it was renewed")),
                }
            }
            _ if event.renew_requested || next_attempt.is_none_or(|at| context.may_try(at, event.now)) => {
                Self::ask(context, event, Effect::Renew)
            }
            _ => match failure {
                Some(failure) => context.wait(Blocked::waiting(crate::reason::RETRYING, failure.clone())),
                None => Handled,
            },
        }
    }

    #[state(superstate = "issued")]
    fn renewal_refused(
        certificate: &mut Issued,
        message: &mut String,
        next_attempt: &mut Timestamp,
        context: &mut Context,
        event: &Observed,
    ) -> Outcome<State> {
        if event.interrupts(&context.here) {
            return Super;
        }
        let may_rekey = matches!(event.authority, Authority::Usable { can_sign: true }) && !event.setup_only;
        match event.rekey_due() {
            Some((reason, why)) => return Self::rekey(context, event, reason, &why),
            // Where the operator signs, a new certificate is as good as a renewed one.
            None if may_rekey => {
                return Self::rekey(context, event, reason::RENEWAL_REFUSED, &format!("the CA does not renew: {message}"));
            }
            None => {}
        }
        if event.renew_requested {
            return context.fire(Event::RenewalRequested, [Effect::Renew]);
        }
        if context.may_try(*next_attempt, event.now) && event.now < certificate.not_after && event.authority_blocked().is_none() {
            return context.fire(Event::RenewalStarted, [Effect::Renew]);
        }
        let reason = if event.now >= certificate.not_after { crate::reason::EXPIRED } else { crate::reason::RENEWAL_REFUSED };
        context.wait(Blocked::invalid(reason, format!("the CA does not renew the certificate: {message}")).remedy(&format!(
            "let it (allow-auto-renewal), or run puppetserver ca clean --certname {} there and annotate the Certificate with openvox.voxpupuli.org/rekey",
            event.certname
        )))
    }

    #[state(superstate = "issued")]
    fn rekeying(
        certificate: &mut Issued,
        reason: &mut String,
        message: &mut String,
        key: &mut Option<String>,
        submitted: &mut bool,
        attempt: &mut u32,
        next_attempt: &mut Option<Timestamp>,
        failure: &mut Option<String>,
        context: &mut Context,
        event: &Observed,
    ) -> Outcome<State> {
        if event.deleting || matches!(event.tls, Tls::Absent | Tls::Unusable { .. }) {
            return Super;
        }
        let here = Rekey { certificate, key: key.as_deref(), submitted: *submitted };
        if let Some(answer) = here.answered(context, event, *attempt) {
            return answer;
        }
        if event.interrupts(&context.here) {
            return Super;
        }
        let unwanted = matches!(reason.as_str(), crate::reason::SPEC_CHANGED | crate::reason::NOT_TRUSTED) && event.misfit.is_none();
        if unwanted && !*submitted && !event.rekey_requested {
            return context.fire(Event::RekeyAbandoned, []);
        }
        if let Some(found) = here.keys(context, event) {
            return found;
        }
        if let Some(blocked) = event.rekey_blocked() {
            return context.wait(blocked);
        }
        if next_attempt.is_some_and(|at| !context.may_try(at, event.now)) && !event.rekey_requested {
            return context.wait(Rekey::waits(event, failure.as_deref()));
        }
        context.work([here.next()])
    }

    #[state(superstate = "holding_key")]
    fn retrying(
        resume: &mut Resume,
        request: &mut Request,
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
        if !context.may_try(*next_attempt, event.now) {
            return context.wait(Blocked::waiting(crate::reason::RETRYING, message.clone()));
        }
        if let Some(blocked) = event.authority_blocked() {
            return context.wait(blocked);
        }
        let effect = if *resume == Resume::Submit { request.submit() } else { Effect::ObtainCertificate };
        context.fire(Event::AttemptResumed, [effect])
    }

    #[state(superstate = "holding_key")]
    fn stalled(
        resume: &mut Resume,
        request: &mut Request,
        next_attempt: &mut Timestamp,
        message: &mut String,
        generation: &mut i64,
        context: &mut Context,
        event: &Observed,
    ) -> Outcome<State> {
        if event.interrupts(&context.here) {
            return Super;
        }
        if !context.may_try(*next_attempt, event.now) && event.generation == *generation {
            return context.wait(Blocked::invalid(reason::REQUEST_REFUSED, format!("the CA refused the request: {message}")));
        }
        let effect = if *resume == Resume::Submit { request.submit() } else { Effect::ObtainCertificate };
        context.fire(Event::AttemptResumed, [effect])
    }

    #[state(superstate = "top")]
    fn cleaning(
        keys: &mut Vec<String>,
        attempt: &mut u32,
        next_attempt: &mut Option<Timestamp>,
        context: &mut Context,
        event: &Observed,
    ) -> Outcome<State> {
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
                Authority::Usable { can_sign: true } if next_attempt.is_none_or(|at| context.may_try(at, event.now)) => {
                    context.work([Effect::Clean { keys: keys.clone() }])
                }
                Authority::Usable { can_sign: true } => Handled,
                Authority::NotAnswering if *attempt + 1 < CLEANING_ATTEMPTS => {
                    // The CA server may be on its way: wait for it, but not for ever.
                    if next_attempt.is_some_and(|at| !context.may_try(at, event.now)) {
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
            Tls::Pair(found) => {
                let certificate = found.clone();
                match &context.here {
                    // What an effect had stored before it could be committed.
                    State::Renewing { certificate: old, .. } if old.key == found.key => {
                        context.fire(Event::CertificateRenewed { certificate }, [])
                    }
                    State::Rekeying { key: Some(key), .. } if *key == found.key => {
                        context.fire(Event::CertificateRekeyed { certificate }, [Effect::DropPendingKey])
                    }
                    _ => context.fire(Event::CertificateReplaced { certificate }, []),
                }
            }
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
