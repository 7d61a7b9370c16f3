//! A paused object is left alone, whatever happens around it, and goes on by itself once the pause is over.

use crate::fake_ca::{Behaviour, FakeCa};
use crate::issuing::{WEB, outside};
use crate::support::namespace::{HasLifecycle as _, Ours};
use crate::support::{Cluster, Namespace, Operator, wait};
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use k8s_openapi::api::core::v1::Secret;
use kube::ResourceExt as _;
use kube::api::DeleteParams;
use openvox_crds::{Certificate, CertificateAuthority, Pool};
use serde_json::{Value, json};

/// Status, reason and message of the condition that tells of a pause.
fn told<K: Ours>(object: &K) -> Option<(String, String, String)> {
    let condition = object.lifecycle()?.conditions.iter().find(|condition| condition.type_ == "Paused")?;
    Some((condition.status.clone(), condition.reason.clone(), condition.message.clone()))
}

fn certificate(name: &str, annotations: &Value) -> Value {
    json!({
        "apiVersion": "openvox.voxpupuli.org/v1alpha1", "kind": "Certificate", "metadata": {"name": name, "annotations": annotations},
        "spec": {"authorityRef": "corp", "certname": format!("{name}.example.test"), "privateKey": {"algorithm": "ECDSA"}},
    })
}

const WAITING: &str = "WaitingForSigning/WaitingForSigning";

async fn paused(namespace: &Namespace, name: &str) -> Certificate {
    let is_told = |object: &Certificate| told(object).is_some_and(|(status, ..)| status == "True");
    wait::until(&namespace.api::<Certificate>(), name, "to be paused", is_told).await
}

#[tokio::test]
async fn nothing_is_done_about_a_paused_object_until_the_annotation_goes() {
    let namespace = Cluster::shared().namespace().await;
    let ca = FakeCa::start(Behaviour::Queues);
    let operator = Operator::in_namespace(&namespace).await;
    let asked = json!({"openvox.voxpupuli.org/pause": "true", "openvox.voxpupuli.org/pause-reason": "CHG-7: the CA moves"});
    namespace.create_one(&certificate("still", &asked)).await.unwrap();
    let before = paused(&namespace, "still").await;
    let (_, reason, message) = told(&before).unwrap();
    assert_eq!(reason, "PausedByAnnotation");
    for words in ["until somebody resumes it", "CHG-7: the CA moves", "remove the annotation openvox.voxpupuli.org/pause"] {
        assert!(message.contains(words), "{message}");
    }

    // What it waited for comes, its spec changes, and another one of its kind goes all its way meanwhile.
    outside(&namespace, &ca).await;
    namespace.reaches::<CertificateAuthority>("corp", "External/Reachable").await;
    let changed: Certificate = namespace.merge("still", json!({"spec": {"dnsAltNames": ["still.example.test"]}})).await;
    namespace.create_all(WEB).await;
    namespace.reaches::<Certificate>("web", WAITING).await;

    let after = namespace.api::<Certificate>().get("still").await.unwrap();
    assert_eq!(after.resource_version(), changed.resource_version(), "nobody wrote it");
    assert_eq!(after.status, before.status);
    assert_eq!(ca.submitted().len(), 1, "the other one's request");
    assert!(namespace.api::<Secret>().get_opt("still-tls-pending").await.unwrap().is_none());

    let none: Value = json!({"metadata": {"annotations": {"openvox.voxpupuli.org/pause": null}}});
    namespace.merge::<Certificate>("still", none).await;
    let resumed: Certificate = namespace.reaches("still", WAITING).await;
    assert_eq!(told(&resumed), None);
    assert_eq!(ca.submitted().len(), 2);
    assert_eq!(operator.errors(), Vec::<String>::new());
}

