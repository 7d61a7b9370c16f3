//! A CA outside the cluster: asked before it is used, asked again and again, and believed no more than it proves.

use crate::authority::Authority;
use crate::fake_ca::{Behaviour, FakeCa};
use crate::issuing::{WEB, outside};
use crate::support::{Cluster, Namespace, Operator, wait};
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::api::ListParams;
use openvox_crds::{Certificate, CertificateAuthority};
use openvox_puppet::{KeyAlgorithm, NewAuthority, PrivateKey};
use serde_json::{Value, json};

fn condition(authority: &CertificateAuthority, kind: &str) -> Option<Condition> {
    let conditions = &authority.status.as_ref()?.lifecycle.conditions;
    conditions.iter().find(|condition| condition.type_ == kind).cloned()
}

async fn stored(namespace: &Namespace) -> String {
    let secret = namespace.api::<Secret>().get("corp-ca-crl").await.unwrap();
    String::from_utf8(secret.data.unwrap()["ca_crl.pem"].0.clone()).unwrap()
}

fn number(authority: &CertificateAuthority) -> Option<&str> {
    authority.status.as_ref()?.crl.as_ref()?.number.as_deref()
}

async fn spec(namespace: &Namespace, patch: Value) {
    namespace.merge::<CertificateAuthority>("corp", json!({"spec": patch})).await;
}

/// An external CA that is asked every second.
async fn reachable(ca: &FakeCa) -> (Namespace, Operator) {
    let namespace = Cluster::shared().namespace().await;
    let operator = Operator::in_namespace(&namespace).await;
    outside(&namespace, ca).await;
    spec(&namespace, json!({"crlRefreshInterval": "1s"})).await;
    namespace.reaches::<CertificateAuthority>("corp", "External/Reachable").await;
    (namespace, operator)
}

#[tokio::test]
async fn an_external_ca_is_ready_once_its_list_is_stored_and_newer_lists_follow() {
    let ca = FakeCa::start(Behaviour::Signs);
    let (namespace, operator) = reachable(&ca).await;
    assert_eq!(stored(&namespace).await, Authority::shared().files.crl_pem);
    let authority = namespace.api::<CertificateAuthority>().get("corp").await.unwrap();
    let status = authority.status.clone().unwrap();
    assert_eq!((status.ca_secret_name.as_deref(), status.service_name, status.signing_secret_name), (Some("corp-trust"), None, None));
    assert!(status.not_after.is_some());
    wait::until(&namespace.api::<CertificateAuthority>(), "corp", "to show the list", |live| number(live) == Some("0000")).await;

    let newer = Authority::shared().lists(5);
    ca.shows(&newer);
    let authority =
        wait::until(&namespace.api::<CertificateAuthority>(), "corp", "to have list 5", |live| number(live) == Some("0005")).await;
    assert_eq!(stored(&namespace).await, newer);
    assert!(crate::support::namespace::events(&authority).contains(&"CrlStored".to_owned()));
    assert_eq!(operator.errors(), Vec::<String>::new());
}

