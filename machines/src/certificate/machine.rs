//! The Certificate machine.

use super::cleaning;
use super::rekeying::Rekey;
use super::{Effect, Event, Issued, Observed, Report, Request, Resume, State, Tls};
use crate::Retry;
use crate::core::{Blocked, LONGEST_WAIT, Machine, Pace, Timestamp, Turn};
use crate::reason;
use chrono::TimeDelta;
use statig::prelude::*;

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

/// How often a CA is asked where somebody else signs.
pub(super) const SIGNING_PACE: Pace = Pace { base: 5, longest: 300 };

/// How often a CA is asked again that has refused a request.
pub(super) const REFUSED_PACE: Pace = Pace { base: 300, longest: 900 };

/// Seconds until a CA that does not renew is asked again: it is a setting there, and there are weeks to change it.
pub(super) const RENEW_AGAIN: i64 = LONGEST_WAIT;

/// The first look of a pace, from `now` on.
pub(super) fn first(pace: Pace, now: Timestamp) -> Timestamp {
    now + TimeDelta::seconds(pace.base)
}

#[state_machine(initial = "State::default()", event_identifier = "seen", state(custom, name = "State"), superstate(derive(Debug)))]
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
        seen: &Observed,
    ) -> Outcome<State> {
        if seen.deleting || matches!(seen.tls, Tls::Pair(_)) {
            return Super;
        }
        if let (Tls::Unusable { message }, None) = (&seen.tls, &superseded) {
            // It was never ours: what is in it may be all that somebody has.
            return context.wait(
                Blocked::invalid(reason::SECRET_UNUSABLE, message.clone()).remedy("delete the Secret to have a new certificate issued"),
            );
        }
        if let Some(Report::Failed { reason, message }) = &seen.report
            && failure.as_ref() != Some(message)
        {
            return Self::failed(context, seen, reason, message);
        }
        let failed = failure.as_ref().map(|message| Blocked::waiting(crate::reason::RETRYING, message.clone()));
        if let Some(failed) = &failed
            && (seen.report.is_some() || next_attempt.is_some_and(|at| !context.may_try(at, seen.now)))
        {
            return context.wait(failed.clone());
        }
        match (seen.blocked(), &seen.pending_key) {
            (None, Some(key)) => {
                let submit = Effect::SubmitCsr { superseded: superseded.clone().filter(|former| former != key) };
                context.fire(Event::KeyStored { key: key.clone() }, [submit])
            }
            (Some(blocked), _) => {
                if seen.wants_key() {
                    context.effects.push(Effect::EnsureKey { reuse: superseded.clone() });
                }
                context.wait(failed.filter(|_| seen.wants_key()).unwrap_or(blocked))
            }
            (None, None) => context.work([Effect::EnsureKey { reuse: superseded.clone() }]),
        }
    }

    #[state(superstate = "holding_key")]
    fn key_stored(request: &mut Request, attempt: &mut u32, context: &mut Context, seen: &Observed) -> Outcome<State> {
        if seen.interrupts(&context.here) {
            return Super;
        }
        match Self::answered(context, seen, request, Resume::Submit) {
            Some(answer) => answer,
            None => Self::ask(context, seen, request.submit()),
        }
    }

    #[state(superstate = "holding_key")]
    fn submitted(request: &mut Request, attempt: &mut u32, context: &mut Context, seen: &Observed) -> Outcome<State> {
        if seen.interrupts(&context.here) {
            return Super;
        }
        match Self::answered(context, seen, request, Resume::Obtain) {
            Some(answer) => answer,
            None => Self::ask(context, seen, Effect::ObtainCertificate),
        }
    }

    #[state(superstate = "holding_key")]
    fn conflict(
        request: &mut Request,
        found: &mut String,
        attempt: &mut u32,
        next_attempt: &mut Timestamp,
        context: &mut Context,
        seen: &Observed,
    ) -> Outcome<State> {
        if seen.interrupts(&context.here) {
            return Super;
        }
        match &seen.report {
            Some(Report::ConflictGone) => return context.fire(Event::ConflictRechecked, [request.submit()]),
            // Somebody else's has come in its place.
            Some(Report::Conflict { found: other }) if other != found => return Self::conflicting(context, seen, other),
            None if seen.authority_blocked().is_none() && context.may_try(*next_attempt, seen.now) => {
                context.effects.push(Effect::CheckConflict { found: found.clone() });
            }
            // A look that failed says nothing about the conflict.
            _ => {}
        }
        context.wait(
            Blocked::invalid(reason::CERTNAME_CONFLICT, format!("the CA holds {found} under certname {}; it is not signed", seen.certname))
                .remedy(&format!("if it is stale, remove it with: puppetserver ca clean --certname {}", seen.certname)),
        )
    }

    #[state(superstate = "holding_key")]
    fn waiting_for_signing(
        request: &mut Request,
        attempt: &mut u32,
        next_attempt: &mut Timestamp,
        context: &mut Context,
        seen: &Observed,
    ) -> Outcome<State> {
        if seen.interrupts(&context.here) {
            return Super;
        }
        let answer = if seen.report == Some(Report::NotSigned) { None } else { Self::answered(context, seen, request, Resume::Obtain) };
        if let Some(answer) = answer {
            return answer;
        }
        let polls = seen.report.is_none() && context.may_try(*next_attempt, seen.now);
        let unsigned = Blocked::waiting(reason::WAITING_FOR_SIGNING, "the CSR waits at the CA for somebody to sign it")
            .remedy(&format!("sign it with: puppetserver ca sign --certname {}", seen.certname));
        context.try_again(unsigned, polls.then_some(Effect::PollCertificate))
    }

    #[state(superstate = "issued")]
    fn valid(certificate: &mut Issued, context: &mut Context, seen: &Observed) -> Outcome<State> {
        if seen.interrupts(&context.here) {
            return Super;
        }
        if let Some(outcome) = Self::reschedule(context, seen, certificate) {
            return outcome;
        }
        if let Some(outcome) = Self::replace(context, seen, certificate) {
            return outcome;
        }
        if seen.now >= certificate.renew_at {
            return context.fire(Event::RenewalDelayed, []);
        }
        if seen.pending_key.is_some() {
            context.effects.push(Effect::DropPendingKey);
        }
        match &seen.lacks {
            Some(lacks) => context.wait(
                Blocked::waiting(reason::CERTIFICATE_SIGNED, format!("the certificate was found here and lacks {lacks}"))
                    .remedy("annotate the Certificate with openvox.voxpupuli.org/rekey to have it issued anew"),
            ),
            None => Handled,
        }
    }

    #[state(superstate = "issued")]
    fn expiring(certificate: &mut Issued, context: &mut Context, seen: &Observed) -> Outcome<State> {
        if seen.interrupts(&context.here) {
            return Super;
        }
        if let Some(outcome) = Self::replace(context, seen, certificate) {
            return outcome;
        }
        match seen.authority_blocked() {
            Some(mut blocked) if seen.now >= certificate.not_after => {
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
        seen: &Observed,
    ) -> Outcome<State> {
        Self::renew(context, seen, certificate, *attempt, *next_attempt, failure.as_ref())
    }

    #[state(superstate = "issued")]
    fn renewal_refused(
        certificate: &mut Issued,
        message: &mut String,
        next_attempt: &mut Timestamp,
        context: &mut Context,
        seen: &Observed,
    ) -> Outcome<State> {
        Self::renewal_declined(context, seen, certificate, message, *next_attempt)
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
        conflict: &mut Option<String>,
        context: &mut Context,
        seen: &Observed,
    ) -> Outcome<State> {
        let rekey = Rekey {
            reason,
            certificate,
            key: key.as_deref(),
            submitted: *submitted,
            conflict: conflict.as_deref(),
            next_attempt: *next_attempt,
            failure: failure.as_deref(),
        };
        rekey.step(context, seen)
    }

    #[state(superstate = "holding_key")]
    fn retrying(resume: &mut Resume, request: &mut Request, retry: &mut Retry, context: &mut Context, seen: &Observed) -> Outcome<State> {
        if seen.interrupts(&context.here) {
            return Super;
        }
        let same = matches!(&seen.report, Some(Report::Failed { reason, message }) if retry.failed_with(reason, message));
        if !same && let Some(answer) = Self::answered(context, seen, request, *resume) {
            return answer;
        }
        let due = seen.report.is_none() && retry.is_due(context, seen.now);
        if let Some(blocked) = seen.authority_blocked() {
            return context.wait(blocked);
        }
        context.try_again(retry.blocked(), due.then(|| request.step(*resume)))
    }

    #[state(superstate = "holding_key")]
    fn stalled(
        resume: &mut Resume,
        request: &mut Request,
        next_attempt: &mut Timestamp,
        message: &mut String,
        generation: &mut i64,
        context: &mut Context,
        seen: &Observed,
    ) -> Outcome<State> {
        if seen.interrupts(&context.here) {
            return Super;
        }
        let changed = seen.generation != *generation;
        let same = matches!(&seen.report, Some(Report::Refused { message: said }) if said == message);
        if (!same || changed)
            && let Some(answer) = Self::answered(context, seen, request, *resume)
        {
            return answer;
        }
        let asks = seen.report.is_none() && seen.authority_blocked().is_none();
        if asks && (changed || context.may_try(*next_attempt, seen.now)) {
            context.effects.push(request.step(*resume));
        }
        context.wait(Blocked::invalid(reason::REQUEST_REFUSED, format!("the CA refused the request: {message}")))
    }

    #[state(superstate = "top")]
    fn cleaning(
        keys: &mut Vec<String>,
        attempt: &mut u32,
        next_attempt: &mut Option<Timestamp>,
        context: &mut Context,
        seen: &Observed,
    ) -> Outcome<State> {
        cleaning::clean(context, seen, keys, *attempt, *next_attempt)
    }

    #[state(superstate = "top")]
    fn cleaned(context: &mut Context, seen: &Observed) -> Outcome<State> {
        cleaning::let_go(context, seen)
    }

    /// A request is under way and its key is stored: the key may vanish.
    #[superstate(superstate = "requesting")]
    fn holding_key(context: &mut Context, seen: &Observed) -> Outcome<State> {
        if seen.deleting || matches!(seen.tls, Tls::Pair(_)) { Super } else { context.fire(Event::KeyLost, []) }
    }

    /// No pair is recorded yet: one may be found all the same.
    #[superstate(superstate = "existing")]
    fn requesting(context: &mut Context, seen: &Observed) -> Outcome<State> {
        match &seen.tls {
            Tls::Pair(certificate) if !seen.deleting => context.fire(Event::Adopted { certificate: certificate.clone() }, []),
            _ => Super,
        }
    }

    /// A pair is recorded: its Secret may be lost or replaced.
    #[superstate(superstate = "existing")]
    fn issued(context: &mut Context, seen: &Observed) -> Outcome<State> {
        match &seen.tls {
            _ if seen.deleting => Super,
            Tls::Absent => context.fire(Event::SecretLost { message: "the TLS Secret is gone".to_owned() }, []),
            Tls::Unusable { message } => context.fire(Event::SecretLost { message: message.clone() }, []),
            Tls::Pair(found) => {
                let certificate = found.clone();
                match &context.here {
                    // What an effect had stored before it could be committed.
                    State::Renewing { certificate: old, .. } | State::RenewalRefused { certificate: old, .. } if old.key == found.key => {
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
    fn existing(context: &mut Context, seen: &Observed) -> Outcome<State> {
        if seen.deleting { context.fire(Event::DeletionStarted, []) } else { Super }
    }

    #[superstate]
    fn top(context: &mut Context) -> Outcome<State> {
        context.unhandled()
    }
}
