//! The operator with the rights that the chart gives it, and not one more: all that it does, it may, and all that it may, it
//! does.

use crate::access::{may, somebody};
use crate::authority::Authority;
use crate::fake_ca::{Behaviour, FakeCa};
use crate::issuing::{WEB, outside};
use crate::setup::{NEW, setup_pod_ends};
use crate::support::operator::Options;
use crate::support::rights::{Granted, used};
use crate::support::{Cluster, Namespace, wait};
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{PersistentVolumeClaim, Secret, Service};
use k8s_openapi::api::events::v1::Event;
use kube::ResourceExt as _;
use kube::api::{DeleteParams, ListParams};
use openvox_crds::{Certificate, CertificateAuthority, NodeClassifier, Pool, Server, SigningPolicy};
use serde_json::{Value, json};

const MORE: &str = "
apiVersion: openvox.voxpupuli.org/v1alpha1
kind: Pool
metadata: {name: agents}
spec: {}
---
apiVersion: openvox.voxpupuli.org/v1alpha1
kind: SigningPolicy
metadata: {name: all}
spec: {certificateAuthorityRef: corp, any: true}
---
apiVersion: openvox.voxpupuli.org/v1alpha1
kind: NodeClassifier
metadata: {name: enc}
spec: {url: 'https://enc.example.com', request: {}, response: {}}
---
apiVersion: openvox.voxpupuli.org/v1alpha1
kind: Server
metadata: {name: compiler}
spec:
  configRef: main
  certificateRef: puppet
  pdb: {enabled: true}
  autoscaling: {enabled: true}
  networkPolicy: {enabled: true}
";

/// A kubeconfig with a token in place of the administrator's certificate.
fn kubeconfig_of(namespace: &Namespace, token: &str) -> Value {
    let file = std::fs::read_to_string(&namespace.kubeconfig).unwrap();
    let mut file: Value = serde_saphyr::from_str(&file).unwrap();
    for user in file["users"].as_array_mut().unwrap() {
        user["user"] = json!({"token": token});
    }
    file
}

#[tokio::test]
async fn the_chart_grants_what_the_operator_does_and_no_more() {
    let namespace = Cluster::shared().namespace().await;
    let granted = Granted::by_the_chart();
    let token = somebody(&namespace, "operator").await;
    may(&namespace, "operator", json!(granted.rules)).await;
    let folder = tempfile::tempdir().unwrap();
    let kubeconfig = folder.path().join("kubeconfig");
    std::fs::write(&kubeconfig, kubeconfig_of(&namespace, &token).to_string()).unwrap();
    let operator = Options::new(&namespace).kubeconfig(&kubeconfig).start();
    operator.ready().await;

    // A CA of its own, from its set-up to its end.
    namespace.create_all(NEW).await;
    wait::until(&namespace.api::<Job>(), "corp-ca-setup", "to exist", |_| true).await;
    Authority::shared().set_up(&namespace, "corp").await;
    namespace.put(&Authority::shared().tls_secret(&namespace.name, "corp", "puppet", "puppet")).await;
    setup_pod_ends(&namespace, json!({"phase": "Succeeded"})).await;
    namespace.reaches::<CertificateAuthority>("corp", "Ready/Valid").await;
    wait::until_gone(&namespace.api::<Job>(), "corp-ca-setup").await;
    namespace.create_all(MORE).await;
    namespace.reaches::<Pool>("agents", "Ready/Synced").await;
    namespace.reaches::<SigningPolicy>("all", "Pending/Rendering").await;
    namespace.reaches::<NodeClassifier>("enc", "Pending/WaitingForConfig").await;
    let autoscalers = namespace.api::<HorizontalPodAutoscaler>();
    wait::until(&autoscalers, "compiler", "to exist", |_| true).await;
    let off = json!({"spec": {"pdb": null, "autoscaling": null, "networkPolicy": null}});
    let _: Server = namespace.merge("compiler", off).await;
    wait::until_gone(&autoscalers, "compiler").await;
    wait::until_gone(&namespace.api::<k8s_openapi::api::networking::v1::NetworkPolicy>(), "compiler-netpol").await;
    let _: CertificateAuthority = namespace.merge("corp", json!({"spec": {"deletionPolicy": "Delete"}})).await;
    let owned = |claim: &PersistentVolumeClaim| !claim.owner_references().is_empty();
    wait::until(&namespace.api::<PersistentVolumeClaim>(), "corp-data", "to be owned", owned).await;
    namespace.api::<CertificateAuthority>().delete("corp", &DeleteParams::background()).await.unwrap();
    wait::until_gone(&namespace.api::<Service>(), "corp-internal").await;

    // A CA outside, and a Certificate from its key to its end.
    let ca = FakeCa::start(Behaviour::Signs);
    outside(&namespace, &ca).await;
    namespace.create_all(WEB).await;
    namespace.reaches::<Certificate>("web", "Signed/Valid").await;
    wait::until_gone(&namespace.api::<Secret>(), "web-tls-pending").await;
    namespace.api::<Certificate>().delete("web", &DeleteParams::default()).await.unwrap();
    wait::until_gone(&namespace.api::<Certificate>(), "web").await;
    let events = namespace.api::<Event>();
    wait::until_some("an Event", async || (!events.list(&ListParams::default()).await.unwrap().items.is_empty()).then_some(())).await;

    assert_eq!(operator.errors(), Vec::<String>::new());
    let forbidden: Vec<String> = operator.log().lines().filter(|line| line.contains("orbidden")).map(str::to_owned).collect();
    assert_eq!(forbidden, Vec::<String>::new());
    let Some(log) = Cluster::shared().audit_log() else { return };
    let used = used(&log, &format!("system:serviceaccount:{}:operator", namespace.name));
    let (missing, idle) = granted.compared_with(&used);
    assert!(missing.is_empty() && idle.is_empty(), "used and not granted: {missing:?}\ngranted and not used: {idle:?}");
}
