//! A CA in the cluster after its set-up: its list, its volume, its end, and its neighbours.

use crate::authority::Authority;
use crate::setup::{NEW, setup_pod_ends};
use crate::support::namespace::{documents, events};
use crate::support::{Cluster, Namespace, Operator, wait};
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{PersistentVolumeClaim, Secret, Service};
use k8s_openapi::api::rbac::v1::Role;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::ResourceExt as _;
use kube::api::DeleteParams;
use openvox_crds::CertificateAuthority;
use serde_json::{Value, json};

fn condition(authority: &CertificateAuthority, kind: &str) -> Option<Condition> {
    let conditions = &authority.status.as_ref()?.lifecycle.conditions;
    conditions.iter().find(|condition| condition.type_ == kind).cloned()
}

/// Waits until a condition has this reason and these words.
async fn shows(namespace: &Namespace, kind: &str, reason: &str, words: &[&str]) -> CertificateAuthority {
    let what = format!("to show {kind} with {reason} and {words:?}");
    wait::until(&namespace.api::<CertificateAuthority>(), "corp", &what, |live| {
        condition(live, kind).is_some_and(|is| is.reason == reason && words.iter().all(|word| is.message.contains(word)))
    })
    .await
}

/// A CA with all its material, whose volume claim exists.
async fn ready() -> (Namespace, Operator) {
    let namespace = Cluster::shared().namespace().await;
    let operator = Operator::in_namespace(&namespace).await;
    namespace.create_all(NEW).await;
    wait::until(&namespace.api::<Job>(), "corp-ca-setup", "to exist", |_| true).await;
    Authority::shared().set_up(&namespace, "corp").await;
    namespace.put(&Authority::shared().tls_secret(&namespace.name, "corp", "puppet", "puppet")).await;
    setup_pod_ends(&namespace, json!({"phase": "Succeeded"})).await;
    namespace.reaches::<CertificateAuthority>("corp", "Ready/Valid").await;
    wait::until_gone(&namespace.api::<Job>(), "corp-ca-setup").await;
    (namespace, operator)
}

async fn spec(namespace: &Namespace, patch: Value) {
    namespace.merge::<CertificateAuthority>("corp", json!({"spec": patch})).await;
}

#[tokio::test]
async fn a_list_that_cannot_be_fetched_is_said_and_the_ca_stays_ready() {
    let (namespace, operator) = ready().await;
    let slice = json!({
        "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
        "metadata": {"name": "corp-internal-test", "labels": {
            "kubernetes.io/service-name": "corp-internal",
            "app.kubernetes.io/managed-by": "openvox-operator",
            "openvox.voxpupuli.org/certificateauthority": "corp",
        }},
        "addressType": "IPv4", "endpoints": [{"addresses": ["192.0.2.7"], "conditions": {"ready": true}}],
        "ports": [{"name": "https", "port": 8140}],
    });
    namespace.create_one(&slice).await.unwrap();
    let authority = shows(&namespace, "Reconciling", "CRLNotRefreshed", &["cannot be reached", "the CA is asked again"]).await;
    assert_eq!(condition(&authority, "Ready").unwrap().status, "True");
    let status = authority.status.clone().unwrap();
    assert_eq!(status.lifecycle.state.as_deref(), Some("Ready/Valid"));
    let machine = status.lifecycle.machine.unwrap();
    assert_eq!(machine.attempt, Some(1));
    let wait = machine.next_attempt.unwrap().0.as_second() - status.lifecycle.history.last().unwrap().at.0.as_second();
    assert_eq!(wait, 30);
    assert_eq!(operator.errors(), Vec::<String>::new());
}

#[tokio::test]
async fn an_interval_of_nothing_is_said_and_is_no_way_to_turn_the_refresh_off() {
    let (namespace, operator) = ready().await;
    spec(&namespace, json!({"crlRefreshInterval": "0"})).await;
    let authority = shows(&namespace, "Stalled", "InvalidSpec", &["spec.crlRefreshInterval", "write a time above 0"]).await;
    assert_eq!(condition(&authority, "Ready").unwrap().status, "True");
    spec(&namespace, json!({"crlRefreshInterval": "10m"})).await;
    wait::until(&namespace.api::<CertificateAuthority>(), "corp", "to be content", |live| condition(live, "Stalled").is_none()).await;
    assert_eq!(operator.errors(), Vec::<String>::new());
}

