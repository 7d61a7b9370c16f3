//! What happens to a certificate that is in use: renewal, a new key, a changed spec, a lost Secret.

use crate::fake_ca::{Behaviour, FakeCa};
use crate::issuing::{WEB, assert_issued_once, outside, pem};
use crate::support::namespace::events;
use crate::support::{Cluster, Namespace, Operator, wait};
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use kube::ResourceExt as _;
use kube::api::DeleteParams;
use openvox_crds::{Certificate, Lifecycled as _};
use openvox_puppet::{AltName, PrivateKey};
use serde_json::json;

const NAME: &str = "web.example.test";

/// A Certificate that was signed by a CA outside.
pub async fn signed() -> (Namespace, FakeCa, Operator) {
    let namespace = Cluster::shared().namespace().await;
    let ca = FakeCa::start(Behaviour::Signs);
    let operator = Operator::in_namespace(&namespace).await;
    outside(&namespace, &ca).await;
    namespace.create_all(WEB).await;
    namespace.reaches::<Certificate>("web", "Signed/Valid").await;
    wait::until_gone(&namespace.api::<Secret>(), "web-tls-pending").await;
    (namespace, ca, operator)
}

async fn stored(namespace: &Namespace) -> Secret {
    namespace.api::<Secret>().get("web-tls").await.unwrap()
}

/// The certificate in the Secret; it belongs to the key beside it.
fn certificate(secret: &Secret) -> openvox_puppet::Certificate {
    let certificate = openvox_puppet::Certificate::from_pem(&pem(secret, "cert.pem")).unwrap();
    assert!(certificate.matches(&PrivateKey::from_pem(&pem(secret, "key.pem")).unwrap()), "the pair does not fit");
    certificate
}

async fn annotate(namespace: &Namespace, what: &str, value: &str) {
    let annotation = format!("openvox.voxpupuli.org/{what}");
    namespace.merge::<Certificate>("web", json!({"metadata": {"annotations": {annotation: value}}})).await;
}

/// Waits until the last event of the history is this one.
async fn last_event(namespace: &Namespace, event: &str) -> Certificate {
    wait::until(&namespace.api::<Certificate>(), "web", &format!("to end with {event}"), |certificate| {
        events(certificate).last().is_some_and(|last| last == event)
    })
    .await
}

#[tokio::test]
async fn a_certificate_that_runs_out_is_renewed_with_its_key_and_the_old_pair_stays_until_then() {
    let namespace = Cluster::shared().namespace().await;
    let ca = FakeCa::start(Behaviour::Queues);
    let operator = Operator::in_namespace(&namespace).await;
    outside(&namespace, &ca).await;
    namespace.create_all(WEB).await;
    namespace.reaches::<Certificate>("web", "WaitingForSigning/WaitingForSigning").await;
    // An hour of validity is less than renewBefore.
    ca.becomes(Behaviour::SignsBriefly);
    ca.sign("web.example.test");
    let secrets = namespace.api::<Secret>();
    let old = wait::until(&secrets, "web-tls", "to exist", |_| true).await;
    let failing = wait::until(&namespace.api::<Certificate>(), "web", "to fail to renew", |certificate| {
        events(certificate).iter().any(|event| event == "RenewalFailed")
    })
    .await;
    assert_eq!(failing.status.as_ref().unwrap().lifecycle().state.as_deref(), Some("Renewing/Renewing"));
    assert_eq!(secrets.get("web-tls").await.unwrap().resource_version(), old.resource_version(), "the old pair stays");

    ca.becomes(Behaviour::Signs);
    let renewed: Certificate = namespace.reaches("web", "Signed/Valid").await;
    let new = secrets.get("web-tls").await.unwrap();
    assert_eq!(pem(&new, "key.pem"), pem(&old, "key.pem"));
    assert_ne!(pem(&new, "cert.pem"), pem(&old, "cert.pem"));
    assert_eq!(events(&renewed).last().map(String::as_str), Some("CertificateRenewed"));
    assert_eq!(ca.renewals(), 1);
    assert_issued_once(&namespace, &ca).await;
    assert_eq!(operator.errors(), Vec::<String>::new());
}

