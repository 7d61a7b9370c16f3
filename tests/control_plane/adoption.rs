//! Objects that stand already, made by another operator or restored from a backup without their status: they
//! are taken over as they are.

use crate::authority::Authority;
use crate::support::namespace::{events, ready};
use crate::support::operator::Options;
use crate::support::{Cluster, Namespace, Operator, wait};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{Pod, Secret};
use kube::ResourceExt as _;
use kube::api::{ListParams, Patch, PatchParams};
use openvox_crds::{Certificate, CertificateAuthority, Config, Pool, Server, ServerSpec, SigningPolicy};
use openvox_operator::build::{self, Scope, label_set};
use serde_json::json;
use std::collections::BTreeMap;
use std::time::Duration;

const STACK: &str = r#"
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
spec: {certificateAuthorityRef: corp, pattern: {allow: ["*.example.test"]}}
---
apiVersion: openvox.voxpupuli.org/v1alpha1
kind: Certificate
metadata: {name: corp-operator-signing}
spec: {authorityRef: corp, certname: corp-operator}
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
spec: {configRef: main, certificateRef: puppet, ca: true, poolRefs: [agents]}
"#;

/// All of a stack as another operator leaves it: our objects without a status, the CA's material, the volume,
/// and a Deployment with a template of its own.
async fn stack_of_another_operator(namespace: &Namespace) {
    Authority::shared().set_up(namespace, "corp").await;
    namespace.put(&Authority::shared().tls_secret(&namespace.name, "corp", "puppet", "puppet")).await;
    namespace.put(&build::persistent_volume_claim::ca_data(Scope { namespace: &namespace.name, owner: None }, "corp", None)).await;
    namespace.create_all(STACK).await;
    let server = namespace.api::<Server>().get("puppet").await.unwrap();
    let spec = ServerSpec { ..server.spec.clone() };
    let labels = label_set::server("puppet", &spec, "corp");
    let deployment = json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {
            "name": "puppet", "labels": labels,
            "ownerReferences": [{
                "apiVersion": "openvox.voxpupuli.org/v1alpha1", "kind": "Server", "name": "puppet", "uid": server.uid(), "controller": true,
            }],
        },
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": label_set::server_selector("puppet")},
            "template": {
                "metadata": {"labels": labels, "annotations": {"written-by": "another operator"}},
                "spec": {"schedulerName": "nobody", "containers": [{"name": "openvox-server", "image": "example.test/server:v0"}]},
            },
        },
    });
    namespace.create_one(&deployment).await.unwrap();
}

/// What a kubelet would report of the pods of a Deployment.
async fn pods_become_ready(namespace: &Namespace, selector: &str) {
    let pods = namespace.api::<Pod>();
    let found = wait::until_some("a pod", async || {
        let list = pods.list(&ListParams::default().labels(selector)).await.unwrap();
        list.items.into_iter().next()
    })
    .await;
    let status = json!({"status": {
        "phase": "Running", "podIP": "10.9.9.9", "podIPs": [{"ip": "10.9.9.9"}],
        "conditions": [{"type": "Ready", "status": "True"}, {"type": "ContainersReady", "status": "True"}],
    }});
    pods.patch_status(&found.name_any(), &PatchParams::default(), &Patch::Merge(&status)).await.unwrap();
}

/// What the endpoint controller would write once the pods of a Service are ready: it leaves out pods without a node.
async fn endpoint_becomes_ready(namespace: &Namespace, service: &str) {
    let slice = json!({
        "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
        "metadata": {
            "name": format!("{service}-by-hand"),
            "labels": {
                "kubernetes.io/service-name": service, "app.kubernetes.io/managed-by": "openvox-operator",
                "endpointslice.kubernetes.io/managed-by": "tests",
            },
        },
        "endpoints": [{"addresses": ["10.9.9.9"], "conditions": {"ready": true}, "targetRef": {"kind": "Pod", "name": "puppet-0"}}],
    });
    namespace.create_one(&slice).await.unwrap();
}

/// Everything that must not change: Secrets with keys and certificates by their versions, the Deployment's spec,
/// and that there is no Job.
async fn standing(namespace: &Namespace) -> BTreeMap<String, String> {
    let all = ListParams::default();
    let secrets = namespace.api::<Secret>().list(&all).await.unwrap().items.into_iter();
    let mut standing: BTreeMap<String, String> = secrets
        // The rules of the policies hold no key; they are rendered.
        .filter(|secret| secret.name_any() != "corp-autosign-policy")
        .map(|secret| (secret.name_any(), secret.resource_version().unwrap()))
        .collect();
    for deployment in namespace.api::<Deployment>().list(&all).await.unwrap() {
        let by_us = deployment.managed_fields().iter().any(|entry| entry.manager.as_deref() == Some("openvox-operator"));
        standing.insert(
            format!("Deployment {}", deployment.name_any()),
            format!("{:?} {by_us} {:?}", deployment.metadata.generation, deployment.spec),
        );
    }
    for job in namespace.api::<Job>().list(&all).await.unwrap() {
        standing.insert(format!("Job {}", job.name_any()), String::new());
    }
    standing
}

