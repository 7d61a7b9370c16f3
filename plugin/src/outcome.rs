//! How a command ended.

use std::process::ExitCode;

/// What the exit code says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// 0.
    Fine,
    /// 1: something is not ready, or differs.
    Amiss,
}

/// The exit code of wrong usage and of errors; that of clap is the same.
pub const ERROR: u8 = 2;

impl Outcome {
    /// Fine if `fine`.
    pub fn fine_if(fine: bool) -> Self {
        if fine { Self::Fine } else { Self::Amiss }
    }
}

impl From<Outcome> for ExitCode {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Fine => Self::SUCCESS,
            Outcome::Amiss => Self::from(1),
        }
    }
}
