use super::*;
use crate::journal::store::{Cursor, Order};
use crate::lifecycle::HistoryEntry;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use k8s_openapi::jiff::Timestamp;
use serde_json::json;
use sqlx::Row as _;

fn record(kind: &str, name: &str, seq: i64) -> Record {
    Record {
        uid: format!("uid-{name}"),
        kind: kind.to_owned(),
        namespace: "puppet".to_owned(),
        name: name.to_owned(),
        entry: HistoryEntry {
            seq,
            at: Time(Timestamp::from_second(1_800_000_000 + seq).unwrap()),
            event: "CsrSubmitted".to_owned(),
            version: 2,
            from: "Requested/KeyStored".to_owned(),
            to: "Requested/Submitted".to_owned(),
            phase: "Requested".to_owned(),
            cause: (seq % 2 == 0).then(|| "key stored".to_owned()),
            trace_id: (seq % 2 == 0).then(|| "0af7651916cd43dd8448eb211c80319c".to_owned()),
            data: (seq % 2 == 0).then(|| json!({ "fingerprint": "AB:CD" }).into()),
        },
    }
}

fn all(limit: u16) -> Query {
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
        limit,
        order: Order::Ascending,
    }
}

async fn in_memory() -> SqliteStore {
    SqliteStore::open(&JournalUrl::Memory).await.unwrap()
}

async fn walk(store: &SqliteStore, mut query: Query) -> Vec<Record> {
    let mut records = Vec::new();
    loop {
        let page = store.query(&query).await.unwrap();
        assert!(page.records.len() <= usize::from(query.limit));
        records.extend(page.records);
        match page.next_cursor {
            None => return records,
            cursor => query.cursor = cursor,
        }
    }
}

#[tokio::test]
async fn pages_of_an_object_and_of_a_time_range_use_their_indices() {
    let store = in_memory().await;
    let object = Query {
        kind: Some("Server".to_owned()),
        namespace: Some("puppet".to_owned()),
        name: Some("ca".to_owned()),
        cursor: Some(Cursor(1)),
        ..all(9)
    };
    let range = Query { name: None, cursor: None, since: Some(Timestamp::UNIX_EPOCH), ..object.clone() };
    let namespace = Query { kind: None, name: None, ..object.clone() };
    let pool = store.pool().await.unwrap();
    for (query, index, sorts) in [(object, "history_object", false), (range, "history_time", true), (namespace, "history_namespace", false)]
    {
        let plan = format!("EXPLAIN QUERY PLAN {}", select::<Sqlite>(&query).sql().as_str());
        let steps: Vec<String> =
            sqlx::query(sqlx::AssertSqlSafe(plan)).fetch_all(&pool).await.unwrap().iter().map(|row| row.get("detail")).collect();
        let steps = steps.join("; ");
        assert!(steps.contains(index), "{steps}");
        assert_eq!(steps.contains("TEMP B-TREE"), sorts, "{steps}");
    }
}

#[tokio::test]
async fn a_file_is_found_again_with_its_content() {
    let directory = tempfile::tempdir().unwrap();
    let url = JournalUrl::File(directory.path().join("journal.db"));
    let written = record("Certificate", "web", 1);
    {
        let store = SqliteStore::open(&url).await.unwrap();
        store.append(std::slice::from_ref(&written)).await.unwrap();
        store.pool().await.unwrap().close().await;
    }
    let store = SqliteStore::open(&url).await.unwrap();
    assert_eq!(walk(&store, all(9)).await, [written]);
    let mode: String = sqlx::query_scalar("PRAGMA journal_mode").fetch_one(&store.pool().await.unwrap()).await.unwrap();
    assert_eq!(mode, "wal");
}

#[tokio::test]
async fn an_older_schema_is_brought_up_to_date_with_its_records() {
    let directory = tempfile::tempdir().unwrap();
    let url = JournalUrl::File(directory.path().join("journal.db"));
    let options = SqliteConnectOptions::new().filename(directory.path().join("journal.db")).create_if_missing(true);
    let mut connection = options.connect().await.unwrap();
    apply(&mut connection, 1, MIGRATIONS[0]).await.unwrap();
    let written = record("Certificate", "web", 1);
    // Older operators wrote digests with the values of Secrets in them.
    let mut policy = record("SigningPolicy", "nodes", 1);
    policy.entry.data = Some(json!({"digest": "5eb63bbbe01eeed0"}).into());
    insert::<Sqlite>(&[written.clone(), policy.clone()]).build().execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();

    let store = SqliteStore::open(&url).await.unwrap();

    policy.entry.data = Some(json!({"digest": ""}).into());
    assert_eq!(walk(&store, all(9)).await, [written, policy]);
    let version: i64 = sqlx::query_scalar("PRAGMA user_version").fetch_one(&store.pool().await.unwrap()).await.unwrap();
    assert_eq!(version, i64::try_from(MIGRATIONS.len()).unwrap());
}

