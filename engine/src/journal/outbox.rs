//! Copies transitions from the status of their objects into the journal.

use super::gap::{Gap, continue_after};
use super::record::Record;
use super::store::Store;
use super::store_error::StoreError;
use crate::lifecycle::HistoryEntry;
use crate::{Causes, ObjectKey, Telemetry};
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{Notify, watch};
use tokio::time::Instant;

/// Entries that may wait in memory, about a MiB. More only wait while the store is down,
/// and those stay safe in the status of their objects.
const MAX_WAITING: usize = 4096;
/// Entries of one transaction.
const BATCH: usize = 200;
/// Pause after the first failed attempt; doubled after every further one.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// Longest pause: history is late by at most this once the store is back.
const LONGEST_PAUSE: Duration = Duration::from_mins(1);
/// How often the store is tried beside what is written to it: a failure is to be known before it hurts.
const PROBE: Duration = Duration::from_secs(30);
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
    telemetry: Arc<dyn Telemetry>,
    state: Mutex<State>,
    offered: Notify,
    /// How often the journal was begun anew.
    begun_anew: watch::Sender<u32>,
    /// Held while a batch is written, so that batches cannot overtake each other.
    writing: tokio::sync::Mutex<()>,
}

#[derive(Debug, Default)]
struct State {
    objects: HashMap<String, Object>,
    /// Uids of the objects with entries that wait, in the order of their arrival.
    queue: VecDeque<String>,
    /// Sum of the entries that wait.
    waiting: usize,
    /// Sum of the `refused` of all objects.
    refused: usize,
    /// The last attempt to write has failed.
    down: bool,
}

/// How far the history of one object has come.
#[derive(Debug)]
struct Object {
    key: ObjectKey,
    /// Highest number that was accepted.
    accepted: i64,
    /// Highest number in the journal. Not known before the first write, and no longer known after one that failed:
    /// what comes back may be a replica that lacks the newest.
    journaled: Option<i64>,
    /// Accepted entries that are not known to be in the journal.
    waiting: BTreeMap<i64, HistoryEntry>,
    /// What the status still had of older entries when the last ones came: for a journal that turns out to lack them.
    older: Vec<HistoryEntry>,
    /// Entries of the last offer that found no room.
    refused: usize,
    /// The object is gone; so is what is remembered of it after the last write.
    gone: bool,
}

impl Outbox {
    /// An outbox in front of a store. Nothing is written before [`Outbox::run`].
    #[must_use]
    pub fn new(store: Arc<dyn Store>, telemetry: Arc<dyn Telemetry>) -> Self {
        Self {
            inner: Arc::new(Inner {
                store,
                telemetry,
                state: Mutex::default(),
                offered: Notify::new(),
                begun_anew: watch::Sender::new(0),
                writing: tokio::sync::Mutex::default(),
            }),
        }
    }

