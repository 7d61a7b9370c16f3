//! The leaf states of every kind that has a machine.

use openvox_machines::core::{Leaf, Machine, Rest, State};
use openvox_machines::{certificate, certificate_authority, config, pool, server, signing_policy};

/// A kind and its leaf states.
pub struct Kind {
    /// Kubernetes kind.
    pub name: &'static str,
    /// Its leaf states, in the order of the documentation.
    pub leaves: &'static [Leaf],
}

impl Kind {
    const fn of<M: Machine>() -> Self {
        Self { name: M::KIND, leaves: <M::State as State>::LEAVES }
    }
}

/// All kinds. A new machine gets its alerts and runbooks by a line here.
pub const KINDS: &[Kind] = &[
    Kind::of::<certificate_authority::CertificateAuthority>(),
    Kind::of::<certificate::Certificate>(),
    Kind::of::<config::Config>(),
    Kind::of::<server::Server>(),
    Kind::of::<pool::Pool>(),
    Kind::of::<signing_policy::SigningPolicy>(),
];

/// Every leaf state with its kind.
pub fn leaves() -> impl Iterator<Item = (&'static str, &'static Leaf)> {
    KINDS.iter().flat_map(|kind| kind.leaves.iter().map(|leaf| (kind.name, leaf)))
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