#[tokio::test]
async fn a_volume_that_cannot_be_as_the_spec_wants_it_is_said() {
    let (namespace, operator) = ready().await;
    // Nothing has bound this claim, so the API server does not let it grow.
    spec(&namespace, json!({"storage": {"size": "2Gi"}})).await;
    shows(&namespace, "Reconciling", "ApplyFailed", &["PersistentVolumeClaim corp-data"]).await;
    spec(&namespace, json!({"storage": {"size": "512Mi"}})).await;
    shows(&namespace, "Stalled", "StorageNotChanged", &["512Mi", "1Gi", "cannot shrink"]).await;
    spec(&namespace, json!({"storage": {"size": "1Gi"}})).await;
    wait::until(&namespace.api::<CertificateAuthority>(), "corp", "to be content", |live| {
        condition(live, "Stalled").is_none() && condition(live, "Reconciling").is_none()
    })
    .await;
    assert_eq!(operator.errors(), Vec::<String>::new());
}

const BELONGINGS: [&str; 4] = ["corp-ca", "corp-ca-key", "corp-ca-crl", "corp-operator-signing-tls"];

#[tokio::test]
async fn volume_and_secrets_go_with_the_authority_only_where_its_policy_says_so() {
    let (namespace, operator) = ready().await;
    let owned = async |wanted: bool| {
        for name in BELONGINGS {
            wait::until(&namespace.api::<Secret>(), name, "to have the right owner", |live| live.owner_references().is_empty() != wanted)
                .await;
        }
        wait::until(&namespace.api::<PersistentVolumeClaim>(), "corp-data", "to have the right owner", |live| {
            live.owner_references().is_empty() != wanted
        })
        .await;
    };
    owned(false).await;
    spec(&namespace, json!({"deletionPolicy": "Delete"})).await;
    owned(true).await;
    spec(&namespace, json!({"deletionPolicy": "Retain"})).await;
    owned(false).await;
    spec(&namespace, json!({"deletionPolicy": "Delete"})).await;
    owned(true).await;
    namespace.api::<CertificateAuthority>().delete("corp", &DeleteParams::background()).await.unwrap();
    wait::until_gone(&namespace.api::<CertificateAuthority>(), "corp").await;
    for name in BELONGINGS {
        wait::until_gone(&namespace.api::<Secret>(), name).await;
    }
    assert_eq!(operator.errors(), Vec::<String>::new());
}

#[tokio::test]
async fn an_authority_that_somebody_holds_shows_that_it_goes() {
    let (namespace, operator) = ready().await;
    let held = json!({"metadata": {"finalizers": ["example.test/held"]}});
    namespace.merge::<CertificateAuthority>("corp", held).await;
    namespace.api::<CertificateAuthority>().delete("corp", &DeleteParams::background()).await.unwrap();
    let words = ["volume and Secrets of the CA stay"];
    let authority: CertificateAuthority = namespace.says("corp", "Terminating/Releasing", "Terminating", &words).await;
    assert_eq!(events(&authority).last().map(String::as_str), Some("DeletionStarted"));
    assert_eq!(authority.status.unwrap().phase.unwrap().as_str(), "Terminating");
    namespace.merge::<CertificateAuthority>("corp", json!({"metadata": {"finalizers": null}})).await;
    wait::until_gone(&namespace.api::<CertificateAuthority>(), "corp").await;
    for name in BELONGINGS {
        assert!(namespace.api::<Secret>().get(name).await.unwrap().metadata.deletion_timestamp.is_none(), "{name}");
    }
    assert_eq!(operator.errors(), Vec::<String>::new());
}

#[tokio::test]
async fn a_lost_volume_is_made_again_and_filled_by_the_set_up_before_the_ca_is_ready_again() {
    let (namespace, operator) = ready().await;
    let claims = namespace.api::<PersistentVolumeClaim>();
    let lost = claims.get("corp-data").await.unwrap().uid();
    claims.delete("corp-data", &DeleteParams::background()).await.unwrap();
    wait::until(&claims, "corp-data", "to be another one", |live| live.uid() != lost).await;
    wait::until(&namespace.api::<Job>(), "corp-ca-setup", "to exist again", |_| true).await;
    let running: CertificateAuthority = namespace.reaches("corp", "Initializing/SetupRunning").await;
    assert_eq!(
        running.status.unwrap().lifecycle.history.last().unwrap().data,
        Some(json!({"serverCertificate": null, "refill": true}).into())
    );
    setup_pod_ends(&namespace, json!({"phase": "Succeeded"})).await;
    namespace.reaches::<CertificateAuthority>("corp", "Ready/Valid").await;
    assert_eq!(operator.errors(), Vec::<String>::new());
}

