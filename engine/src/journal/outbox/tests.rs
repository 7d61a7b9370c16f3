use super::*;
use crate::journal::{HISTORY_GAP, JournalUrl, Order, Page, Query, SqliteStore};
use futures::future::{BoxFuture, FutureExt as _};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use k8s_openapi::jiff::Timestamp;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

/// A real journal that can be cut off.
#[derive(Debug)]
struct Breakable {
    journal: SqliteStore,
    down: AtomicBool,
    /// Number of the entries that the database refuses.
    refused: AtomicI64,
}

/// What a database says about a row that breaks a rule of its own.
async fn refusal() -> StoreError {
    use sqlx::Connection as _;
    let mut database = sqlx::SqliteConnection::connect("sqlite::memory:").await.unwrap();
    sqlx::raw_sql("CREATE TABLE positive (number INTEGER CHECK (number > 0))").execute(&mut database).await.unwrap();
    StoreError::Append(sqlx::raw_sql("INSERT INTO positive VALUES (0)").execute(&mut database).await.unwrap_err())
}

impl Breakable {
    async fn new() -> Arc<Self> {
        Arc::new(Self {
            journal: SqliteStore::open(&JournalUrl::Memory).await.unwrap(),
            down: AtomicBool::new(false),
            refused: AtomicI64::new(0),
        })
    }

    fn check(&self) -> Result<(), StoreError> {
        if self.down.load(Ordering::SeqCst) { Err(StoreError::Append(sqlx::Error::PoolTimedOut)) } else { Ok(()) }
    }

    async fn ranges(&self, uid: &str) -> Vec<(i64, i64)> {
        let query = Query {
            kind: None,
            namespace: None,
            name: None,
            phase: None,
            event: None,
            cause: None,
            uid: Some(uid.to_owned()),
            since: None,
            until: None,
            cursor: None,
            limit: 500,
            order: Order::Ascending,
        };
        let page = self.journal.query(&query).await.unwrap();
        let range = |record: &Record| match Gap::of(&record.entry) {
            Some(gap) => (gap.first, gap.last),
            None => (record.entry.seq, record.entry.seq),
        };
        page.records.iter().map(range).collect()
    }
}

impl Store for Breakable {
    fn append<'a>(&'a self, records: &'a [Record]) -> BoxFuture<'a, Result<usize, StoreError>> {
        async move {
            self.check()?;
            let refused = self.refused.load(Ordering::SeqCst);
            if records.iter().any(|record| record.entry.seq == refused && record.entry.event != HISTORY_GAP) {
                return Err(refusal().await);
            }
            self.journal.append(records).await
        }
        .boxed()
    }

    fn high_water<'a>(&'a self, uid: &'a str) -> BoxFuture<'a, Result<Option<i64>, StoreError>> {
        async move {
            self.check()?;
            self.journal.high_water(uid).await
        }
        .boxed()
    }

    fn query<'a>(&'a self, query: &'a Query) -> BoxFuture<'a, Result<Page, StoreError>> {
        self.journal.query(query)
    }
}

fn entries(seqs: impl IntoIterator<Item = i64>) -> Vec<HistoryEntry> {
    let entry = |seq| HistoryEntry {
        seq,
        at: Time(Timestamp::from_second(1_800_000_000 + seq).unwrap()),
        event: "CsrSubmitted".to_owned(),
        version: 1,
        from: format!("S{}", seq - 1),
        to: format!("S{seq}"),
        phase: "Requested".to_owned(),
        cause: None,
        trace_id: None,
        data: None,
    };
    seqs.into_iter().map(entry).collect()
}

fn offer(outbox: &Outbox, uid: &str, history: &[HistoryEntry]) -> Offer {
    outbox.offer(uid, &ObjectKey::new("Certificate", "puppet", "web"), history)
}

/// What was measured last, and counted.
#[derive(Default)]
struct Measured {
    up: AtomicBool,
    lag: AtomicI64,
    failures: AtomicI64,
    lost: AtomicI64,
    refused: AtomicI64,
}

impl Telemetry for Measured {
    fn journal_up(&self, up: bool) {
        self.up.store(up, Ordering::SeqCst);
    }

    fn journal_lag(&self, entries: usize, _: Option<i64>) {
        self.lag.store(i64::try_from(entries).unwrap(), Ordering::SeqCst);
    }

    fn journal_failure(&self) {
        self.failures.fetch_add(1, Ordering::SeqCst);
    }

    fn journal_lost(&self, entries: i64) {
        self.lost.fetch_add(entries, Ordering::SeqCst);
    }

    fn journal_refused(&self, entries: u64) {
        self.refused.fetch_add(entries.cast_signed(), Ordering::SeqCst);
    }
}

fn outbox(store: &Arc<Breakable>) -> (Outbox, Arc<Measured>) {
    let measured = Arc::new(Measured::default());
    let store: Arc<dyn Store> = Arc::clone(store) as Arc<dyn Store>;
    (Outbox::new(store, measured.clone()), measured)
}

fn lag(measured: &Measured) -> i64 {
    measured.lag.load(Ordering::SeqCst)
}