async fn settles(namespace: &Namespace) {
    namespace.reaches::<CertificateAuthority>("corp", "Ready/Valid").await;
    namespace.reaches::<Certificate>("corp-operator-signing", "Signed/Valid").await;
    namespace.reaches::<Certificate>("puppet", "Signed/Valid").await;
    namespace.reaches::<Config>("main", "Running/Rendered").await;
    namespace.reaches::<SigningPolicy>("all", "Pending/Rendering").await;
    namespace.says::<Pool>("agents", "Ready/Synced", "ServiceSynced", &["1 ready endpoint"]).await;
    namespace.reaches::<Server>("puppet", "Running/Available").await;
}

/// The writes that an operator has counted, by kind and verb.
fn writes_of(operator: &Operator) -> Vec<String> {
    let metrics = operator.metrics();
    let mut lines: Vec<String> = metrics.lines().filter(|line| line.starts_with("openvox_api_writes_total{")).map(str::to_owned).collect();
    lines.sort();
    lines
}

/// A new operator has looked at everything.
async fn has_looked(operator: &Operator) {
    let kinds = [("CertificateAuthority", 1), ("Certificate", 2), ("Config", 1), ("SigningPolicy", 1), ("Pool", 1), ("Server", 1)];
    for (kind, objects) in kinds {
        let label = format!("kind=\"{kind}\"");
        let phases = async || (operator.metric("openvox_resource_phase", &[&label]) == objects).then_some(());
        wait::until_some(&format!("the phases of {kind}"), phases).await;
    }
}

#[tokio::test]
async fn what_another_operator_made_is_taken_over_untouched_and_a_settled_stack_is_not_written_to() {
    let namespace = Cluster::shared().namespace().await;
    stack_of_another_operator(&namespace).await;
    let before = standing(&namespace).await;

    let operator = Operator::in_namespace(&namespace).await;
    namespace.reaches::<Server>("puppet", "Pending/Deploying").await;
    pods_become_ready(&namespace, "openvox.voxpupuli.org/server=puppet").await;
    endpoint_becomes_ready(&namespace, "agents").await;
    settles(&namespace).await;
    assert_eq!(standing(&namespace).await, before);
    assert_eq!(events(&namespace.api::<CertificateAuthority>().get("corp").await.unwrap()), ["Adopted"]);
    assert_eq!(events(&namespace.api::<Server>().get("puppet").await.unwrap())[0], "Adopted");
    let certificate = namespace.api::<Certificate>().get("puppet").await.unwrap();
    assert_eq!(events(&certificate), ["Adopted"]);
    assert_eq!(ready(&certificate).unwrap().0, "CertificateSigned");

    // From here on nothing is to be done. Endpoints and pod counts have arrived; give what is late a moment.
    tokio::time::sleep(Duration::from_secs(2)).await;
    let writes = writes_of(&operator);
    let audited = Cluster::shared().operator_writes(&namespace.name);
    tokio::time::sleep(Duration::from_secs(8)).await;
    assert_eq!(writes_of(&operator), writes);
    assert_eq!(operator.errors(), Vec::<String>::new());
    assert!(operator.terminate().await.success());

    let second = Options::new(&namespace).start();
    second.ready().await;
    has_looked(&second).await;
    tokio::time::sleep(Duration::from_secs(8)).await;
    assert_eq!(writes_of(&second), Vec::<String>::new());
    assert_eq!(Cluster::shared().operator_writes(&namespace.name), audited, "writes that stand in the audit log only");
    assert_eq!(standing(&namespace).await, before);
    assert_eq!(second.errors(), Vec::<String>::new());
}

#[tokio::test]
async fn a_status_that_was_lost_is_found_again_and_the_history_goes_on_where_the_journal_ends() {
    let namespace = Cluster::shared().namespace().await;
    stack_of_another_operator(&namespace).await;
    let options = Options::new(&namespace);
    let operator = options.start();
    let adopted: Certificate = namespace.reaches("puppet", "Signed/Valid").await;
    assert_eq!(events(&adopted), ["Adopted"]);
    wait::until_some("the journal to have it", async || {
        let (_, page) = operator.history(&format!("?kind=Certificate&namespace={}&name=puppet", namespace.name));
        page["items"].as_array().is_some_and(|items| items.len() == 1).then_some(())
    })
    .await;
    assert!(operator.terminate().await.success());

    let api = namespace.api::<Certificate>();
    api.patch_status("puppet", &PatchParams::default(), &Patch::Merge(&json!({"status": null}))).await.unwrap();
    let before = standing(&namespace).await;
    let _operator = options.start();
    let found: Certificate = namespace.reaches("puppet", "Signed/Valid").await;
    let status = found.status.as_ref().unwrap();
    let seqs: Vec<i64> = status.lifecycle.history.iter().map(|entry| entry.seq).collect();
    assert_eq!((events(&found), seqs), (vec!["Adopted".to_owned()], vec![2]));
    assert_eq!(standing(&namespace).await, before);
}
