//! The Pool machine.

use super::{Event, Observed, State};
use crate::core::{Machine, State as _, Turn};
use crate::{Failure, Report, Retry};
use statig::prelude::*;
use strum::IntoStaticStr;

/// What is done about a Pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq, IntoStaticStr)]
pub enum Effect {
    /// Write the Service as the spec asks for it.
    ApplyService,
}

/// The machine; its data is in [`State`].
#[derive(Debug, Default)]
pub struct Pool;

impl Machine for Pool {
    const KIND: &'static str = "Pool";
    type State = State;
    type Observed = Observed;
    type Effect = Effect;
    crate::core::drive!(Self);
}

type Context = Turn<Pool>;

impl Pool {
    fn synced_to(context: &mut Context, seen: &Observed) -> Outcome<State> {
        context.fire(Event::Synced { digest: seen.digest.clone() }, [])
    }
}

#[state_machine(initial = "State::Provisioning", event_identifier = "seen", state(custom, name = "State"), superstate(derive(Debug)))]
#[expect(clippy::needless_pass_by_ref_mut, reason = "statig names every field of a state, and hands each out as &mut")]
impl Pool {
    #[state(superstate = "owner")]
    fn provisioning(context: &mut Context, seen: &Observed) -> Outcome<State> {
        match &seen.report {
            _ if seen.blocked().is_some() => Super,
            Some(Report::Failed { .. }) => Super,
            Some(Report::Applied) => Self::synced_to(context, seen),
            None if seen.in_place => context.fire(Event::Adopted { digest: seen.digest.clone() }, []),
            None => context.work([Effect::ApplyService]),
        }
    }

    #[state(superstate = "owner")]
    fn synced(digest: &mut String, context: &mut Context, seen: &Observed) -> Outcome<State> {
        match &seen.report {
            _ if seen.blocked().is_some() => Super,
            Some(Report::Failed { .. }) => Super,
            _ if seen.digest != *digest => {
                let effects = (!seen.in_place).then_some(Effect::ApplyService);
                context.fire(Event::Changed { digest: seen.digest.clone() }, effects)
            }
            None if !seen.in_place => context.work([Effect::ApplyService]),
            // Just applied: caches may still show what was there before.
            _ => Handled,
        }
    }

    #[state(superstate = "owner")]
    fn retrying(retry: &mut Retry, context: &mut Context, seen: &Observed) -> Outcome<State> {
        match &seen.report {
            _ if seen.blocked().is_some() => Super,
            Some(Report::Failed { reason, message }) if !retry.failed_with(reason, message) => Super,
            Some(Report::Applied) => Self::synced_to(context, seen),
            None if seen.in_place => Self::synced_to(context, seen),
            report => {
                let due = report.is_none() && retry.is_due(context, seen.now);
                context.try_again(retry.blocked(), due.then_some(Effect::ApplyService))
            }
        }
    }

    #[state(superstate = "top")]
    fn stalled(message: &mut String, context: &mut Context, seen: &Observed) -> Outcome<State> {
        match &seen.foreign {
            None => context.fire(Event::NameFreed, []),
            Some(foreign) if foreign.message == *message => context.wait(foreign.clone()),
            Some(foreign) => context.fire(Event::NameTaken { message: foreign.message.clone() }, []),
        }
    }

    /// The Service is ours to write, unless somebody else has its name or the spec says nothing usable.
    #[superstate(superstate = "top")]
    fn owner(context: &mut Context, seen: &Observed) -> Outcome<State> {
        match (&seen.foreign, seen.blocked(), &seen.report) {
            (Some(foreign), _, _) => context.fire(Event::NameTaken { message: foreign.message.clone() }, []),
            (None, _, Some(Report::Failed { reason, message })) => {
                context.fire(Event::AttemptFailed(Failure::after(context.here.attempt(), reason, message, seen.now)), [])
            }
            (None, Some(blocked), _) => context.wait(blocked),
            (None, None, _) => Super,
        }
    }

    #[superstate]
    fn top(context: &mut Context) -> Outcome<State> {
        context.unhandled()
    }
}