#[tokio::test]
async fn a_renewal_that_is_asked_for_is_made_once_and_answered() {
    let (namespace, ca, operator) = signed().await;
    let old = stored(&namespace).await;
    annotate(&namespace, "renew", "2026-11-21T10:00:00Z").await;
    let renewed = last_event(&namespace, "CertificateRenewed").await;
    assert_eq!(renewed.status.as_ref().unwrap().last_handled_renew_at.as_deref(), Some("2026-11-21T10:00:00Z"));
    let new = stored(&namespace).await;
    assert_eq!(certificate(&new).info().public_key, certificate(&old).info().public_key);
    assert_ne!(certificate(&new).info().serial, certificate(&old).info().serial);
    // Something else changes; the wish was answered.
    namespace.merge::<Certificate>("web", json!({"spec": {"renewBefore": "59d"}})).await;
    namespace.reaches::<Certificate>("web", "Signed/Valid").await;
    assert_eq!(ca.renewals(), 1);
    assert_issued_once(&namespace, &ca).await;
    assert_eq!(operator.errors(), Vec::<String>::new());
}

#[tokio::test]
async fn a_wish_that_came_with_the_object_is_answered_by_its_first_certificate() {
    let namespace = Cluster::shared().namespace().await;
    let ca = FakeCa::start(Behaviour::Signs);
    let _operator = Operator::in_namespace(&namespace).await;
    outside(&namespace, &ca).await;
    let wishes = "metadata: {name: web, annotations: {openvox.voxpupuli.org/renew: a, openvox.voxpupuli.org/rekey: b}}";
    namespace.create_all(&WEB.replace("metadata: {name: web}", wishes)).await;
    let signed: Certificate = namespace.reaches("web", "Signed/Valid").await;
    let status = signed.status.unwrap();
    assert_eq!((status.last_handled_renew_at.as_deref(), status.last_handled_rekey_at.as_deref()), (Some("a"), Some("b")));
    namespace.merge::<Certificate>("web", json!({"spec": {"renewBefore": "59d"}})).await;
    namespace.reaches::<Certificate>("web", "Signed/Valid").await;
    assert_eq!((ca.renewals(), ca.submitted().len()), (0, 1));
}

#[tokio::test]
async fn a_ca_that_renews_nobody_leaves_the_old_pair_in_use_and_says_what_to_do() {
    let (namespace, ca, _operator) = signed().await;
    let old = stored(&namespace).await;
    for (behaviour, words) in [(Behaviour::RenewsNobody, "automatic renewal is off"), (Behaviour::ForbidsRenewal, "403")] {
        ca.becomes(behaviour);
        annotate(&namespace, "renew", words).await;
        let remedy = [words, "allow-auto-renewal", "puppetserver ca clean --certname web.example.test"];
        let refused: Certificate = namespace.says("web", "Renewing/Refused", "RenewalRefused", &remedy).await;
        let conditions = &refused.status.as_ref().unwrap().lifecycle().conditions;
        let is = |kind: &str| conditions.iter().find(|condition| condition.type_ == kind).map(|condition| condition.status.clone());
        assert_eq!((is("Ready").as_deref(), is("Stalled").as_deref()), (Some("True"), Some("True")));
        assert_eq!(stored(&namespace).await.resource_version(), old.resource_version(), "the old pair stays");
    }
    ca.becomes(Behaviour::Signs);
    annotate(&namespace, "renew", "again").await;
    last_event(&namespace, "CertificateRenewed").await;
    assert_eq!(ca.renewals(), 1);
}

