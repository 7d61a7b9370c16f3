//! Who may read the history: real tokens and rights, and the API server's own proxy in between.

use crate::support::operator::Options;
use crate::support::{Cluster, Namespace, Operator, wait};
use k8s_openapi::api::authentication::v1::{BoundObjectReference, TokenRequest, TokenRequestSpec};
use k8s_openapi::api::certificates::v1::CertificateSigningRequest;
use k8s_openapi::api::core::v1::{Endpoints, Pod, Service, ServiceAccount};
use k8s_openapi::api::rbac::v1::{ClusterRole, ClusterRoleBinding, Role, RoleBinding};
use kube::api::{Api, DeleteParams, Patch, PatchParams, PostParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use openvox_crds::Pool;
use openvox_operator::http::access::{AccessControl, ApiServer, NewProof, TOKEN_HEADER, Target, audience};
use serde_json::{Value, json};
use std::net::{IpAddr, UdpSocket};
use std::sync::Arc;

const POOL: &str = "{apiVersion: openvox.voxpupuli.org/v1alpha1, kind: Pool, metadata: {name: agents}, spec: {}}";
const HISTORY: &str = "openvox-operator-history";
const OUR_HEADER: &str = "openvox-authorization";

/// Somebody with a token, without rights.
pub async fn somebody(namespace: &Namespace, name: &str) -> String {
    let account: ServiceAccount = serde_json::from_value(json!({"metadata": {"name": name}})).unwrap();
    namespace.put(&account).await;
    token(namespace, name, None, None).await
}

async fn token(namespace: &Namespace, account: &str, audience: Option<&str>, bound: Option<BoundObjectReference>) -> String {
    let audiences = audience.map(str::to_owned).into_iter().collect();
    let spec = TokenRequestSpec { audiences, expiration_seconds: Some(600), bound_object_ref: bound };
    let request = TokenRequest { spec, ..TokenRequest::default() };
    let api: Api<ServiceAccount> = namespace.api();
    let made = api.create_token_request(account, &PostParams::default(), &request).await.expect("a token");
    made.status.expect("a status").token
}

/// Lets a service account read a resource in the namespace; with names, those objects alone.
pub async fn may_get(namespace: &Namespace, account: &str, resource: &str, names: &[&str]) {
    let rule = json!({"apiGroups": ["openvox.voxpupuli.org"], "resources": [resource], "verbs": ["get"], "resourceNames": names});
    may(namespace, account, json!([rule])).await;
}

/// Gives a service account these rights in the namespace.
pub async fn may(namespace: &Namespace, account: &str, rules: Value) {
    let role: Role = serde_json::from_value(json!({"metadata": {"name": account}, "rules": rules})).unwrap();
    namespace.put(&role).await;
    let binding: RoleBinding = serde_json::from_value(json!({
        "metadata": {"name": account},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": account},
        "subjects": [{"kind": "ServiceAccount", "name": account}],
    }))
    .unwrap();
    namespace.put(&binding).await;
}

/// A right that belongs to the whole cluster.
pub struct ClusterRight {
    name: String,
    client: Client,
}

impl ClusterRight {
    /// Gives a service account the right to a path that is no resource.
    pub async fn to_path(namespace: &Namespace, account: &str, path: &str, verbs: &[&str]) -> Self {
        let subject = json!({"kind": "ServiceAccount", "name": account, "namespace": namespace.name});
        Self::given(namespace, account, subject, json!([{"nonResourceURLs": [path], "verbs": verbs}])).await
    }

    /// Gives somebody these rights, under a name.
    pub async fn given(namespace: &Namespace, name: &str, subject: Value, rules: Value) -> Self {
        let name = format!("{name}-{}", namespace.name);
        let role: ClusterRole = serde_json::from_value(json!({"metadata": {"name": name}, "rules": rules})).unwrap();
        let binding: ClusterRoleBinding = serde_json::from_value(json!({
            "metadata": {"name": name},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name},
            "subjects": [subject],
        }))
        .unwrap();
        let client = namespace.client.clone();
        Api::all(client.clone()).create(&PostParams::default(), &role).await.unwrap();
        Api::all(client.clone()).create(&PostParams::default(), &binding).await.unwrap();
        Self { name, client }
    }

    /// Takes it away, so that nothing stays in a cluster that stays.
    pub async fn taken_away(self) {
        Api::<ClusterRoleBinding>::all(self.client.clone()).delete(&self.name, &DeleteParams::default()).await.unwrap();
        Api::<ClusterRole>::all(self.client).delete(&self.name, &DeleteParams::default()).await.unwrap();
    }
}

