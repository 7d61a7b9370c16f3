//! A map whose entries expire.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Holds at most `most` entries, each until it expires.
#[derive(Debug)]
pub(super) struct Expiring<K, V> {
    most: usize,
    entries: Mutex<HashMap<K, (Instant, V)>>,
}

impl<K: Eq + Hash + Clone, V: Clone> Expiring<K, V> {
    pub(super) fn new(most: usize) -> Self {
        Self { most, entries: Mutex::default() }
    }

    pub(super) fn get(&self, key: &K, now: Instant) -> Option<V> {
        let entries = self.entries();
        entries.get(key).filter(|(until, _)| *until > now).map(|(_, value)| value.clone())
    }

    /// When the map is full, expired entries are removed, and then the one that expires next.
    pub(super) fn put(&self, key: K, value: V, lives: Duration, now: Instant) {
        let mut entries = self.entries();
        if entries.len() >= self.most && !entries.contains_key(&key) {
            entries.retain(|_, (until, _)| *until > now);
            if entries.len() >= self.most
                && let Some(next) = entries.iter().min_by_key(|(_, (until, _))| *until).map(|(key, _)| key.clone())
            {
                entries.remove(&next);
            }
        }
        entries.insert(key, (now + lives, value));
    }

    fn entries(&self) -> MutexGuard<'_, HashMap<K, (Instant, V)>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn an_entry_goes_when_its_time_is_over() {
        let (map, now) = (Expiring::new(2), Instant::now());
        map.put("a", 1, 10 * SECOND, now);
        assert_eq!(map.get(&"a", now + 9 * SECOND), Some(1));
        assert_eq!(map.get(&"a", now + 10 * SECOND), None);
    }

    #[test]
    fn without_room_the_one_that_would_go_next_goes_now() {
        let (map, now) = (Expiring::new(2), Instant::now());
        map.put("long", 1, 10 * SECOND, now);
        map.put("short", 2, 5 * SECOND, now);
        map.put("new", 3, 5 * SECOND, now);
        assert_eq!((map.get(&"long", now), map.get(&"short", now), map.get(&"new", now)), (Some(1), None, Some(3)));
        assert_eq!(map.entries().len(), 2);
    }
}
