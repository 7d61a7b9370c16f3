//! Resources that are deleted and made again before the garbage collector has removed what the first one owned.

use crate::support::namespace::{Ours, events};
use crate::support::{Cluster, Namespace, Operator, wait};
use kube::api::DeleteParams;
use openvox_crds::{Pool, Server};
use serde_json::{Value, json};

/// Keeps an object in the cluster although it is being deleted, as a load balancer's finalizer does.
fn held(held: bool) -> Value {
    json!({"metadata": {"finalizers": if held { vec!["example.com/held"] } else { vec![] }}})
}

fn manifest(kind: &str, name: &str, spec: &Value) -> Value {
    json!({"apiVersion": "openvox.voxpupuli.org/v1alpha1", "kind": kind, "metadata": {"name": name}, "spec": spec})
}

/// Deletes an object and makes it again once it is gone.
async fn replace<K: Ours>(namespace: &Namespace, name: &str, manifest: &Value) {
    let api = namespace.api::<K>();
    api.delete(name, &DeleteParams::background()).await.unwrap();
    wait::until_gone(&api, name).await;
    namespace.create_one(manifest).await.unwrap();
}

#[tokio::test]
async fn a_pool_waits_for_the_service_of_the_deleted_pool_of_its_name() {
    use k8s_openapi::api::core::v1::Service;
    let namespace = Cluster::shared().namespace().await;
    let operator = Operator::in_namespace(&namespace).await;
    let pool = manifest("Pool", "agents", &json!({}));
    namespace.create_one(&pool).await.unwrap();
    namespace.reaches::<Pool>("agents", "Ready/Synced").await;
    let first: Service = namespace.merge("agents", held(true)).await;
    replace::<Pool>(&namespace, "agents", &pool).await;
    let words = ["Service agents", "deleted Pool agents", "garbage collector"];
    namespace.says::<Pool>("agents", "Pending/Provisioning", "WaitingForRemoval", &words).await;
    let _: Service = namespace.merge("agents", held(false)).await;
    let pool = namespace.reaches::<Pool>("agents", "Ready/Synced").await;
    assert!(!events(&pool).iter().any(|event| event == "NameTaken"), "{:?}", events(&pool));
    let second: Service = namespace.api().get("agents").await.unwrap();
    assert_ne!(first.metadata.uid, second.metadata.uid);
    assert_eq!(operator.errors(), Vec::<String>::new());
}

#[tokio::test]
async fn a_server_waits_for_the_deployment_of_the_deleted_server_of_its_name() {
    use k8s_openapi::api::apps::v1::Deployment;
    let namespace = Cluster::shared().namespace().await;
    let operator = Operator::in_namespace(&namespace).await;
    let server = manifest("Server", "web", &json!({"configRef": "none", "certificateRef": "none", "server": true}));
    let first = namespace.create_one(&server).await.unwrap();
    namespace.says::<Server>("web", "Pending/ResolvingReferences", "ConfigNotFound", &["none"]).await;
    let (api_version, uid) = ("openvox.voxpupuli.org/v1alpha1", first.metadata.uid);
    let labels = json!({"app.kubernetes.io/managed-by": "openvox-operator"});
    let deployment = json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {
            "name": "web", "labels": labels, "finalizers": ["example.com/held"],
            "ownerReferences": [{"apiVersion": api_version, "kind": "Server", "name": "web", "uid": uid, "controller": true}],
        },
        "spec": {
            "replicas": 0, "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "pause", "image": "pause"}]}},
        },
    });
    namespace.create_one(&deployment).await.unwrap();
    replace::<Server>(&namespace, "web", &server).await;
    let words = ["Deployment web", "deleted Server web", "garbage collector"];
    namespace.says::<Server>("web", "Pending/ResolvingReferences", "WaitingForRemoval", &words).await;
    let _: Deployment = namespace.merge("web", held(false)).await;
    let server = namespace.says::<Server>("web", "Pending/ResolvingReferences", "ConfigNotFound", &["none"]).await;
    assert!(!events(&server).iter().any(|event| event == "NameTaken"), "{:?}", events(&server));
    assert_eq!(operator.errors(), Vec::<String>::new());
}
