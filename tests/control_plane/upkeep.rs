//! What the operator has made stays as it should be, whoever touches it.

use crate::authority::Authority;
use crate::support::{Cluster, Namespace, Operator, wait};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use k8s_openapi::api::core::v1::{ConfigMap, Secret, Service};
use k8s_openapi::api::networking::v1::NetworkPolicy;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use kube::Resource;
use kube::ResourceExt as _;
use kube::api::DeleteParams;
use kube::core::NamespaceResourceScope;
use openvox_crds::{Config, Pool, Server, SigningPolicy};
use serde::de::DeserializeOwned;
use serde_json::json;
use std::collections::BTreeSet;
use std::fmt::Debug;

const STACK: &str = "
apiVersion: openvox.voxpupuli.org/v1alpha1
kind: CertificateAuthority
metadata: {name: corp}
spec: {}
---
apiVersion: openvox.voxpupuli.org/v1alpha1
kind: Config
metadata: {name: main}
spec: {authorityRef: corp, image: {repository: example.test/server, tag: v1}}
---
apiVersion: openvox.voxpupuli.org/v1alpha1
kind: SigningPolicy
metadata: {name: all}
spec: {certificateAuthorityRef: corp, any: true}
---
apiVersion: openvox.voxpupuli.org/v1alpha1
kind: Certificate
metadata: {name: puppet}
spec: {authorityRef: corp, certname: puppet}
---
apiVersion: openvox.voxpupuli.org/v1alpha1
kind: Pool
metadata: {name: agents}
spec: {}
---
apiVersion: openvox.voxpupuli.org/v1alpha1
kind: Server
metadata: {name: puppet}
spec: {configRef: main, certificateRef: puppet, poolRefs: [agents], replicas: 2}
";

pub async fn stack() -> (Namespace, Operator) {
    let namespace = Cluster::shared().namespace().await;
    Authority::shared().set_up(&namespace, "corp").await;
    namespace.put(&Authority::shared().tls_secret(&namespace.name, "corp", "puppet", "puppet")).await;
    let operator = Operator::in_namespace(&namespace).await;
    namespace.create_all(STACK).await;
    namespace.reaches::<Server>("puppet", "Pending/Deploying").await;
    namespace.reaches::<Pool>("agents", "Ready/Synced").await;
    namespace.reaches::<SigningPolicy>("all", "Pending/Rendering").await;
    wait::until(&namespace.api::<Deployment>(), "puppet", "to exist", |_| true).await;
    (namespace, operator)
}

/// Deletes an object and waits until another one stands under its name.
async fn comes_back<K>(namespace: &Namespace, name: &str)
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope> + serde::Serialize + DeserializeOwned + Clone + Debug + Send + 'static,
{
    let api = namespace.api::<K>();
    let uid = api.get(name).await.unwrap().uid();
    api.delete(name, &DeleteParams::background()).await.unwrap();
    wait::until(&api, name, "to come back", |live| live.uid() != uid).await;
}