#[tokio::test]
async fn metrics_are_for_who_may_get_their_path_and_over_the_network_encrypted() {
    let namespace = Cluster::shared().namespace().await;
    let operator = Options::new(&namespace).argument("--metrics-auth=token").start();
    operator.ready().await;
    let scraper = somebody(&namespace, "scraper").await;
    let url = format!("http://127.0.0.1:{}/metrics", operator.metrics_port());
    let scrape = async |token: Option<&str>| {
        let request = token.iter().fold(client().get(&url), reqwest::RequestBuilder::bearer_auth);
        let response = request.send().await.unwrap();
        (response.status().as_u16(), response.text().await.unwrap())
    };
    assert_eq!(scrape(None).await.0, 401);
    assert_eq!(scrape(Some("made up")).await.0, 401);
    let (code, said) = scrape(Some(&scraper)).await;
    assert_eq!(code, 403);
    assert!(said.contains("nonResourceURLs") && !said.contains("openvox_"), "{said}");

    let right = ClusterRight::to_path(&namespace, "scraper", "/metrics", &["get"]).await;
    let text = wait::until_some("the right to scrape", async || {
        let (code, text) = scrape(Some(&scraper)).await;
        (code == 200).then_some(text)
    })
    .await;
    assert!(text.contains("openvox_operator_leader"), "{text}");
    right.taken_away().await;
    assert_eq!(operator.errors(), Vec::<String>::new());
}

/// A client that takes any certificate, as the API server's proxy does.
fn client() -> reqwest::Client {
    reqwest::Client::builder().tls_danger_accept_invalid_certs(true).build().unwrap()
}

/// An answer over the loopback, as through `kubectl port-forward`.
async fn ask(operator: &Operator, path: &str, token: Option<&str>) -> (u16, Value) {
    let url = format!("http://127.0.0.1:{}{path}", operator.history_port());
    let mut request = client().get(url);
    if let Some(token) = token {
        request = request.bearer_auth(token);
    }
    let response = request.send().await.unwrap();
    let status = response.status().as_u16();
    let text = response.text().await.unwrap();
    (status, serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error} in {text}")))
}

fn count(page: &Value) -> usize {
    page["items"].as_array().unwrap_or_else(|| panic!("{page}")).len()
}

/// An operator that asks for tokens, beside a Pool with a history.
async fn operator(namespace: &Namespace) -> Operator {
    let operator = Options::new(namespace).history_for_callers_with_tokens().start();
    operator.ready().await;
    namespace.create_all(POOL).await;
    namespace.reaches::<Pool>("agents", "Ready/Synced").await;
    operator
}

#[tokio::test]
async fn a_token_shows_what_its_owner_may_get_and_a_right_that_ends_ends_here_too() {
    let namespace = Cluster::shared().namespace().await;
    let operator = operator(&namespace).await;
    let reader = somebody(&namespace, "reader").await;
    let namely = somebody(&namespace, "namely").await;
    let nobody = somebody(&namespace, "nobody").await;
    may_get(&namespace, "reader", "pools", &[]).await;
    may_get(&namespace, "namely", "pools", &["agents"]).await;
    let list = format!("/api/v1/history?kind=pool&namespace={}", namespace.name);
    let one = format!("/api/v1/history/pools/{}/agents", namespace.name);

    wait::until_some("the reader to see the history", async || {
        let (code, page) = ask(&operator, &list, Some(&reader)).await;
        (code == 200 && count(&page) > 0).then_some(())
    })
    .await;
    // What is not named is everything that may be seen, and here that is one namespace.
    let (code, page) = ask(&operator, "/api/v1/history", Some(&reader)).await;
    assert_eq!((code, page["items"][0]["name"].as_str()), (200, Some("agents")));
    let (_, objects) = ask(&operator, "/api/v1/objects", Some(&reader)).await;
    assert_eq!((count(&objects), objects["items"][0]["phase"].as_str()), (1, Some("Ready")));

    // A right to one object by its name.
    assert_eq!(ask(&operator, &one, Some(&namely)).await.0, 200);
    assert_eq!(ask(&operator, &list, Some(&namely)).await.0, 403);

    // No right: the same answer, whether it exists or not.
    let existing = ask(&operator, &one, Some(&nobody)).await;
    let missing = ask(&operator, &one.replace("agents", "missing"), Some(&nobody)).await;
    assert_eq!((existing.0, &existing), (403, &missing));
    assert_eq!(count(&ask(&operator, "/api/v1/history", Some(&nobody)).await.1), 0);
    let other = ask(&operator, &format!("/api/v1/history/configs/{}/agents", namespace.name), Some(&reader)).await;
    assert_eq!(other.0, 403);

    // The right ends.
    namespace.api::<RoleBinding>().delete("reader", &DeleteParams::default()).await.unwrap();
    wait::until_some("the right to end", async || (ask(&operator, &list, Some(&reader)).await.0 == 403).then_some(())).await;
    assert_eq!(operator.errors(), Vec::<String>::new());
}

