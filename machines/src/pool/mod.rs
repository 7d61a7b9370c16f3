//! Pool: the Service in front of a group of servers.

mod conditions;
mod event;
mod machine;
mod observed;
mod state;
#[cfg(test)]
mod tests;

pub use conditions::conditions;
pub use event::Event;
pub use machine::{Effect, Pool};
pub use observed::Observed;
pub use state::State;
