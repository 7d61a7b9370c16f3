//! Who runs a CA: one Server at a time, and no image that the authority would not have.

use crate::authority::Authority;
use crate::support::{Cluster, Namespace, Operator, wait};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{PersistentVolumeClaim, Pod};
use kube::api::{DeleteParams, Patch, PatchParams};
use openvox_crds::{CertificateAuthority, Server};
use serde_json::{Value, json};
use std::time::Duration;

const CORP: &str = "
apiVersion: openvox.voxpupuli.org/v1alpha1
kind: CertificateAuthority
metadata: {name: corp}
spec: {}
---
apiVersion: openvox.voxpupuli.org/v1alpha1
kind: Config
metadata: {name: main}
spec: {authorityRef: corp, image: {repository: example.test/server, tag: v1}}
";

/// A CA that is set up, with a Certificate for each of these Servers.
async fn corp(servers: &[&str]) -> (Namespace, Operator) {
    let namespace = Cluster::shared().namespace().await;
    Authority::shared().found(&namespace, "corp").await;
    namespace.create_all(CORP).await;
    for name in servers {
        namespace.put(&Authority::shared().tls_secret(&namespace.name, "corp", name, name)).await;
        let spec = json!({"authorityRef": "corp", "certname": name});
        let certificate =
            json!({"apiVersion": "openvox.voxpupuli.org/v1alpha1", "kind": "Certificate", "metadata": {"name": name}, "spec": spec});
        namespace.create_one(&certificate).await.unwrap();
    }
    let operator = Operator::in_namespace(&namespace).await;
    namespace.reaches::<CertificateAuthority>("corp", "Ready/Valid").await;
    (namespace, operator)
}

async fn serves(namespace: &Namespace, name: &str, more: Value) {
    let mut spec = json!({"configRef": "main", "certificateRef": name, "ca": true});
    spec.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let server = json!({"apiVersion": "openvox.voxpupuli.org/v1alpha1", "kind": "Server", "metadata": {"name": name}, "spec": spec});
    namespace.create_one(&server).await.unwrap();
}

const WAITS: (&str, &str) = ("Pending/ResolvingReferences", "CAServedByAnother");

#[tokio::test]
async fn the_younger_of_two_ca_servers_waits_until_the_elder_and_its_pods_are_gone() {
    let (namespace, operator) = corp(&["a", "b"]).await;
    serves(&namespace, "b", json!({})).await;
    namespace.reaches::<Server>("b", "Pending/Deploying").await;
    serves(&namespace, "a", json!({})).await;
    namespace.says::<Server>("a", WAITS.0, WAITS.1, &["Server b", "CertificateAuthority corp", "takes over"]).await;
    let deployments = namespace.api::<Deployment>();
    assert!(deployments.get_opt("a").await.unwrap().is_none());
    // The elder goes on as if it were alone.
    let _: Server = namespace.merge("b", json!({"spec": {"javaArgs": "-Xmx600m"}})).await;
    wait::until(&deployments, "b", "to be rolled out anew", |live| live.metadata.generation.is_some_and(|generation| generation > 1)).await;

    // What is left of it: a pod that takes its time.
    let labels = json!({
        "app.kubernetes.io/managed-by": "openvox-operator", "openvox.voxpupuli.org/server": "b", "openvox.voxpupuli.org/ca": "true",
        "openvox.voxpupuli.org/certificateauthority": "corp",
    });
    let pod = json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "b-last", "labels": labels},
        "spec": {"containers": [{"name": "a", "image": "example.test/server:v1"}]},
    });
    namespace.create_one(&pod).await.unwrap();
    namespace.api::<Server>().delete("b", &DeleteParams::background()).await.unwrap();
    wait::until_gone(&deployments, "b").await;
    namespace.says::<Server>("a", WAITS.0, WAITS.1, &["pod b-last still runs"]).await;
    assert!(deployments.get_opt("a").await.unwrap().is_none());
    let ended = json!({"status": {"phase": "Succeeded"}});
    namespace.api::<Pod>().patch_status("b-last", &PatchParams::default(), &Patch::Merge(&ended)).await.unwrap();
    namespace.reaches::<Server>("a", "Pending/Deploying").await;
    wait::until(&deployments, "a", "to exist", |_| true).await;
    assert_eq!(operator.errors(), Vec::<String>::new());
}

