//! Walking the whole state space of a machine.

use super::{Decision, Machine, Rest, State, Turn, decide, event::record};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// A kind of change: from leaf to leaf by an event.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Edge {
    /// Path of the leaf before.
    pub from: &'static str,
    /// Name of the event.
    pub event: String,
    /// Path of the leaf after.
    pub to: &'static str,
}

/// What a walk found.
pub struct Exploration {
    /// All states met, as their paths, with the number of distinct states behind each.
    pub leaves: BTreeMap<&'static str, usize>,
    /// All kinds of change met.
    pub edges: BTreeSet<Edge>,
    /// Everything that must not be: one sentence each.
    pub defects: Vec<String>,
}

/// Walks every state that can be reached from the initial one by any sequence of `signals`; `look` sees each decision on
/// the way.
///
/// Defects are: a fold that disagrees with the machine, an event that its state cannot absorb, an observation
/// that no state answers, a leaf that is never reached or not documented, a leaf without a way out that is not
/// final, and a chain of transitions that does not come to rest.
#[must_use]
pub fn explore<M: Machine>(signals: &[M::Observed], most_states: usize, mut look: impl FnMut(&M::Observed, &Decision<M>)) -> Exploration {
    let mut found = Exploration { leaves: BTreeMap::new(), edges: BTreeSet::new(), defects: Vec::new() };
    let mut seen = BTreeSet::from([M::State::default()]);
    let mut todo = VecDeque::from([M::State::default()]);
    let mut defects = BTreeSet::new();
    while let Some(state) = todo.pop_front() {
        *found.leaves.entry(state.path()).or_default() += 1;
        for signal in signals {
            let mut turn = Turn::<M>::new(state.clone());
            M::dispatch(signal, &mut turn);
            if turn.unhandled {
                defects.insert(format!("{}: an observation that no state answers", state.path()));
            }
            if let Some(event) = turn.refused {
                defects.insert(format!("{}: fires {event:?}, which it cannot absorb", state.path()));
            }
            let decision = decide::<M>(&state, signal);
            look(signal, &decision);
            if decision.transitions.len() >= 6 {
                defects.insert(format!("{}: a chain of transitions does not come to rest", state.path()));
            }
            let mut folded = state.clone();
            for step in &decision.transitions {
                match folded.evolve(&step.event) {
                    Some(next) => folded = next,
                    None => drop(defects.insert(format!("{}: the fold refuses {:?}", folded.path(), step.event))),
                }
                let event = record(&step.event).map_or_else(|error| error.to_string(), |recorded| recorded.name);
                found.edges.insert(Edge { from: step.from.path(), event, to: step.to.path() });
                if seen.insert(step.to.clone()) {
                    todo.push_back(step.to.clone());
                }
            }
            if folded != decision.state {
                defects.insert(format!("{}: fold and machine disagree", state.path()));
            }
        }
        if seen.len() > most_states {
            defects.insert(format!("more than {most_states} states: the space is not finite"));
            break;
        }
    }
    for leaf in M::State::LEAVES {
        if !found.leaves.contains_key(leaf.path) {
            defects.insert(format!("{}: never reached", leaf.path));
        }
        let leaves_it = found.edges.iter().any(|edge| edge.from == leaf.path && edge.to != leaf.path);
        if !leaves_it && leaf.rest != Rest::Final {
            defects.insert(format!("{}: no way out", leaf.path));
        }
        if let Rest::Waiting { deadline: 0 } = leaf.rest {
            defects.insert(format!("{}: waits without a deadline", leaf.path));
        }
    }
    for path in found.leaves.keys() {
        if !M::State::LEAVES.iter().any(|leaf| leaf.path == *path) {
            defects.insert(format!("{path}: not documented"));
        }
    }
    found.defects.extend(defects);
    found
}
