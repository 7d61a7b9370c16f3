//! Input that cannot be used: a named state, a Ready condition that says which field, which object and what to
//! do, everything else going on, and going on by itself once it is put right.

use crate::authority::Authority;
use crate::fake_ca::{Behaviour, FakeCa};
use crate::issuing::outside;
use crate::support::{Cluster, Namespace, Operator, wait};
use openvox_crds::{Certificate, CertificateAuthority, Config, Pool, Server, SigningPolicy};
use serde_json::json;

#[tokio::test]
async fn a_missing_object_is_named_by_whoever_refers_to_it_and_comes_to_be_found() {
    let namespace = Cluster::shared().namespace().await;
    let operator = Operator::in_namespace(&namespace).await;
    namespace
        .create_all(
            "
apiVersion: openvox.voxpupuli.org/v1alpha1
kind: Certificate
metadata: {name: web}
spec: {authorityRef: corp, certname: web, privateKey: {algorithm: ECDSA}}
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
kind: Server
metadata: {name: lost}
spec: {configRef: nowhere, certificateRef: web}
---
apiVersion: openvox.voxpupuli.org/v1alpha1
kind: Server
metadata: {name: poolless}
spec: {configRef: main, certificateRef: web, poolRefs: [agents]}
---
apiVersion: openvox.voxpupuli.org/v1alpha1
kind: Server
metadata: {name: nameless}
spec: {configRef: main, certificateRef: nowhere}
---
apiVersion: openvox.voxpupuli.org/v1alpha1
kind: Config
metadata: {name: dataless}
spec: {databaseRef: store, image: {repository: example.test/server, tag: v1}}
---
apiVersion: openvox.voxpupuli.org/v1alpha1
kind: Pool
metadata: {name: bystander}
spec: {}
",
        )
        .await;
    let authority = ["CertificateAuthority corp", "does not exist", "create it or change the reference"];
    let with = |field| [&authority[..], &[field]].concat();
    namespace.says::<Certificate>("web", "Pending/WaitingForAuthority", "AuthorityNotFound", &with("spec.authorityRef")).await;
    namespace.says::<Config>("main", "Pending/WaitingForReferences", "AuthorityNotFound", &with("spec.authorityRef")).await;
    namespace.says::<SigningPolicy>("all", "Pending/WaitingForAuthority", "AuthorityNotFound", &with("spec.certificateAuthorityRef")).await;
    namespace
        .says::<Server>("lost", "Pending/ResolvingReferences", "ConfigNotFound", &["spec.configRef", "Config nowhere", "create it"])
        .await;
    namespace.says::<Config>("dataless", "Pending/WaitingForReferences", "DatabaseNotFound", &["spec.databaseRef", "Database store"]).await;
    namespace.says::<Server>("poolless", "Pending/ResolvingReferences", "PoolNotFound", &["spec.poolRefs[0]", "Pool agents"]).await;
    // What has nothing to do with it goes on.
    namespace.reaches::<Pool>("bystander", "Ready/Synced").await;

    let ca = FakeCa::start(Behaviour::Signs);
    outside(&namespace, &ca).await;
    namespace.reaches::<Certificate>("web", "Signed/Valid").await;
    namespace.reaches::<Config>("main", "Running/Rendered").await;
    namespace
        .says::<Server>("nameless", "WaitingForCert/WaitingForCert", "CertificateNotFound", &["spec.certificateRef", "Certificate nowhere"])
        .await;
    // An authority outside the cluster enforces no policy of ours; that is said, too.
    namespace.says::<SigningPolicy>("all", "Pending/WaitingForAuthority", "ExternalCA", &[]).await;
    namespace.create_all("{apiVersion: openvox.voxpupuli.org/v1alpha1, kind: Pool, metadata: {name: agents}, spec: {}}").await;
    namespace.reaches::<Server>("poolless", "Pending/Deploying").await;
    assert_eq!(operator.errors(), Vec::<String>::new());
}

