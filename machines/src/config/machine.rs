//! The Config machine.

use super::{Event, Observed, State};
use crate::core::{Blocked, Machine, State as _, Turn};
use crate::{Failure, Report, Retry};
use statig::prelude::*;
use strum::IntoStaticStr;

/// What is done about a Config.
#[derive(Debug, Clone, Copy, PartialEq, Eq, IntoStaticStr)]
pub enum Effect {
    /// Write the `ConfigMap`s and the `ServiceAccount` as they were rendered.
    ApplyFiles,
}

/// The machine; its data is in [`State`].
#[derive(Debug, Default)]
pub struct Config;

impl Machine for Config {
    const KIND: &'static str = "Config";
    type State = State;
    type Observed = Observed;
    type Effect = Effect;
    crate::core::drive!(Self);
}

type Context = Turn<Config>;

impl Config {
    /// The files differ from those that were decided before.
    fn render(context: &mut Context, seen: &Observed, digest: &str) -> Outcome<State> {
        let effects = (!seen.in_place).then_some(Effect::ApplyFiles);
        context.fire(Event::Rendered { digest: digest.to_owned() }, effects)
    }

    fn failed(context: &mut Context, seen: &Observed, reason: &str, message: &str) -> Outcome<State> {
        context.fire(Event::AttemptFailed(Failure::after(context.here.attempt(), reason, message, seen.now)), [])
    }
}

#[state_machine(
    initial = "State::WaitingForReferences",
    event_identifier = "seen",
    state(custom, name = "State"),
    superstate(derive(Debug))
)]
#[expect(unused_variables, clippy::needless_pass_by_ref_mut, reason = "statig names every field of a state, and hands each out as &mut")]
impl Config {
    #[state(superstate = "any")]
    fn waiting_for_references(context: &mut Context, seen: &Observed) -> Outcome<State> {
        match &seen.rendered {
            Ok(digest) if seen.references.is_none() && seen.in_place => context.fire(Event::Adopted { digest: digest.clone() }, []),
            Ok(digest) if seen.references.is_none() => Self::render(context, seen, digest),
            _ => Super,
        }
    }

    #[state(superstate = "any")]
    fn rendered(digest: &mut String, context: &mut Context, seen: &Observed) -> Outcome<State> {
        match (&seen.report, &seen.rendered) {
            (Some(Report::Failed { reason, message }), _) => Self::failed(context, seen, reason, message),
            _ if seen.blocked().is_some() => Super,
            (_, Ok(wanted)) if wanted != digest => Self::render(context, seen, wanted),
            (None, _) if !seen.in_place => context.work([Effect::ApplyFiles]),
            // Just applied: caches may still show what was there before.
            _ => Handled,
        }
    }

    #[state(superstate = "any")]
    fn render_failed(digest: &mut Option<String>, message: &mut String, context: &mut Context, seen: &Observed) -> Outcome<State> {
        match &seen.rendered {
            Ok(digest) if seen.references.is_none() => Self::render(context, seen, digest),
            Err(blocked) if seen.references.is_none() && blocked.message == *message => context.wait(blocked.clone()),
            _ => Super,
        }
    }

    #[state(superstate = "any")]
    fn retrying(digest: &mut String, retry: &mut Retry, context: &mut Context, seen: &Observed) -> Outcome<State> {
        let same = matches!(&seen.report, Some(Report::Failed { reason, message }) if retry.failed_with(reason, message));
        match (&seen.report, &seen.rendered) {
            (Some(Report::Failed { reason, message }), _) if !same => Self::failed(context, seen, reason, message),
            _ if seen.blocked().is_some() => Super,
            (_, Ok(wanted)) if wanted != digest => Self::render(context, seen, wanted),
            (Some(Report::Applied), _) => context.fire(Event::Recovered, []),
            _ if seen.in_place => context.fire(Event::Recovered, []),
            (report, _) => {
                let due = report.is_none() && retry.is_due(context, seen.now);
                context.try_again(retry.blocked(), due.then_some(Effect::ApplyFiles))
            }
        }
    }

    /// The spec is not rendered now: a reference may come back by itself, a bad value does not.
    #[superstate(superstate = "top")]
    fn any(context: &mut Context, seen: &Observed) -> Outcome<State> {
        match (&seen.references, &seen.rendered) {
            (Some(blocked), _) => context.wait(blocked.clone()),
            (None, Err(Blocked { reason, message, .. })) => {
                context.fire(Event::RenderFailed { reason: (*reason).to_owned(), message: message.clone() }, [])
            }
            (None, Ok(_)) => Super,
        }
    }

    #[superstate]
    fn top(context: &mut Context) -> Outcome<State> {
        context.unhandled()
    }
}