#[tokio::test]
async fn of_two_ca_servers_that_come_together_the_elder_runs_the_ca() {
    let (namespace, operator) = corp(&["a", "b"]).await;
    serves(&namespace, "b", json!({"configRef": "later"})).await;
    // Times of creation are whole seconds.
    tokio::time::sleep(Duration::from_millis(1100)).await;
    serves(&namespace, "a", json!({"configRef": "later"})).await;
    let later = json!({
        "apiVersion": "openvox.voxpupuli.org/v1alpha1", "kind": "Config", "metadata": {"name": "later"},
        "spec": {"authorityRef": "corp", "image": {"repository": "example.test/server", "tag": "v1"}},
    });
    namespace.create_one(&later).await.unwrap();
    namespace.reaches::<Server>("b", "Pending/Deploying").await;
    namespace.says::<Server>("a", WAITS.0, WAITS.1, &["Server b"]).await;
    assert_eq!(operator.errors(), Vec::<String>::new());
}

#[tokio::test]
async fn a_server_that_runs_the_ca_keeps_it_whatever_its_age() {
    let (namespace, operator) = corp(&["a", "b"]).await;
    serves(&namespace, "a", json!({"ca": false})).await;
    namespace.reaches::<Server>("a", "Pending/Deploying").await;
    serves(&namespace, "b", json!({})).await;
    namespace.reaches::<Server>("b", "Pending/Deploying").await;
    let _: Server = namespace.merge("a", json!({"spec": {"ca": true}})).await;
    namespace.says::<Server>("a", "Pending/Deploying", WAITS.1, &["Server b"]).await;
    let labels = namespace.api::<Deployment>().get("a").await.unwrap().metadata.labels.unwrap();
    assert!(!labels.contains_key("openvox.voxpupuli.org/ca"), "{labels:?}");
    assert_eq!(operator.errors(), Vec::<String>::new());
}

#[tokio::test]
async fn a_ca_server_without_a_claim_that_is_the_cas_is_not_deployed() {
    let namespace = Cluster::shared().namespace().await;
    Authority::shared().set_up(&namespace, "corp").await;
    namespace.put(&Authority::shared().tls_secret(&namespace.name, "corp", "a", "a")).await;
    let theirs = json!({
        "apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "corp-data"},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
    });
    namespace.create_one(&theirs).await.unwrap();
    namespace.create_all(CORP).await;
    let certificate = json!({"apiVersion": "openvox.voxpupuli.org/v1alpha1", "kind": "Certificate", "metadata": {"name": "a"}, "spec": {"authorityRef": "corp", "certname": "a"}});
    namespace.create_one(&certificate).await.unwrap();
    let operator = Operator::in_namespace(&namespace).await;
    serves(&namespace, "a", json!({})).await;
    let words = ["CertificateAuthority corp has no PersistentVolumeClaim corp-data that it may use"];
    namespace.says::<Server>("a", "Pending/ResolvingReferences", "AuthorityNotUsable", &words).await;
    assert!(namespace.api::<Deployment>().get_opt("a").await.unwrap().is_none());
    let mark = json!({"metadata": {"annotations": {"openvox.voxpupuli.org/import": "corp"}}});
    let _: PersistentVolumeClaim = namespace.merge("corp-data", mark).await;
    namespace.reaches::<Server>("a", "Pending/Deploying").await;
    assert_eq!(operator.errors(), Vec::<String>::new());
}

#[tokio::test]
async fn a_server_gets_no_key_by_an_image_a_pair_or_a_claim_of_its_choice() {
    let (namespace, operator) = corp(&["a", "b", "c"]).await;
    serves(&namespace, "a", json!({"image": {"repository": "evil.test/server", "tag": "v1"}})).await;
    let refused = ("Error/Stalled", "InvalidSpec");
    namespace.says::<Server>("a", refused.0, refused.1, &["spec.image: evil.test/server:v1", "corp", "spec.serverImages"]).await;
    serves(&namespace, "b", json!({"ca": false, "code": {"claimName": "corp-data"}})).await;
    namespace.says::<Server>("b", refused.0, refused.1, &["spec.code.claimName: corp-data is the volume of a CA"]).await;
    serves(&namespace, "c", json!({"ca": false, "certificateRef": "corp-operator-signing"})).await;
    namespace.says::<Server>("c", refused.0, refused.1, &["spec.certificateRef: corp-operator-signing", "operator's own"]).await;
    for name in ["a", "b", "c"] {
        assert!(namespace.api::<Deployment>().get_opt(name).await.unwrap().is_none(), "{name}");
    }
    let _: CertificateAuthority = namespace.merge("corp", json!({"spec": {"serverImages": ["evil.test/server"]}})).await;
    namespace.reaches::<Server>("a", "Pending/Deploying").await;
    assert_eq!(operator.errors(), Vec::<String>::new());
}