#[tokio::test]
async fn a_value_of_a_certificate_that_can_never_be_signed_is_told_before_a_key_is_made() {
    let namespace = Cluster::shared().namespace().await;
    let operator = Operator::in_namespace(&namespace).await;
    let ca = FakeCa::start(Behaviour::Signs);
    outside(&namespace, &ca).await;
    let cases: [(&str, serde_json::Value, &[&str]); 5] = [
        ("upper", json!({"certname": "_UPPER"}), &["spec.certname", "_UPPER", "lower case"]),
        ("traversal", json!({"certname": "../../etc/passwd"}), &["spec.certname", "../../etc/passwd"]),
        ("cli-auth", json!({"certname": "cli", "csrExtensions": {"ppCliAuth": true}}), &["spec.csrExtensions", "pp_cli_auth", "remove it"]),
        (
            "oid",
            json!({"certname": "oid", "csrExtensions": {"customExtensions": {"pp_nonsense": "x"}}}),
            &["spec.csrExtensions", "pp_nonsense"],
        ),
        ("alt-name", json!({"certname": "alt", "dnsAltNames": ["ok", "not a name"]}), &["spec.dnsAltNames[1]", "not a name"]),
    ];
    for (name, spec, _) in &cases {
        let mut spec = spec.clone();
        spec["authorityRef"] = "corp".into();
        let manifest =
            json!({"apiVersion": "openvox.voxpupuli.org/v1alpha1", "kind": "Certificate", "metadata": {"name": name}, "spec": spec});
        namespace.create_one(&manifest).await.unwrap();
    }
    for (name, _, words) in &cases {
        namespace.says::<Certificate>(name, "Pending/WaitingForAuthority", "InvalidSpec", words).await;
    }
    let secrets = namespace.api::<k8s_openapi::api::core::v1::Secret>().list(&kube::api::ListParams::default()).await.unwrap();
    let names: Vec<_> = secrets.items.into_iter().filter_map(|secret| secret.metadata.name).collect();
    assert!(!names.iter().any(|name| name.contains("tls")), "a key was made: {names:?}");
    assert_eq!(ca.submitted(), []);

    let right = json!({"spec": {"certname": "upper", "privateKey": {"algorithm": "ECDSA"}}});
    namespace.merge::<Certificate>("upper", right).await;
    namespace.reaches::<Certificate>("upper", "Signed/Valid").await;
    assert_eq!(operator.errors(), Vec::<String>::new());
}

#[tokio::test]
async fn two_certificates_of_one_certname_are_told_apart_by_age() {
    let namespace = Cluster::shared().namespace().await;
    let _operator = Operator::in_namespace(&namespace).await;
    let ca = FakeCa::start(Behaviour::Signs);
    outside(&namespace, &ca).await;
    let certificate = |name: &str| {
        let spec = json!({"authorityRef": "corp", "certname": "web", "privateKey": {"algorithm": "ECDSA"}});
        json!({"apiVersion": "openvox.voxpupuli.org/v1alpha1", "kind": "Certificate", "metadata": {"name": name}, "spec": spec})
    };
    namespace.create_one(&certificate("first")).await.unwrap();
    namespace.reaches::<Certificate>("first", "Signed/Valid").await;
    namespace.create_one(&certificate("second")).await.unwrap();
    namespace
        .says::<Certificate>("second", "Pending/WaitingForAuthority", "CertnameTaken", &["Certificate first", "change spec.certname"])
        .await;
    assert_eq!(ca.submitted().len(), 1);
    // Once the first is gone, the name is free. The CA still has its certificate, so a new key is a conflict there.
    namespace.api::<Certificate>().delete("first", &kube::api::DeleteParams::default()).await.unwrap();
    namespace.reaches::<Certificate>("second", "Requested/Conflict").await;
}

#[tokio::test]
async fn a_duration_of_an_authority_that_cannot_be_read_is_shown_and_can_be_corrected() {
    let namespace = Cluster::shared().namespace().await;
    let operator = Operator::in_namespace(&namespace).await;
    namespace
        .create_all(
            "
apiVersion: openvox.voxpupuli.org/v1alpha1
kind: Config
metadata: {name: main}
spec: {authorityRef: corp, image: {repository: example.test/server, tag: v1}}
---
apiVersion: openvox.voxpupuli.org/v1alpha1
kind: CertificateAuthority
metadata: {name: corp}
spec: {ttl: 5 years}
",
        )
        .await;
    namespace
        .says::<CertificateAuthority>("corp", "Pending/WaitingForConfig", "InvalidSpec", &["spec.ttl", "5 years", "whole number"])
        .await;
    namespace.says::<Config>("main", "Error/RenderFailed", "RenderFailed", &["ttl", "5 years"]).await;
    namespace.merge::<CertificateAuthority>("corp", json!({"spec": {"ttl": "5y"}})).await;
    namespace.reaches::<CertificateAuthority>("corp", "Initializing/SetupRunning").await;
    namespace.reaches::<Config>("main", "Running/Rendered").await;
    assert_eq!(operator.errors(), Vec::<String>::new());
}

