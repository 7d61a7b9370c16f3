//! The operator while its journal is down, full or corrupt: it goes on, says so, and loses nothing.

use crate::support::operator::Options;
use crate::support::postgres::Postgres;
use crate::support::{Cluster, Namespace, Operator, wait};
use openvox_crds::Pool;
use serde_json::{Value, json};
use std::path::Path;
use std::process::Command;

async fn pool_is_ready(namespace: &Namespace, name: &str) {
    let pool = json!({"apiVersion": "openvox.voxpupuli.org/v1alpha1", "kind": "Pool", "metadata": {"name": name}, "spec": {}});
    namespace.create_one(&pool).await.unwrap();
    namespace.reaches::<Pool>(name, "Ready/Synced").await;
}

/// The history of a Pool, once there is one.
async fn history(operator: &Operator, namespace: &Namespace, name: &str) -> Vec<Value> {
    let path = format!("/pools/{}/{name}?order=asc", namespace.name);
    wait::until_some(&format!("the history of {name}"), async || {
        let (code, page) = operator.history(&path);
        let items = page["items"].as_array().filter(|items| code == 200 && !items.is_empty())?;
        Some(items.clone())
    })
    .await
}

/// A history from its first entry on, without a gap.
fn is_whole(history: &[Value]) -> bool {
    history.iter().zip(1..).all(|(item, seq)| item["seq"] == seq && item["event"] != "HistoryGap")
}

async fn metric_is(operator: &Operator, name: &str, value: u64) {
    wait::until_some(&format!("{name} to be {value}"), async || (operator.metric(name, &[]) == value).then_some(())).await;
}

#[tokio::test]
async fn while_postgresql_is_down_objects_go_on_and_their_history_comes_later() {
    let Some(server) = Postgres::own() else { return };
    let namespace = Cluster::shared().namespace().await;
    let url = server.url("postgres", &server.database().await);
    let operator = Options::new(&namespace).journal(&url).start();
    operator.ready().await;
    pool_is_ready(&namespace, "before").await;
    assert!(is_whole(&history(&operator, &namespace, "before").await));

    server.crash();
    for name in ["first", "second", "third"] {
        pool_is_ready(&namespace, name).await;
    }
    metric_is(&operator, "openvox_journal_up", 0).await;
    // An object is seen in its state before its entry has gone out.
    wait::until_some("three entries to wait", async || (operator.metric("openvox_journal_lag_entries", &[]) >= 3).then_some(())).await;
    assert!(operator.metric("openvox_journal_oldest_waiting_timestamp_seconds", &[]) > 1_700_000_000);
    assert!(operator.is_ready(), "the history is no reason to take the operator out of service");
    assert_eq!(operator.history("").0, 503);

    server.start();
    for name in ["first", "second", "third"] {
        assert!(is_whole(&history(&operator, &namespace, name).await), "{name}");
    }
    metric_is(&operator, "openvox_journal_up", 1).await;
    metric_is(&operator, "openvox_journal_lag_entries", 0).await;
    assert_eq!(operator.metric("openvox_journal_lost_entries_total", &[]), 0);
    assert_eq!(operator.errors(), Vec::<String>::new());
}

#[tokio::test]
async fn an_operator_starts_and_works_before_its_database_does() {
    let Some(server) = Postgres::own() else { return };
    let namespace = Cluster::shared().namespace().await;
    let url = server.url("postgres", &server.database().await);
    server.crash();
    let operator = Options::new(&namespace).journal(&url).start();
    operator.ready().await;
    pool_is_ready(&namespace, "early").await;
    server.start();
    assert!(is_whole(&history(&operator, &namespace, "early").await));
}

