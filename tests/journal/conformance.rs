//! What every journal store does, whichever database it is in.

use crate::postgres::Postgres;
use crate::records::{all, at, record, walk};
use openvox_crds::HistoryEntry;
use openvox_operator::journal::{JournalUrl, Order, PruneStep, Query, Record, SqliteStore, Upkeep};

/// Each of these functions is a test of each store.
macro_rules! hold_for_every_store {
    ($($name:ident),* $(,)?) => {
        mod sqlite {
            $(#[tokio::test] async fn $name() { super::$name(&super::sqlite_file().await.1).await; })*
        }
        mod postgresql {
            $(#[tokio::test] async fn $name() {
                let Some(server) = super::Postgres::shared() else { return };
                super::$name(&server.store().await).await;
            })*
        }
    };
}

hold_for_every_store!(
    records_are_read_back_as_they_were_written,
    a_record_is_kept_once_and_as_it_was_first,
    the_high_water_mark_is_per_object,
    walking_the_pages_meets_every_record_once_in_both_directions,
    a_walk_is_not_disturbed_by_records_that_come_in_meanwhile,
    every_filter_restricts,
    many_records_are_written_at_once_in_their_order,
    a_text_that_one_database_cannot_hold_does_not_hold_up_the_others,
    an_empty_append_shows_that_the_store_works,
    what_is_too_old_goes_except_the_newest_of_each_object,
    what_is_too_many_goes_oldest_first_in_bounded_steps,
    without_limits_nothing_goes,
);

async fn sqlite_file() -> (tempfile::TempDir, SqliteStore) {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(&JournalUrl::File(folder.path().join("journal.db"))).await.unwrap();
    (folder, store)
}

async fn records_are_read_back_as_they_were_written(store: &dyn Upkeep) {
    let written = [record("Certificate", "web", 1), record("Certificate", "web", 2)];
    assert_eq!(store.append(&written).await.unwrap(), 2);
    assert_eq!(walk(store, all(10)).await, written);
}

async fn a_record_is_kept_once_and_as_it_was_first(store: &dyn Upkeep) {
    let first = record("Certificate", "web", 1);
    let again = Record { entry: HistoryEntry { event: "SomethingElse".to_owned(), ..first.entry.clone() }, ..first.clone() };
    store.append(std::slice::from_ref(&first)).await.unwrap();

    let appended = store.append(&[again, record("Certificate", "web", 2)]).await.unwrap();

    assert_eq!(appended, 1);
    assert_eq!(walk(store, all(10)).await[0], first);
}

async fn the_high_water_mark_is_per_object(store: &dyn Upkeep) {
    store.append(&[record("Certificate", "web", 4), record("Server", "ca", 9)]).await.unwrap();
    assert_eq!(store.high_water("uid-web").await.unwrap(), Some(4));
    assert_eq!(store.high_water("uid-ca").await.unwrap(), Some(9));
    assert_eq!(store.high_water("uid-other").await.unwrap(), None);
}

async fn walking_the_pages_meets_every_record_once_in_both_directions(store: &dyn Upkeep) {
    let mut written = Vec::new();
    for seq in 1..=11 {
        written.push(record("Certificate", "web", seq));
        written.push(record("Server", "ca", seq));
    }
    store.append(&written).await.unwrap();

    for limit in [1, 2, 3, 11, 22, 23] {
        assert_eq!(walk(store, all(limit)).await, written, "limit {limit}");
        let mut newest_first = walk(store, Query { order: Order::Descending, ..all(limit) }).await;
        newest_first.reverse();
        assert_eq!(newest_first, written, "limit {limit}");
    }
}

