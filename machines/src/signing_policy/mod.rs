//! `SigningPolicy`: rules by which the CA signs requests by itself.
//!
//! The file with the rules of all policies belongs to the authority, which writes it; a policy only follows
//! whether its own rules are in it. So this machine has no effects.

mod conditions;
mod event;
mod machine;
mod observed;
mod state;
#[cfg(test)]
mod tests;

pub use conditions::conditions;
pub use event::Event;
pub use machine::SigningPolicy;
pub use observed::{CaServer, InFile, Observed};
pub use state::State;