#[tokio::test]
async fn every_replica_answers_from_postgresql_and_only_the_working_one_from_sqlite() {
    let Some(server) = Postgres::shared() else { return };
    for (url, shared) in [(Some(server.url("postgres", &server.database().await)), true), (None, false)] {
        let namespace = Cluster::shared().namespace().await;
        let options = || {
            let options = Options::new(&namespace).argument("--leader-elect");
            match &url {
                Some(url) => options.journal(url),
                None => options,
            }
        };
        let leader = options().start();
        leader.ready().await;
        pool_is_ready(&namespace, "agents").await;
        let seen = history(&leader, &namespace, "agents").await;
        let standby = options().start();
        standby.ready().await;
        if shared {
            assert_eq!(history(&standby, &namespace, "agents").await, seen);
        } else {
            assert_eq!(standby.history("").0, 503, "an empty page would be a lie");
            assert!(standby.log().contains("this replica stands by"));
        }
    }
}

#[tokio::test]
async fn a_corrupt_file_is_moved_aside_and_history_goes_on() {
    let namespace = Cluster::shared().namespace().await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal.db");
    let operator = Options::new(&namespace).journal(&format!("sqlite://{}", path.display())).start();
    operator.ready().await;
    pool_is_ready(&namespace, "before").await;
    history(&operator, &namespace, "before").await;

    for name in ["journal.db", "journal.db-wal"] {
        let file = folder.path().join(name);
        let length = std::fs::metadata(&file).unwrap().len();
        std::fs::write(&file, vec![0xa5; usize::try_from(length).unwrap()]).unwrap();
    }
    metric_is(&operator, "openvox_journal_begun_anew_total", 1).await;

    pool_is_ready(&namespace, "after").await;
    for name in ["before", "after"] {
        assert!(is_whole(&history(&operator, &namespace, name).await), "{name}");
    }
    metric_is(&operator, "openvox_journal_up", 1).await;
    assert_eq!(operator.metric("openvox_journal_lost_entries_total", &[]), 0);
    let log = operator.log();
    let said = log.lines().find(|line| line.contains("the journal was corrupt")).expect("a line of the log");
    let aside = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path());
    let aside: Vec<_> = aside.filter(|path| path.to_string_lossy().contains(".corrupt-")).collect();
    assert!(aside.iter().any(|path| said.contains(&*path.to_string_lossy())), "{said} {aside:?}");
}

/// A file system of 512 KiB; none where nothing may be mounted.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    fn mounted() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", "size=512k", "tmpfs"]).arg(folder.path()).output().unwrap();
        if !mounted.status.success() {
            eprintln!("NOT TESTED: a full disk, because mounting a small one needs root");
            return None;
        }
        Some(Self(folder))
    }

    fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily: the operator of a failed test may still be there.
        let _ = Command::new("umount").arg("--lazy").arg(self.path()).status();
    }
}

#[tokio::test]
async fn while_the_disk_is_full_objects_go_on_and_their_history_comes_later() {
    let Some(disk) = SmallDisk::mounted() else { return };
    let namespace = Cluster::shared().namespace().await;
    let operator = Options::new(&namespace).journal(&format!("sqlite://{}/journal.db", disk.path().display())).start();
    operator.ready().await;
    pool_is_ready(&namespace, "before").await;
    history(&operator, &namespace, "before").await;
    let filler = disk.path().join("filler");
    std::fs::write(&filler, vec![1; 1024 * 1024]).unwrap_err();

    let mut made = 0;
    while operator.metric("openvox_journal_up", &[]) == 1 {
        // Until what the journal had allocated is used up.
        pool_is_ready(&namespace, &format!("pool{made}")).await;
        made += 1;
        assert!(made < 200, "the disk is not full");
    }
    pool_is_ready(&namespace, "last").await;
    assert!(operator.is_ready());

    std::fs::remove_file(filler).unwrap();
    assert!(is_whole(&history(&operator, &namespace, "last").await));
    metric_is(&operator, "openvox_journal_up", 1).await;
    metric_is(&operator, "openvox_journal_lag_entries", 0).await;
    assert_eq!(operator.metric("openvox_journal_lost_entries_total", &[]), 0);
    assert_eq!(operator.errors(), Vec::<String>::new());
}
