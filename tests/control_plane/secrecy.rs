//! Keys, preshared keys and tokens stay where they belong: nothing that the operator says shows a piece of one, nor a digest
//! by which a short one could be guessed.

use crate::access::{may_get, somebody};
use crate::authority::Authority;
use crate::collector::Collector;
use crate::fake_ca::{Behaviour, FakeCa};
use crate::issuing::{WEB, outside, pem};
use crate::support::operator::Options;
use crate::support::{Cluster, Namespace, Operator, wait};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Secret;
use kube::ResourceExt as _;
use kube::api::{Api, ApiResource, DynamicObject, ListParams};
use kube::discovery::{Discovery, Scope, verbs};
use openvox_crds::{Certificate, Server, SigningPolicy};
use openvox_operator::build::hash::data_hash;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

/// Characters of a hexadecimal digest that nothing else has by chance.
const SHORT_DIGEST: usize = 16;

const PRESHARED: &str = "a-preshared-key-that-only-nodes-know";

/// In the Secret with the certificates of the CA outside, and no business of the operator's.
const BESIDE: &str = "a-password-beside-the-certificates";

const STACK: &str = "
apiVersion: v1
kind: Secret
metadata: {name: enrolment}
stringData: {psk: a-preshared-key-that-only-nodes-know}
---
apiVersion: openvox.voxpupuli.org/v1alpha1
kind: CertificateAuthority
metadata: {name: inner}
spec: {}
---
apiVersion: openvox.voxpupuli.org/v1alpha1
kind: Config
metadata: {name: main}
spec: {authorityRef: inner, image: {repository: example.test/server, tag: v1}}
---
apiVersion: openvox.voxpupuli.org/v1alpha1
kind: Server
metadata: {name: compiler}
spec: {configRef: main, certificateRef: web}
---
apiVersion: openvox.voxpupuli.org/v1alpha1
kind: SigningPolicy
metadata: {name: enrolled}
spec:
  certificateAuthorityRef: inner
  csrAttributes: [{name: pp_preshared_key, valueFrom: {secretKeyRef: {name: enrolment, key: psk}}}]
---
apiVersion: openvox.voxpupuli.org/v1alpha1
kind: SigningPolicy
metadata: {name: mistaken}
spec:
  certificateAuthorityRef: inner
  csrAttributes: [{name: pp_preshared_key, valueFrom: {secretKeyRef: {name: enrolment, key: missing}}}]
";

/// What must not show, with the name of what it is a piece of.
#[derive(Default)]
struct Pieces(BTreeMap<String, String>);

impl Pieces {
    /// A text as it is, and as it looks inside base64, for each of the three places where it can begin in it.
    fn add(&mut self, text: &str, name: &str) {
        self.0.insert(text.to_owned(), name.to_owned());
        for skipped in 0..3 {
            let encoded = STANDARD.encode(&text.as_bytes()[skipped..]);
            // The last group may hold bits of what follows.
            self.0.insert(encoded[..encoded.len() - 4].to_owned(), name.to_owned());
        }
    }

    /// SHA-256 over a text, and over a Secret's data as the operator hashes data; written in hexadecimal or base64, of which
    /// the first characters are enough.
    fn add_digests(&mut self, text: &str, keys: &[&str], name: &str) {
        let texts = [text.to_owned(), text.trim_end().to_owned(), format!("{text}\n")];
        let plain = texts.iter().map(|text| hexadecimal(&Sha256::digest(text)));
        let hashed = keys.iter().flat_map(|key| texts.iter().map(move |text| data_hash([(key, text)])));
        for digest in plain.chain(hashed).collect::<Vec<_>>() {
            self.add_digest(&digest, name);
        }
    }

