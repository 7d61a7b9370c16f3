//! The CertificateAuthority machine.

use super::observed::Missing;
use super::{Event, Facts, Health, Job, Material, Observed, Report, ServerCertificate, State};
use crate::core::{Blocked, Machine, State as _, Timestamp, Turn, backoff};
use crate::reason;
use statig::prelude::*;

/// How long the set-up waits for a Server with `ca: true`, in seconds. Objects that are applied together arrive
/// within a second of each other; the server's certificate is then made in the same run. A Server that comes
/// later costs a second run, nothing else.
const SERVER_GRACE: i64 = 3;

/// What is done about a CertificateAuthority.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Volume, Service, policy file, the operator's Certificate and the rights of the set-up Job.
    EnsureObjects,
    /// The set-up Job; one that has ended is replaced.
    RunSetup,
    /// Remove the set-up Job and its rights over the Secrets.
    RemoveSetup,
    /// Ask the external CA whether it answers.
    Probe,
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

type Context = Turn<CertificateAuthority>;

impl CertificateAuthority {
    fn failed(context: &mut Context, seen: &Observed, reason: &str, message: &str) -> Outcome<State> {
        let next_attempt = backoff(context.here.attempt().unwrap_or(0) + 1, seen.now);
        context.fire(Event::AttemptFailed { reason: reason.to_owned(), message: message.to_owned(), next_attempt }, [])
    }

    fn setup_failed(context: &mut Context, seen: &Observed, message: &str) -> Outcome<State> {
        // Never sooner than 8 s: a Job that failed has already been tried several times by its own controller.
        let next_attempt = backoff((context.here.attempt().unwrap_or(0) + 1).max(4), seen.now);
        context.fire(Event::SetupFailed { reason: reason::SETUP_FAILED.to_owned(), message: message.to_owned(), next_attempt }, [])
    }
}

#[state_machine(initial = "State::WaitingForConfig", state(custom, name = "State"), superstate(derive(Debug)))]
#[expect(
    unused_variables,
    clippy::too_many_arguments,
    clippy::ptr_arg,
    clippy::needless_pass_by_ref_mut,
    reason = "statig names every field of a state, and hands each out as &mut"
)]
impl CertificateAuthority {
    #[state(superstate = "unmade")]
    fn waiting_for_config(context: &mut Context, event: &Observed) -> Outcome<State> {
        if event.external {
            return match &event.invalid {
                Some(blocked) => context.wait(blocked.clone()),
                None => context.fire(Event::ExternalConfigured, [Effect::Probe]),
            };
        }
        if matches!(event.material, Material::Complete(_)) {
            return Super;
        }
        if let Some(blocked) = &event.invalid {
            return context.wait(blocked.clone());
        }
        if !event.configured {
            return context.wait(
                Blocked::waiting(reason::WAITING_FOR_CONFIG, "no Config in this namespace names this authority")
                    .remedy("create a Config whose spec.authorityRef names it"),
            );
        }
        let server_awaited_until = event.now + chrono::TimeDelta::seconds(SERVER_GRACE);
        context.fire(Event::ProvisioningStarted { server_awaited_until }, [Effect::EnsureObjects])
    }