#[tokio::test]
async fn a_journal_of_a_newer_operator_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let url = JournalUrl::File(directory.path().join("journal.db"));
    let pool = SqliteStore::open(&url).await.unwrap().pool().await.unwrap();
    sqlx::raw_sql("PRAGMA user_version = 99").execute(&pool).await.unwrap();
    pool.close().await;

    let error = SqliteStore::open(&url).await.unwrap_err();

    assert!(matches!(error, StoreError::Newer { found: 99, known: 4 }));
}

#[tokio::test]
async fn a_missing_directory_is_an_error_and_no_reason_to_begin_anew() {
    let directory = tempfile::tempdir().unwrap();
    let missing = JournalUrl::File(directory.path().join("no/journal.db"));
    assert!(SqliteStore::open(&missing).await.is_err());
    let store = SqliteStore::new(missing);
    store.begin();
    for _ in 0..2 {
        let error = store.append(&[]).await.unwrap_err();
        assert!(matches!(error, StoreError::Open { .. }), "{error:?}");
    }
}

#[tokio::test]
async fn a_replica_that_stands_by_leaves_the_file_alone() {
    let directory = tempfile::tempdir().unwrap();
    let store = SqliteStore::new(JournalUrl::File(directory.path().join("journal.db")));
    assert!(matches!(store.query(&all(9)).await, Err(StoreError::StandingBy)));
    assert!(matches!(store.append(&[]).await, Err(StoreError::StandingBy)));
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
    store.begin();
    assert_eq!(store.append(&[]).await.unwrap(), 0);
}

/// The files of a folder that lie aside, without their companions.
fn aside(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let names = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let companion = |name: &str| name.ends_with("-wal") || name.ends_with("-shm");
    names.filter(|path| path.to_string_lossy().contains(".corrupt-") && !companion(&path.to_string_lossy())).collect()
}

#[tokio::test]
async fn a_file_that_is_no_database_is_moved_aside_and_a_new_one_begun() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("journal.db");
    let garbage = "this is not a database, but it is long enough to look".repeat(90);
    std::fs::write(&path, &garbage).unwrap();
    let store = SqliteStore::new(JournalUrl::File(path));
    store.begin();

    assert!(matches!(store.append(&[]).await, Err(StoreError::Open { .. })));
    assert!(matches!(store.append(&[]).await, Err(StoreError::BegunAnew)));

    let written = record("Certificate", "web", 1);
    assert_eq!(store.append(std::slice::from_ref(&written)).await.unwrap(), 1);
    assert_eq!(walk(&store, all(9)).await, [written]);
    let aside = aside(directory.path());
    assert_eq!(aside.len(), 1);
    assert_eq!(std::fs::read_to_string(&aside[0]).unwrap(), garbage);
}

#[tokio::test]
async fn damage_that_a_reader_meets_is_repaired_by_the_next_append_and_said_to_it() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("journal.db");
    let url = JournalUrl::File(path.clone());
    {
        let store = SqliteStore::open(&url).await.unwrap();
        let records: Vec<_> = (1..=400).map(|seq| record("Certificate", "web", seq)).collect();
        store.append(&records).await.unwrap();
        store.pool().await.unwrap().close().await;
    }
    let position = {
        let store = SqliteStore::open(&url).await.unwrap();
        let page = store.query(&Query { order: Order::Descending, ..all(1) }).await.unwrap();
        store.pool().await.unwrap().close().await;
        page.positions[0]
    };
    // All pages but the first, which holds the header and the schema.
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[4096..].fill(0xa5);
    std::fs::write(&path, &bytes).unwrap();
    let store = SqliteStore::open(&url).await.unwrap();

    assert!(matches!(store.query(&all(9)).await, Err(StoreError::Read(_))));
    assert!(path.exists() && aside(directory.path()).is_empty(), "a reader moves nothing");
    assert!(matches!(store.append(&[record("Certificate", "web", 401)]).await, Err(StoreError::BegunAnew)));

    assert_eq!(walk(&store, all(9)).await, []);
    assert_eq!(store.append(&[record("Certificate", "web", 401)]).await.unwrap(), 1);
    assert_eq!(aside(directory.path()).len(), 1);
    let next = walk(&store, Query { cursor: Some(position), ..all(9) }).await;
    assert_eq!(next.len(), 1, "whoever follows goes on from where it stood");
}

