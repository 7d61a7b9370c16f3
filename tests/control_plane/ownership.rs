//! Nothing that is not ours is written, labelled, owned or deleted. For each object that the operator makes, a stack of its
//! own finds the name taken; then everything is changed, renewed and deleted.

use crate::authority::Authority;
use crate::fake_ca::{Behaviour, FakeCa};
use crate::support::namespace::documents;
use crate::support::{Cluster, Namespace, Operator, wait};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::ResourceExt as _;
use kube::api::{DeleteParams, DynamicObject, Patch, PatchParams};
use serde_json::{Value, json};
use std::time::Duration;

const OURS: &str = "openvox.voxpupuli.org/v1alpha1";

/// What a stack is made of; `NAME` is its own name.
enum Stack {
    /// A CA that is to be set up, with everything that runs it.
    NewAuthority,
    /// A CA outside the cluster, and a Certificate of it.
    External,
    /// A Pool.
    Pool,
    /// A Server of the CA `corp`.
    Server,
}

/// Each object that the operator makes: the stack that makes it, its name, which resource says that it is taken, and the
/// object.
fn taken() -> Vec<(Stack, &'static str, &'static str, Value)> {
    let pod = json!({"metadata": {"labels": {"their": "pod"}}, "spec": {"restartPolicy": "Never", "containers": [{"name": "a", "image": "theirs"}]}});
    let always = json!({"metadata": {"labels": {"their": "pod"}}, "spec": {"containers": [{"name": "a", "image": "theirs"}]}});
    let selector = json!({"matchLabels": {"their": "pod"}});
    let service = json!({"apiVersion": "v1", "kind": "Service", "spec": {"selector": {"their": "pod"}, "ports": [{"port": 80}]}});
    let secret = json!({"apiVersion": "v1", "kind": "Secret", "stringData": {"theirs": "kept", "ca_crl.pem": "theirs"}});
    let rbac = |kind: &str, more: Value| {
        let mut object = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": kind});
        object.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        object
    };
    let role = json!({"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "theirs"});
    let storage = json!({"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "10Gi"}}});
    let workload = json!({"apiVersion": "apps/v1", "kind": "Deployment", "name": "theirs"});
    vec![
        (
            Stack::NewAuthority,
            "NAME-data",
            "CertificateAuthority",
            json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "spec": storage}),
        ),
        (Stack::NewAuthority, "NAME-internal", "CertificateAuthority", service.clone()),
        (Stack::NewAuthority, "NAME-autosign-policy", "CertificateAuthority", secret.clone()),
        (Stack::NewAuthority, "NAME-ca-setup", "CertificateAuthority", json!({"apiVersion": "v1", "kind": "ServiceAccount"})),
        (Stack::NewAuthority, "NAME-ca-setup", "CertificateAuthority", rbac("Role", json!({"rules": []}))),
        (Stack::NewAuthority, "NAME-ca-setup", "CertificateAuthority", rbac("RoleBinding", json!({"roleRef": role}))),
        (
            Stack::NewAuthority,
            "NAME-ca-setup",
            "CertificateAuthority",
            json!({"apiVersion": "batch/v1", "kind": "Job", "spec": {"suspend": true, "template": pod}}),
        ),
        (Stack::NewAuthority, "NAME-config", "Config", json!({"apiVersion": "v1", "kind": "ConfigMap", "data": {"theirs": "kept"}})),
        (Stack::NewAuthority, "NAME-server", "Config", json!({"apiVersion": "v1", "kind": "ServiceAccount"})),
        (Stack::External, "NAME-ca-crl", "CertificateAuthority", secret.clone()),
        (Stack::External, "NAME-tls", "Certificate", secret.clone()),
        (Stack::External, "NAME-tls-pending", "Certificate", secret),
        (Stack::Pool, "NAME", "Pool", service),
        (
            Stack::Server,
            "NAME",
            "Server",
            json!({"apiVersion": "apps/v1", "kind": "Deployment", "spec": {"replicas": 0, "selector": selector, "template": always}}),
        ),
        (
            Stack::Server,
            "NAME",
            "Server",
            json!({"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "spec": {"selector": selector, "minAvailable": 1}}),
        ),
        (
            Stack::Server,
            "NAME",
            "Server",
            json!({"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "spec": {"maxReplicas": 3, "scaleTargetRef": workload}}),
        ),
        (
            Stack::Server,
            "NAME-netpol",
            "Server",
            json!({"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "spec": {"podSelector": {}}}),
        ),
    ]
}

fn ours(kind: &str, name: &str, spec: &Value) -> Value {
    json!({"apiVersion": OURS, "kind": kind, "metadata": {"name": name}, "spec": spec})
}

impl Stack {
    fn manifests(&self, name: &str, ca: &FakeCa) -> Vec<Value> {
        match self {
            Self::NewAuthority => vec![
                ours("CertificateAuthority", name, &json!({})),
                ours("Config", name, &json!({"authorityRef": name, "image": {"repository": "example.test/server", "tag": "v1"}})),
                ours("Certificate", name, &json!({"authorityRef": name, "certname": name, "privateKey": {"algorithm": "ECDSA"}})),
                ours("Server", name, &json!({"configRef": name, "certificateRef": name, "ca": true})),
            ],
            Self::External => vec![
                ours("CertificateAuthority", name, &json!({"external": {"url": ca.url, "caSecretRef": "trust"}})),
                ours("Certificate", name, &json!({"authorityRef": name, "certname": name, "privateKey": {"algorithm": "ECDSA"}})),
            ],
            Self::Pool => vec![ours("Pool", name, &json!({}))],
            Self::Server => {
                let on = json!({"enabled": true});
                let spec = json!({"configRef": "main", "certificateRef": "shared", "pdb": on, "autoscaling": on, "networkPolicy": on});
                vec![ours("Server", name, &spec)]
            }
        }
    }
}

/// A change of the spec that would change every object, and remove what may be removed.
fn change(kind: &str) -> Value {
    match kind {
        "CertificateAuthority" => json!({"spec": {"ttl": "4y", "deletionPolicy": "Delete", "crlRefreshInterval": "1s"}}),
        "Config" => json!({"spec": {"puppet": {"environmentTimeout": "10m"}}}),
        "Certificate" => json!({
            "metadata": {"annotations": {"openvox.voxpupuli.org/renew": "now", "openvox.voxpupuli.org/rekey": "now"}},
            "spec": {"dnsAltNames": ["changed.example.test"]},
        }),
        "Pool" => json!({"spec": {"service": {"port": 8141}}}),
        "Server" => json!({"spec": {"replicas": 2, "pdb": null, "autoscaling": null, "networkPolicy": null}}),
        kind => panic!("{kind}"),
    }
}

/// Everything about an object that somebody who took it over would change.
fn content(object: &DynamicObject) -> Value {
    let mut whole = serde_json::to_value(object).unwrap();
    whole.as_object_mut().unwrap().remove("status");
    let metadata = whole["metadata"].as_object_mut().unwrap();
    metadata.retain(|field, _| ["name", "uid", "labels", "ownerReferences", "deletionTimestamp"].contains(&field.as_str()));
    whole
}

/// The operator has written a field of the object.
fn is_written(object: &DynamicObject) -> bool {
    let tests = "openvox-operator-tests";
    let ours = |manager: &str| manager.starts_with("openvox-operator") && manager != tests;
    object.managed_fields().iter().any(|entry| entry.manager.as_deref().is_some_and(ours))
}

/// All conditions of an object as text.
async fn conditions(namespace: &Namespace, manifest: &Value) -> String {
    let name = manifest["metadata"]["name"].as_str().unwrap();
    let object = namespace.api_of(manifest).get(name).await.unwrap();
    object.data["status"]["conditions"].to_string()
}

/// The operator has acted on the spec as it is now.
async fn is_current(namespace: &Namespace, manifest: &Value) -> bool {
    let object = namespace.api_of(manifest).get(manifest["metadata"]["name"].as_str().unwrap()).await.unwrap();
    object.data["status"]["observedGeneration"].as_i64() == object.metadata.generation
}

/// Walks all objects with strangers that have these labels, or these owners.
async fn walk(labels: &Value, controlled: bool, words: &str) {
    let namespace = Cluster::shared().namespace().await;
    let ca = FakeCa::start(Behaviour::Signs);
    let owner = namespace.put(&serde_json::from_value::<ConfigMap>(json!({"metadata": {"name": "owner"}})).unwrap()).await;
    let owners = json!([{"apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": owner.uid(), "controller": true}]);
    let trust = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "trust"}, "stringData": {"ca_crt.pem": Authority::shared().files.bundle_pem}});
    namespace.create_one(&trust).await.unwrap();
    Authority::shared().found(&namespace, "corp").await;
    namespace.put(&Authority::shared().tls_secret(&namespace.name, "corp", "shared", "shared")).await;
    let shared = [
        ours("CertificateAuthority", "corp", &json!({})),
        ours("Config", "main", &json!({"authorityRef": "corp", "image": {"repository": "example.test/server", "tag": "v1"}})),
        ours("Certificate", "shared", &json!({"authorityRef": "corp", "certname": "shared"})),
    ];
    let mut theirs = Vec::new();
    let mut stacks = Vec::new();
    for (index, (stack, name, tells, mut object)) in taken().into_iter().enumerate() {
        let (stack_name, kind) = (format!("n{index}"), object["kind"].as_str().unwrap().to_owned());
        let name = name.replace("NAME", &stack_name);
        object["metadata"] = json!({"name": name, "labels": labels});
        if controlled {
            object["metadata"]["ownerReferences"] = owners.clone();
        }
        let made = namespace.create_one(&object).await.unwrap_or_else(|error| panic!("{error} for {object}"));
        theirs.push((object, made));
        stacks.push((stack.manifests(&stack_name, &ca), tells, format!("{kind} {name}")));
    }
    let operator = Operator::in_namespace(&namespace).await;
    for manifest in shared.iter().chain(stacks.iter().flat_map(|(manifests, ..)| manifests)) {
        namespace.create_one(manifest).await.unwrap();
    }
    let all: Vec<&Value> = stacks.iter().flat_map(|(manifests, ..)| manifests).collect();

    for (manifests, tells, what) in &stacks {
        let manifest = manifests.iter().find(|manifest| manifest["kind"] == *tells).unwrap();
        let said = async || {
            let conditions = conditions(&namespace, manifest).await;
            (conditions.contains(&format!("{what}: it ")) || conditions.contains(&format!("{what} "))).then_some(conditions)
        };
        let said = wait::until_some(&format!("{tells} to say that {what} is not ours"), said).await;
        assert!(said.contains(words), "{what}: {said}");
    }
    for manifest in &all {
        let (kind, name) = (manifest["kind"].as_str().unwrap(), manifest["metadata"]["name"].as_str().unwrap());
        namespace.api_of(manifest).patch(name, &PatchParams::default(), &Patch::Merge(&change(kind))).await.unwrap();
    }
    for manifest in &all {
        wait::until_some("the change to be seen", async || is_current(&namespace, manifest).await.then_some(())).await;
    }
    // Attempts are made again after one, two, four seconds.
    tokio::time::sleep(Duration::from_secs(4)).await;
    for manifest in &all {
        let name = manifest["metadata"]["name"].as_str().unwrap();
        namespace.api_of(manifest).delete(name, &DeleteParams::background()).await.unwrap();
    }
    for manifest in &all {
        let name = manifest["metadata"]["name"].as_str().unwrap();
        let gone = async || namespace.api_of(manifest).get_opt(name).await.unwrap().is_none().then_some(());
        wait::until_some(&format!("{} {name} to go", manifest["kind"]), gone).await;
    }
    // The garbage collector follows owners within a second or two.
    tokio::time::sleep(Duration::from_secs(3)).await;
    for (manifest, before) in theirs {
        let after = namespace.api_of(&manifest).get_opt(&before.name_any()).await.unwrap();
        let after = after.unwrap_or_else(|| panic!("{} {} is gone", manifest["kind"], before.name_any()));
        assert_eq!(content(&after), content(&before));
        assert!(!is_written(&after), "{:?}", after.metadata.managed_fields);
    }
    assert_eq!(operator.errors(), Vec::<String>::new());
}

#[tokio::test]
async fn an_object_of_somebody_else_stays_as_it_is() {
    walk(&json!({"their": "label"}), false, "was not made by the operator").await;
}

#[tokio::test]
async fn an_object_of_a_helm_release_stays_as_it_is() {
    walk(&json!({"app.kubernetes.io/managed-by": "Helm", "app.kubernetes.io/name": "shop"}), false, "was not made by the operator").await;
}

#[tokio::test]
async fn an_object_of_another_resource_of_ours_stays_as_it_is() {
    let labels = json!({"app.kubernetes.io/managed-by": "openvox-operator", "openvox.voxpupuli.org/server": "elsewhere"});
    walk(&labels, false, " the label openvox.voxpupuli.org/").await;
}

#[tokio::test]
async fn an_object_with_our_label_that_somebody_else_controls_stays_as_it_is() {
    walk(&json!({"app.kubernetes.io/managed-by": "openvox-operator"}), true, "is controlled by ConfigMap owner").await;
}

#[tokio::test]
async fn a_marked_claim_is_used_and_never_owned_nor_deleted() {
    let namespace = Cluster::shared().namespace().await;
    let operator = Operator::in_namespace(&namespace).await;
    let claim = json!({
        "apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "corp-data", "labels": {"theirs": "yes"}},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "3Gi"}}},
    });
    let before = namespace.create_one(&claim).await.unwrap();
    let manifests = documents(&crate::setup::NEW.replace("spec: {}", "spec: {deletionPolicy: Delete}"));
    for manifest in &manifests {
        namespace.create_one(manifest).await.unwrap();
    }
    let authority = manifests.iter().find(|manifest| manifest["kind"] == "CertificateAuthority").unwrap();
    let refused = async || {
        let said = conditions(&namespace, authority).await;
        (said.contains("PersistentVolumeClaim corp-data") && said.contains("openvox.voxpupuli.org/import=corp")).then_some(())
    };
    wait::until_some("the claim to be refused with the remedy", refused).await;
    let jobs = namespace.api::<k8s_openapi::api::batch::v1::Job>();
    assert!(jobs.get_opt("corp-ca-setup").await.unwrap().is_none());
    let claims = namespace.api::<k8s_openapi::api::core::v1::PersistentVolumeClaim>();
    assert_eq!(claims.get("corp-data").await.unwrap().labels(), before.labels());

    let mark = json!({"metadata": {"annotations": {"openvox.voxpupuli.org/import": "corp"}}});
    let _: k8s_openapi::api::core::v1::PersistentVolumeClaim = namespace.merge("corp-data", mark).await;
    namespace.reaches::<openvox_crds::CertificateAuthority>("corp", "Initializing/SetupRunning").await;
    wait::until(&jobs, "corp-ca-setup", "to exist", |_| true).await;
    let claim = claims.get("corp-data").await.unwrap();
    assert_eq!((claim.labels()["theirs"].as_str(), claim.labels()["openvox.voxpupuli.org/certificateauthority"].as_str()), ("yes", "corp"));
    assert_eq!(claim.owner_references(), []);
    for manifest in &manifests {
        let name = manifest["metadata"]["name"].as_str().unwrap();
        namespace.api_of(manifest).delete(name, &DeleteParams::background()).await.unwrap();
    }
    wait::until_gone(&namespace.api::<openvox_crds::CertificateAuthority>(), "corp").await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert!(claims.get("corp-data").await.unwrap().metadata.deletion_timestamp.is_none());
    assert_eq!(operator.errors(), Vec::<String>::new());
}
