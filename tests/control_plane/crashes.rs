//! A Certificate's way is gone to its end whatever dies on it: the operator at any of its steps, or the API server.

use crate::fake_ca::{Behaviour, FakeCa};
use crate::issuing::{WEB, assert_issued_once, outside};
use crate::support::namespace::HasLifecycle as _;
use crate::support::operator::Options;
use crate::support::{Cluster, Namespace, Operator, wait};
use futures::FutureExt as _;
use openvox_crds::{Certificate, CertificateAuthority};

/// The transitions of a Certificate, in its status and in the journal, are numbered from 1 without a gap.
pub async fn assert_history_is_whole(namespace: &Namespace, operator: &Operator) {
    let certificate = namespace.api::<Certificate>().get("web").await.unwrap();
    let lifecycle = certificate.lifecycle().unwrap();
    let last = lifecycle.machine.as_ref().unwrap().seq;
    let whole: Vec<i64> = (1..=last).collect();
    let in_status: Vec<i64> = lifecycle.history.iter().map(|entry| entry.seq).collect();
    assert_eq!(in_status, whole, "the status");
    let path = format!("?kind=Certificate&namespace={}&name=web&order=asc", namespace.name);
    let in_journal = wait::until_some("the journal to have every transition", async || {
        let (_, page) = operator.history(&path);
        let seqs: Vec<i64> = page["items"].as_array()?.iter().filter_map(|item| item["seq"].as_i64()).collect();
        (seqs.len() >= whole.len()).then_some(seqs)
    })
    .await;
    assert_eq!(in_journal, whole, "the journal");
    for (entry, next) in lifecycle.history.iter().zip(lifecycle.history.iter().skip(1)) {
        assert_eq!(entry.to, next.from, "each transition begins where the last one ended");
    }
}

/// Lets the operator die at the first, second, … point of a kind until it does not die any more.
async fn dies_at_every(point: &str) {
    let mut deaths = 0;
    loop {
        let place = format!("{point}/{}", deaths + 1);
        let namespace = Cluster::shared().namespace().await;
        let ca = FakeCa::start(Behaviour::Signs);
        outside(&namespace, &ca).await;
        namespace.create_all(WEB).await;
        // Both share a folder, and so the journal.
        let options = Options::new(&namespace);
        let mut mortal = options.start_with("CRASH_AT", &place);
        let signed = {
            let mut signed = std::pin::pin!(namespace.reaches::<Certificate>("web", "Signed/Valid").fuse());
            let mut ended = std::pin::pin!(mortal.ended().fuse());
            futures::select! {
                _ = ended => false,
                _ = signed => true,
            }
        };
        if signed && mortal.runs() {
            // It may still be about to die on what follows the signature.
            tokio::time::sleep(std::time::Duration::from_secs(1)).await;
            if mortal.runs() {
                assert_issued_once(&namespace, &ca).await;
                break;
            }
        }
        deaths += 1;
        let operator = options.start();
        operator.ready().await;
        namespace.reaches::<Certificate>("web", "Signed/Valid").await;
        assert_issued_once(&namespace, &ca).await;
        assert_history_is_whole(&namespace, &operator).await;
        assert_eq!(operator.errors(), Vec::<String>::new(), "after {place}");
        assert!(deaths < 20, "it dies at ever more points");
    }
    assert!(deaths >= 3, "it died {deaths} times only: is it a release build?");
}

#[tokio::test]
async fn an_operator_that_dies_after_any_commit_is_followed_by_one_that_goes_on() {
    dies_at_every("Certificate/commit").await;
}

#[tokio::test]
async fn an_operator_that_dies_before_any_effect_is_followed_by_one_that_goes_on() {
    dies_at_every("Certificate/effect").await;
}

#[tokio::test]
async fn a_killed_operator_leaves_nothing_that_the_next_one_does_twice() {
    let namespace = Cluster::shared().namespace().await;
    let ca = FakeCa::start(Behaviour::Queues);
    outside(&namespace, &ca).await;
    namespace.create_all(WEB).await;
    let options = Options::new(&namespace);
    let first = options.start();
    namespace.reaches::<Certificate>("web", "WaitingForSigning/WaitingForSigning").await;
    first.kill();
    ca.sign("web.example.test");
    let second = options.start();
    second.ready().await;
    namespace.reaches::<Certificate>("web", "Signed/Valid").await;
    assert_issued_once(&namespace, &ca).await;
    assert_history_is_whole(&namespace, &second).await;
}

#[tokio::test]
async fn an_api_server_that_is_away_for_ten_seconds_changes_nothing_about_the_end() {
    let Some(cluster) = Cluster::own("away") else { return };
    let cluster = std::sync::Arc::new(cluster);
    let namespace = cluster.own_namespace().await;
    let ca = FakeCa::start(Behaviour::Queues);
    let mut operator = Operator::in_namespace(&namespace).await;
    outside(&namespace, &ca).await;
    namespace.reaches::<CertificateAuthority>("corp", "External/Reachable").await;
    namespace.create_all(WEB).await;
    namespace.reaches::<Certificate>("web", "WaitingForSigning/WaitingForSigning").await;

    let away = tokio::task::spawn_blocking({
        let cluster = std::sync::Arc::clone(&cluster);
        move || cluster.restart_apiserver(10)
    });
    // It is signed while nobody can write it down.
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    ca.sign("web.example.test");
    away.await.unwrap();

    namespace.reaches::<Certificate>("web", "Signed/Valid").await;
    assert_issued_once(&namespace, &ca).await;
    assert!(operator.runs(), "it waits for the API server; it does not give up");
    assert_history_is_whole(&namespace, &operator).await;
    let after =
        serde_json::json!({"apiVersion": "openvox.voxpupuli.org/v1alpha1", "kind": "Pool", "metadata": {"name": "after"}, "spec": {}});
    namespace.create_one(&after).await.unwrap();
    namespace.reaches::<openvox_crds::Pool>("after", "Ready/Synced").await;
}
