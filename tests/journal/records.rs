//! Records to write, and reading them all.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use k8s_openapi::jiff::Timestamp;
use openvox_crds::HistoryEntry;
use openvox_operator::journal::{Order, Query, Record, Upkeep};
use serde_json::json;

/// The time of the record with this number.
pub fn at(seq: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + seq).unwrap()
}

pub fn entry(seq: i64) -> HistoryEntry {
    HistoryEntry {
        seq,
        at: Time(at(seq)),
        event: "CsrSubmitted".to_owned(),
        version: 2,
        from: "Requested/KeyStored".to_owned(),
        to: "Requested/Submitted".to_owned(),
        phase: "Requested".to_owned(),
        cause: (seq % 2 == 0).then(|| "key stored".to_owned()),
        trace_id: (seq % 2 == 0).then(|| "0af7651916cd43dd8448eb211c80319c".to_owned()),
        data: (seq % 2 == 0).then(|| json!({ "fingerprint": "AB:CD" }).into()),
    }
}

pub fn record(kind: &str, name: &str, seq: i64) -> Record {
    Record { uid: format!("uid-{name}"), kind: kind.to_owned(), namespace: "puppet".to_owned(), name: name.to_owned(), entry: entry(seq) }
}

/// Everything, the oldest first.
pub fn all(limit: u16) -> Query {
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

/// All records of a query, page by page.
pub async fn walk(store: &dyn Upkeep, mut query: Query) -> Vec<Record> {
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
