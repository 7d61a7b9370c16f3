//! Event-sourced Kubernetes controllers.
//!
//! * [`core`]: a resource kind is a typed, hierarchical state machine, and every change of state is an event. Nothing in it
//!   knows a client, a clock or randomness.
//! * `lifecycle` (feature `status`): the part of `.status` in which an object carries its state, conditions and history.
//! * `reconcile` (feature `controller`): the loop that observes, decides, commits, acts and publishes until nothing moves.
//! * `journal` (feature `controller`): history for longer than a status can hold it, in SQLite or PostgreSQL.

#[cfg(feature = "controller")]
pub mod annotation;
#[cfg(feature = "controller")]
pub mod api_error;
#[cfg(feature = "controller")]
mod cache;
#[cfg(feature = "controller")]
mod causes;
pub mod core;
#[cfg(feature = "controller")]
mod difference;
#[cfg(feature = "status")]
mod document;
#[cfg(feature = "controller")]
mod index;
#[cfg(feature = "controller")]
pub mod journal;
#[cfg(feature = "status")]
pub mod lifecycle;
#[cfg(feature = "controller")]
mod object_key;
#[cfg(feature = "controller")]
pub mod reconcile;
#[cfg(feature = "controller")]
mod telemetry;
#[cfg(feature = "controller")]
mod timer;
#[cfg(feature = "controller")]
mod workqueue;

#[cfg(feature = "controller")]
pub use cache::Cache;
#[cfg(feature = "controller")]
pub use causes::Causes;
#[cfg(feature = "controller")]
pub use difference::{Change, Difference, Field};
#[cfg(feature = "status")]
pub use document::Document;
#[cfg(feature = "controller")]
pub use index::IndexKey;
#[cfg(feature = "controller")]
pub use object_key::ObjectKey;
#[cfg(feature = "controller")]
pub use telemetry::{CurrentState, Outcome, Telemetry};
#[cfg(feature = "controller")]
pub use workqueue::{Receivers, Workqueue, kind_label};

/// For [`drive`].
#[doc(hidden)]
pub use statig;
