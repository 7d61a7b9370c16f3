//! The Certificate machine.

use super::rekeying::Rekey;
use super::{Authority, Effect, Event, Issued, Observed, Report, Request, Resume, State, Tls};
use crate::core::{Blocked, LONGEST_WAIT, Machine, Pace, State as _, Timestamp, Turn, backoff};
use crate::reason;
use crate::{Failure, Retry};
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

/// How often a finalizer is removed that the API server keeps.
pub(super) const CLEANED_PACE: Pace = Pace { base: 30, longest: 30 };

/// How often a CA is asked where somebody else signs.
pub(super) const SIGNING_PACE: Pace = Pace { base: 5, longest: 300 };

/// How often a CA is asked again that has refused a request.
pub(super) const REFUSED_PACE: Pace = Pace { base: 300, longest: 900 };

/// Seconds until a CA that does not renew is asked again: it is a setting there, and there are weeks to change it.
const RENEW_AGAIN: i64 = LONGEST_WAIT;

/// The first look of a pace, from `now` on.
pub(super) fn first(pace: Pace, now: Timestamp) -> Timestamp {
    now + TimeDelta::seconds(pace.base)
}

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
        context.fire(Event::AttemptFailed(Failure::after(context.here.attempt(), reason, message, seen.now)), [])
    }

    fn refused(context: &mut Context, seen: &Observed, message: &str) -> Outcome<State> {
        let next_attempt = first(REFUSED_PACE, seen.now);
        context.fire(Event::RequestRefused { message: message.to_owned(), generation: seen.generation, next_attempt }, [])
    }

    fn conflicting(context: &mut Context, seen: &Observed, found: &str) -> Outcome<State> {
        context.fire(Event::ConflictFound { found: found.to_owned(), next_attempt: first(Pace::SOMEBODY, seen.now) }, [])
    }

    /// What follows from the answer of a CA to the step of a request that `resume` names; `None` if it says nothing new.
    fn answered(context: &mut Context, seen: &Observed, request: &Request, resume: Resume) -> Option<Outcome<State>> {
        let obtains = resume == Resume::Obtain;
        Some(match seen.report.as_ref()? {
            Report::Submitted if !obtains => context.fire(Event::CsrSubmitted, [Effect::ObtainCertificate]),
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
        match &seen.report {
            _ if seen.deleting || matches!(seen.tls, Tls::Absent | Tls::Unusable { .. }) => Super,
            Some(Report::Stored(certificate)) => context.fire(Event::CertificateRenewed { certificate: certificate.clone() }, []),
            Some(Report::Failed { reason, message }) if failure.as_ref() != Some(message) => {
                let next_attempt = backoff(*attempt + 1, seen.now);
                context.fire(Event::RenewalFailed { reason: reason.clone(), message: message.clone(), next_attempt }, [])
            }
            Some(Report::Refused { message } | Report::Conflict { found: message }) => {
                let next_attempt = seen.now + TimeDelta::seconds(RENEW_AGAIN);
                context.fire(Event::RenewalRefused { message: message.clone(), next_attempt }, [])
            }
            _ if seen.interrupts(&context.here) => Super,
            _ if seen.misfit.is_some() || seen.rekey_requested || seen.now >= certificate.not_after => {
                match Self::replace(context, seen, certificate) {
                    Some(outcome) => outcome,
                    None => context.wait(Blocked::waiting(reason::EXPIRED, "the certificate ran out before it was renewed")),
                }
            }
            report => {
                let asks = report.is_none() && (seen.renew_requested || next_attempt.is_none_or(|at| context.may_try(at, seen.now)));
                match (seen.authority_blocked(), failure) {
                    (Some(blocked), _) => context.wait(blocked),
                    (_, Some(failure)) => {
                        let failed = Blocked::waiting(crate::reason::RETRYING, failure.clone());
                        context.try_again(failed, asks.then_some(Effect::Renew))
                    }
                    (_, None) => context.work(asks.then_some(Effect::Renew)),
                }
            }
        }
    }

    #[state(superstate = "issued")]
    fn renewal_refused(
        certificate: &mut Issued,
        message: &mut String,
        next_attempt: &mut Timestamp,
        context: &mut Context,
        seen: &Observed,
    ) -> Outcome<State> {
        if seen.deleting {
            return Super;
        }
        match &seen.report {
            Some(Report::Stored(certificate)) => return context.fire(Event::CertificateRenewed { certificate: certificate.clone() }, []),
            Some(Report::Refused { message: said } | Report::Conflict { found: said }) if said != message => {
                let next_attempt = seen.now + TimeDelta::seconds(RENEW_AGAIN);
                return context.fire(Event::RenewalRefused { message: said.clone(), next_attempt }, []);
            }
            _ if seen.interrupts(&context.here) => return Super,
            _ => {}
        }
        let may_rekey = matches!(seen.authority, Authority::Usable { can_sign: true }) && !seen.setup_only;
        match seen.rekey_due() {
            Some((reason, why)) => return Self::rekey(context, seen, reason, &why),
            // Where the operator signs, a new certificate is as good as a renewed one.
            None if may_rekey => {
                return Self::rekey(context, seen, reason::RENEWAL_REFUSED, &format!("the CA does not renew: {message}"));
            }
            None => {}
        }
        if seen.renew_requested {
            return context.fire(Event::RenewalRequested, [Effect::Renew]);
        }
        let asks = seen.report.is_none() && seen.now < certificate.not_after && seen.authority_blocked().is_none();
        if asks && context.may_try(*next_attempt, seen.now) {
            context.effects.push(Effect::Renew);
        }
        let reason = if seen.now >= certificate.not_after { crate::reason::EXPIRED } else { crate::reason::RENEWAL_REFUSED };
        context.wait(Blocked::invalid(reason, format!("the CA does not renew the certificate: {message}")).remedy(&format!(
            "let it (allow-auto-renewal), or run puppetserver ca clean --certname {} there and annotate the Certificate with openvox.voxpupuli.org/rekey",
            seen.certname
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
        conflict: &mut Option<String>,
        context: &mut Context,
        seen: &Observed,
    ) -> Outcome<State> {
        if seen.deleting || matches!(seen.tls, Tls::Absent | Tls::Unusable { .. }) {
            return Super;
        }
        let here = Rekey {
            certificate,
            key: key.as_deref(),
            submitted: *submitted,
            conflict: conflict.as_deref(),
            waits: next_attempt.is_some(),
            failure: failure.as_deref(),
        };
        if let Some(answer) = here.answered(context, seen) {
            return answer;
        }
        if seen.interrupts(&context.here) {
            return Super;
        }
        let unwanted = matches!(reason.as_str(), crate::reason::SPEC_CHANGED | crate::reason::NOT_TRUSTED) && seen.misfit.is_none();
        if unwanted && !*submitted && !seen.rekey_requested {
            return context.fire(Event::RekeyAbandoned, []);
        }
        if let Some(found) = here.keys(context, seen) {
            return found;
        }
        if let Some(blocked) = seen.rekey_blocked() {
            return context.wait(blocked);
        }
        let paused = seen.report.is_some() || next_attempt.is_some_and(|at| !context.may_try(at, seen.now)) && !seen.rekey_requested;
        if paused && here.waits {
            return context.wait(here.blocked(seen));
        }
        if here.waits { context.try_again(here.blocked(seen), [here.next()]) } else { context.work([here.next()]) }
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
        match &seen.report {
            Some(Report::Cleaned) => context.fire(Event::Cleaned, [Effect::RemoveFinalizer]),
            Some(Report::Failed { message, .. }) if *attempt + 1 >= CLEANING_ATTEMPTS => {
                context.fire(Event::CleaningAbandoned { message: message.clone() }, [Effect::RemoveFinalizer])
            }
            Some(Report::Failed { message, .. }) => {
                let next_attempt = backoff(*attempt + 1, seen.now);
                context.fire(Event::CleaningFailed { message: message.clone(), next_attempt }, [])
            }
            _ => match &seen.authority {
                Authority::Usable { can_sign: true } if next_attempt.is_none_or(|at| context.may_try(at, seen.now)) => {
                    context.work([Effect::Clean { keys: keys.clone() }])
                }
                Authority::Usable { can_sign: true } => Handled,
                Authority::NotAnswering if *attempt + 1 < CLEANING_ATTEMPTS => {
                    // The CA server may be on its way: wait for it, but not for ever.
                    if next_attempt.is_some_and(|at| !context.may_try(at, seen.now)) {
                        return context
                            .wait(Blocked::waiting(reason::AUTHORITY_NOT_ANSWERING, "no CA server is ready to revoke the certificate"));
                    }
                    let next_attempt = backoff(*attempt + 1, seen.now);
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
    fn cleaned(context: &mut Context, seen: &Observed) -> Outcome<State> {
        let last = context.attempts.last.unwrap_or(Timestamp::MIN_UTC);
        let due = seen.report.is_none() && context.may_try_at(CLEANED_PACE, last, seen.now);
        context.work(due.then_some(Effect::RemoveFinalizer))
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