#[tokio::test]
async fn a_stack_comes_up_without_an_error_on_its_way() {
    let (namespace, operator) = stack().await;
    let path = format!("?namespace={}&order=asc", namespace.name);
    let items = wait::until_some("the journal to have all objects", async || {
        let (_, page) = operator.history(&path);
        let items = page["items"].as_array()?.clone();
        let kinds: BTreeSet<&str> = items.iter().filter_map(|item| item["kind"].as_str()).collect();
        (kinds.len() == 6).then_some(items.clone())
    })
    .await;
    let wrong: Vec<_> = items.iter().filter(|item| item["phase"] == "Error").collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[tokio::test]
async fn what_somebody_deletes_is_made_again() {
    let (namespace, operator) = stack().await;
    comes_back::<Deployment>(&namespace, "puppet").await;
    comes_back::<Service>(&namespace, "agents").await;
    comes_back::<Service>(&namespace, "corp-internal").await;
    comes_back::<ConfigMap>(&namespace, "main-config").await;
    comes_back::<Secret>(&namespace, "corp-autosign-policy").await;
    assert_eq!(operator.errors(), Vec::<String>::new());
}

#[tokio::test]
async fn what_somebody_changes_is_put_back_and_what_somebody_adds_stays() {
    let (namespace, operator) = stack().await;
    let patch = json!({"spec": {"template": {"spec": {"containers": [{"name": "openvox-server", "image": "evil.test/server"}]}}}});
    let deployments = namespace.api::<Deployment>();
    let strategic = kube::api::Patch::Strategic(&patch);
    deployments.patch("puppet", &kube::api::PatchParams::default(), &strategic).await.unwrap();
    let image = |live: &Deployment| live.spec.as_ref()?.template.spec.as_ref()?.containers.first()?.image.clone();
    wait::until(&deployments, "puppet", "to run its own image again", |live| image(live).as_deref() == Some("example.test/server:v1"))
        .await;

    let files = namespace.api::<ConfigMap>();
    let before = files.get("main-config").await.unwrap().data.unwrap();
    namespace.merge::<ConfigMap>("main-config", json!({"data": {"puppet.conf": "[main]\n"}})).await;
    wait::until(&files, "main-config", "to have its own puppet.conf again", |live| live.data.as_ref() == Some(&before)).await;

    namespace
        .merge::<Service>("agents", json!({"metadata": {"annotations": {"mine": "yes"}}, "spec": {"sessionAffinity": "ClientIP"}}))
        .await;
    namespace.merge::<Pool>("agents", json!({"spec": {"service": {"port": 8141}}})).await;
    let port = |live: &Service| live.spec.as_ref()?.ports.as_ref()?.first().map(|port| port.port);
    let service = wait::until(&namespace.api::<Service>(), "agents", "to have the new port", |live| port(live) == Some(8141)).await;
    assert_eq!(service.annotations().get("mine").map(String::as_str), Some("yes"));
    assert_eq!(operator.errors(), Vec::<String>::new());
}

#[tokio::test]
async fn companions_of_a_server_come_and_go_with_its_spec() {
    let (namespace, operator) = stack().await;
    let on = json!({"spec": {
        "pdb": {"enabled": true, "minAvailable": 1}, "autoscaling": {"enabled": true}, "networkPolicy": {"enabled": true},
    }});
    namespace.merge::<Server>("puppet", on).await;
    wait::until(&namespace.api::<PodDisruptionBudget>(), "puppet", "to exist", |_| true).await;
    wait::until(&namespace.api::<HorizontalPodAutoscaler>(), "puppet", "to exist", |_| true).await;
    wait::until(&namespace.api::<NetworkPolicy>(), "puppet-netpol", "to exist", |_| true).await;
    let off = json!({"spec": {"pdb": {"enabled": false}, "autoscaling": null, "networkPolicy": {"enabled": false}}});
    namespace.merge::<Server>("puppet", off).await;
    wait::until_gone(&namespace.api::<PodDisruptionBudget>(), "puppet").await;
    wait::until_gone(&namespace.api::<HorizontalPodAutoscaler>(), "puppet").await;
    wait::until_gone(&namespace.api::<NetworkPolicy>(), "puppet-netpol").await;
    assert_eq!(operator.errors(), Vec::<String>::new());
}

#[tokio::test]
async fn a_changed_config_rolls_the_pods_and_a_broken_one_leaves_them_alone() {
    let (namespace, operator) = stack().await;
    let deployments = namespace.api::<Deployment>();
    let template = |live: &Deployment| live.spec.as_ref().and_then(|spec| spec.template.metadata.clone()?.annotations);
    let before = template(&deployments.get("puppet").await.unwrap());
    namespace.merge::<Config>("main", json!({"spec": {"puppet": {"environmentTimeout": "10m"}}})).await;
    let rolled = wait::until(&deployments, "puppet", "to have another template", |live| template(live) != before).await;

    namespace.merge::<Config>("main", json!({"spec": {"puppet": {"environmentTimeout": "10m\nreports = evil"}}})).await;
    namespace.says::<Config>("main", "Error/RenderFailed", "RenderFailed", &["spec.puppet.environmentTimeout", "stay in use"]).await;
    assert_eq!(template(&deployments.get("puppet").await.unwrap()), template(&rolled));
    namespace.merge::<Config>("main", json!({"spec": {"puppet": {"environmentTimeout": "unlimited"}}})).await;
    let after = template(&rolled);
    wait::until(&deployments, "puppet", "to have the template of the corrected Config", |live| template(live) != after).await;
    assert_eq!(operator.errors(), Vec::<String>::new());
}