async fn a_walk_is_not_disturbed_by_records_that_come_in_meanwhile(store: &dyn Upkeep) {
    let before: Vec<_> = (1..=4).map(|seq| record("Server", "ca", seq)).collect();
    store.append(&before).await.unwrap();
    let newest_first = Query { order: Order::Descending, ..all(2) };
    let page = store.query(&newest_first).await.unwrap();
    store.append(&[record("Server", "ca", 5)]).await.unwrap();

    let rest = walk(store, Query { cursor: page.next_cursor, ..newest_first }).await;

    let seqs: Vec<_> = rest.iter().map(|record| record.entry.seq).collect();
    assert_eq!(seqs, [2, 1]);
}

async fn every_filter_restricts(store: &dyn Upkeep) {
    let elsewhere = Record { uid: "uid-elsewhere".to_owned(), namespace: "other".to_owned(), ..record("Certificate", "web", 3) };
    let certificate = record("Certificate", "web", 1);
    let server = record("Server", "ca", 2);
    store.append(&[certificate.clone(), server.clone(), elsewhere.clone()]).await.unwrap();
    let at = |seconds| Some(at(seconds));

    let kind = Query { kind: Some("Server".to_owned()), ..all(9) };
    assert_eq!(walk(store, kind).await, std::slice::from_ref(&server));
    let namespace = Query { namespace: Some("other".to_owned()), ..all(9) };
    assert_eq!(walk(store, namespace).await, std::slice::from_ref(&elsewhere));
    let name = Query { name: Some("ca".to_owned()), ..all(9) };
    assert_eq!(walk(store, name).await, std::slice::from_ref(&server));
    let event = Query { event: Some("CsrSubmitted".to_owned()), namespace: Some("other".to_owned()), ..all(9) };
    assert_eq!(walk(store, event).await, std::slice::from_ref(&elsewhere));
    let event = Query { event: Some("Csr".to_owned()), ..all(9) };
    assert_eq!(walk(store, event).await, []);
    let phase = Query { phase: Some("Requested".to_owned()), name: Some("ca".to_owned()), ..all(9) };
    assert_eq!(walk(store, phase).await, std::slice::from_ref(&server));
    let phase = Query { phase: Some("Signed".to_owned()), ..all(9) };
    assert_eq!(walk(store, phase).await, []);
    for part in ["KEY stor", "", "key stored"] {
        let cause = Query { cause: Some(part.to_owned()), ..all(9) };
        assert_eq!(walk(store, cause).await, std::slice::from_ref(&server), "{part:?}");
    }
    for part in ["key%stored", "key_stored", r"key\", "restored"] {
        let cause = Query { cause: Some(part.to_owned()), ..all(9) };
        assert_eq!(walk(store, cause).await, [], "{part:?}");
    }
    let uid = Query { uid: Some("uid-web".to_owned()), ..all(9) };
    assert_eq!(walk(store, uid).await, std::slice::from_ref(&certificate));
    let since = Query { since: at(2), ..all(9) };
    assert_eq!(walk(store, since).await, [server.clone(), elsewhere]);
    let until = Query { until: at(2), ..all(9) };
    assert_eq!(walk(store, until).await, [certificate]);
    let instant = Query { since: at(2), until: at(3), ..all(9) };
    assert_eq!(walk(store, instant).await, [server]);
}

async fn many_records_are_written_at_once_in_their_order(store: &dyn Upkeep) {
    let written: Vec<_> = (1..=450).map(|seq| record("Server", "ca", seq)).collect();
    assert_eq!(store.append(&written).await.unwrap(), 450);
    assert_eq!(walk(store, all(500)).await, written);
}

