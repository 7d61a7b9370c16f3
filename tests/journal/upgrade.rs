//! A journal and objects of an operator from before the crate `engine`, recorded on a running stack with a renewal, a lost
//! pod and a name that was taken: they are read, folded and continued.

use crate::fold::fold;
use crate::records::{all, walk};
use openvox_machines::core::{Machine, State};
use openvox_operator::journal::{JournalUrl, Record, SqliteStore, Store as _, Upkeep as _};
use serde::Deserialize as _;
use serde_json::Value;
use sqlx::Connection as _;

const JOURNAL: &str = include_str!("fixtures/before-engine.sql");
const OBJECTS: &str = include_str!("fixtures/before-engine.json");

async fn restored(directory: &tempfile::TempDir) -> SqliteStore {
    let file = directory.path().join("journal.db");
    let mut connection = sqlx::SqliteConnection::connect(&format!("sqlite://{}?mode=rwc", file.display())).await.unwrap();
    sqlx::raw_sql(JOURNAL).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
    let url: JournalUrl = format!("sqlite://{}", file.display()).parse().unwrap();
    let store = SqliteStore::new(url);
    store.begin();
    store
}

/// The state that a history leads to, and the one that an object says it is in.
fn states<M: Machine>(history: &[Value], object: &Value) -> (Value, Value) {
    let stated = &object["status"]["machine"]["data"];
    let read = M::State::deserialize(stated).unwrap_or_else(|error| panic!("{error}: {stated}"));
    assert_eq!(object["status"]["state"], read.path());
    (fold::<M::State>(history), serde_json::to_value(read).unwrap())
}

fn folded(kind: &str, history: &[Value], object: &Value) -> (Value, Value) {
    macro_rules! of_kind {
        ($($module:ident :: $machine:ident: $page:literal;)+) => {
            $(if kind == openvox_machines::$module::$machine::KIND {
                return states::<openvox_machines::$module::$machine>(history, object);
            })+
        };
    }
    openvox_machines::for_each_machine!(of_kind);
    panic!("{kind} has no machine")
}

#[tokio::test]
async fn what_an_older_operator_wrote_is_read_folded_and_continued() {
    let directory = tempfile::tempdir().unwrap();
    let store = restored(&directory).await;
    let records = walk(&store, all(7)).await;
    let objects: Vec<Value> = serde_json::from_str(OBJECTS).unwrap();
    let mut transitions = 0;
    for object in &objects {
        let (kind, uid) = (object["kind"].as_str().unwrap(), object["metadata"]["uid"].as_str().unwrap());
        let own: Vec<&Record> = records.iter().filter(|record| record.uid == uid).collect();
        let history: Vec<Value> = own.iter().map(|record| serde_json::to_value(&record.entry).unwrap()).collect();
        let (folded, stated) = folded(kind, &history, object);
        assert_eq!(folded, stated, "{kind} {}", object["metadata"]["name"]);
        let last = object["status"]["machine"]["seq"].as_i64().unwrap();
        assert_eq!(store.high_water(uid).await.unwrap().unwrap_or(0), last);
        transitions += own.len();
    }
    // One is of a SigningPolicy that had been deleted.
    assert_eq!((objects.len(), transitions, records.len()), (11, 23, 24));

    let mut next = records.last().unwrap().clone();
    next.entry.seq += 1;
    assert_eq!(store.append(std::slice::from_ref(&next)).await.unwrap(), 1);
    assert_eq!(store.high_water(&next.uid).await.unwrap(), Some(next.entry.seq));
    assert_eq!(walk(&store, all(7)).await.len(), records.len() + 1);
}
