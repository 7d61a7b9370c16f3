//! `NodeClassifier`: the HTTP service that Servers ask for the classes of a node.
//!
//! The machine says whether the settings for it are complete. It has no effects.

mod conditions;
mod event;
mod machine;
mod observed;
mod state;
#[cfg(test)]
mod tests;

pub use conditions::conditions;
pub use event::Event;
pub use machine::NodeClassifier;
pub use observed::{Observed, Settings};
pub use state::State;