async fn a_text_that_one_database_cannot_hold_does_not_hold_up_the_others(store: &dyn Upkeep) {
    let mut odd = record("Certificate", "web", 2);
    odd.entry.cause = Some("a\0b".to_owned());
    odd.entry.data = Some(serde_json::json!({ "text": "a\0b \u{1f512}" }).into());
    store.append(&[odd.clone(), record("Certificate", "web", 3)]).await.unwrap();
    let read = walk(store, all(9)).await;
    assert_eq!(read.len(), 2);
    assert_eq!(read[0].entry.cause.as_deref(), Some("a\u{fffd}b"));
    assert_eq!(read[0].entry.data, odd.entry.data);

    let mut forged = record("Certificate", "web", 4);
    let entry = &mut forged.entry;
    for text in [&mut entry.event, &mut entry.from, &mut entry.to, &mut entry.phase] {
        *text = format!("a\0b{}", "\u{1f512}".repeat(5_000));
    }
    entry.trace_id = Some("\0".to_owned());
    store.append(&[forged, record("Certificate", "web", 5)]).await.unwrap();
    let read = walk(store, all(9)).await;
    assert_eq!(read.len(), 4);
    assert!(read[2].entry.event.starts_with("a\u{fffd}b") && read[2].entry.event.chars().count() < 5_000);
}

async fn an_empty_append_shows_that_the_store_works(store: &dyn Upkeep) {
    assert_eq!(store.append(&[]).await.unwrap(), 0);
    assert_eq!(walk(store, all(9)).await, []);
}

/// A whole sweep: numbers of removed records, step by step.
async fn sweep(store: &dyn Upkeep, before: Option<i64>, newest: Option<u32>) -> Vec<u64> {
    let mut step = PruneStep { before: before.map(at), newest, position: String::new() };
    let mut removed = Vec::new();
    loop {
        let pruned = store.prune(&step).await.unwrap();
        removed.push(pruned.removed);
        match pruned.position {
            Some(position) => step.position = position,
            None => return removed,
        }
    }
}

async fn left(store: &dyn Upkeep) -> Vec<(String, i64)> {
    walk(store, all(500)).await.into_iter().map(|record| (record.name, record.entry.seq)).collect()
}

async fn what_is_too_old_goes_except_the_newest_of_each_object(store: &dyn Upkeep) {
    for name in ["web", "db", "gone"] {
        let last = if name == "gone" { 3 } else { 6 };
        let records: Vec<_> = (1..=last).map(|seq| record("Certificate", name, seq)).collect();
        store.append(&records).await.unwrap();
    }
    let cursor = store.query(&all(2)).await.unwrap().next_cursor;
    assert_eq!(sweep(store, Some(5), None).await.iter().sum::<u64>(), 4 + 4 + 2);
    let expected = [("web", 5), ("web", 6), ("db", 5), ("db", 6), ("gone", 3)].map(|(name, seq)| (name.to_owned(), seq));
    assert_eq!(left(store).await, expected);
    assert_eq!(store.high_water("uid-gone").await.unwrap(), Some(3), "the numbering goes on");
    let rest = walk(store, Query { cursor, ..all(2) }).await;
    assert_eq!(rest.len(), 5, "a cursor that points to what is gone is still a position");
    assert_eq!(sweep(store, Some(5), None).await.iter().sum::<u64>(), 0);
}

async fn what_is_too_many_goes_oldest_first_in_bounded_steps(store: &dyn Upkeep) {
    let records: Vec<_> = (1..=1300).map(|seq| record("Server", "ca", seq)).collect();
    store.append(&records).await.unwrap();
    store.append(&[record("Server", "other", 1)]).await.unwrap();
    let removed = sweep(store, None, Some(10)).await;
    assert_eq!(removed.iter().sum::<u64>(), 1290);
    assert!(removed.iter().all(|removed| *removed <= 500), "{removed:?}");
    let mut expected: Vec<_> = (1291..=1300).map(|seq| ("ca".to_owned(), seq)).collect();
    expected.push(("other".to_owned(), 1));
    assert_eq!(left(store).await, expected);
}

async fn without_limits_nothing_goes(store: &dyn Upkeep) {
    store.append(&[record("Server", "ca", 1), record("Server", "ca", 2)]).await.unwrap();
    assert_eq!(sweep(store, None, None).await.iter().sum::<u64>(), 0);
    assert_eq!(left(store).await.len(), 2);
}
