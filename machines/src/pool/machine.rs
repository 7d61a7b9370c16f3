//! The Pool machine.

use super::{Event, Observed, Report, State};
use crate::core::{Blocked, Machine, State as _, Timestamp, Turn, backoff};
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

#[state_machine(initial = "State::Provisioning", state(custom, name = "State"), superstate(derive(Debug)))]
#[expect(unused_variables, clippy::needless_pass_by_ref_mut, reason = "statig names every field of a state, and hands each out as &mut")]
impl Pool {
    #[state(superstate = "owner")]
    fn provisioning(context: &mut Context, event: &Observed) -> Outcome<State> {
        match &event.report {
            _ if event.blocked().is_some() => Super,
            Some(Report::Failed { .. }) => Super,
            Some(Report::Applied) => Self::synced_to(context, event),
            None if event.in_place => context.fire(Event::Adopted { digest: event.digest.clone() }, []),
            None => context.work([Effect::ApplyService]),
        }
    }

    #[state(superstate = "owner")]
    fn synced(digest: &mut String, context: &mut Context, event: &Observed) -> Outcome<State> {
        match &event.report {
            _ if event.blocked().is_some() => Super,
            Some(Report::Failed { .. }) => Super,
            _ if event.digest != *digest => {
                let effects = (!event.in_place).then_some(Effect::ApplyService);
                context.fire(Event::Changed { digest: event.digest.clone() }, effects)
            }
            None if !event.in_place => context.work([Effect::ApplyService]),
            // Just applied: caches may still show what was there before.
            _ => Handled,
        }
    }

    #[state(superstate = "owner")]
    fn retrying(
        attempt: &mut u32,
        next_attempt: &mut Timestamp,
        reason: &mut String,
        message: &mut String,
        context: &mut Context,
        event: &Observed,
    ) -> Outcome<State> {
        let same = matches!(&event.report, Some(Report::Failed { reason: why, message: said }) if (why, said) == (&*reason, &*message));
        match &event.report {
            _ if event.blocked().is_some() => Super,
            Some(Report::Failed { .. }) if !same => Super,
            Some(Report::Applied) => Self::synced_to(context, event),
            None if event.in_place => Self::synced_to(context, event),
            report => {
                let due = report.is_none() && context.may_try(*next_attempt, event.now);
                context.try_again(Blocked::waiting(crate::reason::RETRYING, message.clone()), due.then_some(Effect::ApplyService))
            }
        }
    }

    #[state(superstate = "top")]
    fn stalled(message: &mut String, context: &mut Context, event: &Observed) -> Outcome<State> {
        match &event.foreign {
            None => context.fire(Event::NameFreed, []),
            Some(foreign) if foreign.message == *message => context.wait(foreign.clone()),
            Some(foreign) => context.fire(Event::NameTaken { message: foreign.message.clone() }, []),
        }
    }

    /// The Service is ours to write, unless somebody else has its name or the spec says nothing usable.
    #[superstate(superstate = "top")]
    fn owner(context: &mut Context, event: &Observed) -> Outcome<State> {
        match (&event.foreign, event.blocked(), &event.report) {
            (Some(foreign), _, _) => context.fire(Event::NameTaken { message: foreign.message.clone() }, []),
            (None, _, Some(Report::Failed { reason, message })) => {
                let attempt = context.here.attempt().unwrap_or(0) + 1;
                let next_attempt = backoff(attempt, event.now);
                context.fire(Event::AttemptFailed { reason: reason.clone(), message: message.clone(), next_attempt }, [])
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
