//! Copies transitions from the status of their objects into the journal.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use openvox_crds::HistoryEntry;
use tokio::sync::Notify;

use super::gap::continue_after;
use super::record::Record;
use super::store::{Store, StoreError};
use crate::telemetry::{Causes, Metrics};

/// Entries that may wait in memory, about half a MiB. More only wait while the store is down,
/// and those stay safe in the status of their objects.
const MAX_WAITING: usize = 2048;
/// Entries of one transaction.
const BATCH: usize = 200;
/// Pause after the first failed attempt; doubled after every further one.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// Longest pause: history is late by at most this once the store is back.
const LONGEST_PAUSE: Duration = Duration::from_mins(1);
/// The last attempt when the process stops; what is left is journaled after the next start.
const LAST_ATTEMPT: Duration = Duration::from_secs(3);

/// What became of the entries that were offered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "an object whose entries found no room has to be reconciled again soon"]
pub enum Offer {
    /// All of them were offered before.
    NothingNew,
    /// The new ones wait for the journal.
    Accepted,
    /// There is no room while the journal is down. Offer them again within about a minute.
    Full,
}

/// The handle that reconcilers use. Clones share their state.
#[derive(Clone)]
pub struct Outbox {
    inner: Arc<Inner>,
}

struct Inner {
    store: Arc<dyn Store>,
    metrics: Arc<Metrics>,
    state: Mutex<State>,
    offered: Notify,
    /// Held while a batch is written, so that batches cannot overtake each other.
    writing: tokio::sync::Mutex<()>,
}

#[derive(Debug, Default)]
struct State {
    objects: HashMap<String, Marks>,
    waiting: VecDeque<Record>,
    /// Taken out of `waiting` and not yet written.
    in_flight: usize,
    /// Sum of the `refused` of all objects.
    refused: usize,
}

/// How far the history of one object has come.
#[derive(Debug, Default)]
struct Marks {
    /// Highest number that was accepted.
    accepted: i64,
    /// Highest number in the journal; not known before the first write of this process.
    journaled: Option<i64>,
    /// Accepted entries that are not written yet.
    unwritten: usize,
    /// Entries of the last offer that found no room.
    refused: usize,
    /// The object is gone; so are its marks after the last write.
    gone: bool,
}

impl Outbox {
    /// An outbox in front of a store. Nothing is written before [`Outbox::run`].
    #[must_use]
    pub fn new(store: Arc<dyn Store>, metrics: Arc<Metrics>) -> Self {
        Self {
            inner: Arc::new(Inner {
                store,
                metrics,
                state: Mutex::default(),
                offered: Notify::new(),
                writing: tokio::sync::Mutex::default(),
            }),
        }
    }

    /// Offers the history of an object as it was committed, in ascending order. Never waits, and
    /// costs one map lookup when there is nothing new.
    pub fn offer(&self, uid: &str, kind: &str, namespace: &str, name: &str, history: &[HistoryEntry]) -> Offer {
        let Some(newest) = history.last() else {
            return Offer::NothingNew;
        };
        let mut guard = self.inner.state();
        let state = &mut *guard;
        let accepted = state.objects.get(uid).map_or(0, |marks| marks.accepted);
        if newest.seq <= accepted {
            return Offer::NothingNew;
        }
        let fresh = history.iter().filter(|entry| entry.seq > accepted);
        let count = fresh.clone().count();
        let marks = state.objects.entry(uid.to_owned()).or_default();
        state.refused -= std::mem::take(&mut marks.refused);
        let room = MAX_WAITING.saturating_sub(state.waiting.len() + state.in_flight);
        let offer = if count > room {
            marks.refused = count;
            state.refused += count;
            Offer::Full
        } else {
            marks.accepted = newest.seq;
            marks.unwritten += count;
            marks.gone = false;
            state.waiting.extend(fresh.map(|entry| Record {
                uid: uid.to_owned(),
                kind: kind.to_owned(),
                namespace: namespace.to_owned(),
                name: name.to_owned(),
                entry: entry.clone(),
            }));
            self.inner.offered.notify_one();
            Offer::Accepted
        };
        self.inner.measure(state);
        offer
    }

    /// The highest number of an object that is known to be in the journal; 0 when none is.
    /// Entries up to it may leave the status.
    #[must_use]
    pub fn journaled(&self, uid: &str) -> i64 {
        let state = self.inner.state();
        let marks = state.objects.get(uid);
        marks.and_then(|marks| marks.journaled).unwrap_or(0)
    }

    /// The highest number of an object in the journal itself. Whoever starts the history of an
    /// object anew goes on from there: a number that the journal has is never written again.
    ///
    /// # Errors
    /// When the store is down.
    pub async fn high_water(&self, uid: &str) -> Result<Option<i64>, StoreError> {
        self.inner.store.high_water(uid).await
    }

