//! Attempts that changed nothing. They are kept in memory only: a look that finds what it found before is not worth a write,
//! and after a restart one more look does no harm.

use openvox_machines::core::Timestamp;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Most objects remembered. Should there be more, all are looked at once more.
const MOST: usize = 65_536;

type Key = (&'static str, String, String);

/// The attempts of objects in their present states, by kind, namespace and name.
#[derive(Default)]
pub struct Unchanged {
    made: Mutex<HashMap<Key, Made>>,
}

#[derive(Clone, Copy)]
struct Made {
    last: Timestamp,
    count: u32,
}

impl Unchanged {
    /// The object has made an attempt.
    pub(super) fn made(&self, kind: &'static str, namespace: &str, name: &str, at: Timestamp) {
        let mut made = self.lock();
        if made.len() >= MOST {
            made.clear();
        }
        let attempts = made.entry((kind, namespace.to_owned(), name.to_owned())).or_insert(Made { last: at, count: 0 });
        *attempts = Made { last: at, count: attempts.count.saturating_add(1) };
    }

    /// The object has gone on to another state, or is gone: what it made before says nothing any more.
    pub fn forget(&self, kind: &'static str, namespace: &str, name: &str) {
        self.lock().remove(&(kind, namespace.to_owned(), name.to_owned()));
    }

    /// When the object made its last attempt in its present state.
    pub(super) fn last(&self, kind: &'static str, namespace: &str, name: &str) -> Option<Timestamp> {
        self.lock().get(&(kind, namespace.to_owned(), name.to_owned())).map(|made| made.last)
    }

    /// How many attempts it has made in its present state.
    pub(super) fn count(&self, kind: &'static str, namespace: &str, name: &str) -> u32 {
        self.lock().get(&(kind, namespace.to_owned(), name.to_owned())).map_or(0, |made| made.count)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Key, Made>> {
        self.made.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_attempt_counts_until_the_state_changes_and_the_memory_is_bounded() {
        let at = |second| Timestamp::from_timestamp(second, 0).unwrap();
        let attempts = Unchanged::default();
        for second in [1, 9] {
            attempts.made("Pool", "ns", "web", at(second));
        }
        assert_eq!((attempts.last("Pool", "ns", "web"), attempts.count("Pool", "ns", "web")), (Some(at(9)), 2));
        assert_eq!(attempts.last("Pool", "ns", "other"), None);
        attempts.forget("Pool", "ns", "web");
        assert_eq!((attempts.last("Pool", "ns", "web"), attempts.count("Pool", "ns", "web")), (None, 0));
        for number in 0..=MOST {
            attempts.made("Pool", "ns", &number.to_string(), at(0));
        }
        assert!(attempts.lock().len() <= MOST);
    }
}
