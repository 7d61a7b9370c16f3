//! What waits at a CA is seen, signed and denied by people, through the operator.

use crate::authority::Authority;
use crate::fake_ca::{Behaviour, FakeCa};
use crate::issuing::WEB;
use crate::plugin::{Plugin, proxied, user};
use crate::support::{Cluster, Namespace, Operator, wait};
use openvox_crds::{Certificate, CertificateAuthority};
use openvox_puppet::{CsrRequest, KeyAlgorithm, PrivateKey, request_fingerprint};
use serde_json::{Value, json};
use tempfile::TempDir;

/// A CA outside the cluster that knows the operator's certificate.
async fn administered(namespace: &Namespace, ca: &FakeCa) {
    let key = PrivateKey::generate(KeyAlgorithm::EcdsaP256).unwrap();
    let certificate = Authority::shared().issue("corp-admin", &key);
    let pair = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "corp-admin"}, "type": "kubernetes.io/tls",
                      "stringData": {"tls.crt": certificate, "tls.key": key.to_pem()}});
    let bundle = &Authority::shared().files.bundle_pem;
    let trust = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "corp-trust"}, "stringData": {"ca_crt.pem": bundle}});
    let authority = json!({
        "apiVersion": "openvox.voxpupuli.org/v1alpha1", "kind": "CertificateAuthority", "metadata": {"name": "corp"},
        "spec": {"external": {"url": ca.url, "caSecretRef": "corp-trust", "tlsSecretRef": "corp-admin"}},
    });
    for object in [pair, trust, authority] {
        namespace.create_one(&object).await.unwrap();
    }
    namespace.reaches::<CertificateAuthority>("corp", "External/Reachable").await;
}

/// A request of an agent, with a secret in it.
fn request(certname: &str) -> String {
    let key = PrivateKey::generate(KeyAlgorithm::EcdsaP256).unwrap();
    let extensions = vec![("pp_preshared_key".parse().unwrap(), "s3cret".to_owned()), ("pp_role".parse().unwrap(), "web".to_owned())];
    CsrRequest { certname: certname.parse().unwrap(), alt_names: vec!["puppet".parse().unwrap()], extensions }.build(&key).unwrap()
}

/// Rights of who uses the plug-in, with these verbs on CertificateAuthorities besides.
fn rules(verbs: &[&str]) -> Value {
    json!([
        {"apiGroups": ["openvox.voxpupuli.org"], "resources": ["*"], "verbs": ["get", "list", "watch", "patch"]},
        {"apiGroups": ["openvox.voxpupuli.org"], "resources": ["certificateauthorities"], "verbs": verbs},
        {"apiGroups": [""], "resources": ["services"], "verbs": ["list"]},
        {"apiGroups": [""], "resources": ["services/proxy"], "verbs": ["get", "create"]},
    ])
}

async fn reached(plugin: &Plugin) {
    let mut last = None;
    let reached = wait::within(async || {
        let said = plugin.run(&["csr", "list"]).await;
        let fine = said.code == 0;
        last = Some(format!("{said:?}"));
        fine.then_some(())
    });
    assert!(reached.await.is_some(), "{last:?}");
}

#[tokio::test]
async fn a_request_is_signed_or_denied_by_who_may_approve_and_by_its_fingerprint() {
    let namespace = Cluster::shared().namespace().await;
    let ca = FakeCa::start(Behaviour::Queues);
    let Some(operator) = proxied(&namespace).await else { return };
    administered(&namespace, &ca).await;
    let (agent, intruder) = (request("agent.example.test"), request("intruder.example.test"));
    ca.receives("agent.example.test", &agent);
    ca.receives("intruder.example.test", &intruder);
    namespace.create_all(WEB).await;
    namespace.reaches::<Certificate>("web", "WaitingForSigning/WaitingForSigning").await;
    let folder = TempDir::new().unwrap();
    let reader = user(&namespace, folder.path(), "reader", rules(&["get"])).await;
    let approver = user(&namespace, folder.path(), "approver", rules(&["approve"])).await;
    reached(&reader).await;
    reached(&approver).await;

    let listed = reader.says(0, &["csr", "list"]).await;
    let fingerprint = request_fingerprint(&agent).unwrap();
    listed.has(&["corp: 3 requests wait", "agent.example.test", &fingerprint, "puppet", "pp_preshared_key, pp_role", "Certificate  web"]);
    assert!(!listed.out.contains("not shown"), "{}", listed.out);
    assert!(!listed.out.contains("s3cret"), "{}", listed.out);
    let json = reader.says(0, &["csr", "list", "corp", "-o", "json"]).await.json();
    assert_eq!((&json[0]["total"], &json[0]["items"][2]["certificate"]), (&json!(3), &json!("web")), "{json}");

    let refused = reader.says(2, &["csr", "sign", "agent.example.test"]).await;
    assert!(refused.err.contains("no right to approve certificateauthorities.openvox.voxpupuli.org"), "{refused:?}");
    let other = approver.says(2, &["csr", "sign", "agent.example.test", "--fingerprint", "AB:CD"]).await;
    assert!(other.err.contains("409") && other.err.contains(&fingerprint), "{other:?}");
    let unknown = approver.says(2, &["csr", "sign", "nobody.example.test"]).await;
    assert!(unknown.err.contains("no request of nobody.example.test waits"), "{unknown:?}");
    assert_eq!(ca.knows("agent.example.test"), (true, false), "nobody has signed");

    approver.says(0, &["csr", "sign", "agent.example.test", "--fingerprint", &fingerprint.to_lowercase()]).await.has(&["is signed."]);
    assert_eq!(ca.knows("agent.example.test"), (false, true));
    approver.says(0, &["csr", "deny", "intruder.example.test"]).await.has(&["is denied, and removed."]);
    assert_eq!(ca.knows("intruder.example.test"), (false, false));

    // A request of ours: the operator fetches the certificate at once, not when it would have looked again.
    approver.says(0, &["csr", "sign", "web.example.test", "--authority", "corp"]).await.has(&["the operator is asked to look at it now"]);
    namespace.reaches::<Certificate>("web", "Signed/Valid").await;
    approver.says(0, &["csr", "list"]).await.has(&["no request waits"]);

    // What has a certificate beside its request is not thrown away with it.
    ca.receives("agent.example.test", &agent);
    let both = approver.says(2, &["csr", "deny", "agent.example.test"]).await;
    assert!(both.err.contains("has a certificate as well"), "{both:?}");
    assert_eq!(ca.knows("agent.example.test"), (true, true));
    let log = operator.log();
    let decided = log.lines().find(|line| line.contains("a person has decided") && line.contains("intruder.example.test")).unwrap();
    assert!(decided.contains("approver") && decided.contains("Deny"), "{decided}");
    assert_eq!(operator.errors(), Vec::<String>::new());
}