#[tokio::test]
async fn an_offer_is_journaled_once_however_often_it_is_repeated() {
    let store = Breakable::new().await;
    let (outbox, measured) = outbox(&store);
    assert_eq!(offer(&outbox, "u", &[]), Offer::NothingNew);
    assert_eq!(offer(&outbox, "u", &entries(1..=3)), Offer::Accepted);
    assert_eq!(offer(&outbox, "u", &entries(1..=3)), Offer::NothingNew);
    assert_eq!(offer(&outbox, "u", &entries(2..=4)), Offer::Accepted);
    assert_eq!(lag(&measured), 4);
    assert_eq!(outbox.journaled("u"), 0);

    outbox.flush().await.unwrap();

    assert_eq!(store.ranges("u").await, [(1, 1), (2, 2), (3, 3), (4, 4)]);
    assert_eq!(outbox.journaled("u"), 4);
    assert_eq!(lag(&measured), 0);
}

#[tokio::test]
async fn a_restart_journals_only_what_the_journal_has_not() {
    let store = Breakable::new().await;
    let (before, _) = outbox(&store);
    let _ = offer(&before, "u", &entries(1..=3));
    before.flush().await.unwrap();

    let (after, _) = outbox(&store);
    assert_eq!(offer(&after, "u", &entries(2..=5)), Offer::Accepted);
    after.flush().await.unwrap();

    assert_eq!(store.ranges("u").await, [(1, 1), (2, 2), (3, 3), (4, 4), (5, 5)]);
    assert_eq!(after.journaled("u"), 5);
}

#[tokio::test]
async fn a_lost_journal_starts_with_a_gap() {
    let store = Breakable::new().await;
    let (outbox, _) = outbox(&store);
    let _ = offer(&outbox, "u", &entries(43..=44));
    outbox.flush().await.unwrap();
    assert_eq!(store.ranges("u").await, [(1, 42), (43, 43), (44, 44)]);
}

#[tokio::test]
async fn a_failure_loses_nothing_and_is_counted() {
    let store = Breakable::new().await;
    let (outbox, measured) = outbox(&store);
    store.down.store(true, Ordering::SeqCst);
    let _ = offer(&outbox, "u", &entries(1..=2));
    let _ = offer(&outbox, "v", &entries(1..=1));
    outbox.flush().await.unwrap_err();
    let _ = offer(&outbox, "u", &entries(1..=3));
    assert_eq!(outbox.journaled("u"), 0);
    assert_eq!(lag(&measured), 4);
    assert_eq!(measured.failures.load(Ordering::SeqCst), 1);

    store.down.store(false, Ordering::SeqCst);
    outbox.flush().await.unwrap();

    assert_eq!(store.ranges("u").await, [(1, 1), (2, 2), (3, 3)]);
    assert_eq!(store.ranges("v").await, [(1, 1)]);
    assert_eq!(lag(&measured), 0);
}

#[tokio::test]
async fn a_flush_that_is_given_up_loses_nothing() {
    let store = Breakable::new().await;
    let (outbox, measured) = outbox(&store);
    let _ = offer(&outbox, "u", &entries(1..=2));
    // Polled once: the batch is taken, and the database has not answered yet.
    assert!(outbox.flush().now_or_never().is_none());
    assert_eq!(lag(&measured), 2);

    outbox.flush().await.unwrap();

    assert_eq!(store.ranges("u").await, [(1, 1), (2, 2)]);
}

#[tokio::test]
async fn what_finds_no_room_is_refused_counted_and_taken_later() {
    let store = Breakable::new().await;
    let (outbox, measured) = outbox(&store);
    store.down.store(true, Ordering::SeqCst);
    let bound = i64::try_from(MAX_WAITING).unwrap();
    assert_eq!(offer(&outbox, "u", &entries(1..=bound)), Offer::Accepted);
    assert_eq!(offer(&outbox, "v", &entries(1..=2)), Offer::Full);
    assert_eq!(offer(&outbox, "v", &entries(1..=3)), Offer::Full);
    assert_eq!(lag(&measured), bound + 3);

    store.down.store(false, Ordering::SeqCst);
    outbox.flush().await.unwrap();
    assert_eq!(lag(&measured), 3);
    assert_eq!(offer(&outbox, "v", &entries(1..=3)), Offer::Accepted);
    outbox.flush().await.unwrap();

    assert_eq!(outbox.journaled("u"), bound);
    assert_eq!(outbox.journaled("v"), 3);
    assert_eq!(lag(&measured), 0);
}

#[tokio::test]
async fn an_object_that_is_gone_is_written_first_and_forgotten_then() {
    let store = Breakable::new().await;
    let (outbox, _) = outbox(&store);
    let _ = offer(&outbox, "u", &entries(1..=2));
    outbox.forget("u");
    outbox.flush().await.unwrap();
    assert_eq!(store.ranges("u").await, [(1, 1), (2, 2)]);
    assert!(outbox.inner.state().objects.is_empty());
    assert_eq!(outbox.high_water("u").await.unwrap(), Some(2));
}