#[tokio::test]
async fn a_state_that_waits_is_not_overdue_while_it_is_paused() {
    let namespace = Cluster::shared().namespace().await;
    let operator = Operator::in_namespace(&namespace).await;
    namespace.create_one(&certificate("web", &json!({}))).await.unwrap();
    namespace.reaches::<Certificate>("web", "Pending/WaitingForAuthority").await;
    let deadlines = || operator.metrics().matches("openvox_resource_deadline_timestamp_seconds{").count();
    wait::until_some("the deadline among the metrics", async || (deadlines() == 1).then_some(())).await;

    let asked = json!({"metadata": {"annotations": {"openvox.voxpupuli.org/pause": "true"}}});
    namespace.merge::<Certificate>("web", asked).await;
    let paused = paused(&namespace, "web").await;
    assert_eq!(paused.lifecycle().unwrap().state.as_deref(), Some("Pending/WaitingForAuthority"), "it stays where it is");
    let blocked = || operator.metric("openvox_resource_blocked", &["name=\"web\"", "reason=\"PausedByAnnotation\""]);
    wait::until_some("the pause among the metrics", async || (blocked() == 1).then_some(())).await;
    assert_eq!(deadlines(), 0);
}

#[tokio::test]
async fn a_pause_with_an_end_is_over_by_itself() {
    let namespace = Cluster::shared().namespace().await;
    let operator = Operator::in_namespace(&namespace).await;
    let end = Utc::now() + TimeDelta::seconds(3);
    let pool = json!({
        "apiVersion": "openvox.voxpupuli.org/v1alpha1", "kind": "Pool", "spec": {},
        "metadata": {"name": "agents", "annotations": {"openvox.voxpupuli.org/pause": end.to_rfc3339_opts(SecondsFormat::Millis, true)}},
    });
    namespace.create_one(&pool).await.unwrap();
    let ready = namespace.reaches::<Pool>("agents", "Ready/Synced").await;
    let first: DateTime<Utc> = ready.lifecycle().unwrap().history[0].at.0.to_string().parse().unwrap();
    assert!(first.timestamp() >= end.timestamp(), "{first} is before {end}");
    assert_eq!(told(&ready), None);
    assert_eq!(operator.errors(), Vec::<String>::new());
}

#[tokio::test]
async fn a_paused_object_that_is_deleted_goes() {
    let namespace = Cluster::shared().namespace().await;
    let ca = FakeCa::start(Behaviour::Queues);
    let _operator = Operator::in_namespace(&namespace).await;
    outside(&namespace, &ca).await;
    namespace.create_one(&certificate("web", &json!({}))).await.unwrap();
    let there = namespace.reaches::<Certificate>("web", WAITING).await;
    assert!(!there.finalizers().is_empty(), "somebody has to let it go");
    let asked = json!({"metadata": {"annotations": {"openvox.voxpupuli.org/pause": "true"}}});
    namespace.merge::<Certificate>("web", asked).await;
    paused(&namespace, "web").await;
    namespace.api::<Certificate>().delete("web", &DeleteParams::default()).await.unwrap();
    wait::until_gone(&namespace.api::<Certificate>(), "web").await;
}

#[tokio::test]
async fn a_value_that_says_nothing_pauses_nothing_and_is_told() {
    let namespace = Cluster::shared().namespace().await;
    let _operator = Operator::in_namespace(&namespace).await;
    let pool = json!({
        "apiVersion": "openvox.voxpupuli.org/v1alpha1", "kind": "Pool", "spec": {},
        "metadata": {"name": "agents", "annotations": {"openvox.voxpupuli.org/pause": "tomorrow"}},
    });
    namespace.create_one(&pool).await.unwrap();
    let ready = namespace.reaches::<Pool>("agents", "Ready/Synced").await;
    let (status, reason, message) = told(&ready).unwrap();
    assert_eq!((status.as_str(), reason.as_str()), ("False", "InvalidPause"));
    for words in ["openvox.voxpupuli.org/pause", "\"tomorrow\"", "neither true nor a time", "remove it"] {
        assert!(message.contains(words), "{message}");
    }
}
