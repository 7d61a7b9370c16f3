//! Gates: the named reasons why a machine does not move on.

use std::fmt::Write as _;

/// Why a machine waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blocked {
    /// `CamelCase` reason.
    pub reason: &'static str,
    /// One sentence that names what is missing and, where the user can do something, what.
    pub message: String,
    /// Nothing will change without a change by the user (a bad value), as opposed to something that comes
    /// by itself (another object becoming ready).
    pub permanent: bool,
}

impl Blocked {
    /// Waits for something that others bring about.
    #[must_use]
    pub fn waiting(reason: &'static str, message: impl Into<String>) -> Self {
        Self { reason, message: message.into(), permanent: false }
    }

    /// Waits for the user to change something.
    #[must_use]
    pub fn invalid(reason: &'static str, message: impl Into<String>) -> Self {
        Self { reason, message: message.into(), permanent: true }
    }

    /// The same with a remedy at the end of the message.
    #[must_use]
    pub fn remedy(mut self, what_to_do: &str) -> Self {
        let _ = write!(self.message, "; {what_to_do}");
        self
    }
}

/// One gate: looks at an observation and says whether, and why, it blocks.
pub type Gate<O> = fn(&O) -> Option<Blocked>;

/// The first gate of the chain that blocks. The guard of a machine and the `Ready` condition ask the same
/// chain, so they cannot disagree.
#[must_use]
pub fn first_block<O>(gates: &[Gate<O>], seen: &O) -> Option<Blocked> {
    gates.iter().find_map(|gate| gate(seen))
}
