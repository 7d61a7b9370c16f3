//! Rate limits of callers.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Callers with a bucket. One that is dropped starts again with a full bucket, so a larger number would only slow down
/// callers that take turns.
const MOST_CALLERS: usize = 1024;

/// A token bucket per caller.
#[derive(Debug)]
pub(super) struct Buckets {
    burst: f64,
    per_second: f64,
    of_caller: Mutex<HashMap<String, Bucket>>,
}

#[derive(Debug)]
struct Bucket {
    left: f64,
    at: Instant,
}

impl Buckets {
    pub(super) fn new(burst: u32, per_second: u32) -> Self {
        Self { burst: f64::from(burst), per_second: f64::from(per_second), of_caller: Mutex::default() }
    }

    /// Takes one from the caller's bucket.
    ///
    /// # Errors
    /// With the time until there is one, when the bucket is empty.
    pub(super) fn take(&self, caller: &str, now: Instant) -> Result<(), Duration> {
        let mut buckets = self.of_caller.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() >= MOST_CALLERS && !buckets.contains_key(caller) {
            buckets.retain(|_, bucket| self.filled(bucket, now) < self.burst);
            if buckets.len() >= MOST_CALLERS
                && let Some(oldest) = buckets.iter().min_by_key(|(_, bucket)| bucket.at).map(|(caller, _)| caller.clone())
            {
                buckets.remove(&oldest);
            }
        }
        let bucket = buckets.entry(caller.to_owned()).or_insert(Bucket { left: self.burst, at: now });
        let left = self.filled(bucket, now);
        let enough = left >= 1.0;
        *bucket = Bucket { left: if enough { left - 1.0 } else { left }, at: now };
        if enough { Ok(()) } else { Err(Duration::from_secs_f64((1.0 - left) / self.per_second)) }
    }

    fn filled(&self, bucket: &Bucket, now: Instant) -> f64 {
        (bucket.left + (now - bucket.at).as_secs_f64() * self.per_second).min(self.burst)
    }
}

/// Long-running answers: streams and exports.
#[derive(Debug)]
pub(super) struct Streams {
    most: usize,
    most_per_caller: usize,
    open: Mutex<HashMap<String, usize>>,
}

impl Streams {
    pub(super) fn new(most: usize, most_per_caller: usize) -> Arc<Self> {
        Arc::new(Self { most, most_per_caller, open: Mutex::default() })
    }

    /// A permit for one more; `None` when the limit is reached.
    pub(super) fn acquire(self: &Arc<Self>, caller: &str) -> Option<StreamPermit> {
        let mut open = self.open();
        let mine = open.get(caller).copied().unwrap_or(0);
        if mine >= self.most_per_caller || open.values().sum::<usize>() >= self.most {
            return None;
        }
        open.insert(caller.to_owned(), mine + 1);
        Some(StreamPermit { streams: Arc::clone(self), caller: caller.to_owned() })
    }

    fn open(&self) -> MutexGuard<'_, HashMap<String, usize>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Held for as long as a long-running answer takes.
#[derive(Debug)]
pub struct StreamPermit {
    streams: Arc<Streams>,
    caller: String,
}

impl Drop for StreamPermit {
    fn drop(&mut self) {
        let mut open = self.streams.open();
        if let Some(mine) = open.get_mut(&self.caller) {
            *mine = mine.saturating_sub(1);
            if *mine == 0 {
                open.remove(&self.caller);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_holds_a_burst_and_fills_again() {
        let (buckets, now) = (Buckets::new(2, 10), Instant::now());
        assert_eq!((buckets.take("a", now), buckets.take("a", now)), (Ok(()), Ok(())));
        assert_eq!(buckets.take("a", now), Err(Duration::from_millis(100)));
        assert_eq!(buckets.take("b", now), Ok(()));
        assert_eq!(buckets.take("a", now + Duration::from_millis(100)), Ok(()));
    }

    #[test]
    fn only_so_many_callers_are_remembered() {
        let (buckets, now) = (Buckets::new(2, 10), Instant::now());
        for caller in 0..3 * MOST_CALLERS {
            assert_eq!(buckets.take(&caller.to_string(), now), Ok(()));
        }
        assert_eq!(buckets.of_caller.lock().unwrap().len(), MOST_CALLERS);
    }

    #[test]
    fn a_stream_that_ends_makes_room() {
        let streams = Streams::new(3, 2);
        let mine = [streams.acquire("a").unwrap(), streams.acquire("a").unwrap()];
        assert!(streams.acquire("a").is_none());
        let theirs = streams.acquire("b").unwrap();
        assert!(streams.acquire("c").is_none());
        drop(mine);
        assert!(streams.acquire("a").is_some());
        drop(theirs);
        assert!(streams.open().is_empty());
    }
}