#[tokio::test]
async fn no_token_a_foreign_one_and_one_that_ended_are_refused() {
    let namespace = Cluster::shared().namespace().await;
    let operator = operator(&namespace).await;
    let good = somebody(&namespace, "reader").await;
    let (code, problem) = ask(&operator, "/api/v1/history", None).await;
    assert_eq!((code, problem["status"].as_u64()), (401, Some(401)));
    assert!(problem["detail"].as_str().unwrap().contains("kubectl create token"), "{problem}");

    let elsewhere = token(&namespace, "reader", Some("https://another.example.test"), None).await;
    let of_another = token(&namespace, "reader", Some(&audience("another-namespace")), None).await;
    // Within the signature; some bits of its very last character mean nothing.
    let place = good.len() - 10;
    let other = if good[place..].starts_with('A') { "B" } else { "A" };
    let tampered = [&good[..place], other, &good[place + 1..]].concat();
    let refused =
        [("of another audience", elsewhere.as_str()), ("for another operator", &of_another), ("tampered", &tampered), ("made up", "abc")];
    for (what, token) in refused {
        assert_eq!(ask(&operator, "/api/v1/history", Some(token)).await.0, 401, "{what}");
    }

    // One that was made for this operator opens its history, and nothing else.
    let ours = token(&namespace, "reader", Some(&audience(&namespace.name)), None).await;
    assert_eq!(ask(&operator, "/api/v1/history", Some(&ours)).await.0, 200);
    let elsewhere = as_bearer(&namespace, &ours).await.apiserver_version().await.unwrap_err().to_string();
    assert!(elsewhere.contains("Unauthorized"), "{elsewhere}");

    assert_eq!(ask(&operator, "/api/v1/history", Some(&good)).await.0, 200);
    namespace.api::<ServiceAccount>().delete("reader", &DeleteParams::default()).await.unwrap();
    wait::until_some("the token to end", async || (ask(&operator, "/api/v1/history", Some(&good)).await.0 == 401).then_some(())).await;

    // Tokens are in no log.
    let log = operator.log();
    for token in [&good, &elsewhere, &tampered] {
        assert!(!log.contains(token.as_str()), "a token is in the log");
    }
}

#[tokio::test]
async fn a_stream_ends_when_its_token_does() {
    let namespace = Cluster::shared().namespace().await;
    let operator = operator(&namespace).await;
    let reader = somebody(&namespace, "reader").await;
    may_get(&namespace, "reader", "pools", &[]).await;
    let path = format!("/api/v1/history/pools/{}/agents", namespace.name);
    wait::until_some("the right", async || (ask(&operator, &path, Some(&reader)).await.0 == 200).then_some(())).await;

    let url = format!("http://127.0.0.1:{}{path}", operator.history_port());
    let mut stream = client().get(url).bearer_auth(&reader).header("accept", "text/event-stream").send().await.unwrap();
    assert_eq!(stream.status(), 200);
    // Something happens, live.
    namespace.merge::<Pool>("agents", json!({"spec": {"service": {"port": 8141}}})).await;
    let mut text = String::new();
    let heard = tokio::time::timeout(wait::BOUND, async {
        while !text.contains("event: transition") {
            text += std::str::from_utf8(&stream.chunk().await.unwrap().expect("it goes on")).unwrap();
        }
    });
    heard.await.unwrap_or_else(|_| panic!("no transition in {text}"));
    namespace.api::<ServiceAccount>().delete("reader", &DeleteParams::default()).await.unwrap();
    let ended = tokio::time::timeout(wait::BOUND, async {
        while let Some(chunk) = stream.chunk().await.unwrap() {
            text += std::str::from_utf8(&chunk).unwrap();
        }
    });
    ended.await.expect("the stream ends");
    assert!(text.contains("event: problem") && text.contains("\"status\":401"), "{text}");
}

