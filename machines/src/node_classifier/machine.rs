//! The `NodeClassifier` machine.

use super::{Event, Observed, Settings, State};
use crate::core::{Blocked, Machine, NoEffect, State as _, Turn};
use crate::reason;
use crate::{Failure, Retry};
use statig::prelude::*;

/// The machine; its data is in [`State`].
#[derive(Debug, Default)]
pub struct NodeClassifier;

impl Machine for NodeClassifier {
    const KIND: &'static str = "NodeClassifier";
    type State = State;
    type Observed = Observed;
    type Effect = NoEffect;
    crate::core::drive!(Self);
}

type Context = Turn<NodeClassifier>;

#[state_machine(initial = "State::WaitingForConfig", state(custom, name = "State"), superstate(derive(Debug)), event_identifier = "seen")]
#[expect(
    unused_variables,
    clippy::ptr_arg,
    clippy::needless_pass_by_ref_mut,
    reason = "statig names every field of a state, and hands each out as &mut"
)]
impl NodeClassifier {
    #[state(superstate = "judged")]
    fn waiting_for_config(context: &mut Context, seen: &Observed) -> Outcome<State> {
        if seen.referred || matches!(seen.settings, Settings::Invalid(_)) {
            return Super;
        }
        let blocked = Blocked::waiting(reason::WAITING_FOR_CONFIG, "no Config refers to this NodeClassifier, so no Server asks it");
        context.wait(blocked.remedy("name it in the nodeClassifierRef of a Config"))
    }

    #[state(superstate = "judged")]
    fn waiting_for_secret(context: &mut Context, seen: &Observed) -> Outcome<State> {
        match &seen.settings {
            Settings::SecretMissing(blocked) if seen.referred => context.wait(blocked.clone()),
            _ => Super,
        }
    }

    #[state(superstate = "judged")]
    fn rendered(digest: &mut String, context: &mut Context, seen: &Observed) -> Outcome<State> {
        match &seen.settings {
            Settings::Complete { digest: now } if seen.referred && now == digest => Handled,
            _ => Super,
        }
    }

    #[state(superstate = "judged")]
    fn failing(digest: &mut String, context: &mut Context, seen: &Observed) -> Outcome<State> {
        match &seen.settings {
            Settings::SecretMissing(blocked) if seen.referred => context.wait(blocked.clone()),
            _ => Super,
        }
    }

    #[state(superstate = "judged")]
    fn invalid(digest: &mut Option<String>, message: &mut String, context: &mut Context, seen: &Observed) -> Outcome<State> {
        match &seen.settings {
            Settings::Invalid(blocked) if blocked.message == *message => context.wait(blocked.clone()),
            _ => Super,
        }
    }

    #[state(superstate = "judged")]
    fn retrying(digest: &mut Option<String>, retry: &mut Retry, context: &mut Context, seen: &Observed) -> Outcome<State> {
        match &seen.settings {
            // Looking is the attempt, and the same failure is no news.
            Settings::Unreadable { message } if seen.referred && *message == retry.message => context.wait(retry.blocked()),
            _ => Super,
        }
    }

    /// What the observation means where it is news. A value that cannot be used is named whether a Config refers to it or not.
    #[superstate(superstate = "top")]
    fn judged(context: &mut Context, seen: &Observed) -> Outcome<State> {
        let event = match &seen.settings {
            Settings::Invalid(Blocked { reason, message, .. }) => {
                Event::Rejected { reason: (*reason).to_owned(), message: message.clone() }
            }
            _ if !seen.referred => Event::Released,
            Settings::Complete { digest } => Event::Rendered { digest: digest.clone() },
            Settings::SecretMissing(blocked) => Event::SecretMissing { message: blocked.message.clone() },
            Settings::Unreadable { message } => {
                Event::AttemptFailed(Failure::after(context.here.attempt(), reason::RETRYING, message, seen.now))
            }
        };
        context.fire(event, [])
    }

    #[superstate]
    fn top(context: &mut Context) -> Outcome<State> {
        context.unhandled()
    }
}
