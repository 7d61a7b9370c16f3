//! Attempts that changed nothing. They are kept in memory only: a look that finds what it found before is not worth a write,
//! and after a restart one more look does no harm.

use crate::ObjectKey;
use crate::core::Timestamp;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Most objects remembered. Should there be more, all are looked at once more.
const MOST: usize = 65_536;

/// The attempts of objects in their present states.
#[derive(Default)]
pub(super) struct AttemptLog {
    attempts: Mutex<HashMap<ObjectKey, Made>>,
}

#[derive(Clone, Copy)]
struct Made {
    last: Timestamp,
    count: u32,
}

impl AttemptLog {
    /// The object has made an attempt.
    pub fn record(&self, key: &ObjectKey, at: Timestamp) {
        let mut all = self.lock();
        if all.len() >= MOST {
            all.clear();
        }
        let attempts = all.entry(key.clone()).or_insert(Made { last: at, count: 0 });
        *attempts = Made { last: at, count: attempts.count.saturating_add(1) };
    }

    /// The object has gone on to another state, or is gone: what it made before says nothing any more.
    pub fn forget(&self, key: &ObjectKey) {
        self.lock().remove(key);
    }

    /// When the object made its last attempt in its present state.
    pub fn last(&self, key: &ObjectKey) -> Option<Timestamp> {
        self.lock().get(key).map(|made| made.last)
    }

    /// How many attempts it has made in its present state.
    pub fn count(&self, key: &ObjectKey) -> u32 {
        self.lock().get(key).map_or(0, |made| made.count)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<ObjectKey, Made>> {
        self.attempts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_attempt_counts_until_the_state_changes_and_the_memory_is_bounded() {
        let at = |second| Timestamp::from_timestamp(second, 0).unwrap();
        let (attempts, web) = (AttemptLog::default(), ObjectKey::new("Pool", "ns", "web"));
        for second in [1, 9] {
            attempts.record(&web, at(second));
        }
        assert_eq!((attempts.last(&web), attempts.count(&web)), (Some(at(9)), 2));
        assert_eq!(attempts.last(&ObjectKey::new("Pool", "ns", "other")), None);
        attempts.forget(&web);
        assert_eq!((attempts.last(&web), attempts.count(&web)), (None, 0));
        for number in 0..=MOST {
            attempts.record(&ObjectKey::new("Pool", "ns", number.to_string()), at(0));
        }
        assert!(attempts.lock().len() <= MOST);
    }
}
