//! Config: the files that Puppet servers read, rendered into `ConfigMap`s next to the `ServiceAccount` they run as.

mod conditions;
mod event;
mod machine;
mod observed;
mod state;
#[cfg(test)]
mod tests;

pub use conditions::conditions;
pub use event::Event;
pub use machine::{Config, Effect};
pub use observed::Observed;
pub use state::State;