/// The address of this machine that others see. Nothing is sent.
pub fn own_address() -> Option<IpAddr> {
    let socket = UdpSocket::bind("0.0.0.0:0").ok()?;
    socket.connect("192.0.2.1:9").ok()?;
    socket.local_addr().ok().map(|address| address.ip()).filter(|address| !address.is_loopback())
}

/// Makes a history API of this machine what the Service `openvox-operator-history` of the namespace leads to.
pub async fn behind_a_service(namespace: &Namespace, operator: &Operator, address: IpAddr) {
    behind_a_service_of(namespace, operator.history_port(), address).await;
}

/// The same for whatever listens on a port of this machine.
pub async fn behind_a_service_of(namespace: &Namespace, port: u16, address: IpAddr) {
    let service: Service = serde_json::from_value(json!({
        "metadata": {"name": HISTORY, "labels": {"app.kubernetes.io/name": "openvox-operator"}},
        "spec": {"clusterIP": "None", "ports": [{"name": "https", "port": port, "targetPort": port}]},
    }))
    .unwrap();
    namespace.put(&service).await;
    // The proxy looks at this older kind, and takes no address but that of a Pod that exists.
    let pod: Pod = serde_json::from_value(json!({
        "metadata": {"name": HISTORY}, "spec": {"containers": [{"name": "operator", "image": "example.test/operator"}]},
    }))
    .unwrap();
    let pod = namespace.put(&pod).await;
    let running = json!({"status": {"phase": "Running", "podIP": address.to_string(), "podIPs": [{"ip": address.to_string()}]}});
    namespace.api::<Pod>().patch_status(HISTORY, &PatchParams::default(), &Patch::Merge(running)).await.unwrap();
    let target = json!({"kind": "Pod", "name": HISTORY, "namespace": namespace.name, "uid": pod.metadata.uid});
    let endpoints: Endpoints = serde_json::from_value(json!({
        "metadata": {"name": HISTORY},
        "subsets": [{"addresses": [{"ip": address.to_string(), "targetRef": target}], "ports": [{"name": "https", "port": port}]}],
    }))
    .unwrap();
    namespace.put(&endpoints).await;
}

#[tokio::test]
async fn the_api_servers_proxy_leads_to_the_history_with_a_header_of_its_own() {
    let namespace = Cluster::shared().namespace().await;
    let Some(address) = own_address() else {
        eprintln!("NOT TESTED: this machine has no address but loopback, which no Service may lead to");
        return;
    };
    let operator = operator(&namespace).await;
    let reader = somebody(&namespace, "reader").await;
    may_get(&namespace, "reader", "pools", &[]).await;

    // Over the network: TLS, and plain HTTP is told so.
    let port = operator.history_port();
    let plain = client().get(format!("http://{address}:{port}/api/v1/history")).bearer_auth(&reader).send().await.unwrap();
    assert_eq!(plain.status(), 400);
    assert!(plain.text().await.unwrap().contains("HTTPS"));
    let direct = client().get(format!("https://{address}:{port}/api/v1/history")).bearer_auth(&reader).send().await.unwrap();
    assert_eq!(direct.status(), 200);

    behind_a_service(&namespace, &operator, address).await;

    // Through the API server, as somebody who may: with Authorization for the API server alone, and our header for us.
    let place = format!("/api/v1/namespaces/{}/services/https:{HISTORY}:{port}/proxy", namespace.name);
    let through = async |path: &str, header: Option<(&str, String)>| {
        let mut request = axum::http::Request::get(format!("{place}{path}"));
        if let Some((name, value)) = header {
            request = request.header(name, value);
        }
        namespace.client.request_text(request.body(Vec::new()).unwrap()).await
    };
    let mut said = Ok(String::new());
    let page = wait::within(async || {
        said = through("/", None).await.map_err(|error| error.to_string());
        said.clone().ok()
    });
    let page = page.await.unwrap_or_else(|| panic!("the proxy says {said:?}"));
    assert!(page.contains("<title>OpenVox history</title>"), "{page}");
    let refused = through("/api/v1/history", None).await.unwrap_err().to_string();
    assert!(refused.contains("a token is needed") || refused.contains("401"), "{refused}");
    let seen = through("/api/v1/history", Some((OUR_HEADER, format!("Bearer {reader}")))).await.unwrap();
    let page: Value = serde_json::from_str(&seen).unwrap();
    assert_eq!(page["items"][0]["name"], "agents", "{page}");
}

