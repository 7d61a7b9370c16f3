//! The CertificateAuthority machine.

use super::crl::{crl_due, crl_event};
use super::external;
use super::observed::Missing;
use super::{CrlTrouble, Event, Facts, Health, Job, Material, Observed, Report, ServerCertificate, State};
use crate::core::{Blocked, Machine, State as _, Timestamp, Turn, backoff, is_due};
use crate::reason;
use crate::{Failure, Retry};
use statig::prelude::*;
use strum::IntoStaticStr;

/// How long the set-up waits for a Server with `ca: true`, in seconds. Objects that are applied together arrive
/// within a second of each other; the server's certificate is then made in the same run. A Server that comes
/// later costs a second run, nothing else.
const SERVER_GRACE: i64 = 3;

/// What is done about a CertificateAuthority.
#[derive(Debug, Clone, Copy, PartialEq, Eq, IntoStaticStr)]
pub enum Effect {
    /// Volume, Service, policy file, the operator's Certificate and the rights of the set-up Job.
    EnsureObjects,
    /// The set-up Job; one that has ended is replaced.
    RunSetup,
    /// Remove the set-up Job and its rights over the Secrets.
    RemoveSetup,
    /// Fetch the revocation list from the CA, and store it if it is newer. For an external CA this also shows
    /// whether it answers.
    RefreshCrl,
}

/// The machine; its data is in [`State`].
#[derive(Debug, Default)]
pub struct CertificateAuthority;

impl Machine for CertificateAuthority {
    const KIND: &'static str = "CertificateAuthority";
    type State = State;
    type Observed = Observed;
    type Effect = Effect;
    crate::core::drive!(Self);
}

pub(super) type Context = Turn<CertificateAuthority>;

impl CertificateAuthority {
    fn failed(context: &mut Context, seen: &Observed, reason: &str, message: &str) -> Outcome<State> {
        context.fire(Event::AttemptFailed(Failure::after(context.here.attempt(), reason, message, seen.now)), [])
    }

    fn setup_failed(context: &mut Context, seen: &Observed, reason: &str, message: &str) -> Outcome<State> {
        // Never sooner than 8 s: a Job that failed has already been tried several times by its own controller.
        let attempts = context.here.attempt().max(Some(3));
        context.fire(Event::SetupFailed(Failure::after(attempts, reason, message, seen.now)), [])
    }

    /// What the set-up was started for is there. The Secret with the CA certificate is the last thing the Job writes: nobody
    /// has to wait for its end. Unless it was there before, because the Job fills a new volume from it.
    fn is_set_up<'a>(seen: &'a Observed, server_certificate: Option<&String>, refill: bool) -> Option<&'a Facts> {
        // A Server that came since then has its own run.
        let issued = match &seen.server {
            ServerCertificate::Named { name, issued } if server_certificate == Some(name) => *issued,
            _ => true,
        };
        match &seen.material {
            Material::Complete(authority) if issued && seen.operator_issued && (!refill || seen.job == Job::Succeeded) => Some(authority),
            _ => None,
        }
    }
}

/// What has become of a CA that was `before`, if that is news.
fn health_event(before: Health, authority: &Facts, seen: &Observed) -> Option<Event> {
    let now = if seen.now >= authority.not_after {
        Health::Expired
    } else if seen.crl_stale {
        Health::CrlStale
    } else if seen.now >= authority.warn_at {
        Health::Expiring
    } else {
        Health::Valid
    };
    match (before, now) {
        (_, Health::Expired) if before != Health::Expired => Some(Event::AuthorityExpired),
        (Health::Valid | Health::Expiring, Health::CrlStale) => Some(Event::CrlWentStale),
        (Health::CrlStale, Health::Valid | Health::Expiring) => Some(Event::CrlRefreshed),
        (Health::Valid, Health::Expiring) => Some(Event::ExpiryNeared),
        _ => None,
    }
}

