//! Event-sourced Kubernetes controllers.
//!
//! * [`core`]: a resource kind is a typed, hierarchical state machine, and every change of state is an event. Nothing in it
//!   knows a client, a clock or randomness.
//! * `lifecycle` (feature `status`): the part of `.status` in which an object carries its state, conditions and history.

pub mod core;
#[cfg(feature = "status")]
mod document;
#[cfg(feature = "status")]
pub mod lifecycle;

#[cfg(feature = "status")]
pub use document::Document;

/// For [`drive`].
#[doc(hidden)]
pub use statig;