#[tokio::test]
async fn a_rule_that_cannot_be_used_takes_its_policy_out_of_the_file_and_no_other() {
    let namespace = Cluster::shared().namespace().await;
    let operator = Operator::in_namespace(&namespace).await;
    Authority::shared().set_up(&namespace, "corp").await;
    namespace
        .create_all(
            r#"
apiVersion: openvox.voxpupuli.org/v1alpha1
kind: CertificateAuthority
metadata: {name: corp}
spec: {}
---
apiVersion: openvox.voxpupuli.org/v1alpha1
kind: SigningPolicy
metadata: {name: good}
spec: {certificateAuthorityRef: corp, pattern: {allow: ["*.example.test"]}}
---
apiVersion: openvox.voxpupuli.org/v1alpha1
kind: SigningPolicy
metadata: {name: bad-glob}
spec: {certificateAuthorityRef: corp, pattern: {allow: ["ok", "web[0-9"]}}
---
apiVersion: openvox.voxpupuli.org/v1alpha1
kind: SigningPolicy
metadata: {name: unknown}
spec: {certificateAuthorityRef: corp, csrAttributes: [{name: pp_nonsense, value: x}]}
---
apiVersion: openvox.voxpupuli.org/v1alpha1
kind: SigningPolicy
metadata: {name: no-secret}
spec: {certificateAuthorityRef: corp, csrAttributes: [{name: pp_preshared_key, valueFrom: {secretKeyRef: {name: psk, key: token}}}]}
"#,
        )
        .await;
    namespace.reaches::<SigningPolicy>("good", "Pending/Rendering").await;
    namespace.says::<SigningPolicy>("bad-glob", "Error/Invalid", "InvalidPolicy", &["spec.pattern.allow[1]", "web[0-9"]).await;
    namespace
        .says::<SigningPolicy>(
            "unknown",
            "Error/Invalid",
            "InvalidPolicy",
            &["spec.csrAttributes[0].name", "pp_nonsense", "use a short name"],
        )
        .await;
    namespace
        .says::<SigningPolicy>(
            "no-secret",
            "Error/Invalid",
            "SecretNotFound",
            &["spec.csrAttributes[0].valueFrom", "Secret psk", "create it"],
        )
        .await;
    let file = policy_file(&namespace, "good").await;
    assert!(!file.contains("bad-glob") && !file.contains("unknown") && !file.contains("no-secret"), "{file}");

    // A Secret of the user without the key, then with it.
    let secret = |data: serde_json::Value| json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "psk"}, "stringData": data});
    namespace.create_one(&secret(json!({"other": "x"}))).await.unwrap();
    namespace.merge::<SigningPolicy>("bad-glob", json!({"spec": {"pattern": {"allow": ["web[0-9]"]}}})).await;
    namespace.reaches::<SigningPolicy>("bad-glob", "Pending/Rendering").await;
    namespace.merge::<k8s_openapi::api::core::v1::Secret>("psk", json!({"stringData": {"token": "s3cret"}})).await;
    namespace.reaches::<SigningPolicy>("no-secret", "Pending/Rendering").await;
    policy_file(&namespace, "s3cret").await;
    assert!(!operator.log().contains("s3cret"), "a secret value stands in the log");
    assert_eq!(operator.errors(), Vec::<String>::new());
}

