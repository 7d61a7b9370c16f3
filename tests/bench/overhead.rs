//! What the journal costs: the same load on an operator with a journal in SQLite, on one with a journal in PostgreSQL,
//! and on one without.
//!
//! The load is Pools that are made and go again, against a real API server. Each operator is a process of its own with
//! a namespace of its own; rounds take turns, so that what the machine does meanwhile hits all alike. "None" is a store
//! that takes everything and keeps nothing; events are committed to the status all the same, for that is where states
//! live.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "this is a benchmark")]
#![allow(missing_docs, reason = "nobody reads the documentation of a benchmark")]

#[path = "../support/mod.rs"]
mod support;

use futures::StreamExt as _;
use futures::future::{BoxFuture, FutureExt as _, ready};
use k8s_openapi::api::core::v1::Service;
use kube::api::{DeleteParams, ListParams};
use openvox_crds::Pool;
use openvox_operator::cli::Cli;
use openvox_operator::journal::{Page, PruneStep, Pruned, Query, Record, Store, StoreError, Upkeep, store};
use openvox_operator::operator;
use serde_json::json;
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};
use support::operator::free_port;
use support::postgres::Postgres;
use support::{Cluster, Namespace, wait};

/// The project's goal for reconciles per second with the journal as a share of those without.
const GOAL: f64 = 0.95;
/// Pools of a round.
const POOLS: usize = 200;
/// Rounds of each operator, after one that is not counted.
const ROUNDS: usize = 6;
/// Requests of the load at a time, so that the operator has more to do than it can.
const AT_ONCE: usize = 32;
/// Says to a process of this program that it is the operator, and with which journal.
const JOURNAL: &str = "OVERHEAD_JOURNAL";
/// The journal that is none.
const NONE: &str = "none";

fn main() -> ExitCode {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    match std::env::var(JOURNAL) {
        Ok(journal) => runtime.block_on(operate(&journal)),
        Err(_) => runtime.block_on(compare()),
    }
}

/// The operator, as its program starts it.
async fn operate(journal: &str) -> ExitCode {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let flags = Cli::from_args(std::env::args()).unwrap().operator;
    let store: Arc<dyn Upkeep> = if journal == NONE { Arc::new(Nothing) } else { store(&flags.journal, None) };
    operator::run_with_journal(&flags, store).await.unwrap();
    ExitCode::SUCCESS
}

/// Takes everything, keeps nothing.
#[derive(Debug)]
struct Nothing;

impl Store for Nothing {
    fn append<'a>(&'a self, records: &'a [Record]) -> BoxFuture<'a, Result<usize, StoreError>> {
        ready(Ok(records.len())).boxed()
    }

    fn high_water<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<Option<i64>, StoreError>> {
        ready(Ok(None)).boxed()
    }

    fn query<'a>(&'a self, _: &'a Query) -> BoxFuture<'a, Result<Page, StoreError>> {
        ready(Ok(Page { records: Vec::new(), positions: Vec::new(), next_cursor: None })).boxed()
    }
}

impl Upkeep for Nothing {
    fn begin(&self) {}

    fn prune<'a>(&'a self, _: &'a PruneStep) -> BoxFuture<'a, Result<Pruned, StoreError>> {
        ready(Ok(Pruned { removed: 0, position: None })).boxed()
    }
}

