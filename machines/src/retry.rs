//! Attempts that fail for a reason that may pass: what the events and states of all kinds say of them.

use crate::core::{Blocked, MAX_ATTEMPT, Machine, Timestamp, Turn, backoff};
use crate::reason;
use serde::{Deserialize, Serialize};

/// What came of an effect that writes objects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Report {
    /// They are in the cluster.
    Applied,
    /// The API server refused one of them for a reason that may pass.
    Failed {
        /// `CamelCase` reason.
        reason: String,
        /// What failed.
        message: String,
    },
}

/// An attempt that failed: the data of an event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Failure {
    /// `CamelCase` reason.
    pub reason: String,
    /// What failed.
    pub message: String,
    /// When it is tried again.
    pub next_attempt: Timestamp,
}

impl Failure {
    /// A failure at `now`, after `attempts` others in a row.
    #[must_use]
    pub fn after(attempts: Option<u32>, reason: &str, message: &str, now: Timestamp) -> Self {
        Self { reason: reason.to_owned(), message: message.to_owned(), next_attempt: backoff(attempts.unwrap_or(0) + 1, now) }
    }
}

/// Failed attempts in a row: the data of a state that waits for the next one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Retry {
    /// Failed attempts in a row.
    pub attempt: u32,
    /// When to try again.
    pub next_attempt: Timestamp,
    /// `CamelCase` reason of the last failure.
    pub reason: String,
    /// What failed, in one sentence.
    pub message: String,
}

impl Retry {
    /// The failure, after `attempts` others in a row.
    #[must_use]
    pub fn after(attempts: Option<u32>, failure: &Failure) -> Self {
        let Failure { reason, message, next_attempt } = failure.clone();
        Self { attempt: (attempts.unwrap_or(0) + 1).min(MAX_ATTEMPT), next_attempt, reason, message }
    }

    /// The last attempt failed in the same way, so another one like it is no news.
    #[must_use]
    pub fn failed_with(&self, reason: &str, message: &str) -> bool {
        (&*self.reason, &*self.message) == (reason, message)
    }

    /// The time of the next attempt has come.
    #[must_use]
    pub fn is_due<M: Machine>(&self, turn: &Turn<M>, now: Timestamp) -> bool {
        turn.may_try(self.next_attempt, now)
    }

    /// What the machine waits for.
    #[must_use]
    pub fn blocked(&self) -> Blocked {
        Blocked::waiting(reason::RETRYING, self.message.clone())
    }
}

#[cfg(test)]
mod tests {
    use crate::{certificate, pool};
    use serde_json::json;

    #[test]
    fn stored_states_keep_their_shape() {
        let (failures, request) = (
            json!({"attempt": 2, "nextAttempt": "1970-01-01T00:00:02Z", "reason": "ApplyFailed", "message": "quota"}),
            json!({"resume": "Obtain", "key": "ours", "superseded": "former"}),
        );
        let merged = |parts: &[&serde_json::Value]| {
            let mut whole = json!({"leaf": "Retrying"});
            for part in parts {
                whole.as_object_mut().unwrap().extend(part.as_object().unwrap().clone());
            }
            whole
        };
        let stored = merged(&[&failures]);
        let state: pool::State = serde_json::from_value(stored.clone()).unwrap();
        assert_eq!(serde_json::to_value(&state).unwrap(), stored);
        let stored = merged(&[&failures, &request]);
        let state: certificate::State = serde_json::from_value(stored.clone()).unwrap();
        assert_eq!(serde_json::to_value(&state).unwrap(), stored);
    }
}