#[tokio::test]
async fn the_task_writes_by_itself_and_empties_the_outbox_when_it_is_stopped() {
    let store = Breakable::new().await;
    let (outbox, _) = outbox(&store);
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let task = tokio::spawn(outbox.clone().run(async {
        let _ = stopped.await;
    }));
    let _ = offer(&outbox, "u", &entries(1..=1));
    while outbox.journaled("u") < 1 {
        tokio::task::yield_now().await;
    }
    let _ = offer(&outbox, "u", &entries(1..=2));
    stop.send(()).unwrap();
    task.await.unwrap();
    assert_eq!(store.ranges("u").await, [(1, 1), (2, 2)]);
}

#[tokio::test]
async fn the_task_goes_on_by_itself_when_the_store_is_back() {
    let store = Breakable::new().await;
    let (outbox, measured) = outbox(&store);
    store.down.store(true, Ordering::SeqCst);
    let _ = offer(&outbox, "u", &entries(1..=2));
    let task = tokio::spawn(outbox.clone().run(std::future::pending()));
    while measured.failures.load(Ordering::SeqCst) == 0 {
        tokio::task::yield_now().await;
    }

    store.down.store(false, Ordering::SeqCst);
    while outbox.journaled("u") < 2 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }

    assert_eq!(store.ranges("u").await, [(1, 1), (2, 2)]);
    task.abort();
}

#[tokio::test]
async fn lost_entries_are_counted_when_the_gap_is_written() {
    let store = Breakable::new().await;
    let (outbox, measured) = outbox(&store);
    let _ = offer(&outbox, "u", &entries(43..=44));
    outbox.flush().await.unwrap();
    assert_eq!(measured.lost.load(Ordering::SeqCst), 42);
}

#[tokio::test]
async fn a_store_that_is_down_is_seen_without_anything_to_write() {
    let store = Breakable::new().await;
    let (outbox, measured) = outbox(&store);
    store.down.store(true, Ordering::SeqCst);
    outbox.probe().await.unwrap_err();
    assert!(!measured.up.load(Ordering::SeqCst));
    assert!(matches!(outbox.high_water("u").await, Err(StoreError::Down)));
    store.down.store(false, Ordering::SeqCst);
    outbox.probe().await.unwrap();
    assert!(measured.up.load(Ordering::SeqCst));
    assert_eq!(outbox.high_water("u").await.unwrap(), None);
}

#[tokio::test]
async fn more_than_a_batch_of_one_object_and_others_are_written_in_order() {
    let store = Breakable::new().await;
    let (outbox, measured) = outbox(&store);
    let many = i64::try_from(BATCH).unwrap() + 50;
    let _ = offer(&outbox, "u", &entries(1..=many));
    let _ = offer(&outbox, "v", &entries(1..=2));
    outbox.flush().await.unwrap();
    assert_eq!(store.ranges("u").await, (1..=many).map(|seq| (seq, seq)).collect::<Vec<_>>());
    assert_eq!(store.ranges("v").await, [(1, 1), (2, 2)]);
    assert_eq!(lag(&measured), 0);
    assert!(outbox.inner.state().queue.is_empty());
}

#[tokio::test]
async fn an_entry_that_the_database_refuses_is_put_aside_and_the_others_go_on() {
    let store = Breakable::new().await;
    let (outbox, measured) = outbox(&store);
    store.refused.store(7, Ordering::SeqCst);
    for uid in ["before", "poisoned", "after"] {
        let seqs = if uid == "poisoned" { 6..=8 } else { 1..=2 };
        let _ = outbox.offer(uid, &ObjectKey::new("Pool", "puppet", uid), &entries(seqs));
    }

    outbox.flush().await.unwrap();

    assert_eq!(store.ranges("before").await, [(1, 1), (2, 2)]);
    assert_eq!(store.ranges("after").await, [(1, 1), (2, 2)]);
    assert_eq!(store.ranges("poisoned").await, [(1, 5), (6, 6), (7, 7), (8, 8)], "a gap stands for what was put aside");
    assert_eq!((outbox.journaled("poisoned"), lag(&measured)), (8, 0));
    assert_eq!(measured.refused.load(Ordering::SeqCst), 1);
    assert!(measured.up.load(Ordering::SeqCst));
}

#[tokio::test]
async fn numbers_at_the_ends_of_their_range_are_counted_without_an_overflow() {
    let store = Breakable::new().await;
    let (outbox, _) = outbox(&store);
    let mut forged = entries(1..=3);
    (forged[1].seq, forged[2].seq) = (i64::MAX - 1, i64::MAX);
    forged[1].event = HISTORY_GAP.to_owned();
    forged[1].data = Some(serde_json::json!({"firstSeq": i64::MIN}).into());
    let _ = offer(&outbox, "u", &forged);
    outbox.flush().await.unwrap();
    assert_eq!(outbox.journaled("u"), i64::MAX);
    assert_eq!(store.ranges("u").await.last(), Some(&(i64::MAX, i64::MAX)));
}
