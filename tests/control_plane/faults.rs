//! What a CA can do wrong, and what becomes of it: it is said, nothing is stored, and it passes.

use crate::fake_ca::{Behaviour, FakeCa};
use crate::issuing::{WEB, assert_issued_once, outside};
use crate::support::{Cluster, Namespace, Operator};
use k8s_openapi::api::core::v1::Secret;
use openvox_crds::{Certificate, CertificateAuthority, Lifecycled as _};

/// A CA outside that is reachable when it begins to behave badly, and a Certificate that comes after that.
async fn meets(fault: Behaviour) -> (Namespace, FakeCa, Operator) {
    let namespace = Cluster::shared().namespace().await;
    let ca = FakeCa::start(Behaviour::Signs);
    let operator = Operator::in_namespace(&namespace).await;
    outside(&namespace, &ca).await;
    namespace.reaches::<CertificateAuthority>("corp", "External/Reachable").await;
    ca.becomes(fault);
    namespace.create_all(WEB).await;
    (namespace, ca, operator)
}

/// The fault is said with the time of the next attempt, nothing is stored, and it is over when the CA is well.
async fn passes(fault: Behaviour, words: &[&str]) {
    let (namespace, ca, operator) = meets(fault).await;
    let failing: Certificate = namespace.says("web", "Error/Retrying", "Retrying", words).await;
    let status = failing.status.unwrap();
    let machine = status.lifecycle().machine.clone().unwrap();
    assert!(machine.attempt.is_some() && machine.next_attempt.is_some(), "{machine:?}");
    assert!(namespace.api::<Secret>().get_opt("web-tls").await.unwrap().is_none(), "nothing was stored");

    ca.becomes(Behaviour::Signs);
    ca.clean("web.example.test");
    namespace.reaches::<Certificate>("web", "Signed/Valid").await;
    assert_issued_once(&namespace, &ca).await;
    assert_eq!(operator.errors(), Vec::<String>::new());
}

/// The CA refuses for good; it is asked again when the spec changes.
async fn stalls(fault: Behaviour, words: &[&str]) {
    let (namespace, ca, _operator) = meets(fault).await;
    namespace.says::<Certificate>("web", "Error/Stalled", "RequestRefused", words).await;
    assert!(namespace.api::<Secret>().get_opt("web-tls").await.unwrap().is_none(), "nothing was stored");
    ca.becomes(Behaviour::Signs);
    ca.clean("web.example.test");
    namespace.merge::<Certificate>("web", serde_json::json!({"spec": {"dnsAltNames": ["web", "10.1.2.3"]}})).await;
    namespace.reaches::<Certificate>("web", "Signed/Valid").await;
    assert_issued_once(&namespace, &ca).await;
}

#[tokio::test]
async fn a_page_for_browsers_is_no_answer_and_is_asked_for_again() {
    passes(Behaviour::WebPage, &["not one of a Puppet CA", "not shown"]).await;
}

#[tokio::test]
async fn an_internal_error_of_the_ca_is_shown_and_passes() {
    passes(Behaviour::Broken, &["500"]).await;
}

#[tokio::test]
async fn a_ca_that_forbids_the_call_is_shown_and_passes() {
    passes(Behaviour::Answers(403), &["the CA forbids it", "This is what it says"]).await;
}

#[tokio::test]
async fn a_ca_that_does_not_know_its_own_api_is_shown_and_passes() {
    passes(Behaviour::Answers(404), &["not one of a Puppet CA", "404"]).await;
}

#[tokio::test]
async fn a_ca_that_hangs_up_is_called_again() {
    passes(Behaviour::HangsUp, &["web.example.test"]).await;
}

#[tokio::test]
async fn half_an_answer_is_none() {
    passes(Behaviour::BreaksOff, &["web.example.test"]).await;
}

#[tokio::test]
async fn a_ca_that_says_nothing_is_given_up_after_a_while_and_asked_again() {
    passes(Behaviour::Silent, &["did not answer in time"]).await;
}

#[tokio::test]
async fn a_certificate_for_another_name_is_not_stored() {
    passes(Behaviour::MistakesNames, &["other.example.test", "web.example.test"]).await;
}

#[tokio::test]
async fn a_certificate_that_has_run_out_is_not_stored() {
    passes(Behaviour::SignsTheDead, &["valid from", "only"]).await;
}

#[tokio::test]
async fn a_request_that_the_ca_cannot_use_is_stalled_with_its_words() {
    stalls(Behaviour::Answers(400), &["400", "This is what it says"]).await;
}

#[tokio::test]
async fn a_request_that_conflicts_with_the_rules_of_the_ca_is_stalled_with_its_words() {
    stalls(Behaviour::Answers(409), &["409", "This is what it says"]).await;
}

#[tokio::test]
async fn a_certificate_without_the_requested_names_is_not_stored() {
    let namespace = Cluster::shared().namespace().await;
    let ca = FakeCa::start(Behaviour::DropsNames);
    let _operator = Operator::in_namespace(&namespace).await;
    outside(&namespace, &ca).await;
    let named = WEB.replace("privateKey", "dnsAltNames: [web, 10.1.2.3], privateKey");
    namespace.create_all(&named).await;
    let words = ["without the name web, the name 10.1.2.3", "puppetserver ca clean --certname web.example.test"];
    namespace.says::<Certificate>("web", "Error/Stalled", "RequestRefused", &words).await;
    assert!(namespace.api::<Secret>().get_opt("web-tls").await.unwrap().is_none(), "nothing was stored");
}

#[tokio::test]
async fn a_ca_with_a_certificate_of_another_ca_is_told_nothing() {
    let namespace = Cluster::shared().namespace().await;
    let ca = FakeCa::impostor(Behaviour::Signs);
    let _operator = Operator::in_namespace(&namespace).await;
    outside(&namespace, &ca).await;
    namespace.says::<CertificateAuthority>("corp", "External/Unreachable", "ExternalCAUnreachable", &["TLS with the CA failed"]).await;
    namespace.create_all(WEB).await;
    namespace.says::<Certificate>("web", "Pending/WaitingForAuthority", "AuthorityNotUsable", &["External/Unreachable"]).await;
    assert!(ca.submitted().is_empty());
}
