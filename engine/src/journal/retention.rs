//! How long history is kept.

use super::store::{PruneStep, Pruned, Upkeep};
use super::store_error::StoreError;
use crate::{Causes, Telemetry};
use k8s_openapi::jiff::{SignedDuration, Timestamp};
use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

/// Between two sweeps. What is kept for weeks need not go to the minute, and a sweep of 10,000 objects takes seconds.
const SWEEP: Duration = Duration::from_hours(1);
/// Between two steps of a sweep. A step holds a database for some milliseconds; this leaves at least nine tenths of
/// the time to everybody else.
const STEP: Duration = Duration::from_millis(100);
/// One step takes milliseconds; a sweep that does not get on is begun again an hour later.
const PATIENCE: Duration = Duration::from_secs(30);

/// What a journal keeps. Of every object the newest entry is kept whatever its age, so that its numbering goes on
/// and its last state stays known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// Age beyond which entries may go.
    pub age: Limit<SignedDuration>,
    /// Number of entries of one object beyond which its oldest may go.
    pub count: Limit<NonZeroU32>,
}

/// A bound that can be switched off, written as 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit<T> {
    /// As much as there is.
    None,
    /// Up to this.
    Upto(T),
}

/// The text is no limit of a number.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected a whole number from 1 to 4294967295, or 0 to keep everything")]
pub struct CountError;

impl FromStr for Limit<NonZeroU32> {
    type Err = CountError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let count: u32 = text.parse().map_err(|_| CountError)?;
        Ok(NonZeroU32::new(count).map_or(Self::None, Self::Upto))
    }
}

impl fmt::Display for Limit<SignedDuration> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("0"),
            Self::Upto(age) => write!(f, "{}s", age.as_secs()),
        }
    }
}

impl Retention {
    /// Whether anything may ever go.
    #[must_use]
    pub fn removes(&self) -> bool {
        self.age != Limit::None || self.count != Limit::None
    }

    /// The step of a sweep that begins at a position. An age that reaches back before the calendar removes nothing.
    #[must_use]
    pub fn step(&self, now: Timestamp, position: String) -> PruneStep {
        PruneStep {
            before: match self.age {
                Limit::None => None,
                Limit::Upto(age) => now.checked_sub(age).ok(),
            },
            newest: match self.count {
                Limit::None => None,
                Limit::Upto(count) => Some(count.get()),
            },
            position,
        }
    }

    /// Sweeps once an hour until `stop` resolves.
    pub async fn run(self, store: Arc<dyn Upkeep>, telemetry: Arc<dyn Telemetry>, stop: impl Future<Output = ()>) {
        let sweeps = async {
            if !self.removes() {
                return;
            }
            loop {
                if let Err(error) = self.sweep(&*store, &*telemetry).await {
                    tracing::warn!(error = %Causes(&error), "old history is removed later");
                }
                tokio::time::sleep(SWEEP).await;
            }
        };
        tokio::select! {
            () = stop => {}
            () = sweeps => {}
        }
    }

    async fn sweep(&self, store: &dyn Upkeep, telemetry: &dyn Telemetry) -> Result<(), StoreError> {
        let mut position = String::new();
        loop {
            let step = self.step(Timestamp::now(), position);
            let pruned = tokio::time::timeout(PATIENCE, store.prune(&step)).await;
            let Pruned { removed, position: next } = pruned.map_err(|_| StoreError::TimedOut(PATIENCE))??;
            telemetry.journal_pruned(removed);
            match next {
                Some(next) => position = next,
                None => return Ok(()),
            }
            tokio::time::sleep(STEP).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_count_of_zero_keeps_everything() {
        assert_eq!("10000".parse(), Ok(Limit::Upto(NonZeroU32::new(10_000).unwrap())));
        assert_eq!("0".parse::<Limit<NonZeroU32>>(), Ok(Limit::None));
        for text in ["", "-1", "many", "4294967296"] {
            assert_eq!(text.parse::<Limit<NonZeroU32>>(), Err(CountError), "{text:?}");
        }
    }

    #[test]
    fn an_age_before_the_calendar_removes_nothing() {
        let forever = Retention { age: Limit::Upto(SignedDuration::MAX), count: Limit::None };
        assert_eq!(forever.step(Timestamp::UNIX_EPOCH, String::new()).before, None);
        assert!(forever.removes());
        assert!(!Retention { age: Limit::None, count: Limit::None }.removes());
    }
}