    /// Frees what is remembered about an object that is gone; entries that still wait are
    /// written first.
    pub fn forget(&self, uid: &str) {
        let mut guard = self.inner.state();
        let state = &mut *guard;
        if let Some(marks) = state.objects.get_mut(uid) {
            state.refused -= std::mem::take(&mut marks.refused);
            marks.gone = true;
            if marks.unwritten == 0 {
                state.objects.remove(uid);
            }
        }
        self.inner.measure(state);
    }

    /// Writes everything that waits.
    ///
    /// # Errors
    /// At the first failure; nothing is lost by it, the rest goes on waiting.
    pub async fn flush(&self) -> Result<(), StoreError> {
        let _turn = self.inner.writing.lock().await;
        while let Some(batch) = Batch::take(&self.inner) {
            match batch.write().await {
                Ok(()) => {}
                Err(error) => {
                    self.inner.metrics.journal_failure();
                    return Err(error);
                }
            }
        }
        Ok(())
    }

    /// Writes what is offered until `stop` resolves, then makes one last attempt.
    pub async fn run(self, stop: impl Future<Output = ()>) {
        tokio::select! {
            () = stop => {}
            () = self.write_forever() => {}
        }
        match tokio::time::timeout(LAST_ATTEMPT, self.flush()).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                tracing::warn!(error = %Causes(&error), "the journal is behind; it catches up after the next start");
            }
            Err(_) => tracing::warn!("the journal is behind; it catches up after the next start"),
        }
    }

    async fn write_forever(&self) {
        let mut pause = None;
        loop {
            match (self.flush().await, pause) {
                (Ok(()), previous) => {
                    if previous.is_some() {
                        tracing::info!("the journal is being written again");
                    }
                    pause = None;
                    self.inner.offered.notified().await;
                }
                (Err(error), previous) => {
                    if previous.is_none() {
                        tracing::warn!(
                            error = %Causes(&error),
                            "history stays in the status of its objects until the journal is back"
                        );
                    }
                    let next = previous.map_or(FIRST_PAUSE, |pause: Duration| pause * 2);
                    let next = next.min(LONGEST_PAUSE);
                    pause = Some(next);
                    tokio::time::sleep(next).await;
                }
            }
        }
    }
}

impl fmt::Debug for Outbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outbox").field("store", &self.inner.store).finish_non_exhaustive()
    }
}

impl Inner {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn measure(&self, state: &State) {
        self.metrics.journal_lag(state.waiting.len() + state.in_flight + state.refused);
    }
}

/// Records that were taken to be written. They go back when that fails or is given up.
struct Batch<'o> {
    outbox: &'o Inner,
    records: Vec<Record>,
}

impl<'o> Batch<'o> {
    fn take(outbox: &'o Inner) -> Option<Self> {
        let mut state = outbox.state();
        let size = state.waiting.len().min(BATCH);
        let records: Vec<Record> = state.waiting.drain(..size).collect();
        state.in_flight += records.len();
        (!records.is_empty()).then_some(Self { outbox, records })
    }

    async fn write(mut self) -> Result<(), StoreError> {
        let mut objects: Vec<(&str, Vec<Record>)> = Vec::new();
        for record in &self.records {
            match objects.iter_mut().find(|(uid, _)| *uid == record.uid) {
                Some((_, records)) => records.push(record.clone()),
                None => objects.push((&record.uid, vec![record.clone()])),
            }
        }
        let mut missing = Vec::with_capacity(self.records.len());
        let mut reached = Vec::with_capacity(objects.len());
        for (uid, records) in objects {
            let known = self.outbox.state().objects.get(uid).and_then(|marks| marks.journaled);
            let high_water = match known {
                Some(known) => known,
                None => self.outbox.store.high_water(uid).await?.unwrap_or(0),
            };
            let count = records.len();
            let last = records.last().map_or(0, |record| record.entry.seq);
            reached.push((uid.to_owned(), last.max(high_water), count));
            missing.extend(continue_after(high_water, records));
        }
        if !missing.is_empty() {
            self.outbox.store.append(&missing).await?;
        }

        let mut guard = self.outbox.state();
        let state = &mut *guard;
        for (uid, journaled, written) in reached {
            if let Some(marks) = state.objects.get_mut(&uid) {
                marks.journaled = Some(journaled);
                marks.unwritten = marks.unwritten.saturating_sub(written);
                if marks.gone && marks.unwritten == 0 {
                    state.objects.remove(&uid);
                }
            }
        }
        state.in_flight -= self.records.len();
        self.records.clear();
        self.outbox.measure(state);
        Ok(())
    }
}

impl Drop for Batch<'_> {
    fn drop(&mut self) {
        if self.records.is_empty() {
            return;
        }
        let mut state = self.outbox.state();
        state.in_flight -= self.records.len();
        for record in self.records.drain(..).rev() {
            state.waiting.push_front(record);
        }
    }
}

#[cfg(test)]
mod tests;
