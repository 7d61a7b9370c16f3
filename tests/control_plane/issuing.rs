//! A Certificate's way at a CA outside the cluster, where the operator may not sign.

use crate::authority::Authority;
use crate::fake_ca::{Behaviour, FakeCa};
use crate::support::namespace::events;
use crate::support::{Cluster, Namespace, Operator, wait};
use k8s_openapi::api::core::v1::Secret;
use kube::ResourceExt as _;
use openvox_crds::{Certificate, CertificateAuthority, Lifecycled as _};
use openvox_puppet::PrivateKey;
use serde_json::json;

/// The Secret with the CA's certificates, which is the user's own and carries no label of ours, and the
/// authority.
pub async fn outside(namespace: &Namespace, ca: &FakeCa) {
    let bundle = &Authority::shared().files.bundle_pem;
    let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "corp-trust"}, "stringData": {"ca_crt.pem": bundle}});
    namespace.create_one(&secret).await.unwrap();
    let authority = json!({
        "apiVersion": "openvox.voxpupuli.org/v1alpha1", "kind": "CertificateAuthority", "metadata": {"name": "corp"},
        "spec": {"external": {"url": ca.url, "caSecretRef": "corp-trust"}},
    });
    namespace.create_one(&authority).await.unwrap();
}

/// A Certificate with a small key.
pub const WEB: &str = "
apiVersion: openvox.voxpupuli.org/v1alpha1
kind: Certificate
metadata: {name: web}
spec: {authorityRef: corp, certname: web.example.test, privateKey: {algorithm: RSA, size: 2048}}
";

pub fn pem(secret: &Secret, key: &str) -> String {
    String::from_utf8(secret.data.as_ref().unwrap()[key].0.clone()).unwrap()
}

/// The pair in the TLS Secret fits, and is for the key of the only request that the CA has seen.
pub async fn assert_issued_once(namespace: &Namespace, ca: &FakeCa) {
    let secret = namespace.api::<Secret>().get("web-tls").await.unwrap();
    let certificate = openvox_puppet::Certificate::from_pem(&pem(&secret, "cert.pem")).unwrap();
    let key = PrivateKey::from_pem(&pem(&secret, "key.pem")).unwrap();
    assert!(certificate.matches(&key));
    let mut keys = ca.submitted();
    keys.dedup();
    assert_eq!(keys, [key.public_key()], "one key was ever asked to be certified");
    wait::until_gone(&namespace.api::<Secret>(), "web-tls-pending").await;
}

#[tokio::test]
async fn a_certificate_is_requested_once_waits_for_a_signature_and_is_stored_with_its_key() {
    let namespace = Cluster::shared().namespace().await;
    let ca = FakeCa::start(Behaviour::Queues);
    let operator = Operator::in_namespace(&namespace).await;
    outside(&namespace, &ca).await;
    namespace.reaches::<CertificateAuthority>("corp", "External/Reachable").await;
    namespace.create_all(WEB).await;

    let words = ["puppetserver ca sign"];
    let waiting: Certificate = namespace.says("web", "WaitingForSigning/WaitingForSigning", "WaitingForManualSigning", &words).await;
    let pending = namespace.api::<Secret>().get("web-tls-pending").await.unwrap();
    let key = PrivateKey::from_pem(&pem(&pending, "key.pem")).unwrap();
    assert_eq!(ca.submitted(), [key.public_key()]);
    assert!(waiting.finalizers().iter().any(|finalizer| finalizer.contains("cleanup")), "{:?}", waiting.finalizers());

    ca.sign("web.example.test");
    let signed: Certificate = namespace.reaches("web", "Signed/Valid").await;
    let stored = namespace.api::<Secret>().get("web-tls").await.unwrap();
    assert_eq!(pem(&stored, "key.pem"), pem(&pending, "key.pem"), "the key in use is the one that waited");
    assert_issued_once(&namespace, &ca).await;
    let events = events(&signed);
    assert_eq!(events.first().map(String::as_str), Some("KeyStored"), "{events:?}");
    assert_eq!(events.last().map(String::as_str), Some("CertificateStored"), "{events:?}");
    assert_eq!(operator.errors(), Vec::<String>::new());
}

#[tokio::test]
async fn a_certificate_for_another_key_is_a_conflict_and_nothing_is_stored() {
    let namespace = Cluster::shared().namespace().await;
    let ca = FakeCa::start(Behaviour::HasAnotherKey);
    let _operator = Operator::in_namespace(&namespace).await;
    outside(&namespace, &ca).await;
    namespace.create_all(WEB).await;

    let conflict: Certificate = namespace.says("web", "Requested/Conflict", "CertnameConflict", &["puppetserver ca clean"]).await;
    assert!(conflict.status.unwrap().lifecycle().machine.as_ref().unwrap().next_attempt.is_some());
    assert!(namespace.api::<Secret>().get_opt("web-tls").await.unwrap().is_none());
}

#[tokio::test]
async fn what_the_ca_refuses_is_stalled_until_the_spec_changes() {
    let namespace = Cluster::shared().namespace().await;
    let ca = FakeCa::start(Behaviour::Refuses);
    let _operator = Operator::in_namespace(&namespace).await;
    outside(&namespace, &ca).await;
    namespace.create_all(WEB).await;

    let words = ["subject alternative names, which are disallowed"];
    namespace.says::<Certificate>("web", "Error/Stalled", "RequestRefused", &words).await;

    ca.becomes(Behaviour::Signs);
    namespace.merge::<Certificate>("web", json!({"spec": {"dnsAltNames": ["web"]}})).await;
    namespace.reaches::<Certificate>("web", "Signed/Valid").await;
    assert_issued_once(&namespace, &ca).await;
}

#[tokio::test]
async fn an_authority_that_does_not_answer_is_unreachable_until_it_does() {
    let namespace = Cluster::shared().namespace().await;
    let ca = FakeCa::start(Behaviour::Broken);
    let _operator = Operator::in_namespace(&namespace).await;
    outside(&namespace, &ca).await;
    namespace.says::<CertificateAuthority>("corp", "External/Unreachable", "ExternalCAUnreachable", &["500"]).await;
    ca.becomes(Behaviour::Queues);
    namespace.reaches::<CertificateAuthority>("corp", "External/Reachable").await;
}

#[tokio::test]
async fn a_deleted_certificate_of_a_ca_without_rights_goes_and_its_secrets_with_it() {
    let namespace = Cluster::shared().namespace().await;
    let ca = FakeCa::start(Behaviour::Signs);
    let _operator = Operator::in_namespace(&namespace).await;
    outside(&namespace, &ca).await;
    namespace.create_all(WEB).await;
    namespace.reaches::<Certificate>("web", "Signed/Valid").await;
    let certificates = namespace.api::<Certificate>();
    certificates.delete("web", &kube::api::DeleteParams::default()).await.unwrap();
    wait::until_gone(&certificates, "web").await;
    wait::until_gone(&namespace.api::<Secret>(), "web-tls").await;
}