    fn add_digest(&mut self, hexadecimal: &str, name: &str) {
        let digits = &hexadecimal[..SHORT_DIGEST];
        let bytes: Vec<u8> = (0..SHORT_DIGEST).step_by(2).map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap()).collect();
        let name = format!("{name} (a digest)");
        let pairs = bytes.iter().map(|byte| format!("{byte:02X}")).collect::<Vec<_>>().join(":");
        // The last characters of base64 hold bits of what follows.
        let encoded = STANDARD.encode(&bytes)[..SHORT_DIGEST / 2].to_owned();
        for form in [digits.to_owned(), digits.to_uppercase(), pairs, encoded] {
            self.0.insert(form, name.clone());
        }
    }

    /// A line from the middle of a PEM: the beginning of a key is the same for all keys of its kind.
    fn add_key(&mut self, pem: &str, name: &str) {
        let lines: Vec<&str> = pem.lines().filter(|line| !line.starts_with("-----")).collect();
        self.add(lines[lines.len() / 2], name);
    }

    async fn of_secrets(&mut self, namespace: &Namespace) {
        for secret in namespace.api::<Secret>().list(&ListParams::default()).await.unwrap() {
            let mut secrecy = false;
            for (key, value) in secret.data.iter().flatten() {
                let name = format!("Secret {} {key}", secret.name_any());
                let Ok(text) = String::from_utf8(value.0.clone()) else { continue };
                if text.contains("PRIVATE KEY-----") {
                    self.add_key(&text, &name);
                } else if !text.contains(PRESHARED) && !text.contains(BESIDE) {
                    continue;
                }
                secrecy = true;
                // Older operators hashed a policy as it stands in the file, under this key.
                self.add_digests(&text, &[key, "policy"], &name);
            }
            if secrecy {
                let whole = data_hash(secret.data.iter().flatten().map(|(key, value)| (key, &value.0)));
                self.add_digest(&whole, &format!("Secret {} as a whole", secret.name_any()));
            }
        }
    }

    fn are_not_in(&self, place: &str, text: &str) {
        assert!(!text.is_empty(), "{place} is empty");
        for (piece, name) in &self.0 {
            assert!(!text.contains(piece), "{place} shows a piece of {name}");
        }
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a String takes everything");
        text
    })
}

/// Every object of a namespace, of Secrets their metadata, as the API server shows them; events are among them.
async fn objects(namespace: &Namespace) -> String {
    let mut text = String::new();
    let found = Discovery::new(namespace.client.clone()).run().await.unwrap();
    let kinds = found.groups().flat_map(kube::discovery::ApiGroup::recommended_resources);
    let listed = kinds.filter(|(_, can)| can.scope == Scope::Namespaced && can.supports_operation(verbs::LIST));
    let listed: Vec<ApiResource> = listed.map(|(kind, _)| kind).collect();
    for kind in listed {
        let api: Api<DynamicObject> = Api::namespaced_with(namespace.client.clone(), &namespace.name, &kind);
        let mut items = api.list(&ListParams::default()).await.unwrap().items;
        for secret in items.iter_mut().filter(|_| kind.kind == "Secret") {
            secret.data["data"] = Value::Null;
        }
        text += &serde_json::to_string(&items).unwrap();
    }
    text
}

/// What the history API answers to a caller with a token; of a stream, what it says at once.
async fn answer(operator: &Operator, path: &str, token: &str) -> String {
    let url = format!("http://127.0.0.1:{}{path}", operator.history_port());
    let mut response = reqwest::Client::new().get(url).bearer_auth(token).send().await.unwrap();
    assert!(response.status().is_success(), "{path}: {}", response.status());
    let mut text = String::new();
    loop {
        match tokio::time::timeout(Duration::from_secs(1), response.chunk()).await {
            Ok(Ok(Some(chunk))) => text += &String::from_utf8_lossy(&chunk),
            Ok(Ok(None)) | Err(_) => return text,
            Ok(Err(error)) => panic!("{error} after {text}"),
        }
    }
}

