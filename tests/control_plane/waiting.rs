//! What waits or fails says why at once, and costs next to nothing as long as nothing changes.

use crate::authority::Authority;
use crate::fake_ca::{Behaviour, FakeCa};
use crate::issuing::{WEB, outside};
use crate::setup::NEW;
use crate::support::namespace::{events, ready};
use crate::support::{Cluster, Namespace, Operator, wait};
use k8s_openapi::api::core::v1::{Binding, Pod};
use k8s_openapi::api::events::v1::Event;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Status;
use kube::ResourceExt as _;
use kube::api::{ListParams, Patch, PatchParams, PostParams};
use openvox_crds::{Certificate, CertificateAuthority, Server};
use serde_json::{Value, json};

/// The pods with a label become as a kubelet would report them. None is there before the controllers have made it.
async fn pods_become(namespace: &Namespace, label: &str, status: impl Fn(usize) -> Value, at_least: usize) {
    let api = namespace.api::<Pod>();
    let pods = wait::until_some("pods to be made", async || {
        let pods = api.list(&ListParams::default().labels(label)).await.unwrap().items;
        (pods.len() >= at_least).then_some(pods)
    })
    .await;
    for (index, pod) in pods.iter().enumerate() {
        if pod.spec.as_ref().is_some_and(|spec| spec.node_name.is_none()) {
            // The scheduler has nothing to say about a pod that has a node.
            let binding = json!({"apiVersion": "v1", "kind": "Binding", "metadata": {"name": pod.name_any()}, "target": {"kind": "Node", "name": "somewhere"}});
            let binding: Binding = serde_json::from_value(binding).unwrap();
            let _: Status = api.create_subresource("binding", &pod.name_any(), &PostParams::default(), &binding).await.unwrap();
        }
        let patch = json!({"status": status(index)});
        api.patch_status(&pod.name_any(), &PatchParams::default(), &Patch::Merge(&patch)).await.unwrap();
    }
}

/// The first container of a pod that has a node.
fn container(name: &str, more: &Value) -> Value {
    let mut container = json!({"name": name, "ready": false, "restartCount": 0, "image": "example.test/server:v1", "imageID": ""});
    container.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let scheduled = json!([{"type": "PodScheduled", "status": "True"}]);
    json!({"phase": "Pending", "conditions": scheduled, "containerStatuses": [container]})
}

/// How the container ended, with a log as a Java program leaves it.
fn end(time: &str) -> Value {
    let words = format!("{time} ERROR cannot open the database: password=hunter2 refused\n\tat a.b(C.java:1)\n");
    json!({"terminated": {"exitCode": 3, "reason": "Error", "message": words}})
}

fn crash(restarts: i32) -> Value {
    let end = end("2026-11-30T12:00:00Z");
    if restarts == 0 {
        return container("openvox-server", &json!({"restartCount": 0, "state": end}));
    }
    let waiting = json!({"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 40s restarting failed container"}});
    container("openvox-server", &json!({"restartCount": restarts, "state": waiting, "lastState": end}))
}

async fn server() -> (Namespace, Operator) {
    let namespace = Cluster::shared().namespace().await;
    Authority::shared().found(&namespace, "corp").await;
    namespace.put(&Authority::shared().tls_secret(&namespace.name, "corp", "puppet", "puppet")).await;
    let operator = Operator::in_namespace(&namespace).await;
    namespace.create_all(NEW).await;
    namespace.reaches::<Server>("puppet", "Pending/Deploying").await;
    // The Config is rendered once more when the operator's pair is adopted, and then the pods are made anew.
    let pods = async || {
        let pods = namespace.api::<Pod>().list(&ListParams::default().labels(OF_SERVER)).await.unwrap().items;
        pods.iter().filter_map(|pod| pod.metadata.uid.clone()).collect::<Vec<_>>()
    };
    wait::until_some("the same pods for two seconds", async || {
        let before = pods().await;
        tokio::time::sleep(std::time::Duration::from_secs(2)).await;
        (!before.is_empty() && before == pods().await).then_some(())
    })
    .await;
    (namespace, operator)
}

const OF_SERVER: &str = "openvox.voxpupuli.org/server=puppet";

#[tokio::test]
async fn a_server_that_crashes_is_an_error_at_the_second_end_and_says_its_last_words_without_secrets() {
    let (namespace, operator) = server().await;
    pods_become(&namespace, OF_SERVER, |_| crash(0), 1).await;
    let words = ["exit code 3", "cannot open the database"];
    namespace.says::<Server>("puppet", "Pending/Deploying", "Deploying", &words).await;
    pods_become(&namespace, OF_SERVER, |_| crash(3), 1).await;
    let words = ["exit code 3", "restarted 3 times", "cannot open the database", "kubectl logs puppet-", "--previous"];
    let crashing: Server = namespace.says("puppet", "Error/Crashing", "ContainerCrashing", &words).await;
    let (_, message) = ready(&crashing).unwrap();
    assert!(!message.contains("hunter2") && !message.contains("C.java"), "{message}");
    let announced = wait::until_some("a Warning with the last words", async || {
        let events = namespace.api::<Event>().list(&ListParams::default()).await.unwrap().items;
        events.into_iter().find(|event| event.reason.as_deref() == Some("PodsFailed"))
    })
    .await;
    assert_eq!(announced.type_.as_deref(), Some("Warning"));
    let note = announced.note.unwrap();
    assert!(note.contains("exit code 3") && note.contains("cannot open the database") && !note.contains("hunter2"), "{note}");

    // The kubelet goes on trying; nothing of that is news.
    let again = json!({"restartCount": 4, "state": {"running": {}}, "lastState": end("2026-11-30T12:00:40Z")});
    pods_become(&namespace, OF_SERVER, |_| container("openvox-server", &again), 1).await;
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    let now = namespace.api::<Server>().get("puppet").await.unwrap();
    assert_eq!(serde_json::to_value(&now.status).unwrap(), serde_json::to_value(&crashing.status).unwrap());
    assert_eq!(operator.errors(), Vec::<String>::new());
}

