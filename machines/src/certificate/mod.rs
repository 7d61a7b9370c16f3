//! Certificate: from nothing to a signed pair in a Secret, and back to nothing at the CA when it is deleted.

mod cleaning;
mod conditions;
mod effect;
mod event;
mod fold;
mod leaves;
mod machine;
mod observed;
mod rekeying;
mod renewing;
mod requesting;
mod state;
#[cfg(test)]
mod tests;

pub use conditions::conditions;
pub use effect::Effect;
pub use event::Event;
pub use machine::Certificate;
pub use observed::{Authority, Issued, Misfit, Observed, Report, Tls};
pub use state::{Request, Resume, State};
