//! How many objects wait for their reconcile, asked of the queues themselves at the scrape.

use super::catalogue::RECONCILE_QUEUE;
use super::exposition::gauges;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;
use std::fmt;
use std::sync::{Mutex, PoisonError};

pub(super) type Length = Box<dyn Fn() -> usize + Send + Sync>;

/// One queue for each kind.
#[derive(Default)]
pub(super) struct Queues {
    queues: Mutex<Vec<(&'static str, Length)>>,
}

impl Queues {
    pub fn add(&self, kind: &'static str, length: Length) {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner).push((kind, length));
    }
}

impl fmt::Debug for Queues {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Queues").finish_non_exhaustive()
    }
}

impl Collector for Queues {
    fn encode(&self, mut encoder: DescriptorEncoder) -> Result<(), fmt::Error> {
        let queues = self.queues.lock().unwrap_or_else(PoisonError::into_inner);
        let lengths = queues.iter().map(|(kind, length)| ([("kind", *kind)], i64::try_from(length()).unwrap_or(i64::MAX)));
        gauges(&mut encoder, &RECONCILE_QUEUE, lengths)
    }
}