#[state_machine(initial = "State::WaitingForConfig", event_identifier = "seen", state(custom, name = "State"), superstate(derive(Debug)))]
#[expect(
    unused_variables,
    clippy::too_many_arguments,
    clippy::ptr_arg,
    clippy::needless_pass_by_ref_mut,
    reason = "statig names every field of a state, and hands each out as &mut"
)]
impl CertificateAuthority {
    #[state(superstate = "unmade")]
    fn waiting_for_config(context: &mut Context, seen: &Observed) -> Outcome<State> {
        if seen.deleting {
            return Super;
        }
        if seen.external {
            return match &seen.invalid {
                Some(blocked) => context.wait(blocked.clone()),
                None => context.fire(Event::ExternalConfigured, [Effect::RefreshCrl]),
            };
        }
        if matches!(seen.material, Material::Complete(_)) {
            return Super;
        }
        if let Some(blocked) = &seen.invalid {
            return context.wait(blocked.clone());
        }
        if !seen.configured {
            return context.wait(
                Blocked::waiting(reason::WAITING_FOR_CONFIG, "no Config in this namespace names this authority")
                    .remedy("create a Config whose spec.authorityRef names it"),
            );
        }
        let server_awaited_until = seen.now + chrono::TimeDelta::seconds(SERVER_GRACE);
        context.fire(Event::ProvisioningStarted { server_awaited_until }, [Effect::EnsureObjects])
    }

    #[state(superstate = "unmade")]
    fn provisioning(server_awaited_until: &mut Timestamp, context: &mut Context, seen: &Observed) -> Outcome<State> {
        match &seen.report {
            _ if seen.leaves_internal() || matches!(seen.material, Material::Complete(_)) => Super,
            Some(Report::Failed { reason, message }) => Self::failed(context, seen, reason, message),
            _ if !seen.in_place => context.work([Effect::EnsureObjects]),
            _ if let Some(blocked) = &seen.given => context.wait(blocked.clone()),
            _ => match &seen.server {
                ServerCertificate::Named { name, .. } => {
                    context.fire(Event::SetupStarted { server_certificate: Some(name.clone()) }, [Effect::RunSetup])
                }
                ServerCertificate::Unknown if is_due(*server_awaited_until, seen.now) => {
                    context.fire(Event::SetupStarted { server_certificate: None }, [Effect::RunSetup])
                }
                ServerCertificate::Unknown => context.wait(Blocked::waiting(
                    reason::WAITING_FOR_SERVER,
                    "a moment for the Server with ca: true, so that its certificate is made in the same run",
                )),
            },
        }
    }

    #[state(superstate = "internal")]
    fn setup_running(
        server_certificate: &mut Option<String>,
        refill: &mut bool,
        attempt: &mut u32,
        context: &mut Context,
        seen: &Observed,
    ) -> Outcome<State> {
        if seen.leaves_internal() {
            return Super;
        }
        if let Some(Report::Failed { reason, message }) = &seen.report {
            return Self::failed(context, seen, reason, message);
        }
        if let Some(authority) = Self::is_set_up(seen, server_certificate.as_ref(), *refill) {
            return context.fire(Event::SetupCompleted { authority: authority.clone(), volume: seen.volume.clone() }, []);
        }
        match &seen.job {
            Job::Failed { message } => Self::setup_failed(context, seen, reason::SETUP_FAILED, message),
            Job::Running { failure: Some(failure) } if failure.lasting => {
                Self::setup_failed(context, seen, failure.reason, &failure.to_string())
            }
            // Its Service and what else it is made of may be taken away meanwhile.
            _ if !seen.in_place && seen.report.is_none() => context.work([Effect::EnsureObjects]),
            Job::Absent => context.work([Effect::RunSetup]),
            Job::Running { failure: Some(failure) } => {
                context.wait(Blocked::waiting(reason::SETUP_RUNNING, format!("the set-up Job is not done yet: {failure}")))
            }
            Job::Running { failure: None } | Job::Succeeded => {
                context.wait(Blocked::waiting(reason::SETUP_RUNNING, "the set-up Job makes or imports the CA"))
            }
        }
    }

