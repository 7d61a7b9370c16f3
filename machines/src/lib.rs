//! The pure core of the operator: every resource kind is a typed, hierarchical state machine, and every
//! change of state is an event.
//!
//! Nothing here knows a client, a clock or randomness. A machine is handed what was observed (with the time
//! of the observation in it) and answers with the next state, the domain events that lead there, and the
//! effects that are to be run once those events are stored.
//!
//! * [`core`] is the engine's: the fold, the decision, gates, conditions, exploration.
//! * Each other module is one resource kind: its state, its events, its observation, its machine.

pub mod certificate;
pub mod certificate_authority;
pub mod condition;
pub mod config;
mod kinds;
pub mod node_classifier;
mod pod_failure;
pub mod pool;
#[cfg(test)]
mod proof;
pub mod reason;
mod retry;
pub mod server;
pub mod signing_policy;

pub use kinds::{Documented, MACHINES};
pub use openvox_engine::core;
pub use pod_failure::PodFailure;
pub use retry::{Failure, Report, Retry};