/// The tests' kubeconfig with a token in place of their own rights.
pub fn kubeconfig(namespace: &Namespace, token: &str) -> Value {
    let text = std::fs::read_to_string(&namespace.kubeconfig).unwrap();
    let mut file: Value = serde_saphyr::from_str(&text).unwrap();
    for user in file["users"].as_array_mut().unwrap() {
        user["user"] = json!({ "token": token });
    }
    file
}

/// A client of the API server with such a token.
async fn as_bearer(namespace: &Namespace, token: &str) -> Client {
    let file: Kubeconfig = serde_json::from_value(kubeconfig(namespace, token)).unwrap();
    Client::try_from(Config::from_custom_kubeconfig(file, &KubeConfigOptions::default()).await.unwrap()).unwrap()
}

#[tokio::test]
async fn the_charts_role_is_enough_to_ask_the_api_server_who_somebody_is() {
    let namespace = Cluster::shared().namespace().await;
    let account = somebody(&namespace, "operator").await;
    let subject = json!({"kind": "ServiceAccount", "name": "operator", "namespace": namespace.name});
    let rules = json!([
        {"apiGroups": ["authentication.k8s.io"], "resources": ["tokenreviews"], "verbs": ["create"]},
        {"apiGroups": ["authorization.k8s.io"], "resources": ["subjectaccessreviews"], "verbs": ["create"]},
        {"apiGroups": ["certificates.k8s.io"], "resources": ["certificatesigningrequests"], "verbs": ["get"]},
    ]);
    let right = ClusterRight::given(&namespace, "history-auth", subject, rules).await;

    let access = AccessControl::with_tokens(Arc::new(ApiServer::new(as_bearer(&namespace, &account).await, "openvox-system")));
    let headers: axum::http::HeaderMap =
        [(axum::http::header::AUTHORIZATION, format!("Bearer {account}").parse().unwrap())].into_iter().collect();
    let caller = wait::until_some("the right to review", async || access.authenticate(&headers).await.ok()).await;
    assert_eq!(caller.name(), format!("system:serviceaccount:{}:operator", namespace.name));
    let target =
        Target { verb: "get", group: "openvox.voxpupuli.org", resource: "pools", namespace: Some(namespace.name.clone()), name: None };
    assert_eq!(access.may(&caller, &target).await, Ok(false));

    // Somebody without a token that could be shown: what they have created tells who they are.
    let proof = NewProof::new("openvox-system").unwrap();
    let requests: Api<CertificateSigningRequest> = Api::all(namespace.client.clone());
    let created = requests.create(&PostParams::default(), &proof.object).await.unwrap();
    let name = created.metadata.name.unwrap();
    let headers: axum::http::HeaderMap = [(TOKEN_HEADER, proof.header(&name).unwrap())].into_iter().collect();
    let caller = access.authenticate(&headers).await.unwrap();
    assert_eq!((caller.name(), access.may(&caller, &target).await), (created.spec.username.unwrap().as_str(), Ok(true)));
    requests.delete(&name, &DeleteParams::default()).await.unwrap();
    wait::until_some("the proof to end", async || (access.authenticate(&headers).await.err()?.status == 401).then_some(())).await;
    right.taken_away().await;
}