    /// Offers the history of an object as it was committed, in ascending order. Never waits, and
    /// costs one map lookup when there is nothing new.
    pub fn offer(&self, uid: &str, key: &ObjectKey, history: &[HistoryEntry]) -> Offer {
        let Some(newest) = history.last() else {
            return Offer::NothingNew;
        };
        let mut guard = self.inner.state();
        let state = &mut *guard;
        if state.objects.get(uid).is_some_and(|object| newest.seq <= object.accepted) {
            return Offer::NothingNew;
        }
        let object = state.objects.entry(uid.to_owned()).or_insert_with(|| Object::new(key.clone()));
        let count = history.iter().filter(|entry| entry.seq > object.accepted).count();
        state.refused -= std::mem::take(&mut object.refused);
        let offer = if count > MAX_WAITING.saturating_sub(state.waiting) {
            object.refused = count;
            state.refused += count;
            Offer::Full
        } else {
            if object.waiting.is_empty() {
                state.queue.push_back(uid.to_owned());
            }
            object.take(history);
            state.waiting += count;
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
        let object = state.objects.get(uid);
        object.and_then(|object| object.journaled).unwrap_or(0)
    }

    /// The highest number of an object in the journal itself. Whoever starts the history of an
    /// object anew goes on from there: a number that the journal has is never written again.
    ///
    /// # Errors
    /// When the store is down; at once when that is known.
    pub async fn high_water(&self, uid: &str) -> Result<Option<i64>, StoreError> {
        if self.inner.state().down {
            return Err(StoreError::Down);
        }
        self.inner.store.high_water(uid).await
    }

    /// Frees what is remembered about an object that is gone; entries that still wait are
    /// written first.
    pub fn forget(&self, uid: &str) {
        let mut guard = self.inner.state();
        let state = &mut *guard;
        if let Some(object) = state.objects.get_mut(uid) {
            state.refused -= std::mem::take(&mut object.refused);
            object.gone = true;
            if object.waiting.is_empty() {
                state.objects.remove(uid);
            }
        }
        self.inner.measure(state);
    }

    /// Changes whenever the journal was begun anew: then it lacks what objects do not offer again by themselves.
    #[must_use]
    pub fn begun_anew(&self) -> watch::Receiver<u32> {
        self.inner.begun_anew.subscribe()
    }

    /// Writes everything that waits.
    ///
    /// # Errors
    /// At the first failure; nothing is lost by it, all that is not written goes on waiting.
    pub async fn flush(&self) -> Result<(), StoreError> {
        let _turn = self.inner.writing.lock().await;
        loop {
            let batch = self.inner.state().batch();
            if batch.is_empty() {
                return Ok(());
            }
            self.attempt(batch).await?;
        }
    }

    /// Whether the store could be written to now.
    async fn probe(&self) -> Result<(), StoreError> {
        let _turn = self.inner.writing.lock().await;
        self.attempt(Vec::new()).await
    }

    /// Writes a batch, and draws the conclusions from how it went.
    async fn attempt(&self, batch: Vec<Vec<Record>>) -> Result<(), StoreError> {
        let written = self.inner.write(batch).await;
        let mut guard = self.inner.state();
        let state = &mut *guard;
        match &written {
            Ok(reached) => {
                state.down = false;
                for (uid, seq) in reached {
                    state.written(uid, *seq);
                }
            }
            Err(error) => {
                let anew = matches!(error, StoreError::BegunAnew);
                state.doubt(anew);
                state.down = !anew;
                if anew {
                    self.inner.telemetry.journal_begun_anew();
                    self.inner.begun_anew.send_modify(|times| *times += 1);
                } else {
                    self.inner.telemetry.journal_failure();
                }
            }
        }
        self.inner.telemetry.journal_up(!state.down);
        self.inner.measure(state);
        match written {
            // What is there is written to the new one at once.
            Ok(_) | Err(StoreError::BegunAnew) => Ok(()),
            Err(error) => Err(error),
        }
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
        let mut probed: Option<Instant> = None;
        loop {
            let tried = async {
                // Also with nothing to write, and also when what is written goes well, damage is to be seen.
                if pause.is_some() || probed.is_none_or(|at| at.elapsed() >= PROBE) {
                    self.probe().await?;
                    probed = Some(Instant::now());
                }
                self.flush().await
            };
            match (tried.await, pause) {
                (Ok(()), previous) => {
                    if previous.is_some() {
                        tracing::info!("the journal is being written again");
                    }
                    pause = None;
                    // Either way round again; the result says only which of the two it was.
                    let _ = tokio::time::timeout(PROBE, self.inner.offered.notified()).await;
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
        self.telemetry.journal_lag(state.waiting + state.refused, state.oldest());
    }

    /// Writes the records of some objects, of each in ascending order. Answers with the highest number of each. A record
    /// that the database refuses for what it holds is put aside.
    async fn write(&self, objects: Vec<Vec<Record>>) -> Result<Vec<(String, i64)>, StoreError> {
        match self.write_together(objects.clone()).await {
            Err(error) if error.refuses_record() => self.write_singly(objects).await,
            written => written,
        }
    }

    async fn write_singly(&self, objects: Vec<Vec<Record>>) -> Result<Vec<(String, i64)>, StoreError> {
        let mut reached = Vec::with_capacity(objects.len());
        for records in objects {
            let Some((uid, last)) = records.last().map(|record| (record.uid.clone(), record.entry.seq)) else { continue };
            let mut high_water = self.store.high_water(&uid).await?.unwrap_or(0);
            for record in records {
                let (kind, namespace, name, seq) = (record.kind.clone(), record.namespace.clone(), record.name.clone(), record.entry.seq);
                match self.append(&continue_after(high_water, vec![record])).await {
                    Ok(()) => high_water = high_water.max(seq),
                    Err(error) if error.refuses_record() => {
                        self.telemetry.journal_refused(1);
                        tracing::error!(kind, namespace, name, seq, error = %Causes(&error), "the journal refuses a history entry; it is put aside");
                    }
                    Err(error) => return Err(error),
                }
            }
            reached.push((uid, last.max(high_water)));
        }
        Ok(reached)
    }

    async fn append(&self, records: &[Record]) -> Result<(), StoreError> {
        self.store.append(records).await?;
        let lost = records.iter().filter_map(|record| Gap::of(&record.entry)).map(Gap::count).fold(0, i64::saturating_add);
        self.telemetry.journal_lost(lost);
        Ok(())
    }

    async fn write_together(&self, objects: Vec<Vec<Record>>) -> Result<Vec<(String, i64)>, StoreError> {
        let mut missing = Vec::new();
        let mut reached = Vec::with_capacity(objects.len());
        for records in objects {
            let Some((uid, last)) = records.last().map(|record| (record.uid.clone(), record.entry.seq)) else { continue };
            let known = self.state().objects.get(&uid).and_then(|object| object.journaled);
            let high_water = match known {
                Some(known) => known,
                None => self.store.high_water(&uid).await?.unwrap_or(0),
            };
            reached.push((uid, last.max(high_water)));
            missing.extend(continue_after(high_water, records));
        }
        self.append(&missing).await?;
        Ok(reached)
    }
}

impl State {
    /// What waits, up to the size of a batch, grouped by object. It goes on waiting until it is written.
    fn batch(&self) -> Vec<Vec<Record>> {
        let mut room = BATCH;
        let mut batch = Vec::new();
        for uid in &self.queue {
            let Some(object) = self.objects.get(uid).filter(|_| room > 0) else { break };
            let older = object.older.iter().filter(|_| object.journaled.is_none());
            let records = older.chain(object.waiting.values().take(room)).map(|entry| object.record(uid, entry)).collect::<Vec<_>>();
            room = room.saturating_sub(records.len());
            batch.push(records);
        }
        batch
    }

    /// All entries of an object up to a number are in the journal.
    fn written(&mut self, uid: &str, seq: i64) {
        let Some(object) = self.objects.get_mut(uid) else { return };
        let before = object.waiting.len();
        object.waiting.retain(|waiting, _| *waiting > seq);
        object.older.clear();
        self.waiting -= before - object.waiting.len();
        object.journaled = Some(seq);
        let empty = object.waiting.is_empty();
        if empty && object.gone {
            self.objects.remove(uid);
        }
        // What was written stood at the front, in this order.
        self.queue.pop_front_if(|first| *first == uid);
        if !empty {
            self.queue.push_back(uid.to_owned());
        }
    }

    /// What the journal has is not known any more. One that was begun `anew` has nothing: every object offers again
    /// what it still has.
    fn doubt(&mut self, anew: bool) {
        for object in self.objects.values_mut() {
            object.journaled = None;
            if anew {
                object.accepted = 0;
            }
        }
    }

    /// Time of the oldest entry that waits, in Unix seconds.
    fn oldest(&self) -> Option<i64> {
        let first = |uid: &String| self.objects.get(uid).and_then(|object| object.waiting.values().next());
        self.queue.iter().filter_map(first).map(|entry| entry.at.0.as_second()).min()
    }
}

impl Object {
    /// Nothing is known of its history.
    fn new(key: ObjectKey) -> Self {
        Self { key, accepted: 0, journaled: None, waiting: BTreeMap::new(), older: Vec::new(), refused: 0, gone: false }
    }

    /// Accepts what was not accepted before, and keeps the rest at hand.
    fn take(&mut self, history: &[HistoryEntry]) {
        self.older.clear();
        for entry in history {
            if entry.seq > self.accepted {
                self.waiting.insert(entry.seq, entry.clone());
            } else if self.waiting.first_key_value().is_none_or(|(first, _)| entry.seq < *first) {
                self.older.push(entry.clone());
            }
        }
        self.accepted = history.last().map_or(self.accepted, |newest| newest.seq);
        self.gone = false;
    }

    fn record(&self, uid: &str, entry: &HistoryEntry) -> Record {
        let ObjectKey { kind, namespace, name } = self.key.clone();
        Record { uid: uid.to_owned(), kind: kind.to_owned(), namespace, name, entry: entry.clone() }
    }
}

#[cfg(test)]
mod tests;
