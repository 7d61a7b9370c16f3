//! Why a pod does not run: what the scheduler, the kubelet and the container itself say.

use std::fmt::{Display, Formatter, Result};

/// A pod that does not start, or a container that ends badly.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PodFailure {
    /// `CamelCase` reason, from [`crate::reason`].
    pub reason: &'static str,
    /// More than a first bad end: it has happened again, or cannot pass by itself within seconds. Only this changes a state.
    pub lasting: bool,
    /// What is the case, in one clause, such as `container a of pod b ended with exit code 1`.
    pub what: String,
    /// How often the container was started again, for people: exact up to five.
    pub restarts: Option<String>,
    /// The end of what the container wrote, without secrets.
    pub last_words: Option<String>,
    /// The command that shows more.
    pub command: String,
}

impl Display for PodFailure {
    fn fmt(&self, out: &mut Formatter<'_>) -> Result {
        out.write_str(&self.what)?;
        if let Some(restarts) = &self.restarts {
            write!(out, " and was restarted {restarts}")?;
        }
        if let Some(words) = &self.last_words {
            write!(out, "; its last words: {words}")?;
        }
        write!(out, "; for more: {}", self.command)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sentence_says_what_how_often_the_last_words_and_the_command() {
        let failure = PodFailure {
            reason: crate::reason::CONTAINER_CRASHING,
            lasting: true,
            what: "container server of pod web-0 ended with exit code 1".into(),
            restarts: Some("twice".into()),
            last_words: Some("no space left".into()),
            command: "kubectl logs web-0 --previous".into(),
        };
        assert_eq!(
            failure.to_string(),
            "container server of pod web-0 ended with exit code 1 and was restarted twice; its last words: no space left; for more: \
             kubectl logs web-0 --previous"
        );
    }
}