#[tokio::test]
async fn damage_to_the_files_of_an_open_journal_is_seen_although_its_cache_hides_it() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("journal.db");
    let store = SqliteStore::open(&JournalUrl::File(path.clone())).await.unwrap();
    let written = record("Certificate", "web", 1);
    store.append(std::slice::from_ref(&written)).await.unwrap();
    assert_eq!(store.append(&[]).await.unwrap(), 0);
    for name in ["journal.db", "journal.db-wal"] {
        let file = directory.path().join(name);
        let length = std::fs::metadata(&file).unwrap().len();
        std::fs::write(&file, vec![0xa5; usize::try_from(length).unwrap()]).unwrap();
    }

    assert!(matches!(store.append(&[]).await, Err(StoreError::Read(_))));
    assert!(matches!(store.append(&[]).await, Err(StoreError::BegunAnew)));

    assert_eq!(aside(directory.path()).len(), 1);
    assert_eq!(store.append(std::slice::from_ref(&written)).await.unwrap(), 1);
    assert_eq!(walk(&store, all(9)).await, [written]);
}

#[tokio::test]
async fn a_file_that_was_removed_or_replaced_under_an_open_journal_is_begun_anew() {
    let directory = tempfile::tempdir().unwrap();
    let (path, other) = (directory.path().join("journal.db"), directory.path().join("other.db"));
    let (old, restored) = (record("Certificate", "web", 1), record("Certificate", "db", 1));
    {
        let store = SqliteStore::open(&JournalUrl::File(other.clone())).await.unwrap();
        store.append(std::slice::from_ref(&restored)).await.unwrap();
        store.pool().await.unwrap().close().await;
    }
    let store = SqliteStore::open(&JournalUrl::File(path.clone())).await.unwrap();
    store.append(std::slice::from_ref(&old)).await.unwrap();

    std::fs::rename(&other, &path).unwrap();
    assert!(matches!(store.append(&[]).await, Err(StoreError::BegunAnew)));
    assert_eq!(walk(&store, all(9)).await, [restored]);

    std::fs::remove_file(&path).unwrap();
    assert!(matches!(store.append(&[]).await, Err(StoreError::BegunAnew)));
    store.append(std::slice::from_ref(&old)).await.unwrap();
    assert_eq!(walk(&store, all(9)).await, [old]);
    assert!(path.exists() && aside(directory.path()).is_empty());
}

#[tokio::test]
async fn a_full_disk_refuses_and_loses_nothing_and_takes_the_rest_when_there_is_room() {
    let directory = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(&JournalUrl::File(directory.path().join("journal.db"))).await.unwrap();
    let pool = store.pool().await.unwrap();
    let records: Vec<_> = (1..=2000).map(|seq| record("Certificate", "web", seq)).collect();
    store.append(&records[..10]).await.unwrap();
    sqlx::raw_sql("PRAGMA max_page_count = 30").execute(&pool).await.unwrap();

    let error = store.append(&records[10..]).await.unwrap_err();

    let StoreError::Append(source) = &error else { panic!("{error:?}") };
    assert!(source.to_string().contains("full"), "{source}");
    assert_eq!(walk(&store, all(500)).await, records[..10]);
    sqlx::raw_sql("PRAGMA max_page_count = 100000").execute(&pool).await.unwrap();
    assert_eq!(store.append(&records).await.unwrap(), 1990);
    assert!(aside(directory.path()).is_empty());
}

#[tokio::test]
async fn what_a_sweep_removes_goes_back_to_the_file_system() {
    let directory = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(&JournalUrl::File(directory.path().join("journal.db"))).await.unwrap();
    let records: Vec<_> = (1..=5000).map(|seq| record("Certificate", "web", seq)).collect();
    store.append(&records).await.unwrap();
    let pool = store.pool().await.unwrap();
    let pages = async || sqlx::query_scalar::<_, i64>("PRAGMA page_count").fetch_one(&pool).await.unwrap();
    let before = pages().await;
    let mut step = PruneStep { before: None, newest: Some(10), position: String::new() };
    while let Some(position) = store.prune(&step).await.unwrap().position {
        step.position = position;
    }
    assert_eq!(walk(&store, all(500)).await.len(), 10);
    let after = pages().await;
    assert!(after * 10 < before, "{before} pages before, {after} after");
}