async fn compare() -> ExitCode {
    let folder = tempfile::tempdir().unwrap();
    let server = Postgres::durable();
    let mut journals = vec![("none", NONE.to_owned()), ("SQLite", format!("sqlite://{}/journal.db", folder.path().display()))];
    if let Some(server) = &server {
        journals.push(("PostgreSQL", server.url("postgres", &server.database().await).to_string()));
    }
    let cluster = Cluster::shared();
    let mut subjects = Vec::new();
    for (title, journal) in journals {
        subjects.push(Subject::start(title, &journal, cluster.namespace().await));
    }
    for round in 0..=ROUNDS {
        for subject in &mut subjects {
            let outcome = subject.round().await;
            if round > 0 {
                subject.add(&outcome);
            }
        }
    }
    println!("{POOLS} Pools made and gone, {ROUNDS} rounds, taking turns\n");
    println!("{:12} {:>12} {:>8} {:>16} {:>8}", "journal", "reconciles/s", "ratio", "CPU ms/reconcile", "ratio");
    let (base, base_cpu) = subjects[0].rates();
    let mut failed = false;
    for subject in &subjects {
        let (rate, cpu) = subject.rates();
        failed |= rate / base < GOAL;
        println!("{:12} {rate:12.1} {:8.3} {cpu:16.3} {:8.3}", subject.title, rate / base, cpu / base_cpu);
    }
    if failed {
        println!("FAILED: the goal is a ratio of {GOAL}");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

/// One operator and what it has done.
struct Subject {
    title: &'static str,
    namespace: Namespace,
    process: Child,
    metrics: u16,
    total: Outcome,
}

#[derive(Default)]
struct Outcome {
    reconciles: f64,
    seconds: f64,
    cpu_seconds: f64,
}

impl Subject {
    fn start(title: &'static str, journal: &str, namespace: Namespace) -> Self {
        let metrics = free_port();
        let process = Command::new(std::env::current_exe().unwrap())
            .arg(format!("--journal={}", if journal == NONE { "sqlite::memory:" } else { journal }))
            .arg(format!("--metrics-bind-address=127.0.0.1:{metrics}"))
            .args(["--health-probe-bind-address=0", "--history-bind-address=0", "--operator-image=example.test/operator:bench"])
            .arg(format!("--watch-namespace={}", namespace.name))
            .env("KUBECONFIG", &namespace.kubeconfig)
            .env(JOURNAL, journal)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        Self { title, namespace, process, metrics, total: Outcome::default() }
    }

    /// All Pools come until they are ready, and go again.
    async fn round(&self) -> Outcome {
        let pools = self.namespace.api::<Pool>();
        let (reconciles, cpu, began) = (self.reconciles().await, self.cpu_seconds(), Instant::now());
        let made = futures::stream::iter(0..POOLS).for_each_concurrent(AT_ONCE, async |number| {
            let pool = json!({"apiVersion": "openvox.voxpupuli.org/v1alpha1", "kind": "Pool",
                              "metadata": {"name": format!("pool{number}")}, "spec": {}});
            self.namespace.create_one(&pool).await.unwrap();
        });
        made.await;
        wait::until_some("all Pools to be ready", async || {
            let list = pools.list(&ListParams::default()).await.unwrap();
            let is_ready =
                |pool: &&Pool| pool.status.as_ref().is_some_and(|status| status.lifecycle.state.as_deref() == Some("Ready/Synced"));
            (list.items.iter().filter(is_ready).count() == POOLS).then_some(())
        })
        .await;
        let seconds = began.elapsed().as_secs_f64();
        let outcome = Outcome { reconciles: self.reconciles().await - reconciles, seconds, cpu_seconds: self.cpu_seconds() - cpu };
        pools.delete_collection(&DeleteParams::default(), &ListParams::default()).await.unwrap();
        wait::until_some("all Pools to go", async || pools.list(&ListParams::default()).await.unwrap().items.is_empty().then_some(()))
            .await;
        // The garbage collector would take longer than the round; the next one needs the names.
        let services = self.namespace.api::<Service>();
        services.delete_collection(&DeleteParams::default(), &ListParams::default()).await.unwrap();
        wait::until_some("their Services to go", async || {
            services.list(&ListParams::default()).await.unwrap().items.is_empty().then_some(())
        })
        .await;
        // The last events of one must not fall into the round of the next.
        tokio::time::sleep(Duration::from_secs(1)).await;
        outcome
    }

    fn add(&mut self, outcome: &Outcome) {
        self.total.reconciles += outcome.reconciles;
        self.total.seconds += outcome.seconds;
        self.total.cpu_seconds += outcome.cpu_seconds;
    }

    /// Reconciles per second, and milliseconds of CPU for each.
    fn rates(&self) -> (f64, f64) {
        let Outcome { reconciles, seconds, cpu_seconds } = self.total;
        (reconciles / seconds, cpu_seconds * 1000.0 / reconciles)
    }

    async fn reconciles(&self) -> f64 {
        let url = format!("http://127.0.0.1:{}/metrics", self.metrics);
        let text = wait::until_some("the operator's metrics", async || reqwest::get(&url).await.ok()?.text().await.ok()).await;
        let counts = text.lines().filter(|line| line.starts_with("openvox_reconcile_duration_seconds_count{"));
        counts.map(|line| line.rsplit_once(' ').unwrap().1.parse::<f64>().unwrap()).sum()
    }

    /// User and system time of the process, from /proc in hundredths of a second.
    fn cpu_seconds(&self) -> f64 {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.process.id())).unwrap();
        let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
        (fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap()) / 100.0
    }
}

impl Drop for Subject {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
