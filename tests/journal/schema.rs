//! The schema of a PostgreSQL journal.

use crate::postgres::Postgres;
use crate::records::{all, record, walk};
use openvox_operator::journal::{PostgresStore, Store as _, StoreError};
use sqlx::Row as _;

const FIRST: &str = include_str!("../../engine/src/journal/migrations/postgres/0001_history.sql");

#[tokio::test]
async fn an_older_schema_is_brought_up_to_date_with_its_records() {
    let Some(server) = Postgres::shared() else { return };
    let database = server.database().await;
    let older = format!(
        "CREATE TABLE history_schema (version BIGINT PRIMARY KEY); INSERT INTO history_schema VALUES (1); {FIRST}; \
         INSERT INTO history (uid, seq, kind, namespace, name, at, event, version, from_state, to_state, phase) \
         VALUES ('uid-ca', 1, 'Server', 'puppet', 'ca', 1800000001, 'CsrSubmitted', 2, \
                 'Requested/KeyStored', 'Requested/Submitted', 'Requested'); \
         INSERT INTO history (uid, seq, kind, namespace, name, at, event, version, from_state, to_state, phase, data) \
         VALUES ('uid-policy', 1, 'SigningPolicy', 'other', 'nodes', 1800000001, 'Changed', 1, \
                 'Active/Rendered', 'Pending/Rendering', 'Pending', '{{\"digest\":\"5eb63bbbe01eeed0\"}}')"
    );
    server.execute(&database, &older).await;
    // Two at once, as when a Deployment is rolled out.
    let [one, other] = [(); 2].map(|()| PostgresStore::new(server.url("postgres", &database), None));
    let (newer, everything) = ([record("Server", "ca", 2)], all(9));
    let (one_wrote, other_read) = futures::join!(one.append(&newer), other.query(&everything));
    assert_eq!(one_wrote.unwrap(), 1);
    other_read.unwrap();
    let mut server_only = all(9);
    server_only.kind = Some("Server".to_owned());
    assert_eq!(walk(&other, server_only).await, [record("Server", "ca", 1), record("Server", "ca", 2)]);
    let mut connection = server.connect(&database).await;
    let version = sqlx::query("SELECT version FROM history_schema ORDER BY version").fetch_all(&mut connection).await.unwrap();
    assert_eq!(version.iter().map(|row| row.get::<i64, _>(0)).collect::<Vec<_>>(), [1, 2, 3]);
    let indices: i64 = sqlx::query_scalar("SELECT count(*) FROM pg_indexes WHERE indexname = 'history_namespace'")
        .fetch_one(&mut connection)
        .await
        .unwrap();
    assert_eq!(indices, 1);
    // Older operators wrote digests with the values of Secrets in them.
    let data: String =
        sqlx::query_scalar("SELECT data FROM history WHERE kind = 'SigningPolicy'").fetch_one(&mut connection).await.unwrap();
    assert_eq!(data, r#"{"digest":""}"#);
}

#[tokio::test]
async fn a_schema_of_a_newer_operator_is_refused() {
    let Some(server) = Postgres::shared() else { return };
    let database = server.database().await;
    server.execute(&database, "CREATE TABLE history_schema (version BIGINT PRIMARY KEY); INSERT INTO history_schema VALUES (99)").await;
    let store = PostgresStore::new(server.url("postgres", &database), None);
    let refused = store.append(&[]).await.unwrap_err();
    assert!(matches!(refused, StoreError::Newer { found: 99, known: 3 }), "{refused:?}");
}