#[tokio::test]
async fn a_list_that_stays_the_same_is_looked_at_and_never_written() {
    let ca = FakeCa::start(Behaviour::Signs);
    let (namespace, operator) = reachable(&ca).await;
    let looks = || operator.metric("openvox_ca_calls_total", &[r#"call="crl""#]);
    let (before, seen) = (Cluster::shared().operator_writes(&namespace.name), looks());
    wait::until_some("three more looks", async || (looks() >= seen + 3).then_some(())).await;
    assert_eq!(Cluster::shared().operator_writes(&namespace.name), before);
}

/// List 5 is stored; what the CA shows then is refused with these words, and list 5 stays.
async fn refuses(shown: &str, words: &[&str]) {
    let ca = FakeCa::start(Behaviour::Signs);
    let good = Authority::shared().lists(5);
    ca.shows(&good);
    let (namespace, operator) = reachable(&ca).await;
    ca.shows(shown);
    let what = format!("to say {words:?}");
    let authority = wait::until(&namespace.api::<CertificateAuthority>(), "corp", &what, |live| {
        condition(live, "Reconciling")
            .is_some_and(|is| is.reason == "CRLNotRefreshed" && words.iter().all(|word| is.message.contains(word)))
    })
    .await;
    let ready = condition(&authority, "Ready").unwrap();
    assert!(ready.status == "True" && words.iter().all(|word| ready.message.contains(word)), "{ready:?}");
    assert_eq!(stored(&namespace).await, good);
    let events = namespace.api::<k8s_openapi::api::events::v1::Event>();
    wait::until_some("a Warning that says so", async || {
        let warnings = events.list(&ListParams::default()).await.unwrap().items;
        warnings.into_iter().find(|event| event.reason.as_deref() == Some("CrlRefreshFailed") && event.type_.as_deref() == Some("Warning"))
    })
    .await;
    assert_eq!(operator.errors(), Vec::<String>::new());
}

#[tokio::test]
async fn an_older_list_is_refused() {
    refuses(&Authority::shared().lists(4), &["number 0004", "0005", "older"]).await;
}

#[tokio::test]
async fn a_list_that_somebody_else_signed_is_refused() {
    refuses(&Authority::stranger().lists(6), &["no certificate of the CA bundle signed it"]).await;
}

#[tokio::test]
async fn a_list_without_that_of_the_root_is_refused() {
    let lists = Authority::shared().lists(6);
    refuses(&lists[..lists.rfind("-----BEGIN").unwrap()], &["Root CA", "not among those that the CA shows"]).await;
}

#[tokio::test]
async fn a_list_that_no_secret_can_hold_is_refused_with_its_length_and_the_remedy() {
    let serials: Vec<String> = (1..=40_000).map(|serial| format!("{serial:x}")).collect();
    let long = Authority::shared().lists_with(6, &serials.iter().map(String::as_str).collect::<Vec<_>>());
    refuses(&long, &["has 40000 certificates", "a Secret holds 1048576", "puppetserver ca prune"]).await;
}

#[tokio::test]
async fn an_immutable_secret_is_named_and_waited_for() {
    let ca = FakeCa::start(Behaviour::Signs);
    let (namespace, operator) = reachable(&ca).await;
    namespace.merge::<Secret>("corp-ca-crl", json!({"immutable": true})).await;
    ca.shows(&Authority::shared().lists(5));
    let words = ["Secret corp-ca-crl: it is immutable", "create it again", "the CA is asked again"];
    wait::until(&namespace.api::<CertificateAuthority>(), "corp", "to name the Secret", |live| {
        condition(live, "Reconciling").is_some_and(|is| words.iter().all(|word| is.message.contains(word)))
    })
    .await;
    // Tried again later and later, not at once.
    let seen = operator.metric("openvox_ca_calls_total", &[r#"call="crl""#]);
    tokio::time::sleep(std::time::Duration::from_secs(3)).await;
    assert!(operator.metric("openvox_ca_calls_total", &[r#"call="crl""#]) <= seen + 1);
    assert_eq!(stored(&namespace).await, Authority::shared().files.crl_pem);
}

#[tokio::test]
async fn lists_of_a_ca_that_has_left_the_chain_are_not_stored() {
    let ca = FakeCa::start(Behaviour::Signs);
    let (namespace, operator) = reachable(&ca).await;
    let newer = Authority::shared().lists(5);
    let key = PrivateKey::generate(KeyAlgorithm::Rsa2048).unwrap();
    let lifetime = std::time::Duration::from_hours(1);
    let left =
        NewAuthority { root_key: &key, signing_key: &key, name: "left", root_suffix: "left", lifetime, now: crate::authority::now() };
    ca.shows(&format!("{}{newer}", left.create().unwrap().crl_pem));
    wait::until(&namespace.api::<CertificateAuthority>(), "corp", "to have list 5", |live| number(live) == Some("0005")).await;
    assert_eq!(stored(&namespace).await, newer);
    assert_eq!(operator.errors(), Vec::<String>::new());
}

#[tokio::test]
async fn a_ca_that_goes_away_keeps_its_certificates_and_gets_no_new_requests() {
    let ca = FakeCa::start(Behaviour::Signs);
    let (namespace, operator) = reachable(&ca).await;
    namespace.create_all(WEB).await;
    namespace.reaches::<Certificate>("web", "Signed/Valid").await;
    ca.becomes(Behaviour::WebPage);
    let words = ["not one of a Puppet CA", "bytes of text/plain, not shown"];
    namespace.says::<CertificateAuthority>("corp", "External/Unreachable", "ExternalCAUnreachable", &words).await;
    namespace.create_all(&WEB.replace("name: web", "name: late").replace("web.example.test", "late.example.test")).await;
    let late = ["corp", "External"];
    wait::until(&namespace.api::<Certificate>(), "late", "to wait for the authority", |live| {
        crate::support::namespace::ready(live).is_some_and(|(_, message)| late.iter().any(|word| message.contains(word)))
    })
    .await;
    namespace.reaches::<Certificate>("web", "Signed/Valid").await;
    ca.becomes(Behaviour::Signs);
    namespace.reaches::<CertificateAuthority>("corp", "External/Reachable").await;
    namespace.reaches::<Certificate>("late", "Signed/Valid").await;
    assert_eq!(operator.errors(), Vec::<String>::new());
}

#[tokio::test]
async fn tls_of_another_ca_is_said_and_heals_when_the_trust_is_corrected() {
    let namespace = Cluster::shared().namespace().await;
    let ca = FakeCa::start(Behaviour::Signs);
    let operator = Operator::in_namespace(&namespace).await;
    let wrong = &Authority::stranger().files.bundle_pem;
    let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "corp-trust"}, "stringData": {"ca_crt.pem": wrong}});
    namespace.create_one(&secret).await.unwrap();
    let authority = json!({
        "apiVersion": "openvox.voxpupuli.org/v1alpha1", "kind": "CertificateAuthority", "metadata": {"name": "corp"},
        "spec": {"external": {"url": ca.url, "caSecretRef": "corp-trust"}},
    });
    namespace.create_one(&authority).await.unwrap();
    namespace.says::<CertificateAuthority>("corp", "External/Unreachable", "ExternalCAUnreachable", &["TLS with the CA failed"]).await;
    let right = &Authority::shared().files.bundle_pem;
    namespace.merge::<Secret>("corp-trust", json!({"stringData": {"ca_crt.pem": right}})).await;
    namespace.reaches::<CertificateAuthority>("corp", "External/Reachable").await;
    assert_eq!(operator.errors(), Vec::<String>::new());
}

#[tokio::test]
async fn without_a_named_trust_no_public_root_is_believed_and_the_secret_of_the_cas_name_is() {
    let namespace = Cluster::shared().namespace().await;
    let ca = FakeCa::start(Behaviour::Signs);
    let operator = Operator::in_namespace(&namespace).await;
    let authority = json!({
        "apiVersion": "openvox.voxpupuli.org/v1alpha1", "kind": "CertificateAuthority", "metadata": {"name": "corp"},
        "spec": {"external": {"url": ca.url, "insecureSkipVerify": true}},
    });
    namespace.create_one(&authority).await.unwrap();
    namespace.says::<CertificateAuthority>("corp", "External/Unreachable", "ExternalCAUnreachable", &["Secret corp-ca has no"]).await;
    let bundle = &Authority::shared().files.bundle_pem;
    let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "corp-ca"}, "stringData": {"ca_crt.pem": bundle}});
    namespace.create_one(&secret).await.unwrap();
    namespace.reaches::<CertificateAuthority>("corp", "External/Reachable").await;
    assert_eq!(operator.errors(), Vec::<String>::new());
}

#[tokio::test]
async fn tls_that_is_not_verified_works_and_shows_until_it_is_verified_again() {
    let ca = FakeCa::start(Behaviour::Signs);
    let (namespace, operator) = reachable(&ca).await;
    // A name that the CA's certificate does not have.
    let other_name = ca.url.replace("127.0.0.1", "localhost");
    spec(&namespace, json!({"external": {"url": other_name}})).await;
    namespace.says::<CertificateAuthority>("corp", "External/Unreachable", "ExternalCAUnreachable", &["TLS with the CA failed"]).await;
    spec(&namespace, json!({"external": {"insecureSkipVerify": true}})).await;
    let authority = wait::until(&namespace.api::<CertificateAuthority>(), "corp", "to be insecure", |live| {
        condition(live, "Insecure").is_some_and(|is| is.status == "True")
    })
    .await;
    assert!(condition(&authority, "Ready").unwrap().message.contains("INSECURE"));
    let unverified = || operator.metric("openvox_ca_tls_unverified", &[]);
    wait::until_some("the metric to say so", async || (unverified() == 1).then_some(())).await;
    namespace.create_all(WEB).await;
    namespace.reaches::<Certificate>("web", "Signed/Valid").await;

    spec(&namespace, json!({"external": {"insecureSkipVerify": false, "url": ca.url}})).await;
    wait::until(&namespace.api::<CertificateAuthority>(), "corp", "to be verified again", |live| {
        condition(live, "Insecure").is_none() && condition(live, "Ready").is_some_and(|is| is.status == "True")
    })
    .await;
    wait::until_some("the metric to go", async || (unverified() == 0).then_some(())).await;
    assert_eq!(operator.errors(), Vec::<String>::new());
}

#[tokio::test]
async fn a_ca_whose_name_is_written_in_another_string_type_is_believed_and_its_certificates_are_stored() {
    let ca = FakeCa::rewriting_its_name();
    let (namespace, operator) = reachable(&ca).await;
    namespace.create_all(WEB).await;
    namespace.reaches::<Certificate>("web", "Signed/Valid").await;
    let secret = namespace.api::<Secret>().get("web-tls").await.unwrap();
    let stored = openvox_puppet::Certificate::from_pem(&crate::issuing::pem(&secret, "cert.pem")).unwrap();
    let bytes = |text: &str| stored.der().windows(text.len()).any(|window| window == text.as_bytes());
    // The tag of a PrintableString before the name; the CA's own certificate has a UTF8String.
    let name = Authority::shared().bundle.signing().info().subject.trim_start_matches("CN=").to_owned();
    assert!(bytes(&format!("\u{13}{}{name}", char::from(u8::try_from(name.len()).unwrap()))));
    assert_eq!(operator.errors(), Vec::<String>::new());
}

#[tokio::test]
async fn an_address_without_tls_is_refused_with_the_remedy_and_tried_once_it_is_right() {
    let ca = FakeCa::start(Behaviour::Signs);
    let (namespace, operator) = reachable(&ca).await;
    spec(&namespace, json!({"external": {"url": ca.url.replace("https", "http")}})).await;
    namespace.says::<CertificateAuthority>("corp", "External/Unreachable", "InvalidSpec", &["spec.external.url", "write https://"]).await;
    spec(&namespace, json!({"external": {"url": ca.url}})).await;
    namespace.reaches::<CertificateAuthority>("corp", "External/Reachable").await;
    assert_eq!(operator.errors(), Vec::<String>::new());
}

#[tokio::test]
async fn nothing_of_an_external_ca_stays_in_the_status_of_one_in_the_cluster() {
    let ca = FakeCa::start(Behaviour::Signs);
    let (namespace, operator) = reachable(&ca).await;
    spec(&namespace, json!({"external": null})).await;
    let authority: CertificateAuthority = namespace.reaches("corp", "Pending/WaitingForConfig").await;
    let status = authority.status.unwrap();
    assert_eq!((status.ca_secret_name.as_deref(), status.service_name.as_deref()), (Some("corp-ca"), Some("corp-internal")));
    assert_eq!((status.not_after, status.crl, status.signing_secret_name), (None, None, None));
    assert_eq!(operator.errors(), Vec::<String>::new());
}

#[tokio::test]
async fn a_host_that_the_operator_must_not_ask_is_said_and_never_asked() {
    let namespace = Cluster::shared().namespace().await;
    let ca = FakeCa::start(Behaviour::Signs);
    let operator = crate::support::operator::Options::new(&namespace).argument("--external-ca-hosts=*.ca.example.com").start();
    outside(&namespace, &ca).await;
    let words = ["spec.external.url", "127.0.0.1", "*.ca.example.com", "--external-ca-hosts"];
    wait::until(&namespace.api::<CertificateAuthority>(), "corp", "to say that the host is not allowed", |live| {
        condition(live, "Ready").is_some_and(|is| is.reason == "InvalidSpec" && words.iter().all(|word| is.message.contains(word)))
    })
    .await;
    assert_eq!(operator.metric("openvox_ca_calls_total", &[]), 0);
}