#[tokio::test]
async fn without_tokens_nothing_is_decided_and_a_ca_that_cannot_be_asked_is_told() {
    let namespace = Cluster::shared().namespace().await;
    let ca = FakeCa::start(Behaviour::Queues);
    let operator = Operator::in_namespace(&namespace).await;
    administered(&namespace, &ca).await;
    ca.receives("agent.example.test", &request("agent.example.test"));
    let url = format!("http://127.0.0.1:{}/api/v1/signing-requests/{}", operator.history_port(), namespace.name);
    let client = reqwest::Client::new();
    let sign = client.post(format!("{url}/corp/agent.example.test/sign?fingerprint=AB")).send().await.unwrap();
    let (code, said) = (sign.status(), sign.text().await.unwrap());
    assert!(code == 403 && said.contains("--history-auth=token"), "{code} {said}");
    assert_eq!(client.get(format!("{url}/corp")).send().await.unwrap().status(), 200);
    assert_eq!(client.get(format!("{url}/gone")).send().await.unwrap().status(), 404);
    ca.becomes(Behaviour::HangsUp);
    // What the CA has just said is shown for some seconds; one request by its name is asked for at once.
    let down = client.get(format!("{url}/corp?certname=agent.example.test")).send().await.unwrap();
    let (code, said) = (down.status(), down.text().await.unwrap());
    assert!(code == 503 && said.contains("failed to fetch the waiting signing request of agent.example.test"), "{code} {said}");
}

#[tokio::test]
async fn looking_often_costs_the_ca_little_and_names_that_are_hidden_are_counted() {
    let namespace = Cluster::shared().namespace().await;
    let ca = FakeCa::start(Behaviour::Queues);
    let operator = Operator::in_namespace(&namespace).await;
    administered(&namespace, &ca).await;
    for name in ["one.example.test", "al2023-2.", "Upper.example.test"] {
        ca.receives(name, &request("one.example.test"));
    }
    let url = format!("http://127.0.0.1:{}/api/v1/signing-requests/{}/corp", operator.history_port(), namespace.name);
    let client = reqwest::Client::new();
    let look = async |query: &str| -> Value {
        let answer = client.get(format!("{url}{query}")).send().await.unwrap();
        serde_json::from_str(&answer.text().await.unwrap()).unwrap()
    };
    let first = look("").await;
    let names: Vec<_> = first["items"].as_array().unwrap().iter().map(|item| item["certname"].as_str().unwrap()).collect();
    assert_eq!(names, ["al2023-2.", "one.example.test"]);
    assert_eq!((&first["total"], &first["hidden"], &first["hiddenNames"]), (&json!(3), &json!(1), &json!(["Upper.example.test"])));
    for _ in 0..5 {
        assert_eq!(look("").await, first);
    }
    assert_eq!((ca.asked_for("certificate_statuses"), ca.asked_for("certificate_request/")), (1, 2));
    // One by its name is read anew, and only that.
    assert_eq!(look("?certname=one.example.test").await["items"][0], first["items"][1]);
    assert_eq!((ca.asked_for("certificate_statuses"), ca.asked_for("certificate_request/")), (1, 3));
    assert_eq!(look("?certname=gone.example.test").await["total"], json!(0));
    let refused = client.get(format!("{url}?certname=Upper")).send().await.unwrap();
    assert_eq!(refused.status(), 400);
    assert_eq!(operator.errors(), Vec::<String>::new());
}
