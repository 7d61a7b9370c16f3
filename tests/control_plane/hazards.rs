//! What other operators of this kind got wrong and no other test shows (docs/decisions/hazards.md).

use crate::authority::Authority;
use crate::fake_ca::{Behaviour, FakeCa};
use crate::issuing::{WEB, outside};
use crate::support::{Cluster, Namespace, Operator, wait};
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::ResourceExt as _;
use kube::api::DeleteParams;
use openvox_crds::{Certificate, CertificateAuthority, Config};
use serde_json::json;

const STACK: &str = "
apiVersion: openvox.voxpupuli.org/v1alpha1
kind: CertificateAuthority
metadata: {name: corp}
spec: {allowAutoRenewal: false}
---
apiVersion: openvox.voxpupuli.org/v1alpha1
kind: Config
metadata: {name: main}
spec: {authorityRef: corp, image: {repository: example.test/server, tag: v1}}
";

async fn file(namespace: &Namespace, name: &str) -> String {
    let files = wait::until(&namespace.api::<ConfigMap>(), "main-config", "to be written", |_| true).await;
    files.data.unwrap().remove(name).unwrap()
}

#[tokio::test]
async fn only_an_operator_certificate_without_the_right_is_let_in_by_its_name() {
    let namespace = Cluster::shared().namespace().await;
    let operator = Operator::in_namespace(&namespace).await;
    Authority::shared().found(&namespace, "corp").await;
    namespace.create_all(STACK).await;
    namespace.reaches::<Config>("main", "Running/Rendered").await;
    assert!(!file(&namespace, "auth.conf").await.contains("corp-operator"));

    // What another operator had signed from a request, which cannot carry the right.
    let other = Authority::shared().tls_secret(&namespace.name, "corp", "corp-operator-signing", "corp-operator");
    namespace.api::<Secret>().delete("corp-operator-signing-tls", &DeleteParams::default()).await.unwrap();
    wait::until_gone(&namespace.api::<Secret>(), "corp-operator-signing-tls").await;
    namespace.put(&other).await;
    wait::until(&namespace.api::<ConfigMap>(), "main-config", "to name the operator", |files| {
        files.data.as_ref().is_some_and(|files| files["auth.conf"].contains("corp-operator"))
    })
    .await;
    assert_eq!(operator.errors(), Vec::<String>::new());
}

#[tokio::test]
async fn a_revoked_certificate_of_the_same_name_is_a_conflict_with_a_way_out() {
    let namespace = Cluster::shared().namespace().await;
    let ca = FakeCa::start(Behaviour::HasRevoked);
    let _operator = Operator::in_namespace(&namespace).await;
    outside(&namespace, &ca).await;
    namespace.create_all(WEB).await;
    let words = ["a revoked certificate for key", "puppetserver ca clean --certname web.example.test"];
    namespace.says::<Certificate>("web", "Requested/Conflict", "CertnameConflict", &words).await;
    assert!(namespace.api::<Secret>().get_opt("web-tls").await.unwrap().is_none());
}

#[tokio::test]
async fn the_secret_of_a_user_under_the_name_of_ours_is_neither_taken_over_nor_written() {
    let namespace = Cluster::shared().namespace().await;
    let ca = FakeCa::start(Behaviour::Signs);
    let _operator = Operator::in_namespace(&namespace).await;
    let theirs = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "web-tls"}, "stringData": {"mine": "keep"}});
    let before = namespace.create_one(&theirs).await.unwrap();
    outside(&namespace, &ca).await;
    namespace.create_all(WEB).await;
    namespace
        .says::<Certificate>("web", "Error/Retrying", "Retrying", &["Secret web-tls", "not made by the operator", "rename one of the two"])
        .await;
    let after = namespace.api::<Secret>().get("web-tls").await.unwrap();
    assert_eq!((after.resource_version(), after.owner_references().len()), (before.resource_version(), 0));
}

#[tokio::test]
async fn the_policy_file_outlives_any_of_the_configs_that_name_its_authority() {
    let namespace = Cluster::shared().namespace().await;
    let operator = Operator::in_namespace(&namespace).await;
    Authority::shared().found(&namespace, "corp").await;
    namespace.create_all(STACK).await;
    namespace.create_all(&STACK.split("---\n").nth(1).unwrap().replace("main", "another")).await;
    for name in ["main", "another"] {
        namespace.reaches::<Config>(name, "Running/Rendered").await;
    }
    let secrets = namespace.api::<Secret>();
    let owner = |secret: &Secret| secret.owner_references().iter().map(|owner| owner.kind.clone()).collect::<Vec<_>>();
    let before = wait::until(&secrets, "corp-autosign-policy", "to exist", |_| true).await;
    assert_eq!(owner(&before), ["CertificateAuthority"]);
    for name in ["another", "main"] {
        namespace.api::<Config>().delete(name, &DeleteParams::background()).await.unwrap();
        wait::until_gone(&namespace.api::<ConfigMap>(), &format!("{name}-config")).await;
    }
    let after = secrets.get("corp-autosign-policy").await.unwrap();
    assert_eq!((after.uid(), &after.metadata.deletion_timestamp), (before.uid(), &None));
    assert_eq!(operator.errors(), Vec::<String>::new());
}

#[tokio::test]
async fn a_name_that_is_too_long_for_what_it_becomes_part_of_is_told_before_anything_is_made() {
    let namespace = Cluster::shared().namespace().await;
    let operator = Operator::in_namespace(&namespace).await;
    let ca = FakeCa::start(Behaviour::Signs);
    outside(&namespace, &ca).await;
    let (authority, certificate) = ("a".repeat(55), "c".repeat(64));
    namespace.create_all(&STACK.replace("corp", &authority)).await;
    let web = WEB.replace("{name: web}", &format!("{{name: {certificate}}}"));
    namespace.create_all(&web).await;
    let words = ["metadata.name", "55", "54", "shorter name"];
    namespace.says::<CertificateAuthority>(&authority, "Pending/WaitingForConfig", "InvalidSpec", &words).await;
    let words = ["metadata.name", "64", "63", "shorter name"];
    namespace.says::<Certificate>(&certificate, "Pending/WaitingForAuthority", "InvalidSpec", &words).await;
    assert_eq!(ca.submitted(), []);
    assert_eq!(operator.errors(), Vec::<String>::new());
}

#[tokio::test]
async fn a_setting_that_is_switched_off_stays_off_whatever_the_operator_writes() {
    let namespace = Cluster::shared().namespace().await;
    let operator = Operator::in_namespace(&namespace).await;
    Authority::shared().found(&namespace, "corp").await;
    namespace.create_all(STACK).await;
    namespace.reaches::<CertificateAuthority>("corp", "Ready/Valid").await;
    let authority = namespace.api::<CertificateAuthority>().get("corp").await.unwrap();
    assert!(!authority.spec.allow_auto_renewal && authority.spec.enable_infra_crl, "{:?}", authority.spec);
    assert_eq!(authority.metadata.generation, Some(1), "the spec was never written");
    namespace.reaches::<Config>("main", "Running/Rendered").await;
    assert!(file(&namespace, "ca.conf").await.contains("allow-auto-renewal: false"));
    assert_eq!(operator.errors(), Vec::<String>::new());
}
