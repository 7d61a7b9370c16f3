//! A PostgreSQL that stops, hangs, forgets, or changes its password.

use crate::postgres::Postgres;
use crate::records::{all, entry, walk};
use openvox_crds::HistoryEntry;
use openvox_engine::ObjectKey;
use openvox_operator::journal::{HISTORY_GAP, Offer, Outbox, PostgresStore, Store, StoreError};
use openvox_operator::telemetry::Metrics;
use std::ops::RangeInclusive;
use std::sync::Arc;

struct Journal {
    store: Arc<PostgresStore>,
    outbox: Outbox,
    metrics: Arc<Metrics>,
}

impl Journal {
    fn new(store: PostgresStore) -> Self {
        let (store, metrics) = (Arc::new(store), Arc::new(Metrics::new()));
        let outbox = Outbox::new(Arc::clone(&store) as Arc<dyn Store>, metrics.clone());
        Self { store, outbox, metrics }
    }

    fn offer(&self, seqs: RangeInclusive<i64>) -> Offer {
        let history: Vec<HistoryEntry> = seqs.map(entry).collect();
        self.outbox.offer("uid-web", &ObjectKey::new("Certificate", "puppet", "web"), &history)
    }

    async fn seqs(&self) -> Vec<i64> {
        let records = walk(&*self.store, all(500)).await;
        assert!(records.iter().all(|record| record.entry.event != HISTORY_GAP), "{records:?}");
        records.iter().map(|record| record.entry.seq).collect()
    }

    fn metric(&self, name: &str) -> String {
        let text = self.metrics.encode().unwrap();
        let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ').map(str::to_owned));
        value.unwrap_or_else(|| panic!("no {name}"))
    }
}

#[tokio::test]
async fn a_server_that_crashes_and_comes_back_misses_nothing() {
    let Some(server) = Postgres::own() else { return };
    let journal = Journal::new(server.store().await);
    assert_eq!(journal.offer(1..=3), Offer::Accepted);
    journal.outbox.flush().await.unwrap();
    assert_eq!(journal.metric("openvox_journal_up"), "1");

    server.crash();
    assert_eq!(journal.offer(1..=5), Offer::Accepted);
    journal.outbox.flush().await.unwrap_err();
    assert_eq!(journal.metric("openvox_journal_up"), "0");
    assert_eq!(journal.metric("openvox_journal_lag_entries"), "2");
    assert_eq!(journal.metric("openvox_journal_oldest_waiting_timestamp_seconds"), "1800000004");
    assert!(matches!(journal.outbox.high_water("uid-web").await, Err(StoreError::Down)), "nobody waits for it");
    assert_eq!(journal.outbox.journaled("uid-web"), 0, "what it will come back with is not known");
    let _ = journal.offer(1..=7);
    journal.outbox.flush().await.unwrap_err();

    server.start();
    journal.outbox.flush().await.unwrap();
    assert_eq!(journal.seqs().await, (1..=7).collect::<Vec<_>>());
    assert_eq!(journal.metric("openvox_journal_up"), "1");
    assert_eq!(journal.metric("openvox_journal_lag_entries"), "0");
    assert_eq!(journal.metric("openvox_journal_oldest_waiting_timestamp_seconds"), "0");
    assert_eq!(journal.metric("openvox_journal_lost_entries_total"), "0");
    assert_eq!(journal.outbox.journaled("uid-web"), 7);
}

#[tokio::test]
async fn a_server_that_hangs_is_given_up_and_taken_again() {
    let Some(server) = Postgres::own() else { return };
    let journal = Journal::new(server.store().await);
    let _ = journal.offer(1..=3);
    journal.outbox.flush().await.unwrap();

    server.freeze();
    let _ = journal.offer(1..=5);
    let written = journal.outbox.flush().await;
    let read = journal.store.query(&all(9)).await;
    server.thaw();
    assert!(written.is_err() && read.is_err());
    journal.outbox.flush().await.unwrap();
    assert_eq!(journal.seqs().await, (1..=5).collect::<Vec<_>>());
}

#[tokio::test]
async fn what_a_failover_has_forgotten_comes_again_from_the_status() {
    let Some(server) = Postgres::own() else { return };
    let database = server.database().await;
    let journal = Journal::new(PostgresStore::new(server.url("postgres", &database), None));
    let _ = journal.offer(1..=5);
    journal.outbox.flush().await.unwrap();

    server.crash();
    server.start();
    server.execute(&database, "DELETE FROM history WHERE seq > 3").await;
    // The connections of before are broken, which shows with the first use.
    let _ = journal.offer(1..=6);
    journal.outbox.flush().await.unwrap_err();
    let _ = journal.offer(2..=7);
    journal.outbox.flush().await.unwrap();
    assert_eq!(journal.seqs().await, (1..=7).collect::<Vec<_>>());
}

#[tokio::test]
async fn tables_that_are_gone_are_made_anew_and_filled_from_the_status() {
    let Some(server) = Postgres::shared() else { return };
    let database = server.database().await;
    let journal = Journal::new(PostgresStore::new(server.url("postgres", &database), None));
    let _ = journal.offer(1..=5);
    journal.outbox.flush().await.unwrap();

    server.execute(&database, "DROP TABLE history; DROP TABLE history_schema").await;
    let _ = journal.offer(1..=6);
    journal.outbox.flush().await.unwrap_err();
    journal.outbox.flush().await.unwrap();
    assert_eq!(journal.metric("openvox_journal_begun_anew_total"), "1");
    assert_eq!(journal.seqs().await, (1..=6).collect::<Vec<_>>());
    // What has nothing new is offered again all the same, for nobody has it now.
    assert_eq!(journal.offer(1..=6), Offer::Accepted);
    journal.outbox.flush().await.unwrap();
    assert_eq!(journal.seqs().await, (1..=6).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_changed_password_is_read_from_its_file_and_shown_nowhere() {
    let Some(server) = Postgres::shared() else { return };
    let database = server.database().await;
    server.execute("postgres", "CREATE ROLE journal LOGIN PASSWORD 'hunter2'").await;
    server.execute("postgres", &format!("ALTER DATABASE {database} OWNER TO journal")).await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("password");
    std::fs::write(&file, "hunter1\n").unwrap();
    let journal = Journal::new(PostgresStore::new(server.url("journal", &database), Some(file.clone())));
    let _ = journal.offer(1..=2);
    let error = journal.outbox.flush().await.unwrap_err();
    for text in [format!("{error:?}"), error.to_string(), format!("{:?}", journal.store)] {
        assert!(!text.contains("hunter"), "{text}");
    }
    std::fs::write(&file, "hunter2\n").unwrap();
    journal.outbox.flush().await.unwrap();
    assert_eq!(journal.seqs().await, [1, 2]);

    server.execute("postgres", "ALTER ROLE journal PASSWORD 'hunter3'").await;
    std::fs::write(&file, "hunter3").unwrap();
    let end = format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{database}'");
    server.execute("postgres", &end).await;
    let _ = journal.offer(1..=3);
    journal.outbox.flush().await.unwrap_err();
    journal.outbox.flush().await.unwrap();
    assert_eq!(journal.seqs().await, [1, 2, 3]);
    std::fs::remove_file(&file).unwrap();
    let missing = PostgresStore::new(server.url("journal", &database), Some(file));
    assert!(matches!(missing.append(&[]).await, Err(StoreError::Password { .. })));
}
