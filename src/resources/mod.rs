//! One folder per resource kind: what is observed for its machine, and how its effects are run.

mod ca_server;
pub mod certificate;
pub mod certificate_authority;
pub mod config;
mod dangling;
mod endpoints;
mod last_words;
mod name_length;
pub mod node_classifier;
mod pod_failure;
pub mod pool;
pub mod server;
pub mod signing_policy;
mod text;
mod user_secret;

/// Calls the macro `$callback` with every kind that has a controller, as the types that implement
/// [`Reconciler`](crate::reconcile::Reconciler). A new controller is one line here.
macro_rules! for_each_controller {
    ($callback:ident) => {
        $callback! {
            $crate::resources::config::Configs,
            $crate::resources::certificate_authority::Authorities,
            $crate::resources::signing_policy::SigningPolicies,
            $crate::resources::certificate::Certificates,
            $crate::resources::server::Servers,
            $crate::resources::pool::Pools,
            $crate::resources::node_classifier::NodeClassifiers
        }
    };
}
pub(crate) use for_each_controller;

/// Kinds that have a controller.
#[must_use]
pub fn controlled_kinds() -> Vec<&'static str> {
    use crate::reconcile::Reconciler;
    use openvox_machines::core::Machine;
    macro_rules! names {
        ($($kind:path),+) => { vec![$(<$kind as Reconciler>::Machine::KIND),+] };
    }
    for_each_controller!(names)
}