    #[state(superstate = "internal")]
    fn ready(
        health: &mut Health,
        authority: &mut Facts,
        volume: &mut Option<String>,
        attempt: &mut u32,
        next_attempt: &mut Option<Timestamp>,
        message: &mut Option<String>,
        crl: &mut Option<CrlTrouble>,
        context: &mut Context,
        seen: &Observed,
    ) -> Outcome<State> {
        if seen.leaves_internal() {
            return Super;
        }
        match &seen.material {
            Material::Complete(found) if found != authority => {
                return context.fire(Event::AuthorityReplaced { authority: found.clone() }, []);
            }
            Material::Complete(_) => {}
            Material::Absent => {
                return context.fire(Event::AuthorityLost { message: "the Secret with the CA certificate is gone".to_owned() }, []);
            }
            Material::Incomplete { message } => return context.fire(Event::AuthorityLost { message: message.clone() }, []),
        }
        // Whether a CA server wants that volume does not matter: its pod does not start on one that does not hold the CA.
        let refill = seen.volume.is_some() && seen.volume != *volume;
        let missing = seen.missing().filter(|_| !seen.volume_in_use && seen.configured);
        if refill || missing.is_some() {
            let server_certificate = if let Some(Missing::Server(name)) = missing { Some(name) } else { None };
            return context.fire(Event::SetupRequired { server_certificate, refill }, [Effect::RunSetup]);
        }
        if let Some(Report::Failed { reason, message: failure }) = &seen.report
            && message.as_ref() != Some(failure)
        {
            let (message, next_attempt) = (failure, backoff(*attempt + 1, seen.now));
            return context.fire(Event::UpkeepFailed { reason: reason.clone(), message: message.clone(), next_attempt }, []);
        }
        if let Some(news) = crl_event(crl.as_ref(), seen) {
            return context.fire(news, []);
        }
        if seen.in_place && *attempt > 0 {
            return context.fire(Event::UpkeepRecovered, []);
        }
        if let Some(news) = health_event(*health, authority, seen) {
            return context.fire(news, []);
        }
        let may_write = next_attempt.is_none_or(|at| context.may_try(at, seen.now));
        if matches!(seen.job, Job::Succeeded | Job::Failed { .. }) && may_write {
            return context.work([Effect::RemoveSetup]);
        }
        if !seen.in_place && may_write {
            return context.work([Effect::EnsureObjects]);
        }
        if crl_due(context, crl.as_ref(), seen) {
            return context.work([Effect::RefreshCrl]);
        }
        // The CA goes on with what it has; the spec asks for something that cannot be.
        match seen.invalid.as_ref().or(seen.notice.as_ref()) {
            Some(blocked) => context.wait(blocked.clone()),
            None => Handled,
        }
    }

    #[state(superstate = "outside")]
    fn probing(attempt: &mut u32, context: &mut Context, seen: &Observed) -> Outcome<State> {
        external::probe(context, seen, *attempt)
    }

    #[state(superstate = "outside")]
    fn reachable(unverified: &mut bool, crl: &mut Option<CrlTrouble>, context: &mut Context, seen: &Observed) -> Outcome<State> {
        external::keep(context, seen, *unverified, crl.as_ref())
    }

    #[state(superstate = "outside")]
    fn unreachable(
        attempt: &mut u32,
        next_attempt: &mut Timestamp,
        message: &mut String,
        access: &mut String,
        context: &mut Context,
        seen: &Observed,
    ) -> Outcome<State> {
        external::retry(context, seen, *attempt, *next_attempt, message, access)
    }

