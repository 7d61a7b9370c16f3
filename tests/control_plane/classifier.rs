//! A NodeClassifier says whether its settings are complete: a Config refers to it, its spec is valid, its Secrets exist.

use crate::support::{Cluster, Operator};
use k8s_openapi::api::core::v1::Secret;
use kube::api::DeleteParams;
use openvox_crds::{Config, NodeClassifier};
use serde_json::json;

#[tokio::test]
async fn a_classifier_follows_its_config_its_spec_and_its_secrets() {
    let namespace = Cluster::shared().namespace().await;
    let operator = Operator::in_namespace(&namespace).await;
    namespace
        .create_all(
            "
apiVersion: openvox.voxpupuli.org/v1alpha1
kind: NodeClassifier
metadata: {name: enc}
spec: {url: 'https://enc.example.com', request: {}, response: {}, auth: {bearer: {secretKeyRef: {name: token, key: value}}}}
",
        )
        .await;
    namespace.says::<NodeClassifier>("enc", "Pending/WaitingForConfig", "WaitingForConfig", &["nodeClassifierRef"]).await;

    let config =
        "{apiVersion: openvox.voxpupuli.org/v1alpha1, kind: Config, metadata: {name: main}, spec: {nodeClassifierRef: enc, image: {}}}";
    namespace.create_all(config).await;
    namespace.says::<NodeClassifier>("enc", "Pending/WaitingForSecret", "SecretNotFound", &["Secret token", "create it"]).await;

    let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "token"}, "stringData": {"value": "s3cret"}});
    namespace.create_one(&secret).await.unwrap();
    namespace.reaches::<NodeClassifier>("enc", "Active/Rendered").await;

    namespace.merge::<NodeClassifier>("enc", json!({"spec": {"url": "ftp://enc.example.com"}})).await;
    namespace.says::<NodeClassifier>("enc", "Error/Invalid", "InvalidSpec", &["spec.url", "stay in use"]).await;
    namespace.merge::<NodeClassifier>("enc", json!({"spec": {"url": "http://enc.example.com"}})).await;
    namespace.reaches::<NodeClassifier>("enc", "Active/Rendered").await;

    namespace.api::<Secret>().delete("token", &DeleteParams::default()).await.unwrap();
    namespace.says::<NodeClassifier>("enc", "Active/Failing", "SecretNotFound", &["Secret token", "stay in use"]).await;
    namespace.api::<Config>().delete("main", &DeleteParams::default()).await.unwrap();
    namespace.reaches::<NodeClassifier>("enc", "Pending/WaitingForConfig").await;
    assert!(!operator.log().contains("s3cret"), "a secret value stands in the log");
    assert_eq!(operator.errors(), Vec::<String>::new());
}
