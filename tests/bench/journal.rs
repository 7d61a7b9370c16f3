//! Pages of a journal of a million transitions.
//!
//! 2,000 objects have 500 transitions each, written in the order in which a fleet makes them: the records of one
//! object lie far apart. Times are those of the store, without HTTP. The arguments are numbers of objects and of
//! transitions of each, for a quicker look.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "this is a benchmark")]
#![allow(missing_docs, reason = "nobody reads the documentation of a benchmark")]

#[path = "../support/postgres.rs"]
mod postgres;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use k8s_openapi::jiff::Timestamp;
use openvox_crds::HistoryEntry;
use openvox_operator::journal::{JournalUrl, Order, PostgresStore, PruneStep, Query, Record, SqliteStore, Upkeep};
use postgres::Postgres;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// The project's goal for a page of one object's history, at the 99th percentile.
const GOAL: Duration = Duration::from_millis(10);
/// Pages of each kind that are measured.
const SAMPLES: usize = 2000;
/// Records of a page, as the API has it by default.
const LIMIT: u16 = 100;
/// Records of a batch while the journal is filled.
const BATCH: usize = 2000;
const KINDS: [&str; 4] = ["Certificate", "Server", "Pool", "Config"];
const NAMESPACES: usize = 20;

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1).filter_map(|argument| argument.parse::<usize>().ok());
    let fleet = Fleet { objects: arguments.next().unwrap_or(2000), transitions: arguments.next().unwrap_or(500) };
    println!("{} objects with {} transitions each: {} records", fleet.objects, fleet.transitions, fleet.objects * fleet.transitions);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut worst = Duration::ZERO;
    runtime.block_on(async {
        let file = folder.path().join("journal.db");
        let store = SqliteStore::open(&JournalUrl::File(file.clone())).await.unwrap();
        worst = worst.max(measure("SQLite", Arc::new(store), fleet).await);
        println!("  file                                        {:8.0} MiB", mebibytes(std::fs::metadata(&file).unwrap().len()));
        let Some(server) = Postgres::durable() else { return };
        let store = PostgresStore::new(server.url("postgres", &server.database().await), None);
        worst = worst.max(measure("PostgreSQL, through a socket of the same machine", Arc::new(store), fleet).await);
    });
    let ratio = worst.as_secs_f64() / GOAL.as_secs_f64();
    println!("\nworst p99 of a page of one object: {} ms, {ratio:.2} of the goal of {} ms", millis(worst), GOAL.as_millis());
    if ratio > 1.0 {
        println!("FAILED: the goal is missed");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

#[derive(Clone, Copy)]
struct Fleet {
    objects: usize,
    transitions: usize,
}

impl Fleet {
    fn object(number: usize) -> (String, &'static str, String, String) {
        let kind = KINDS[number % KINDS.len()];
        (
            format!("{number:08x}-5f1e-4c7a-9b52-d0c3f2a1e4b6"),
            kind,
            format!("puppet-{}", number % NAMESPACES),
            format!("{}-{number}", kind.to_lowercase()),
        )
    }

    fn record(number: usize, seq: usize) -> Record {
        let (uid, kind, namespace, name) = Self::object(number);
        let seconds = 1_800_000_000 + i64::try_from(seq * 600).unwrap();
        let (event, from, to, phase) = match seq % 3 {
            0 => ("CsrSubmitted", "Requested/KeyStored", "Requested/Submitted", "Requested"),
            1 => ("CertificateStored", "Requested/Submitted", "Signed/Valid", "Signed"),
            _ => ("RenewalStarted", "Signed/Expiring", "Renewing/Renewing", "Renewing"),
        };
        Record {
            kind: kind.to_owned(),
            namespace: namespace.clone(),
            entry: HistoryEntry {
                seq: i64::try_from(seq).unwrap(),
                at: Time(Timestamp::from_second(seconds).unwrap()),
                event: event.to_owned(),
                version: 1,
                from: from.to_owned(),
                to: to.to_owned(),
                phase: phase.to_owned(),
                cause: Some(format!("Secret {name}-tls changed")),
                trace_id: Some("0af7651916cd43dd8448eb211c80319c".to_owned()),
                data: Some(serde_json::json!({"serial": "00A1B2", "notAfter": "2031-11-20T01:21:10Z"}).into()),
            },
            uid,
            name,
        }
    }
}

/// Fills a store and prints what it takes. Answers with the worst p99 of a page of one object.
async fn measure(title: &str, store: Arc<dyn Upkeep>, fleet: Fleet) -> Duration {
    println!("\n{title}");
    let began = Instant::now();
    let mut batch = Vec::with_capacity(BATCH);
    for seq in 1..=fleet.transitions {
        for number in 0..fleet.objects {
            batch.push(Fleet::record(number, seq));
            if batch.len() == BATCH {
                store.append(&batch).await.unwrap();
                batch.clear();
            }
        }
    }
    store.append(&batch).await.unwrap();
    let rate = fleet.objects as u128 * fleet.transitions as u128 * 1_000_000 / began.elapsed().as_micros();
    println!("  appending                                   {rate:8} records per second in batches of {BATCH}");

    println!("  {:41} {:>8} {:>8} {:>8}", "pages of 100, ms", "p50", "p99", "max");
    let mut chance = Chance(42);
    let mut worst = Duration::ZERO;
    let newest = |number: usize| {
        let (_, kind, namespace, name) = Fleet::object(number);
        Query { kind: Some(kind.to_owned()), namespace: Some(namespace), name: Some(name), ..everything() }
    };
    let mut times = Vec::new();
    let mut later = Vec::new();
    for _ in 0..SAMPLES {
        let mut query = newest(chance.below(fleet.objects));
        let cursor = timed(&store, &query, &mut times).await;
        query.cursor = cursor;
        if query.cursor.is_some() {
            timed(&store, &query, &mut later).await;
        }
    }
    worst = worst.max(row("one object, the newest", times));
    if !later.is_empty() {
        worst = worst.max(row("one object, the page after that", later));
    }
    let mut times = Vec::new();
    for _ in 0..SAMPLES {
        let query = Query { event: Some("RenewalStarted".to_owned()), ..newest(chance.below(fleet.objects)) };
        timed(&store, &query, &mut times).await;
    }
    worst = worst.max(row("one object, one event", times));
    let mut times = Vec::new();
    for _ in 0..SAMPLES / 10 {
        let query = Query { namespace: Some(format!("puppet-{}", chance.below(NAMESPACES))), ..everything() };
        timed(&store, &query, &mut times).await;
    }
    row("a namespace, the newest", times);
    let mut times = Vec::new();
    for _ in 0..SAMPLES / 10 {
        timed(&store, &everything(), &mut times).await;
    }
    row("everything, the newest", times);

    // While the operator is busy: batches of 200 one after another, and a sweep that removes.
    let busy = Arc::new(AtomicBool::new(true));
    let writer = tokio::spawn({
        let (store, busy) = (Arc::clone(&store), Arc::clone(&busy));
        async move {
            let mut seq = fleet.transitions;
            while busy.load(Ordering::Relaxed) {
                seq += 1;
                for hundreds in 0..fleet.objects.div_ceil(200) {
                    let numbers = hundreds * 200..((hundreds + 1) * 200).min(fleet.objects);
                    let batch: Vec<_> = numbers.map(|number| Fleet::record(number, seq)).collect();
                    store.append(&batch).await.unwrap();
                }
            }
        }
    });
    let mut times = Vec::new();
    for _ in 0..SAMPLES {
        timed(&store, &newest(chance.below(fleet.objects)), &mut times).await;
    }
    busy.store(false, Ordering::Relaxed);
    writer.await.unwrap();
    worst = worst.max(row("one object, during appends without pause", times));

    let mut step = PruneStep { before: None, newest: Some(u32::try_from(fleet.transitions / 2).unwrap()), position: String::new() };
    let (mut steps, mut removed) = (Vec::new(), 0);
    loop {
        let one = Instant::now();
        let pruned = store.prune(&step).await.unwrap();
        steps.push(one.elapsed());
        removed += pruned.removed;
        match pruned.position {
            Some(position) => step.position = position,
            None => break,
        }
    }
    let count = steps.len();
    row(&format!("a step of a sweep ({removed} records, {count} steps)"), steps);
    worst
}

fn everything() -> Query {
    Query {
        kind: None,
        namespace: None,
        name: None,
        phase: None,
        event: None,
        cause: None,
        uid: None,
        since: None,
        until: None,
        cursor: None,
        limit: LIMIT,
        order: Order::Descending,
    }
}

async fn timed(store: &Arc<dyn Upkeep>, query: &Query, times: &mut Vec<Duration>) -> Option<openvox_operator::journal::Cursor> {
    let began = Instant::now();
    let page = store.query(query).await.unwrap();
    times.push(began.elapsed());
    assert!(!page.records.is_empty(), "an empty page is quick");
    page.next_cursor
}

/// Prints a line and answers with the p99.
fn row(what: &str, mut times: Vec<Duration>) -> Duration {
    times.sort();
    let at = |percent: usize| times[(times.len() - 1) * percent / 100];
    println!("  {what:41} {:>8} {:>8} {:>8}", millis(at(50)), millis(at(99)), millis(at(100)));
    at(99)
}

fn millis(time: Duration) -> String {
    format!("{:.2}", time.as_secs_f64() * 1000.0)
}

#[allow(clippy::cast_precision_loss, reason = "a size to look at")]
fn mebibytes(bytes: u64) -> f64 {
    bytes as f64 / 1024.0 / 1024.0
}

/// The same choices in every run.
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % bound
    }
}
