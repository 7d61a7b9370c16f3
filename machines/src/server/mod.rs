//! Server: the pods of one Puppet server, from the objects they need to the last pod that is ready.

mod conditions;
mod event;
mod machine;
mod observed;
mod state;
#[cfg(test)]
mod tests;

pub use conditions::conditions;
pub use event::Event;
pub use machine::{Effect, Server};
pub use observed::{Observed, Workload};
pub use state::{Plan, State};