    #[state(superstate = "unmade")]
    fn retrying(
        server_certificate: &mut Option<String>,
        in_setup: &mut bool,
        refill: &mut bool,
        retry: &mut Retry,
        context: &mut Context,
        seen: &Observed,
    ) -> Outcome<State> {
        if seen.leaves_internal() || (!*in_setup && matches!(seen.material, Material::Complete(_))) {
            return Super;
        }
        if let Some(Report::Failed { reason, message }) = &seen.report
            && !retry.failed_with(reason, message)
        {
            return Self::failed(context, seen, reason, message);
        }
        let tried = seen.report.is_some();
        if !*in_setup {
            if seen.in_place || seen.report == Some(Report::Applied) {
                return context.fire(Event::ProvisioningStarted { server_awaited_until: seen.now }, []);
            }
            let due = !tried && retry.is_due(context, seen.now);
            let failed = Blocked::waiting(reason::APPLY_FAILED, retry.message.clone());
            return context.try_again(failed, due.then_some(Effect::EnsureObjects));
        }
        if let Some(authority) = Self::is_set_up(seen, server_certificate.as_ref(), *refill) {
            return context.fire(Event::SetupCompleted { authority: authority.clone(), volume: seen.volume.clone() }, []);
        }
        // What has ended badly says so until another run ends otherwise.
        let ended = matches!(retry.reason.as_str(), reason::SETUP_FAILED | reason::CONTAINER_CRASHING);
        match &seen.job {
            Job::Failed { message } if *message != retry.message => Self::setup_failed(context, seen, reason::SETUP_FAILED, message),
            Job::Running { failure: Some(failure) } if failure.lasting && failure.to_string() != retry.message => {
                Self::setup_failed(context, seen, failure.reason, &failure.to_string())
            }
            Job::Running { failure: None } if !ended => context.fire(Event::SetupResumed, []),
            Job::Succeeded => context.fire(Event::SetupResumed, []),
            job => {
                let step = match job {
                    _ if !seen.in_place => Some(Effect::EnsureObjects),
                    Job::Absent | Job::Failed { .. } => Some(Effect::RunSetup),
                    Job::Running { .. } | Job::Succeeded => None,
                };
                let due = !tried && retry.is_due(context, seen.now);
                context.try_again(Blocked::waiting(reason::SETUP_FAILED, retry.message.clone()), step.filter(|_| due))
            }
        }
    }

    #[state(superstate = "unmade")]
    fn stalled(message: &mut String, context: &mut Context, seen: &Observed) -> Outcome<State> {
        match seen.material {
            _ if seen.leaves_internal() => Super,
            Material::Complete(_) => Super,
            _ => context.wait(
                Blocked::invalid(reason::SECRET_NOT_FOUND, message.clone())
                    .remedy("restore the CA's Secrets from a backup; nothing is made in their place, because no agent would trust it"),
            ),
        }
    }

    #[state(superstate = "top")]
    fn releasing(context: &mut Context, seen: &Observed) -> Outcome<State> {
        let what = if seen.retained {
            "volume and Secrets of the CA stay"
        } else {
            "the Secrets of the CA go with it, and the volume that the operator has made"
        };
        context.wait(Blocked::waiting(reason::TERMINATING, format!("the object is being deleted; {what}")))
    }

    /// No material is recorded yet: it may be found.
    #[superstate(superstate = "internal")]
    fn unmade(context: &mut Context, seen: &Observed) -> Outcome<State> {
        match &seen.material {
            Material::Complete(authority) if !seen.leaves_internal() => {
                context.fire(Event::Adopted { authority: authority.clone(), volume: seen.volume.clone() }, [])
            }
            _ => Super,
        }
    }

    #[superstate(superstate = "top")]
    fn internal(context: &mut Context, seen: &Observed) -> Outcome<State> {
        if seen.external && !seen.deleting { context.fire(Event::ModeChanged, []) } else { Super }
    }

    #[superstate(superstate = "top")]
    fn outside(context: &mut Context, seen: &Observed) -> Outcome<State> {
        if seen.external || seen.deleting { Super } else { context.fire(Event::ModeChanged, []) }
    }

    #[superstate]
    fn top(context: &mut Context, seen: &Observed) -> Outcome<State> {
        if seen.deleting { context.fire(Event::DeletionStarted, []) } else { context.unhandled() }
    }
}
