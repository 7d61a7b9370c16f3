//! A map whose entries live for a while.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// Holds at most `most` entries, each until its time is over.
#[derive(Debug)]
pub(super) struct Expiring<K, V> {
    most: usize,
    entries: Mutex<HashMap<K, (Instant, V)>>,
}

impl<K: Eq + Hash + Clone, V: Clone> Expiring<K, V> {
    pub(super) fn new(most: usize) -> Self {
        Self { most, entries: Mutex::default() }
    }

    pub(super) fn get(&self, key: &K) -> Option<V> {
        let entries = self.entries();
        entries.get(key).filter(|(until, _)| *until > Instant::now()).map(|(_, value)| value.clone())
    }

    /// When there is no room, those whose time is over go, and then the one whose time is over next.
    pub(super) fn put(&self, key: K, value: V, lives: Duration) {
        let now = Instant::now();
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

    #[tokio::test(start_paused = true)]
    async fn an_entry_goes_when_its_time_is_over() {
        let map = Expiring::new(2);
        map.put("a", 1, Duration::from_secs(10));
        assert_eq!(map.get(&"a"), Some(1));
        tokio::time::advance(Duration::from_secs(10)).await;
        assert_eq!(map.get(&"a"), None);
    }

    #[tokio::test(start_paused = true)]
    async fn without_room_the_one_that_would_go_next_goes_now() {
        let map = Expiring::new(2);
        map.put("long", 1, Duration::from_secs(10));
        map.put("short", 2, Duration::from_secs(5));
        map.put("new", 3, Duration::from_secs(5));
        assert_eq!((map.get(&"long"), map.get(&"short"), map.get(&"new")), (Some(1), None, Some(3)));
        assert_eq!(map.entries().len(), 2);
    }
}
