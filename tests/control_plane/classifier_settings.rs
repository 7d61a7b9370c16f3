//! The settings of a Config's classifier: rendered from the `NodeClassifier` and the user's Secrets, and kept so.

use crate::authority::Authority;
use crate::support::{Cluster, Namespace, Operator, wait};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::api::DeleteParams;
use openvox_crds::{Config, NodeClassifier, Server};
use serde_json::json;

const CLASSIFIED: &str = "
apiVersion: openvox.voxpupuli.org/v1alpha1
kind: CertificateAuthority
metadata: {name: corp}
spec: {}
---
apiVersion: openvox.voxpupuli.org/v1alpha1
kind: Config
metadata: {name: main}
spec: {authorityRef: corp, nodeClassifierRef: foreman, image: {repository: example.test/server, tag: v1}}
---
apiVersion: openvox.voxpupuli.org/v1alpha1
kind: Certificate
metadata: {name: puppet}
spec: {authorityRef: corp, certname: puppet}
---
apiVersion: openvox.voxpupuli.org/v1alpha1
kind: Server
metadata: {name: puppet}
spec: {configRef: main, certificateRef: puppet}
";

const FOREMAN: &str = "
apiVersion: openvox.voxpupuli.org/v1alpha1
kind: NodeClassifier
metadata: {name: foreman}
spec:
  url: https://foreman.example.test
  request: {path: '/node/{certname}?format=yml'}
  response: {}
  auth: {basic: {secretRef: {name: foreman}}}
  cache: {enabled: true, directory: /enc}
";

async fn settings_have(namespace: &Namespace, words: &str) {
    let has = |secret: &Secret| {
        let settings = secret.data.as_ref().and_then(|data| data.get("enc.yaml"));
        settings.is_some_and(|settings| String::from_utf8_lossy(&settings.0).contains(words))
    };
    wait::until(&namespace.api::<Secret>(), "main-enc", &format!("to say {words}"), has).await;
}

fn puppet_conf(files: &ConfigMap) -> &str {
    &files.data.as_ref().unwrap()["puppet.conf"]
}

#[tokio::test]
async fn servers_ask_the_classifier_with_credentials_that_follow_their_secret() {
    let namespace = Cluster::shared().namespace().await;
    Authority::shared().set_up(&namespace, "corp").await;
    namespace.put(&Authority::shared().tls_secret(&namespace.name, "corp", "puppet", "puppet")).await;
    let operator = Operator::in_namespace(&namespace).await;
    namespace.create_all(CLASSIFIED).await;
    namespace.says::<Config>("main", "Pending/WaitingForReferences", "NodeClassifierNotFound", &["NodeClassifier foreman"]).await;
    namespace.create_all(FOREMAN).await;
    namespace.says::<Config>("main", "Pending/WaitingForReferences", "SecretNotRendered", &["Secret foreman", "username"]).await;

    let credentials = json!({"metadata": {"name": "foreman"}, "stringData": {"username": "puppet", "password": "one\n"}});
    namespace.put::<Secret>(&serde_json::from_value(credentials).unwrap()).await;
    settings_have(&namespace, "\"password\": \"one\"").await;
    namespace.reaches::<Config>("main", "Running/Rendered").await;
    let files = namespace.api::<ConfigMap>().get("main-config").await.unwrap();
    assert!(puppet_conf(&files).contains("external_nodes = /usr/local/bin/openvox-enc"), "{}", puppet_conf(&files));
    namespace.reaches::<Server>("puppet", "Pending/Deploying").await;
    let deployment = wait::until(&namespace.api::<Deployment>(), "puppet", "to exist", |_| true).await;
    let pod = deployment.spec.as_ref().unwrap().template.spec.as_ref().unwrap();
    let mounts: Vec<String> = pod.containers[0].volume_mounts.iter().flatten().map(|mount| mount.mount_path.clone()).collect();
    for path in ["/etc/puppetlabs/enc", "/usr/local/bin/openvox-enc", "/enc"] {
        assert!(mounts.iter().any(|mount| mount == path), "{path}: {mounts:?}");
    }

    namespace.merge::<Secret>("foreman", json!({"stringData": {"password": "two"}})).await;
    settings_have(&namespace, "\"password\": \"two\"").await;
    let same = namespace.api::<Deployment>().get("puppet").await.unwrap();
    assert_eq!(same.spec, deployment.spec, "changed credentials restart no pod");

    // What breaks later leaves the last good settings and everything else alone.
    namespace.api::<Secret>().delete("foreman", &DeleteParams::default()).await.unwrap();
    namespace.api::<NodeClassifier>().delete("foreman", &DeleteParams::default()).await.unwrap();
    namespace.merge::<Config>("main", json!({"spec": {"image": {"tag": "v2"}}})).await;
    let rolled = |live: &Deployment| serde_json::to_string(live).unwrap().contains("example.test/server:v2");
    wait::until(&namespace.api::<Deployment>(), "puppet", "to roll to v2", rolled).await;
    settings_have(&namespace, "\"password\": \"two\"").await;

    namespace.merge::<Config>("main", json!({"spec": {"nodeClassifierRef": null}})).await;
    wait::until_gone(&namespace.api::<Secret>(), "main-enc").await;
    let without = |files: &ConfigMap| !puppet_conf(files).contains("external_nodes");
    wait::until(&namespace.api::<ConfigMap>(), "main-config", "to name no classifier", without).await;
    assert!(!operator.log().contains("\"two\"") && !operator.log().contains("password: two"));
}
