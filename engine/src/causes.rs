//! An error with everything that led to it, on one line.

use std::error::Error;
use std::fmt;

/// Displays an error and its sources, separated by colons. Log lines in JSON would otherwise
/// show the outermost error only.
#[derive(Debug, Clone, Copy)]
pub struct Causes<'e>(pub &'e dyn Error);

impl fmt::Display for Causes<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut said = self.0.to_string();
        f.write_str(&said)?;
        let mut next = self.0.source();
        while let Some(cause) = next {
            // Some libraries repeat their source in their own message.
            let text = cause.to_string();
            if !said.contains(&text) {
                write!(f, ": {text}")?;
                said = text;
            }
            next = cause.source();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    enum Failure {
        #[error("failed to write")]
        Write(#[source] Box<Failure>),
        #[error("failed to connect: refused")]
        Connect(#[source] Box<Failure>),
        #[error("refused")]
        Refused,
    }

    #[test]
    fn every_cause_is_named_once() {
        let error = Failure::Write(Box::new(Failure::Connect(Box::new(Failure::Refused))));
        assert_eq!(Causes(&error).to_string(), "failed to write: failed to connect: refused");
    }
}
