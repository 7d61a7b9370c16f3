//! The decision: what an observation means for a machine.

use super::{Blocked, Machine, State, Timestamp, Turn};

/// Most transitions that one observation may cause. The longest real chain is three; more means that two
/// states hand an observation to and fro, which exploration rules out.
const LONGEST_CHAIN: usize = 6;

/// One change of state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transition<S: State> {
    /// The state before.
    pub from: S,
    /// What happened.
    pub event: S::Event,
    /// The state after.
    pub to: S,
}

/// What follows from an observation.
pub struct Decision<M: Machine> {
    /// The state after all transitions.
    pub state: M::State,
    /// The changes of state, in order; empty when nothing moves.
    pub transitions: Vec<Transition<M::State>>,
    /// What to do once the transitions are stored.
    pub effects: Vec<M::Effect>,
    /// Why the machine stays where it is.
    pub blocked: Option<Blocked>,
}

/// Decides what `seen` means in `state`. Transitions that ask for nothing to be done are followed at once, so
/// that they are stored together; the first one with effects, or the one that answers a report, ends the chain.
#[must_use]
pub fn decide<M: Machine>(state: &M::State, seen: &M::Observed) -> Decision<M> {
    chain(Turn::new(state.clone()), seen)
}

/// What is known of attempts that a state makes and that are written nowhere.
#[derive(Debug, Clone, Copy, Default)]
pub struct Attempts {
    /// When this process made the last one since the state was entered.
    pub last: Option<Timestamp>,
    /// Somebody asks for one now that the state would make later.
    pub at_once: bool,
}

/// The same with what is known of earlier attempts.
#[must_use]
pub fn decide_after<M: Machine>(state: &M::State, seen: &M::Observed, attempts: Attempts) -> Decision<M> {
    chain(Turn { attempts, ..Turn::new(state.clone()) }, seen)
}

fn chain<M: Machine>(mut turn: Turn<M>, seen: &M::Observed) -> Decision<M> {
    let mut decision: Decision<M> = Decision { state: turn.here.clone(), transitions: Vec::new(), effects: Vec::new(), blocked: None };
    for _ in 0..LONGEST_CHAIN {
        M::dispatch(seen, &mut turn);
        decision.blocked = turn.blocked;
        decision.effects = turn.effects;
        let Some((event, target)) = turn.fired else { break };
        decision.transitions.push(Transition { from: turn.here, event, to: target.clone() });
        decision.state = target;
        if !decision.effects.is_empty() || M::reported(seen) {
            break;
        }
        turn = Turn::new(decision.state.clone());
    }
    if !decision.transitions.is_empty() && decision.blocked.is_none() {
        // What keeps the machine in the state it has just entered belongs into the same commit.
        let mut turn = Turn::<M>::new(decision.state.clone());
        M::dispatch(&M::unreported(seen), &mut turn);
        decision.blocked = turn.blocked.filter(|_| turn.fired.is_none());
    }
    decision
}
