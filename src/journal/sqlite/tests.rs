use serde_json::json;

use super::*;

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
            data: (seq % 2 == 0).then(|| json!({ "fingerprint": "AB:CD" })),
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
async fn records_are_read_back_as_they_were_written() {
    let store = in_memory().await;
    let written = [record("Certificate", "web", 1), record("Certificate", "web", 2)];
    assert_eq!(store.append(&written).await.unwrap(), 2);
    assert_eq!(walk(&store, all(10)).await, written);
}

#[tokio::test]
async fn a_record_is_kept_once_and_as_it_was_first() {
    let store = in_memory().await;
    let first = record("Certificate", "web", 1);
    let mut again = first.clone();
    again.entry.event = "SomethingElse".to_owned();
    store.append(std::slice::from_ref(&first)).await.unwrap();

    let appended = store.append(&[again, record("Certificate", "web", 2)]).await.unwrap();

    assert_eq!(appended, 1);
    assert_eq!(walk(&store, all(10)).await[0], first);
}

#[tokio::test]
async fn the_high_water_mark_is_per_object() {
    let store = in_memory().await;
    store.append(&[record("Certificate", "web", 4), record("Server", "ca", 9)]).await.unwrap();
    assert_eq!(store.high_water("uid-web").await.unwrap(), Some(4));
    assert_eq!(store.high_water("uid-ca").await.unwrap(), Some(9));
    assert_eq!(store.high_water("uid-other").await.unwrap(), None);
}

#[tokio::test]
async fn walking_the_pages_meets_every_record_once_in_both_directions() {
    let store = in_memory().await;
    let mut written = Vec::new();
    for seq in 1..=11 {
        written.push(record("Certificate", "web", seq));
        written.push(record("Server", "ca", seq));
    }
    store.append(&written).await.unwrap();

    for limit in [1, 2, 3, 11, 22, 23] {
        assert_eq!(walk(&store, all(limit)).await, written, "limit {limit}");
        let mut newest_first = walk(&store, Query { order: Order::Descending, ..all(limit) }).await;
        newest_first.reverse();
        assert_eq!(newest_first, written, "limit {limit}");
    }
}

#[tokio::test]
async fn a_walk_is_not_disturbed_by_records_that_come_in_meanwhile() {
    let store = in_memory().await;
    let before: Vec<_> = (1..=4).map(|seq| record("Server", "ca", seq)).collect();
    store.append(&before).await.unwrap();
    let newest_first = Query { order: Order::Descending, ..all(2) };
    let page = store.query(&newest_first).await.unwrap();
    store.append(&[record("Server", "ca", 5)]).await.unwrap();

    let rest = walk(&store, Query { cursor: page.next_cursor, ..newest_first }).await;

    let seqs: Vec<_> = rest.iter().map(|record| record.entry.seq).collect();
    assert_eq!(seqs, [2, 1]);
}

#[tokio::test]
async fn every_filter_restricts() {
    let store = in_memory().await;
    let mut elsewhere = record("Certificate", "web", 3);
    elsewhere.uid = "uid-elsewhere".to_owned();
    elsewhere.namespace = "other".to_owned();
    let certificate = record("Certificate", "web", 1);
    let server = record("Server", "ca", 2);
    store.append(&[certificate.clone(), server.clone(), elsewhere.clone()]).await.unwrap();
    let at = |seconds: i64| Some(Timestamp::from_second(1_800_000_000 + seconds).unwrap());

    let kind = Query { kind: Some("Server".to_owned()), ..all(9) };
    assert_eq!(walk(&store, kind).await, std::slice::from_ref(&server));
    let namespace = Query { namespace: Some("other".to_owned()), ..all(9) };
    assert_eq!(walk(&store, namespace).await, std::slice::from_ref(&elsewhere));
    let name = Query { name: Some("ca".to_owned()), ..all(9) };
    assert_eq!(walk(&store, name).await, std::slice::from_ref(&server));
    let uid = Query { uid: Some("uid-web".to_owned()), ..all(9) };
    assert_eq!(walk(&store, uid).await, std::slice::from_ref(&certificate));
    let since = Query { since: at(2), ..all(9) };
    assert_eq!(walk(&store, since).await, [server.clone(), elsewhere]);
    let until = Query { until: at(2), ..all(9) };
    assert_eq!(walk(&store, until).await, [certificate]);
    let instant = Query { since: at(2), until: at(3), ..all(9) };
    assert_eq!(walk(&store, instant).await, [server]);
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
    for (query, index, sorts) in [(object, "history_object", false), (range, "history_time", true)] {
        let plan = format!("EXPLAIN QUERY PLAN {}", select(&query).sql().as_str());
        let steps: Vec<String> =
            sqlx::query(sqlx::AssertSqlSafe(plan)).fetch_all(&store.pool).await.unwrap().iter().map(|row| row.get("detail")).collect();
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
        store.pool.close().await;
    }
    let store = SqliteStore::open(&url).await.unwrap();
    assert_eq!(walk(&store, all(9)).await, [written]);
    let mode: String = sqlx::query_scalar("PRAGMA journal_mode").fetch_one(&store.pool).await.unwrap();
    assert_eq!(mode, "wal");
}

#[tokio::test]
async fn a_journal_of_a_newer_operator_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let url = JournalUrl::File(directory.path().join("journal.db"));
    let store = SqliteStore::open(&url).await.unwrap();
    sqlx::raw_sql("PRAGMA user_version = 99").execute(&store.pool).await.unwrap();
    store.pool.close().await;

    let error = SqliteStore::open(&url).await.unwrap_err();

    assert!(matches!(error, StoreError::Newer { found: 99, known: 1 }));
}

#[tokio::test]
async fn a_missing_directory_and_a_file_that_is_no_database_are_errors() {
    let directory = tempfile::tempdir().unwrap();
    let missing = JournalUrl::File(directory.path().join("no/journal.db"));
    assert!(SqliteStore::open(&missing).await.is_err());

    let text = directory.path().join("journal.db");
    std::fs::write(&text, "this is not a database, but it is long enough to look".repeat(9)).unwrap();
    assert!(SqliteStore::open(&JournalUrl::File(text)).await.is_err());
}
