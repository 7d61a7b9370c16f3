//! A machine: a state, an observation, and what follows from the two.

use super::{Attempts, Blocked, Pace, State, Timestamp, is_due};
use statig::Outcome;
use std::fmt::Debug;

/// One resource kind's state machine.
pub trait Machine: Sized + 'static {
    /// Kubernetes kind, such as `Deployment`.
    const KIND: &'static str;
    /// The state with its data.
    type State: State;
    /// Everything the machine's gates look at, with the time of the observation.
    type Observed;
    /// What is to be done about a state; idempotent, and shown by its name (derive `strum::IntoStaticStr`).
    type Effect: Clone + Eq + Debug + Into<&'static str>;

    /// The observation carries what came of an effect: it is news once, so one transition answers it.
    fn reported(seen: &Self::Observed) -> bool;

    /// The same observation without what came of the last effect.
    fn unreported(seen: &Self::Observed) -> Self::Observed;

    /// Hands the observation to the machine in `turn.here` once: at most one event is fired.
    fn dispatch(seen: &Self::Observed, turn: &mut Turn<Self>);
}

/// The context of one dispatch: the only way for a handler to change a state or to ask for an effect.
pub struct Turn<M: Machine> {
    /// The state the turn began in.
    pub here: M::State,
    /// The event that was fired, and the state it leads to.
    pub fired: Option<(<M::State as State>::Event, M::State)>,
    /// Effects to run once the event is stored, in order.
    pub effects: Vec<M::Effect>,
    /// The gate that keeps the machine where it is.
    pub blocked: Option<Blocked>,
    /// What is known of earlier attempts; a state that is entered in this chain has made none.
    pub attempts: Attempts,
    /// No state of the hierarchy had an answer to the observation. Exploration shows that this cannot happen.
    pub unhandled: bool,
    /// An event was fired that the state cannot absorb. Exploration shows that this cannot happen.
    pub refused: Option<<M::State as State>::Event>,
}

impl<M: Machine> Turn<M> {
    /// A turn that begins in `here`.
    #[must_use]
    pub fn new(here: M::State) -> Self {
        Self { here, fired: None, effects: Vec::new(), blocked: None, attempts: Attempts::default(), unhandled: false, refused: None }
    }

    /// Whether the time of an attempt has come, or counts as if it had: the first at `first`, then at the pace of the state.
    #[must_use]
    pub fn may_try(&self, first: Timestamp, now: Timestamp) -> bool {
        self.may_try_at(self.here.pace(), first, now)
    }

    /// The same at another pace.
    #[must_use]
    pub fn may_try_at(&self, pace: Pace, first: Timestamp, now: Timestamp) -> bool {
        // One from the future was made before a clock was set back.
        let last = self.attempts.last.filter(|last| *last <= now);
        self.attempts.at_once || is_due(pace.next(first, last), now)
    }

    /// Fires `event` and asks for `effects` after it. The target is what the fold makes of the event, so the
    /// machine and a replay of its history cannot disagree.
    pub fn fire<E: IntoIterator<Item = M::Effect>>(&mut self, event: <M::State as State>::Event, effects: E) -> Outcome<M::State> {
        let Some(target) = self.here.evolve(&event) else {
            self.refused = Some(event);
            return Outcome::Handled;
        };
        self.fired = Some((event, target.clone()));
        self.effects.extend(effects);
        Outcome::Transition(target)
    }

    /// Stays, and asks for `effects` again: they have not been reported done.
    pub fn work<E: IntoIterator<Item = M::Effect>>(&mut self, effects: E) -> Outcome<M::State> {
        self.effects.extend(effects);
        Outcome::Handled
    }

    /// Stays because of `blocked`, and asks for `effects` that may end that: what is said of the state does not change for an
    /// attempt.
    pub fn try_again<E: IntoIterator<Item = M::Effect>>(&mut self, blocked: Blocked, effects: E) -> Outcome<M::State> {
        self.effects.extend(effects);
        self.wait(blocked)
    }

    /// Stays, because of `blocked`.
    pub fn wait(&mut self, blocked: Blocked) -> Outcome<M::State> {
        self.blocked = Some(blocked);
        Outcome::Handled
    }

    /// The top superstate of every machine ends here.
    pub fn unhandled(&mut self) -> Outcome<M::State> {
        self.unhandled = true;
        Outcome::Handled
    }
}

/// Implements [`Machine::dispatch`] for a machine that `statig` drives.
///
/// Rehydration goes through `state_mut` of the uninitialised machine; no machine here has entry or exit
/// actions, so `init` runs nothing.
#[macro_export]
#[doc(hidden)]
macro_rules! drive {
    ($machine:ty) => {
        fn reported(seen: &Self::Observed) -> bool {
            seen.report.is_some()
        }

        fn unreported(seen: &Self::Observed) -> Self::Observed {
            let mut unreported = seen.clone();
            unreported.report = None;
            unreported
        }

        fn dispatch(seen: &Self::Observed, turn: &mut $crate::core::Turn<Self>) {
            use $crate::statig::blocking::IntoStateMachineExt as _;
            let mut machine = <$machine>::default().uninitialized_state_machine();
            *machine.state_mut() = turn.here.clone();
            machine.init_with_context(turn).handle_with_context(seen, turn);
        }
    };
}