#[tokio::test]
async fn a_changed_preshared_key_reaches_the_policy_file() {
    let namespace = Cluster::shared().namespace().await;
    let operator = Operator::in_namespace(&namespace).await;
    Authority::shared().set_up(&namespace, "corp").await;
    let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "psk"}, "stringData": {"token": "first\n"}});
    namespace.create_one(&secret).await.unwrap();
    namespace
        .create_all(
            "
apiVersion: openvox.voxpupuli.org/v1alpha1
kind: CertificateAuthority
metadata: {name: corp}
spec: {}
---
apiVersion: openvox.voxpupuli.org/v1alpha1
kind: SigningPolicy
metadata: {name: keyed}
spec: {certificateAuthorityRef: corp, csrAttributes: [{name: pp_preshared_key, valueFrom: {secretKeyRef: {name: psk, key: token}}}]}
",
        )
        .await;
    policy_file(&namespace, "first").await;
    namespace.merge::<k8s_openapi::api::core::v1::Secret>("psk", json!({"stringData": {"token": "second"}})).await;
    assert!(!policy_file(&namespace, "second").await.contains("first"));
    // Without the key, the old one is not good any more either.
    namespace.api::<k8s_openapi::api::core::v1::Secret>().delete("psk", &kube::api::DeleteParams::default()).await.unwrap();
    namespace.says::<SigningPolicy>("keyed", "Error/Invalid", "SecretNotFound", &["Secret psk"]).await;
    policy_file(&namespace, "policies: []").await;
    for value in ["first", "second"] {
        assert!(!operator.log().contains(value), "a secret value stands in the log");
    }
    assert_eq!(operator.errors(), Vec::<String>::new());
}

/// The rendered policies, once they have `word`.
async fn policy_file(namespace: &Namespace, word: &str) -> String {
    let secrets = namespace.api::<k8s_openapi::api::core::v1::Secret>();
    let text = |secret: &k8s_openapi::api::core::v1::Secret| {
        String::from_utf8(secret.data.as_ref().unwrap()["autosign-policy.yaml"].0.clone()).unwrap()
    };
    text(&wait::until(&secrets, "corp-autosign-policy", &format!("to hold {word:?}"), |secret| text(secret).contains(word)).await)
}

#[tokio::test]
async fn a_pool_whose_name_is_too_long_for_a_label_says_so_and_makes_no_service() {
    let namespace = Cluster::shared().namespace().await;
    let operator = Operator::in_namespace(&namespace).await;
    let name = "p".repeat(59);
    let pool = |name: &str| json!({"apiVersion": "openvox.voxpupuli.org/v1alpha1", "kind": "Pool", "metadata": {"name": name}, "spec": {}});
    namespace.create_one(&pool(&name)).await.unwrap();
    namespace.create_one(&pool("short")).await.unwrap();
    namespace.reaches::<Pool>("short", "Ready/Synced").await;
    namespace.says::<Pool>(&name, "Pending/Provisioning", "InvalidSpec", &["metadata.name", "59", "58", "shorter name"]).await;
    assert!(namespace.api::<k8s_openapi::api::core::v1::Service>().get_opt(&name).await.unwrap().is_none());
    assert_eq!(operator.errors(), Vec::<String>::new());
}

#[tokio::test]
async fn a_service_of_somebody_else_under_the_name_of_a_pool_is_left_alone() {
    let namespace = Cluster::shared().namespace().await;
    let operator = Operator::in_namespace(&namespace).await;
    let owner = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "owner"}});
    let owner = namespace.create_one(&owner).await.unwrap();
    let service = json!({
        "apiVersion": "v1", "kind": "Service", "spec": {"ports": [{"port": 80}]},
        "metadata": {
            "name": "agents", "labels": {"app.kubernetes.io/managed-by": "openvox-operator"},
            "ownerReferences": [{"apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": owner.metadata.uid, "controller": true}],
        },
    });
    let before = namespace.create_one(&service).await.unwrap();
    namespace.create_all("{apiVersion: openvox.voxpupuli.org/v1alpha1, kind: Pool, metadata: {name: agents}, spec: {}}").await;
    namespace.says::<Pool>("agents", "Error/Stalled", "NameTaken", &["Service agents", "ConfigMap owner", "rename the Pool"]).await;
    let after = namespace.api_of(&service).get("agents").await.unwrap();
    assert_eq!(before.metadata.resource_version, after.metadata.resource_version);
    // The other one goes: the name is free.
    namespace.api_of(&service).delete("agents", &kube::api::DeleteParams::default()).await.unwrap();
    namespace.reaches::<Pool>("agents", "Ready/Synced").await;
    assert_eq!(operator.errors(), Vec::<String>::new());
}
