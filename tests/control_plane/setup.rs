//! A new CA inside the cluster: the set-up Job and what it may do, played here by the test, and what is left when
//! the authority is deleted.

use crate::authority::Authority;
use crate::support::{Cluster, Namespace, Operator, wait};
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{PersistentVolumeClaim, Pod, Secret, Service, ServiceAccount};
use k8s_openapi::api::rbac::v1::{Role, RoleBinding};
use kube::ResourceExt as _;
use kube::api::{DeleteParams, ListParams, Patch, PatchParams};
use openvox_crds::{Certificate, CertificateAuthority};
use serde_json::{Value, json};

pub const NEW: &str = "
apiVersion: openvox.voxpupuli.org/v1alpha1
kind: Config
metadata: {name: main}
spec: {authorityRef: corp, image: {repository: example.test/server, tag: v1}}
---
apiVersion: openvox.voxpupuli.org/v1alpha1
kind: CertificateAuthority
metadata: {name: corp}
spec: {}
---
apiVersion: openvox.voxpupuli.org/v1alpha1
kind: Certificate
metadata: {name: puppet}
spec: {authorityRef: corp, certname: puppet}
---
apiVersion: openvox.voxpupuli.org/v1alpha1
kind: Server
metadata: {name: puppet}
spec: {configRef: main, certificateRef: puppet, ca: true}
";

/// The pod of the set-up Job ends as a kubelet would report it.
pub async fn setup_pod_ends(namespace: &Namespace, status: Value) {
    let pods = namespace.api::<Pod>();
    let pod = wait::until_some("the pod of the set-up Job", async || {
        let list = pods.list(&ListParams::default().labels("batch.kubernetes.io/job-name=corp-ca-setup")).await.unwrap();
        list.items.into_iter().find(|pod| pod.status.as_ref().is_none_or(|status| status.phase.as_deref() == Some("Pending")))
    })
    .await;
    pods.patch_status(&pod.name_any(), &PatchParams::default(), &Patch::Merge(&json!({"status": status}))).await.unwrap();
}

#[tokio::test]
async fn a_new_ca_is_set_up_by_one_job_that_may_write_its_secrets_only_and_outlives_its_object() {
    let namespace = Cluster::shared().namespace().await;
    let operator = Operator::in_namespace(&namespace).await;
    namespace.create_all(NEW).await;
    namespace.reaches::<CertificateAuthority>("corp", "Initializing/SetupRunning").await;
    wait::until(&namespace.api::<Job>(), "corp-ca-setup", "to exist", |_| true).await;

    // What the Job may do: nothing but these five Secrets.
    let role = namespace.api::<Role>().get("corp-ca-setup").await.unwrap();
    for rule in role.rules.unwrap_or_default() {
        assert_eq!(rule.resources.as_deref(), Some(&["secrets".to_owned()][..]), "{rule:?}");
        let mut names = rule.resource_names.clone().unwrap_or_default();
        names.sort();
        let all = ["corp-ca", "corp-ca-crl", "corp-ca-key", "corp-operator-signing-tls", "puppet-tls"];
        assert!(names == all || rule.verbs == ["create"], "{rule:?}");
    }
    let claim = namespace.api::<PersistentVolumeClaim>().get("corp-data").await.unwrap();
    assert_eq!(claim.owner_references(), [], "the volume does not go with the object");
    assert!(namespace.api::<Service>().get_opt("corp-internal").await.unwrap().is_some());

    // What the Job does.
    Authority::shared().set_up(&namespace, "corp").await;
    namespace.put(&Authority::shared().tls_secret(&namespace.name, "corp", "puppet", "puppet")).await;
    setup_pod_ends(&namespace, json!({"phase": "Succeeded"})).await;

    let authority: CertificateAuthority = namespace.reaches("corp", "Ready/Valid").await;
    let status = authority.status.unwrap();
    assert_eq!(status.ca_secret_name.as_deref(), Some("corp-ca"));
    assert!(status.not_after.is_some());
    for name in ["corp-operator-signing", "puppet"] {
        namespace.reaches::<Certificate>(name, "Signed/Valid").await;
    }
    wait::until_gone(&namespace.api::<Job>(), "corp-ca-setup").await;
    wait::until_gone(&namespace.api::<RoleBinding>(), "corp-ca-setup").await;
    wait::until_gone(&namespace.api::<Role>(), "corp-ca-setup").await;
    wait::until_gone(&namespace.api::<ServiceAccount>(), "corp-ca-setup").await;

    let authorities = namespace.api::<CertificateAuthority>();
    authorities.delete("corp", &DeleteParams::background()).await.unwrap();
    wait::until_gone(&authorities, "corp").await;
    wait::until_gone(&namespace.api::<Service>(), "corp-internal").await;
    for name in ["corp-ca", "corp-ca-key", "corp-ca-crl"] {
        let secret = namespace.api::<Secret>().get(name).await.unwrap();
        assert!(secret.metadata.deletion_timestamp.is_none(), "{name}");
    }
    assert!(namespace.api::<PersistentVolumeClaim>().get("corp-data").await.unwrap().metadata.deletion_timestamp.is_none());

    // The same authority again: it is found, not made anew.
    namespace
        .create_all("{apiVersion: openvox.voxpupuli.org/v1alpha1, kind: CertificateAuthority, metadata: {name: corp}, spec: {}}")
        .await;
    namespace.reaches::<CertificateAuthority>("corp", "Ready/Valid").await;
    assert!(namespace.api::<Job>().get_opt("corp-ca-setup").await.unwrap().is_none());
    assert_eq!(operator.errors(), Vec::<String>::new());
}

#[tokio::test]
async fn ca_secrets_that_vanish_are_not_made_anew_and_are_taken_back() {
    let namespace = Cluster::shared().namespace().await;
    let operator = Operator::in_namespace(&namespace).await;
    Authority::shared().found(&namespace, "corp").await;
    namespace.put(&Authority::shared().tls_secret(&namespace.name, "corp", "puppet", "puppet")).await;
    namespace.create_all(NEW).await;
    namespace.reaches::<CertificateAuthority>("corp", "Ready/Valid").await;
    let secrets = namespace.api::<Secret>();
    let key = secrets.get("corp-ca-key").await.unwrap();
    secrets.delete("corp-ca-key", &DeleteParams::default()).await.unwrap();
    namespace.says::<CertificateAuthority>("corp", "Error/Stalled", "SecretNotFound", &["ca_key.pem", "restore", "backup"]).await;
    assert!(secrets.get_opt("corp-ca-key").await.unwrap().is_none());
    namespace.put(&Secret { metadata: backup(&key), ..key }).await;
    namespace.reaches::<CertificateAuthority>("corp", "Ready/Valid").await;
    assert_eq!(operator.errors(), Vec::<String>::new());
}

/// The metadata that a backup keeps.
fn backup(secret: &Secret) -> kube::api::ObjectMeta {
    kube::api::ObjectMeta { name: secret.metadata.name.clone(), labels: secret.metadata.labels.clone(), ..Default::default() }
}
