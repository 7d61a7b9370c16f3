//! The leaf states of every kind that has a machine.

use openvox_machines::MACHINES;
use openvox_machines::core::{Leaf, Rest};

/// Every leaf state with its kind.
pub fn leaves() -> impl Iterator<Item = (&'static str, &'static Leaf)> {
    MACHINES.iter().flat_map(|machine| machine.leaves.iter().map(|leaf| (machine.kind, leaf)))
}

/// Every state that others have to end, with its deadline in seconds.
pub fn waiting() -> impl Iterator<Item = (&'static str, &'static Leaf, u32)> {
    leaves().filter_map(|(kind, leaf)| match leaf.rest {
        Rest::Waiting { deadline } => Some((kind, leaf, deadline)),
        Rest::Settled | Rest::Stuck | Rest::Final => None,
    })
}

/// Every phase of any kind, in the order in which an object goes through them; what is wrong comes last.
pub fn phases() -> Vec<&'static str> {
    let mut phases: Vec<&str> = Vec::new();
    for (_, leaf) in leaves() {
        if !phases.contains(&leaf.phase()) {
            phases.push(leaf.phase());
        }
    }
    phases.sort_by_key(|phase| matches!(*phase, "Error" | "Terminating"));
    phases
}