#[tokio::test]
async fn a_new_key_that_is_asked_for_replaces_the_old_pair_when_its_certificate_is_there() {
    let (namespace, ca, operator) = signed().await;
    let old = stored(&namespace).await;
    annotate(&namespace, "rekey", "now").await;
    // The operator has no right to make room at this CA.
    let words = ["of ours", "puppetserver ca clean --certname web.example.test", "valid until"];
    namespace.says::<Certificate>("web", "Renewing/Rekeying", "CertificateRekeying", &words).await;
    assert_eq!(stored(&namespace).await.resource_version(), old.resource_version(), "the old pair stays");
    let pending = namespace.api::<Secret>().get("web-tls-pending").await.unwrap();

    ca.clean(NAME);
    annotate(&namespace, "rekey", "now, that there is room").await;
    let rekeyed = last_event(&namespace, "CertificateRekeyed").await;
    assert_eq!(rekeyed.status.as_ref().unwrap().last_handled_rekey_at.as_deref(), Some("now, that there is room"));
    let new = stored(&namespace).await;
    assert_ne!(certificate(&new).info().public_key, certificate(&old).info().public_key);
    assert_eq!(pem(&new, "key.pem"), pem(&pending, "key.pem"), "one new key was made");
    wait::until_gone(&namespace.api::<Secret>(), "web-tls-pending").await;
    assert_eq!(ca.renewals(), 0);
    assert_eq!(operator.errors(), Vec::<String>::new());
}

#[tokio::test]
async fn a_changed_spec_leads_to_a_new_certificate_and_a_change_taken_back_to_none() {
    let (namespace, ca, _operator) = signed().await;
    let old = stored(&namespace).await;
    namespace.merge::<Certificate>("web", json!({"spec": {"dnsAltNames": ["web", "10.1.2.3"]}})).await;
    namespace.says::<Certificate>("web", "Renewing/Rekeying", "CertificateRekeying", &["the spec asks for another", "of ours"]).await;

    namespace.merge::<Certificate>("web", json!({"spec": {"dnsAltNames": []}})).await;
    namespace.reaches::<Certificate>("web", "Signed/Valid").await;
    assert_eq!(stored(&namespace).await.resource_version(), old.resource_version());

    ca.clean(NAME);
    namespace.merge::<Certificate>("web", json!({"spec": {"dnsAltNames": ["web", "10.1.2.3"]}})).await;
    wait::until(&namespace.api::<Secret>(), "web-tls", "to have the new names", |secret| {
        let names = certificate(secret).info().alt_names.clone();
        ["web", "10.1.2.3"].iter().all(|name| names.contains(&name.parse::<AltName>().unwrap()))
    })
    .await;
    namespace.reaches::<Certificate>("web", "Signed/Valid").await;
}

#[tokio::test]
async fn a_renamed_certificate_keeps_its_old_pair_until_it_has_the_new_one() {
    let (namespace, ca, _operator) = signed().await;
    ca.becomes(Behaviour::Queues);
    let old = stored(&namespace).await;
    namespace.merge::<Certificate>("web", json!({"spec": {"certname": "shop.example.test"}})).await;
    let words = ["puppetserver ca sign --certname shop.example.test", "not for \"shop.example.test\""];
    namespace.says::<Certificate>("web", "Renewing/Rekeying", "CertificateRekeying", &words).await;
    assert_eq!(stored(&namespace).await.resource_version(), old.resource_version(), "the old pair stays");
    ca.sign("shop.example.test");
    last_event(&namespace, "CertificateRekeyed").await;
    assert_eq!(certificate(&stored(&namespace).await).info().common_name.as_deref(), Some("shop.example.test"));
}

#[tokio::test]
async fn a_damaged_secret_gets_its_certificate_back_without_a_new_one() {
    let (namespace, ca, _operator) = signed().await;
    let old = stored(&namespace).await;
    namespace.merge::<Secret>("web-tls", json!({"stringData": {"cert.pem": "what is this"}})).await;
    let healed = wait::until(&namespace.api::<Secret>(), "web-tls", "to be whole again", |secret| {
        secret.resource_version() != old.resource_version() && pem(secret, "cert.pem") == pem(&old, "cert.pem")
    })
    .await;
    assert_eq!(pem(&healed, "key.pem"), pem(&old, "key.pem"));
    let whole: Certificate = namespace.reaches("web", "Signed/Valid").await;
    assert!(events(&whole).contains(&"SecretLost".to_owned()), "{:?}", events(&whole));
    assert_issued_once(&namespace, &ca).await;
}

