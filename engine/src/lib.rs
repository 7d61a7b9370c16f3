#![doc = include_str!("../README.md")]

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
#[cfg(test)]
mod words;
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
