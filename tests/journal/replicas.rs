//! Several processes on one PostgreSQL.

use crate::postgres::Postgres;
use crate::records::{all, entry, record, walk};
use openvox_engine::ObjectKey;
use openvox_operator::journal::{Offer, Outbox, PostgresStore, Query, Store, Upkeep as _};
use openvox_operator::telemetry::Metrics;
use sqlx::Connection as _;
use std::collections::BTreeSet;
use std::sync::Arc;

fn outbox(store: &Arc<PostgresStore>) -> Outbox {
    Outbox::new(Arc::clone(store) as Arc<dyn Store>, Arc::new(Metrics::new()))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn entries_that_two_replicas_journal_are_there_once() {
    let Some(server) = Postgres::shared() else { return };
    let database = server.database().await;
    let stores = [(); 2].map(|()| Arc::new(PostgresStore::new(server.url("postgres", &database), None)));
    let entries: Vec<_> = (1..=300).map(entry).collect();
    let both = stores.each_ref().map(|store| {
        let outbox = outbox(store);
        assert_eq!(outbox.offer("uid-web", &ObjectKey::new("Certificate", "puppet", "web"), &entries), Offer::Accepted);
        tokio::spawn(async move { outbox.flush().await })
    });
    for task in both {
        task.await.unwrap().unwrap();
    }
    let expected: Vec<_> = (1..=300).map(|seq| record("Certificate", "web", seq)).collect();
    assert_eq!(walk(&*stores[0], all(500)).await, expected);
}

#[tokio::test]
async fn a_record_is_seen_after_all_that_stand_before_it_even_when_those_are_committed_late() {
    let Some(server) = Postgres::shared() else { return };
    let database = server.database().await;
    let store = Arc::new(PostgresStore::new(server.url("postgres", &database), None));
    store.append(&[record("Server", "first", 1)]).await.unwrap();

    // Another replica has written and not yet committed.
    let mut other = server.connect(&database).await;
    let mut late = other.begin().await.unwrap();
    sqlx::raw_sql("SELECT pg_advisory_xact_lock(31367303362146168)").execute(&mut *late).await.unwrap();
    sqlx::raw_sql(
        "INSERT INTO history (uid, seq, kind, namespace, name, at, event, version, from_state, to_state, phase) \
         VALUES ('uid-late', 1, 'Server', 'puppet', 'late', 1, 'E', 1, 'A', 'B', 'C')",
    )
    .execute(&mut *late)
    .await
    .unwrap();
    let next = tokio::spawn({
        let store = Arc::clone(&store);
        async move { store.append(&[record("Server", "next", 1)]).await }
    });
    // It waits for its turn, and says so in the server's table of locks.
    let mut watcher = server.connect(&database).await;
    loop {
        let waiting: i64 = sqlx::query_scalar("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
            .fetch_one(&mut watcher)
            .await
            .unwrap();
        if waiting > 0 {
            break;
        }
        assert!(!next.is_finished(), "nobody waits for the replica that has not committed");
        tokio::task::yield_now().await;
    }
    let names = async || walk(&*store, all(9)).await.into_iter().map(|record| record.name).collect::<Vec<_>>();
    assert_eq!(names().await, ["first"]);
    late.commit().await.unwrap();
    next.await.unwrap().unwrap();
    assert_eq!(names().await, ["first", "late", "next"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_reader_that_follows_by_cursor_misses_nothing_of_many_writers() {
    const WRITERS: i64 = 6;
    const EACH: i64 = 40;
    let Some(server) = Postgres::shared() else { return };
    let database = server.database().await;
    let reader = PostgresStore::new(server.url("postgres", &database), None);
    reader.append(&[record("Server", "anchor", 1)]).await.unwrap();
    let writers: Vec<_> = (0..WRITERS)
        .map(|writer| {
            let store = PostgresStore::new(server.url("postgres", &database), None);
            tokio::spawn(async move {
                for seq in 1..=EACH {
                    store.append(&[record("Server", &format!("w{writer}"), seq)]).await.unwrap();
                }
            })
        })
        .collect();
    let mut seen = BTreeSet::new();
    let mut query = all(7);
    let mut done = false;
    loop {
        let page = reader.query(&query).await.unwrap();
        let full = page.next_cursor.is_some();
        for record in &page.records {
            assert!(seen.insert((record.uid.clone(), record.entry.seq)), "{} twice", record.name);
        }
        // Onwards from the last full page; the one that is not full is asked for again.
        if let Some(cursor) = page.next_cursor {
            query = Query { cursor: Some(cursor), ..query };
        } else {
            for record in &page.records {
                seen.remove(&(record.uid.clone(), record.entry.seq));
            }
        }
        if done && !full {
            seen.extend(page.records.iter().map(|record| (record.uid.clone(), record.entry.seq)));
            break;
        }
        done = done || (!full && writers.iter().all(tokio::task::JoinHandle::is_finished));
    }
    for writer in writers {
        writer.await.unwrap();
    }
    assert_eq!(i64::try_from(seen.len()).unwrap(), 1 + WRITERS * EACH);
}

#[tokio::test]
async fn a_replica_that_stands_by_reads_what_the_other_one_writes() {
    let Some(server) = Postgres::shared() else { return };
    let database = server.database().await;
    let [leader, standby] = [(); 2].map(|()| PostgresStore::new(server.url("postgres", &database), None));
    leader.begin();
    // Either may be the first to connect, so either makes the schema.
    assert_eq!(walk(&standby, all(9)).await, []);
    leader.append(&[record("Server", "ca", 1)]).await.unwrap();
    assert_eq!(walk(&standby, all(9)).await, [record("Server", "ca", 1)]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn replicas_that_start_at_once_make_the_schema_once() {
    let Some(server) = Postgres::shared() else { return };
    for _ in 0..5 {
        let database = server.database().await;
        let replicas = (0..4).map(|_| {
            let store = PostgresStore::new(server.url("postgres", &database), None);
            tokio::spawn(async move { store.append(&[]).await })
        });
        for replica in replicas.collect::<Vec<_>>() {
            assert_eq!(replica.await.unwrap().unwrap(), 0);
        }
    }
}
