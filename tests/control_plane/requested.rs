//! Who asks for a reconcile learns when the object has come to rest.

use crate::fake_ca::{Behaviour, FakeCa};
use crate::issuing::{WEB, outside};
use crate::support::namespace::{HasLifecycle as _, Ours, events};
use crate::support::{Cluster, Namespace, Operator, wait};
use kube::ResourceExt as _;
use kube::api::ListParams;
use openvox_crds::{Certificate, Pool};
use serde_json::json;

async fn ask<K: Ours>(namespace: &Namespace, name: &str, value: &str) -> K {
    let asked = json!({"metadata": {"annotations": {"openvox.voxpupuli.org/requestedAt": value}}});
    namespace.merge::<K>(name, asked).await;
    let is_answered = |object: &K| object.lifecycle().is_some_and(|is| is.last_handled_reconcile_at.as_deref() == Some(value));
    wait::until(&namespace.api::<K>(), name, &format!("to answer {value}"), is_answered).await
}

#[tokio::test]
async fn what_waits_for_a_later_attempt_is_tried_at_once_and_once() {
    let namespace = Cluster::shared().namespace().await;
    let ca = FakeCa::start(Behaviour::Queues);
    let operator = Operator::in_namespace(&namespace).await;
    outside(&namespace, &ca).await;
    namespace.create_all(WEB).await;
    let waits: Certificate = namespace.reaches("web", "WaitingForSigning/WaitingForSigning").await;
    let calls = || operator.metric("openvox_ca_calls_total", &[r#"call="fetch""#]);
    let first = calls();
    // After the second look the next one comes ten seconds later.
    wait::until_some("the CA to be asked again", async || (calls() >= first + 2).then_some(())).await;
    let before = calls();
    let asked: Certificate = ask(&namespace, "web", "look").await;
    assert_eq!(events(&asked), events(&waits), "a look without news is no event");
    assert!(calls() > before, "the CA was asked");

    ca.sign("web.example.test");
    let signed: Certificate = ask(&namespace, "web", "look again").await;
    assert_eq!(signed.lifecycle().unwrap().state.as_deref(), Some("Signed/Valid"));
    assert_eq!(operator.errors(), Vec::<String>::new());
}

#[tokio::test]
async fn a_request_is_answered_once_with_its_value_and_moves_nothing_else() {
    let namespace = Cluster::shared().namespace().await;
    let operator = Operator::in_namespace(&namespace).await;
    namespace
        .create_all(
            "
apiVersion: openvox.voxpupuli.org/v1alpha1
kind: Pool
metadata: {name: agents}
spec: {}
---
apiVersion: openvox.voxpupuli.org/v1alpha1
kind: Certificate
metadata: {name: web}
spec: {authorityRef: corp, certname: web, privateKey: {algorithm: ECDSA}}
",
        )
        .await;
    let settled = namespace.reaches::<Pool>("agents", "Ready/Synced").await;
    namespace.reaches::<Certificate>("web", "Pending/WaitingForAuthority").await;
    assert_eq!(settled.lifecycle().unwrap().last_handled_reconcile_at, None);
    let writes = || operator.metric("openvox_api_writes_total", &["kind=\"Pool\"", "verb=\"status\""]);
    let before = writes();

    ask::<Pool>(&namespace, "agents", "2026-11-21T12:00:00Z").await;
    let answered: Pool = ask(&namespace, "agents", "once more").await;
    assert_eq!(writes() - before, 2, "one write per request");
    assert_eq!(events(&answered), events(&settled));
    ask::<Certificate>(&namespace, "web", "what waits for others answers too").await;

    // The answer stays when the request goes, and that is no reason to write anything.
    let none = json!({"metadata": {"annotations": {"openvox.voxpupuli.org/requestedAt": null, "other": "value"}}});
    let changed: Pool = namespace.merge("agents", none).await;
    namespace.create_all("{apiVersion: openvox.voxpupuli.org/v1alpha1, kind: Pool, metadata: {name: later}, spec: {}}").await;
    namespace.reaches::<Pool>("later", "Ready/Synced").await;
    let pools = namespace.api::<Pool>().list(&ListParams::default()).await.unwrap();
    let still = pools.iter().find(|pool| pool.name_any() == "agents").unwrap();
    assert_eq!(still.resource_version(), changed.resource_version(), "nobody wrote it");
    assert_eq!(still.lifecycle().unwrap().last_handled_reconcile_at.as_deref(), Some("once more"));
    assert_eq!(operator.errors(), Vec::<String>::new());
}
