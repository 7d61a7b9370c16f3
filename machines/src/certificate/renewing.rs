//! The renewal of a Certificate in use: when it is due, and what its answers mean.

use super::machine::{Context, RENEW_AGAIN};
use super::{Authority, Certificate, Effect, Event, Issued, Observed, Report, State, Tls};
use crate::core::{Blocked, Timestamp, backoff};
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

    /// The spec asks for the renewal at another time than the one that is recorded.
    pub(super) fn reschedule(context: &mut Context, seen: &Observed, certificate: &Issued) -> Option<Outcome<State>> {
        let Tls::Pair(found) = &seen.tls else { return None };
        let renew_before = found.renew_before?;
        let changed = match certificate.renew_before {
            Some(recorded) => recorded != renew_before,
            None => found.renew_at != certificate.renew_at,
        };
        if !changed {
            return None;
        }
        // Who asks for the renewal before a time that has passed wants one now, whatever part of its life that is. The
        // certificate that comes of it is renewed by its own life.
        let literal = TimeDelta::try_seconds(renew_before).and_then(|before| certificate.not_after.checked_sub_signed(before));
        let renew_at = if literal.is_none_or(|due| due <= seen.now) { seen.now } else { found.renew_at };
        Some(context.fire(Event::RenewalRescheduled { renew_at, renew_before, capped: found.capped }, []))
    }

    /// The CA is asked to renew. `attempt` have failed in a row, the last with `failure`.
    pub(super) fn renew(
        context: &mut Context,
        seen: &Observed,
        certificate: &Issued,
        attempt: u32,
        next_attempt: Option<Timestamp>,
        failure: Option<&String>,
    ) -> Outcome<State> {
        match &seen.report {
            _ if seen.deleting || matches!(seen.tls, Tls::Absent | Tls::Unusable { .. }) => Super,
            Some(Report::Stored(certificate)) => context.fire(Event::CertificateRenewed { certificate: certificate.clone() }, []),
            Some(Report::Failed { reason, message }) if failure != Some(message) => {
                let next_attempt = backoff(attempt + 1, seen.now);
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

    /// The CA does not renew, as `message` says.
    pub(super) fn renewal_declined(
        context: &mut Context,
        seen: &Observed,
        certificate: &Issued,
        message: &String,
        next_attempt: Timestamp,
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
        if asks && context.may_try(next_attempt, seen.now) {
            context.effects.push(Effect::Renew);
        }
        let reason = if seen.now >= certificate.not_after { crate::reason::EXPIRED } else { crate::reason::RENEWAL_REFUSED };
        context.wait(Blocked::invalid(reason, format!("the CA does not renew the certificate: {message}")).remedy(&format!(
            "let it (allow-auto-renewal), or run puppetserver ca clean --certname {} there and annotate the Certificate with openvox.voxpupuli.org/rekey",
            seen.certname
        )))
    }
}