#[tokio::test]
async fn a_secret_with_another_key_is_replaced_by_a_pair_that_fits() {
    let (namespace, ca, _operator) = signed().await;
    let other = PrivateKey::generate(openvox_puppet::KeyAlgorithm::EcdsaP256).unwrap();
    namespace.merge::<Secret>("web-tls", json!({"stringData": {"key.pem": other.to_pem()}})).await;
    // The CA has a certificate for the key that is lost, and the operator may not make room for another.
    let words = ["of ours", "puppetserver ca clean --certname web.example.test"];
    namespace.says::<Certificate>("web", "Requested/Conflict", "CertnameConflict", &words).await;
    ca.clean(NAME);
    namespace.reaches::<Certificate>("web", "Signed/Valid").await;
    certificate(&stored(&namespace).await);
}

#[tokio::test]
async fn a_secret_that_is_deleted_while_renewing_is_made_again_with_a_key_of_its_own() {
    let (namespace, ca, operator) = signed().await;
    let old = stored(&namespace).await;
    ca.becomes(Behaviour::Broken);
    annotate(&namespace, "renew", "now").await;
    namespace.reaches::<Certificate>("web", "Renewing/Renewing").await;
    last_event(&namespace, "RenewalFailed").await;
    namespace.api::<Secret>().delete("web-tls", &DeleteParams::default()).await.unwrap();
    ca.clean(NAME);
    ca.becomes(Behaviour::Signs);
    let new = wait::until(&namespace.api::<Secret>(), "web-tls", "to be there again", |secret| secret.uid() != old.uid()).await;
    assert_ne!(certificate(&new).info().public_key, certificate(&old).info().public_key);
    namespace.reaches::<Certificate>("web", "Signed/Valid").await;
    assert_eq!(operator.errors(), Vec::<String>::new());
}

#[tokio::test]
async fn a_pending_secret_without_a_readable_key_makes_room_for_one() {
    let namespace = Cluster::shared().namespace().await;
    let ca = FakeCa::start(Behaviour::Queues);
    let _operator = Operator::in_namespace(&namespace).await;
    outside(&namespace, &ca).await;
    namespace.create_all(WEB).await;
    namespace.reaches::<Certificate>("web", "WaitingForSigning/WaitingForSigning").await;
    let patch = json!({"data": {"key.pem": ByteString(b"no key".to_vec())}});
    namespace.merge::<Secret>("web-tls-pending", patch).await;
    ca.clean(NAME);
    ca.becomes(Behaviour::Signs);
    namespace.reaches::<Certificate>("web", "Signed/Valid").await;
    certificate(&stored(&namespace).await);
}

#[tokio::test]
async fn a_revoked_certificate_in_use_is_replaced_by_one_with_a_new_key() {
    let (namespace, ca, operator) = signed().await;
    let old = certificate(&stored(&namespace).await);
    let faster = json!({"spec": {"external": {"url": ca.url, "caSecretRef": "corp-trust"}, "crlRefreshInterval": "1s"}});
    namespace.merge::<openvox_crds::CertificateAuthority>("corp", faster).await;
    // What puppetserver ca clean does: the CA has it no more, and its list has the number.
    ca.clean(NAME);
    ca.shows(&crate::authority::Authority::shared().lists_with(5, &[&old.info().serial.to_string()]));
    let renewed = last_event(&namespace, "CertificateRekeyed").await;
    let history = &renewed.status.as_ref().unwrap().lifecycle().history;
    let decided = history.iter().find(|entry| entry.event == "RekeyStarted").unwrap();
    assert!(serde_json::to_string(decided).unwrap().contains("CertificateRevoked"), "{decided:?}");
    let new = certificate(&stored(&namespace).await);
    assert!(new.info().serial != old.info().serial && new.info().public_key != old.info().public_key);
    namespace.reaches::<Certificate>("web", "Signed/Valid").await;
    assert_eq!(ca.submitted().len(), 2);
    assert_eq!(operator.errors(), Vec::<String>::new());
}
