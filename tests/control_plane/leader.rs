//! Two operators, of which one works at a time.

use crate::support::operator::Options;
use crate::support::{Cluster, wait};
use k8s_openapi::api::coordination::v1::Lease;
use openvox_crds::Pool;
use serde_json::json;

const LEASE: &str = "openvox-operator.voxpupuli.org";

fn holder(lease: &Lease) -> String {
    lease.spec.as_ref().and_then(|spec| spec.holder_identity.clone()).unwrap_or_default()
}

fn pool(name: &str) -> serde_json::Value {
    json!({"apiVersion": "openvox.voxpupuli.org/v1alpha1", "kind": "Pool", "metadata": {"name": name}, "spec": {}})
}

#[tokio::test]
async fn the_second_operator_takes_over_when_the_first_is_killed_and_at_once_when_it_ends_by_itself() {
    let namespace = Cluster::shared().namespace().await;
    let leases = namespace.api::<Lease>();
    let candidate = |name: &str| Options::new(&namespace).argument("--leader-elect").variable("POD_NAME", name).start();

    let first = candidate("first");
    wait::until(&leases, LEASE, "to be held by the first", |lease| holder(lease).starts_with("first_")).await;
    let second = candidate("second");
    second.ready().await;
    namespace.create_one(&pool("one")).await.unwrap();
    namespace.reaches::<Pool>("one", "Ready/Synced").await;
    assert_eq!(second.metric("openvox_api_writes_total", &[]), 0, "the second one stands by");

    first.kill();
    namespace.create_one(&pool("two")).await.unwrap();
    namespace.reaches::<Pool>("two", "Ready/Synced").await;
    let lease = leases.get(LEASE).await.unwrap();
    assert!(holder(&lease).starts_with("second_"), "{lease:?}");
    assert_eq!(lease.spec.unwrap().lease_transitions, Some(1));

    let third = candidate("third");
    third.ready().await;
    assert!(second.terminate().await.success());
    wait::until(&leases, LEASE, "to be held by the third", |lease| holder(lease).starts_with("third_")).await;
    namespace.create_one(&pool("three")).await.unwrap();
    namespace.reaches::<Pool>("three", "Ready/Synced").await;
    assert_eq!(third.errors(), Vec::<String>::new());
}