#[tokio::test]
async fn a_claim_that_somebody_brings_is_used_for_the_set_up() {
    let namespace = Cluster::shared().namespace().await;
    let operator = Operator::in_namespace(&namespace).await;
    let claim = json!({
        "apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {
            "name": "corp-data", "labels": {"theirs": "yes"}, "annotations": {"openvox.voxpupuli.org/import": "corp"},
        },
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "3Gi"}}},
    });
    namespace.create_one(&claim).await.unwrap();
    namespace.create_all(NEW).await;
    namespace.reaches::<CertificateAuthority>("corp", "Initializing/SetupRunning").await;
    let claim = namespace.api::<PersistentVolumeClaim>().get("corp-data").await.unwrap();
    assert_eq!(claim.labels()["theirs"], "yes");
    assert_eq!(claim.labels()["openvox.voxpupuli.org/certificateauthority"], "corp");
    assert_eq!(operator.errors(), Vec::<String>::new());
}

#[tokio::test]
async fn the_set_up_waits_for_the_intermediate_ca_that_the_spec_names() {
    let namespace = Cluster::shared().namespace().await;
    let operator = Operator::in_namespace(&namespace).await;
    let mut manifests = documents(NEW);
    let authority = manifests.iter_mut().find(|manifest| manifest["kind"] == "CertificateAuthority").unwrap();
    authority["spec"] = json!({"intermediateCA": {"enabled": true, "secretName": "brought"}, "resources": {"limits": {"memory": "333Mi"}}});
    for manifest in &manifests {
        namespace.create_one(manifest).await.unwrap();
    }
    let state = "Initializing/Provisioning";
    namespace.says::<CertificateAuthority>("corp", state, "SecretNotFound", &["there is no Secret brought", "crl.pem"]).await;
    let part = |data: Value| json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "brought"}, "stringData": data});
    namespace.create_one(&part(json!({"ca.pem": "x", "crl.pem": "x"}))).await.unwrap();
    namespace.says::<CertificateAuthority>("corp", state, "SecretNotFound", &["Secret brought has no key.pem"]).await;
    namespace.merge::<Secret>("brought", json!({"stringData": {"key.pem": "x"}})).await;
    let job = wait::until(&namespace.api::<Job>(), "corp-ca-setup", "to exist", |_| true).await;
    let pod = job.spec.unwrap().template.spec.unwrap();
    let secrets: Vec<_> = pod.volumes.unwrap().into_iter().filter_map(|volume| volume.secret?.secret_name).collect();
    assert_eq!(secrets, ["brought"]);
    let limits = pod.containers[0].resources.clone().unwrap().limits.unwrap();
    assert_eq!(limits["memory"].0, "333Mi");
    assert_eq!(operator.errors(), Vec::<String>::new());
}

const TWO: &str = "
apiVersion: openvox.voxpupuli.org/v1alpha1
kind: Config
metadata: {name: NAME}
spec: {authorityRef: NAME, image: {repository: example.test/server, tag: v1}}
---
apiVersion: openvox.voxpupuli.org/v1alpha1
kind: CertificateAuthority
metadata: {name: NAME}
spec: {}
---
apiVersion: openvox.voxpupuli.org/v1alpha1
kind: Certificate
metadata: {name: NAME-server}
spec: {authorityRef: NAME, certname: puppet}
---
apiVersion: openvox.voxpupuli.org/v1alpha1
kind: Server
metadata: {name: NAME}
spec: {configRef: NAME, certificateRef: NAME-server, ca: true}
";

#[tokio::test]
async fn two_cas_in_a_namespace_do_not_mix() {
    let namespace = Cluster::shared().namespace().await;
    let operator = Operator::in_namespace(&namespace).await;
    for name in ["east", "west"] {
        namespace.create_all(&TWO.replace("NAME", name)).await;
    }
    for (name, other) in [("east", "west"), ("west", "east")] {
        wait::until(&namespace.api::<Job>(), &format!("{name}-ca-setup"), "to exist", |_| true).await;
        let role = namespace.api::<Role>().get(&format!("{name}-ca-setup")).await.unwrap();
        let names: Vec<String> = role.rules.unwrap().into_iter().flat_map(|rule| rule.resource_names.unwrap_or_default()).collect();
        assert!(names.contains(&format!("{name}-server-tls")) && names.iter().all(|secret| !secret.starts_with(other)), "{names:?}");
        let selector = namespace.api::<Service>().get(&format!("{name}-internal")).await.unwrap().spec.unwrap().selector.unwrap();
        assert_eq!(selector["openvox.voxpupuli.org/certificateauthority"], name);
    }
    Authority::shared().set_up(&namespace, "east").await;
    namespace.put(&Authority::shared().tls_secret(&namespace.name, "east", "east-server", "puppet")).await;
    namespace.reaches::<CertificateAuthority>("east", "Ready/Valid").await;
    let west = namespace.api::<CertificateAuthority>().get("west").await.unwrap();
    assert_eq!(west.status.unwrap().lifecycle.state.as_deref(), Some("Initializing/SetupRunning"));
    assert_eq!(operator.errors(), Vec::<String>::new());
}