    #[state(superstate = "unmade")]
    fn provisioning(server_awaited_until: &mut Timestamp, context: &mut Context, event: &Observed) -> Outcome<State> {
        match &event.report {
            _ if event.external || matches!(event.material, Material::Complete(_)) => Super,
            Some(Report::Failed { reason, message }) => Self::failed(context, event, reason, message),
            _ if !event.in_place => context.work([Effect::EnsureObjects]),
            _ => match &event.server {
                ServerCertificate::Named { name, .. } => {
                    context.fire(Event::SetupStarted { server_certificate: Some(name.clone()) }, [Effect::RunSetup])
                }
                ServerCertificate::Unknown if event.now >= *server_awaited_until => {
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
        attempt: &mut u32,
        context: &mut Context,
        event: &Observed,
    ) -> Outcome<State> {
        if event.external {
            return Super;
        }
        if let Some(Report::Failed { reason, message }) = &event.report {
            return Self::failed(context, event, reason, message);
        }
        // What this run was started for; a Server that came since then has its own run.
        let issued = match &event.server {
            ServerCertificate::Named { name, issued } if server_certificate.as_ref() == Some(name) => *issued,
            _ => true,
        };
        match (&event.material, &event.job) {
            // The Secret with the CA certificate is the last thing the Job writes: nobody has to wait for its end.
            (Material::Complete(authority), _) if issued && event.operator_issued => {
                context.fire(Event::SetupCompleted { authority: authority.clone() }, [])
            }
            (_, Job::Failed { message }) => Self::setup_failed(context, event, message),
            (_, Job::Absent) => context.work([Effect::RunSetup]),
            (_, Job::Running { stuck: Some(why) }) => {
                context.wait(Blocked::waiting(reason::SETUP_RUNNING, format!("the set-up Job does not start: {why}")))
            }
            (_, Job::Running { stuck: None } | Job::Succeeded) => {
                context.wait(Blocked::waiting(reason::SETUP_RUNNING, "the set-up Job makes or imports the CA"))
            }
        }
    }

    #[state(superstate = "internal")]
    fn ready(
        health: &mut Health,
        authority: &mut Facts,
        attempt: &mut u32,
        next_attempt: &mut Option<Timestamp>,
        context: &mut Context,
        event: &Observed,
    ) -> Outcome<State> {
        if event.external {
            return Super;
        }
        match &event.material {
            Material::Complete(found) if found.key != authority.key => {
                return context.fire(Event::AuthorityReplaced { authority: found.clone() }, []);
            }
            Material::Complete(_) => {}
            Material::Absent => {
                return context.fire(Event::AuthorityLost { message: "the Secret with the CA certificate is gone".to_owned() }, []);
            }
            Material::Incomplete { message } => return context.fire(Event::AuthorityLost { message: message.clone() }, []),
        }
        match event.missing() {
            Some(missing) if !event.volume_in_use && event.configured => {
                let server_certificate = if let Missing::Server(name) = missing { Some(name) } else { None };
                return context.fire(Event::SetupRequired { server_certificate }, [Effect::RunSetup]);
            }
            _ => {}
        }
        if let Some(Report::Failed { reason, message }) = &event.report {
            let next_attempt = backoff(*attempt + 1, event.now);
            return context.fire(Event::UpkeepFailed { reason: reason.clone(), message: message.clone(), next_attempt }, []);
        }
        if event.in_place && *attempt > 0 {
            return context.fire(Event::UpkeepRecovered, []);
        }
        if *health != Health::Expiring && event.now >= authority.warn_at {
            return context.fire(Event::ExpiryNeared, []);
        }
        match health {
            Health::Valid if event.crl_stale => context.fire(Event::CrlWentStale, []),
            Health::CrlStale if !event.crl_stale => context.fire(Event::CrlRefreshed, []),
            _ if matches!(event.job, Job::Succeeded | Job::Failed { .. }) && next_attempt.is_none_or(|at| event.now >= at) => {
                context.work([Effect::RemoveSetup])
            }
            _ if !event.in_place && next_attempt.is_none_or(|at| event.now >= at) => context.work([Effect::EnsureObjects]),
            _ => Handled,
        }
    }

    #[state(superstate = "outside")]
    fn probing(attempt: &mut u32, context: &mut Context, event: &Observed) -> Outcome<State> {
        match &event.report {
            _ if !event.external => Super,
            Some(Report::Answered) => context.fire(Event::ExternalAnswered, []),
            Some(Report::Failed { message, .. }) => {
                let next_attempt = backoff(*attempt + 1, event.now);
                context.fire(Event::ExternalFailed { message: message.clone(), next_attempt }, [])
            }
            _ => context.work([Effect::Probe]),
        }
    }

    #[state(superstate = "outside")]
    fn reachable(context: &mut Context, event: &Observed) -> Outcome<State> {
        match (event.external, event.in_place) {
            (false, _) => Super,
            (true, false) if event.report.is_none() => context.work([Effect::EnsureObjects]),
            (true, _) => Handled,
        }
    }

    #[state(superstate = "outside")]
    fn unreachable(
        attempt: &mut u32,
        next_attempt: &mut Timestamp,
        message: &mut String,
        context: &mut Context,
        event: &Observed,
    ) -> Outcome<State> {
        if !event.external {
            return Super;
        }
        if event.now >= *next_attempt {
            return context.fire(Event::ProbeResumed, [Effect::Probe]);
        }
        context.wait(Blocked::waiting(reason::EXTERNAL_UNREACHABLE, message.clone()))
    }

    #[state(superstate = "unmade")]
    fn retrying(
        server_certificate: &mut Option<String>,
        in_setup: &mut bool,
        attempt: &mut u32,
        next_attempt: &mut Timestamp,
        reason: &mut String,
        message: &mut String,
        context: &mut Context,
        event: &Observed,
    ) -> Outcome<State> {
        if event.external || (!*in_setup && matches!(event.material, Material::Complete(_))) {
            return Super;
        }
        if event.now < *next_attempt {
            return context.wait(Blocked::waiting(
                if *in_setup { crate::reason::SETUP_FAILED } else { crate::reason::APPLY_FAILED },
                message.clone(),
            ));
        }
        if *in_setup {
            return context.fire(Event::SetupResumed, [Effect::RunSetup]);
        }
        context.fire(Event::ProvisioningStarted { server_awaited_until: event.now }, [Effect::EnsureObjects])
    }

    #[state(superstate = "unmade")]
    fn stalled(message: &mut String, context: &mut Context, event: &Observed) -> Outcome<State> {
        match event.material {
            _ if event.external => Super,
            Material::Complete(_) => Super,
            _ => context.wait(
                Blocked::invalid(reason::SECRET_NOT_FOUND, message.clone())
                    .remedy("restore the CA's Secrets from a backup; nothing is made in their place, because no agent would trust it"),
            ),
        }
    }

    /// No material is recorded yet: it may be found.
    #[superstate(superstate = "internal")]
    fn unmade(context: &mut Context, event: &Observed) -> Outcome<State> {
        match &event.material {
            Material::Complete(authority) if !event.external => context.fire(Event::Adopted { authority: authority.clone() }, []),
            _ => Super,
        }
    }

    #[superstate(superstate = "top")]
    fn internal(context: &mut Context, event: &Observed) -> Outcome<State> {
        if event.external { context.fire(Event::ModeChanged, []) } else { Super }
    }

    #[superstate(superstate = "top")]
    fn outside(context: &mut Context, event: &Observed) -> Outcome<State> {
        if event.external { Super } else { context.fire(Event::ModeChanged, []) }
    }

    #[superstate]
    fn top(context: &mut Context) -> Outcome<State> {
        context.unhandled()
    }
}