#[tokio::test]
async fn an_image_that_cannot_be_pulled_is_an_error_until_it_can() {
    let (namespace, operator) = server().await;
    let pull =
        |reason: &str, message: &str| container("openvox-server", &json!({"state": {"waiting": {"reason": reason, "message": message}}}));
    pods_become(&namespace, OF_SERVER, |_| pull("ErrImagePull", "manifest unknown"), 1).await;
    let words = ["example.test/server:v1", "manifest unknown", "kubectl describe pod puppet-"];
    namespace.says::<Server>("puppet", "Error/NotStarting", "ImageNotPulled", &words).await;
    pods_become(&namespace, OF_SERVER, |_| pull("ContainerCreating", ""), 1).await;
    let back: Server = namespace.reaches("puppet", "Pending/Deploying").await;
    assert_eq!(events(&back).last().map(String::as_str), Some("PodsStarting"));
    assert_eq!(operator.errors(), Vec::<String>::new());
}

#[tokio::test]
async fn a_set_up_whose_container_ends_badly_says_so_before_its_job_gives_up() {
    let namespace = Cluster::shared().namespace().await;
    let operator = Operator::in_namespace(&namespace).await;
    namespace.create_all(NEW).await;
    namespace.reaches::<CertificateAuthority>("corp", "Initializing/SetupRunning").await;
    let ended = || {
        let end = json!({"terminated": {"exitCode": 1, "message": "private/ca_key.pem does not fit ca_crt.pem"}});
        let mut status = container("ca-setup", &json!({"state": end}));
        status["phase"] = "Failed".into();
        status
    };
    // The Job controller makes another pod ten seconds after the first.
    for pods in [1, 2] {
        pods_become(&namespace, "batch.kubernetes.io/job-name=corp-ca-setup", |_| ended(), pods).await;
    }
    let words = ["container ca-setup", "exit code 1", "does not fit", "kubectl logs job/corp-ca-setup"];
    namespace.says::<CertificateAuthority>("corp", "Error/Retrying", "SetupFailed", &words).await;
    Authority::shared().set_up(&namespace, "corp").await;
    namespace.put(&Authority::shared().tls_secret(&namespace.name, "corp", "puppet", "puppet")).await;
    namespace.reaches::<CertificateAuthority>("corp", "Ready/Valid").await;
    assert_eq!(operator.errors(), Vec::<String>::new());
}

#[tokio::test]
async fn a_conflict_that_stays_costs_one_call_a_look_and_one_that_ends_is_over_with_the_next() {
    let namespace = Cluster::shared().namespace().await;
    let ca = FakeCa::start(Behaviour::HasAnotherKey);
    let operator = Operator::in_namespace(&namespace).await;
    outside(&namespace, &ca).await;
    namespace.create_all(WEB).await;
    let found: Certificate = namespace.says("web", "Requested/Conflict", "CertnameConflict", &["puppetserver ca clean"]).await;
    let calls = |call: &str| operator.metric("openvox_ca_calls_total", &[&format!("call=\"{call}\"")]);
    let asked = ["submit", "fetch", "queued"].map(calls);
    // The first look comes after half a minute.
    wait::until_some("a look at the conflict", async || (calls("fetch") > asked[1]).then_some(())).await;
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    assert_eq!(["submit", "fetch", "queued"].map(calls), [asked[0], asked[1] + 1, asked[2]]);
    let now = namespace.api::<Certificate>().get("web").await.unwrap();
    assert_eq!((events(&now), now.resource_version()), (events(&found), found.resource_version()));
    assert_eq!(ca.submitted().len(), 1);

    ca.becomes(Behaviour::Signs);
    ca.clean("web.example.test");
    let look = json!({"metadata": {"annotations": {"openvox.voxpupuli.org/requestedAt": "now"}}});
    namespace.merge::<Certificate>("web", look).await;
    namespace.reaches::<Certificate>("web", "Signed/Valid").await;
    assert_eq!(operator.errors(), Vec::<String>::new());
}

#[tokio::test]
async fn a_renew_before_of_more_than_its_life_renews_a_certificate_once() {
    let namespace = Cluster::shared().namespace().await;
    let ca = FakeCa::start(Behaviour::Signs);
    let operator = Operator::in_namespace(&namespace).await;
    outside(&namespace, &ca).await;
    namespace.create_all(WEB).await;
    namespace.reaches::<Certificate>("web", "Signed/Valid").await;
    namespace.merge::<Certificate>("web", json!({"spec": {"renewBefore": "7300d"}})).await;
    let renewed = wait::until(&namespace.api::<Certificate>(), "web", "to be renewed", |certificate| {
        events(certificate).last().map(String::as_str) == Some("CertificateRenewed")
    })
    .await;
    assert!(events(&renewed).contains(&"RenewalRescheduled".to_owned()), "{:?}", events(&renewed));
    namespace.says::<Certificate>("web", "Signed/Valid", "CertificateSigned", &["more than two thirds of its life"]).await;
    namespace.merge::<Certificate>("web", json!({"metadata": {"labels": {"touched": "yes"}}})).await;
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    assert_eq!(ca.renewals(), 1);
    assert_eq!(operator.errors(), Vec::<String>::new());
}
