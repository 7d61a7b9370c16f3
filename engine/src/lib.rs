//! Event-sourced Kubernetes controllers.
//!
//! * [`core`]: a resource kind is a typed, hierarchical state machine, and every change of state is an event. Nothing in it
//!   knows a client, a clock or randomness.
//! * `lifecycle` (feature `status`): the part of `.status` in which an object carries its state, conditions and history.
//! * `journal` (feature `controller`): history for longer than a status can hold it, in SQLite or PostgreSQL.

#[cfg(feature = "controller")]
mod causes;
pub mod core;
#[cfg(feature = "status")]
mod document;
#[cfg(feature = "controller")]
pub mod journal;
#[cfg(feature = "status")]
pub mod lifecycle;
#[cfg(feature = "controller")]
mod object_key;
#[cfg(feature = "controller")]
mod telemetry;

#[cfg(feature = "controller")]
pub use causes::Causes;
#[cfg(feature = "status")]
pub use document::Document;
#[cfg(feature = "controller")]
pub use object_key::ObjectKey;
#[cfg(feature = "controller")]
pub use telemetry::Telemetry;

/// For [`drive`].
#[doc(hidden)]
pub use statig;
