//! The Certificate machine.

use super::rekeying::Rekey;
use super::{Authority, Effect, Event, Issued, Observed, Report, Request, Resume, State, Tls};
use crate::core::{Blocked, LONGEST_WAIT, Machine, Pace, State as _, Timestamp, Turn, backoff};
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
        let attempt = context.here.attempt().unwrap_or(0) + 1;
        let next_attempt = backoff(attempt, seen.now);
        context.fire(Event::AttemptFailed { reason: reason.to_owned(), message: message.to_owned(), next_attempt }, [])
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
        if let Some(Report::Failed { reason, message }) = &event.report
            && failure.as_ref() != Some(message)
        {
            return Self::failed(context, event, reason, message);
        }
        let failed = failure.as_ref().map(|message| Blocked::waiting(crate::reason::RETRYING, message.clone()));
        if let Some(failed) = &failed
            && (event.report.is_some() || next_attempt.is_some_and(|at| !context.may_try(at, event.now)))
        {
            return context.wait(failed.clone());
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
                context.wait(failed.filter(|_| event.wants_key()).unwrap_or(blocked))
            }
            (None, None) => context.work([Effect::EnsureKey { reuse: superseded.clone() }]),
        }
    }

    #[state(superstate = "holding_key")]
    fn key_stored(request: &mut Request, attempt: &mut u32, context: &mut Context, event: &Observed) -> Outcome<State> {
        if event.interrupts(&context.here) {
            return Super;
        }
        match Self::answered(context, event, request, Resume::Submit) {
            Some(answer) => answer,
            None => Self::ask(context, event, request.submit()),
        }
    }

    #[state(superstate = "holding_key")]
    fn submitted(request: &mut Request, attempt: &mut u32, context: &mut Context, event: &Observed) -> Outcome<State> {
        if event.interrupts(&context.here) {
            return Super;
        }
        match Self::answered(context, event, request, Resume::Obtain) {
            Some(answer) => answer,
            None => Self::ask(context, event, Effect::ObtainCertificate),
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
        match &event.report {
            Some(Report::ConflictGone) => return context.fire(Event::ConflictRechecked, [request.submit()]),
            // Somebody else's has come in its place.
            Some(Report::Conflict { found: other }) if other != found => return Self::conflicting(context, event, other),
            None if event.authority_blocked().is_none() && context.may_try(*next_attempt, event.now) => {
                context.effects.push(Effect::CheckConflict { found: found.clone() });
            }
            // A look that failed says nothing about the conflict.
            _ => {}
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
        let answer = if event.report == Some(Report::NotSigned) { None } else { Self::answered(context, event, request, Resume::Obtain) };
        if let Some(answer) = answer {
            return answer;
        }
        let polls = event.report.is_none() && context.may_try(*next_attempt, event.now);
        let unsigned = Blocked::waiting(reason::WAITING_FOR_SIGNING, "the CSR waits at the CA for somebody to sign it")
            .remedy(&format!("sign it with: puppetserver ca sign --certname {}", event.certname));
        context.try_again(unsigned, polls.then_some(Effect::PollCertificate))
    }

    #[state(superstate = "issued")]
    fn valid(certificate: &mut Issued, context: &mut Context, event: &Observed) -> Outcome<State> {
        if event.interrupts(&context.here) {
            return Super;
        }
        if let Some(outcome) = Self::reschedule(context, event, certificate) {
            return outcome;
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
            Some(Report::Failed { reason, message }) if failure.as_ref() != Some(message) => {
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
            report => {
                let asks = report.is_none() && (event.renew_requested || next_attempt.is_none_or(|at| context.may_try(at, event.now)));
                match (event.authority_blocked(), failure) {
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
        event: &Observed,
    ) -> Outcome<State> {
        if event.deleting {
            return Super;
        }
        match &event.report {
            Some(Report::Stored(certificate)) => return context.fire(Event::CertificateRenewed { certificate: certificate.clone() }, []),
            Some(Report::Refused { message: said } | Report::Conflict { found: said }) if said != message => {
                let next_attempt = event.now + TimeDelta::seconds(RENEW_AGAIN);
                return context.fire(Event::RenewalRefused { message: said.clone(), next_attempt }, []);
            }
            _ if event.interrupts(&context.here) => return Super,
            _ => {}
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
        let asks = event.report.is_none() && event.now < certificate.not_after && event.authority_blocked().is_none();
        if asks && context.may_try(*next_attempt, event.now) {
            context.effects.push(Effect::Renew);
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
        conflict: &mut Option<String>,
        context: &mut Context,
        event: &Observed,
    ) -> Outcome<State> {
        if event.deleting || matches!(event.tls, Tls::Absent | Tls::Unusable { .. }) {
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
        if let Some(answer) = here.answered(context, event) {
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
        let paused = event.report.is_some() || next_attempt.is_some_and(|at| !context.may_try(at, event.now)) && !event.rekey_requested;
        if paused && here.waits {
            return context.wait(here.blocked(event));
        }
        if here.waits { context.try_again(here.blocked(event), [here.next()]) } else { context.work([here.next()]) }
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
        let same = matches!(&event.report, Some(Report::Failed { reason: why, message: said }) if (why, said) == (&*reason, &*message));
        if !same && let Some(answer) = Self::answered(context, event, request, *resume) {
            return answer;
        }
        let due = event.report.is_none() && context.may_try(*next_attempt, event.now);
        if let Some(blocked) = event.authority_blocked() {
            return context.wait(blocked);
        }
        let failed = Blocked::waiting(crate::reason::RETRYING, message.clone());
        context.try_again(failed, due.then(|| request.step(*resume)))
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
        let changed = event.generation != *generation;
        let same = matches!(&event.report, Some(Report::Refused { message: said }) if said == message);
        if (!same || changed)
            && let Some(answer) = Self::answered(context, event, request, *resume)
        {
            return answer;
        }
        let asks = event.report.is_none() && event.authority_blocked().is_none();
        if asks && (changed || context.may_try(*next_attempt, event.now)) {
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
    fn cleaned(context: &mut Context, event: &Observed) -> Outcome<State> {
        let last = context.attempts.last.unwrap_or(Timestamp::MIN_UTC);
        let due = event.report.is_none() && context.may_try_at(CLEANED_PACE, last, event.now);
        context.work(due.then_some(Effect::RemoveFinalizer))
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
    fn existing(context: &mut Context, event: &Observed) -> Outcome<State> {
        if event.deleting { context.fire(Event::DeletionStarted, []) } else { Super }
    }

    #[superstate]
    fn top(context: &mut Context) -> Outcome<State> {
        context.unhandled()
    }
}