#[tokio::test]
async fn no_key_and_no_token_shows_in_anything_that_the_operator_says() {
    let namespace = Cluster::shared().namespace().await;
    let mut pieces = Pieces::default();
    pieces.add(PRESHARED, "the preshared key");
    pieces.add_digests(PRESHARED, &["psk", "value", "policy"], "the preshared key");
    pieces.add(BESIDE, "a password beside certificates");
    let collector = Collector::start().await;
    let ca = FakeCa::start(Behaviour::Signs);
    let operator = Options::new(&namespace)
        .history_for_callers_with_tokens()
        .variable("OTEL_EXPORTER_OTLP_ENDPOINT", &collector.endpoint)
        .variable("OTEL_BSP_SCHEDULE_DELAY", "200")
        .start();
    operator.ready().await;
    let reader = somebody(&namespace, "reader").await;
    let (head, signature) = reader.rsplit_once('.').unwrap();
    pieces.add(signature, "a reader's token");
    pieces.add(&head[head.len() - 80..], "a reader's token");
    pieces.add_digests(&reader, &["token"], "a reader's token");
    may_get(&namespace, "reader", "*", &[]).await;

    // A CA inside with its policies, and one outside at which a certificate is issued, renewed and given a new key.
    Authority::shared().set_up(&namespace, "inner").await;
    namespace.create_all(STACK).await;
    outside(&namespace, &ca).await;
    namespace.merge::<Secret>("corp-trust", json!({"stringData": {"password": BESIDE}})).await;
    namespace.create_all(WEB).await;
    namespace.reaches::<Certificate>("web", "Signed/Valid").await;
    namespace.reaches::<Server>("compiler", "Pending/Deploying").await;
    pieces.of_secrets(&namespace).await;
    namespace.reaches::<SigningPolicy>("enrolled", "Pending/Rendering").await;
    namespace.says::<SigningPolicy>("mistaken", "Error/Invalid", "SecretNotFound", &["enrolment"]).await;
    for annotation in ["renew", "rekey"] {
        let asked = json!({"metadata": {"annotations": {format!("openvox.voxpupuli.org/{annotation}"): "now"}}});
        if annotation == "rekey" {
            // Outside, only somebody at the CA makes room for another key.
            ca.clean("web.example.test");
        }
        namespace.merge::<Certificate>("web", asked).await;
        let event = if annotation == "renew" { "CertificateRenewed" } else { "CertificateRekeyed" };
        let done = |object: &Certificate| crate::support::namespace::events(object).iter().any(|name| name == event);
        wait::until(&namespace.api::<Certificate>(), "web", event, done).await;
    }
    // What is hashed into the annotations of the pods follows the certificate.
    let hash = async || {
        let deployment = namespace.api::<Deployment>().get("compiler").await.unwrap();
        deployment.spec.unwrap().template.metadata.unwrap().annotations.unwrap()["openvox.voxpupuli.org/ssl-secret-hash"].clone()
    };
    let certificate = pem(&namespace.api::<Secret>().get("web-tls").await.unwrap(), "cert.pem");
    wait::until_some("the Server's pods to have the last certificate", async || {
        (hash().await == data_hash([("cert.pem", &certificate)])).then_some(())
    })
    .await;
    pieces.of_secrets(&namespace).await;
    assert!(pieces.0.values().any(|name| name.contains("inner-autosign-policy")), "the file with the preshared key");
    assert!(pieces.0.values().filter(|name| name.starts_with("Secret web-tls")).count() >= 8, "the first key and the second");
    assert!(pieces.0.values().any(|name| name.contains("inner")), "the CA's own");

    let namespaced = format!("namespace={}", namespace.name);
    let jsonl = format!("/api/v1/history?format=jsonl&{namespaced}");
    wait::until_some("the history of it all", async || {
        let text = answer(&operator, &jsonl, &reader).await;
        text.contains("CertificateRekeyed").then_some(())
    })
    .await;
    let first: Value = serde_json::from_str(&answer(&operator, "/api/v1/history?order=asc&limit=1", &reader).await).unwrap();
    let cursor = first["nextCursor"].as_str().expect("more than one entry");
    let web = format!("certificates/{}/web", namespace.name);
    let paths = [
        "/".to_owned(),
        "/api/v1/history?limit=500".to_owned(),
        jsonl,
        format!("/api/v1/history?format=sse&{namespaced}&cursor={cursor}"),
        format!("/api/v1/history/{web}"),
        "/api/v1/objects".to_owned(),
        format!("/api/v1/objects/{web}"),
        format!("/api/v1/objects/{web}/graph"),
    ];
    for path in &paths {
        let said = answer(&operator, path, &reader).await;
        assert!(path == "/" || said.contains("Certificate"), "{path}: {said}");
        pieces.are_not_in(path, &said);
    }
    pieces.are_not_in("the objects and events of the namespace", &objects(&namespace).await);
    pieces.are_not_in("/metrics", &operator.metrics());
    let log = operator.log();
    assert!(log.contains(r#""level":"DEBUG""#));
    pieces.are_not_in("the operator's log", &log);
    assert!(operator.terminate().await.success());
    pieces.are_not_in("the exported spans", &collector.text());
}
