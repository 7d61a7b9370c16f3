//! What `kubectl openvox` shows to the operator, and to nobody else.

use crate::access::{ClusterRight, behind_a_service_of, kubeconfig, may, own_address, somebody};
use crate::browser::Browser;
use crate::plugin::{Plugin, proving, proxied, reaches_history, reading, user};
use crate::support::operator::free_port;
use crate::support::{Cluster, Namespace, wait};
use axum::Router;
use axum::extract::{Request, State};
use k8s_openapi::api::authentication::v1::SelfSubjectReview;
use k8s_openapi::api::certificates::v1::CertificateSigningRequest;
use kube::api::{Api, ListParams, PostParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use openvox_crds::Pool;
use openvox_operator::http::TlsListener;
use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader};
use std::net::IpAddr;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use tempfile::TempDir;

const POOL: &str = "{apiVersion: openvox.voxpupuli.org/v1alpha1, kind: Pool, metadata: {name: agents}, spec: {}}";

/// Somebody's own listener: what it is asked, with all headers.
#[derive(Clone, Default)]
struct Listener(Arc<Mutex<Vec<(String, axum::http::HeaderMap)>>>);

impl Listener {
    /// Listens over TLS at the end of a Service that looks like that of an operator.
    async fn behind_a_service(namespace: &Namespace, address: IpAddr) -> Self {
        let heard = Self::default();
        let port = free_port();
        let listener = tokio::net::TcpListener::bind((address, port)).await.unwrap();
        let hear = async |State(Self(heard)): State<Self>, request: Request| {
            heard.lock().unwrap().push((request.uri().to_string(), request.headers().clone()));
            r#"{"items": []}"#
        };
        let router = Router::new().fallback(hear).with_state(heard.clone());
        tokio::spawn(async move { axum::serve(TlsListener::new(listener).unwrap(), router).await });
        behind_a_service_of(namespace, port, address).await;
        heard
    }

    fn heard(&self) -> Vec<(String, axum::http::HeaderMap)> {
        self.0.lock().unwrap().clone()
    }

    /// What was shown to it, once something was.
    async fn shown(&self, plugin: &Plugin) -> String {
        wait::until_some("the listener to be asked", async || {
            plugin.run(&["history"]).await;
            let header = self.heard().pop()?.1.get("openvox-authorization")?.to_str().unwrap().to_owned();
            Some(header)
        })
        .await
    }
}

/// The objects by which people with these names have said who they are.
async fn left_by(namespace: &Namespace, user: &str) -> Vec<String> {
    let api: Api<CertificateSigningRequest> = Api::all(namespace.client.clone());
    let all = api.list(&ListParams::default()).await.unwrap();
    let theirs = all.iter().filter(|object| object.spec.username.as_deref() == Some(user));
    theirs.map(kube::ResourceExt::name_any).filter(|name| name.starts_with("openvox-history-")).collect()
}

/// The kubeconfig of the tests, whose user has a client certificate, in the name of somebody else.
fn in_the_name_of(namespace: &Namespace, folder: &TempDir, name: &str) -> Plugin {
    let text = std::fs::read_to_string(&namespace.kubeconfig).unwrap();
    let mut file: Value = serde_saphyr::from_str(&text).unwrap();
    for user in file["users"].as_array_mut().unwrap() {
        assert!(user["user"]["client-certificate-data"].is_string() || user["user"]["client-certificate"].is_string());
        user["user"]["as"] = json!(name);
    }
    let path = folder.path().join(name);
    std::fs::write(&path, file.to_string()).unwrap();
    Plugin::with(path, namespace)
}

#[tokio::test]
async fn nothing_is_asked_of_a_service_outside_the_operators_namespace() {
    let (tenant, operators) = (Cluster::shared().namespace().await, Cluster::shared().namespace().await);
    let Some(address) = own_address() else { return eprintln!("NOT TESTED: this machine has no address but loopback") };
    let listener = Listener::behind_a_service(&tenant, address).await;
    tenant.create_all(POOL).await;
    // Somebody who may do everything, and looks at the namespace of the tenant.
    let admin = Plugin::of(&tenant).of_operator(&operators);
    let said = admin.says(0, &["history"]).await;
    assert!(said.err.contains(&format!("namespace {} has no Service", operators.name)), "{said:?}");
    admin.says(2, &["csr", "list"]).await;
    admin.says(2, &["page"]).await;
    assert_eq!(listener.heard(), []);
}

#[tokio::test]
async fn what_is_shown_to_the_operator_is_no_token_that_opens_anything_else() {
    let namespace = Cluster::shared().namespace().await;
    let Some(address) = own_address() else { return eprintln!("NOT TESTED: this machine has no address but loopback") };
    let listener = Listener::behind_a_service(&namespace, address).await;
    let folder = TempDir::new().unwrap();
    let reader = user(&namespace, folder.path(), "reader", reading()).await;

    let shown = listener.shown(&reader).await;
    let token = shown.strip_prefix("Bearer ").expect("a token that was made for it");
    let file = std::fs::read_to_string(folder.path().join("reader.kubeconfig")).unwrap();
    assert!(!file.contains(token), "the kubeconfig's own token was handed on");
    let used: Kubeconfig = serde_json::from_value(kubeconfig(&namespace, token)).unwrap();
    let used = Client::try_from(Config::from_custom_kubeconfig(used, &KubeConfigOptions::default()).await.unwrap()).unwrap();
    let refused = Api::<SelfSubjectReview>::all(used).create(&PostParams::default(), &SelfSubjectReview::default()).await;
    assert!(refused.as_ref().is_err_and(|error| error.to_string().contains("Unauthorized")), "{refused:?}");

    // Where no token can be made, the kubeconfig's own is kept all the same.
    let token = somebody(&namespace, "program").await;
    may(&namespace, "program", reading()).await;
    let path = folder.path().join("program.kubeconfig");
    std::fs::write(&path, kubeconfig(&namespace, &token).to_string()).unwrap();
    let program = Plugin::with(path, &namespace);
    let before = listener.heard().len();
    let said = wait::until_some("the rights of the program", async || {
        Some(program.run(&["history"]).await).filter(|said| said.err.contains("CertificateSigningRequest"))
    })
    .await;
    assert!(said.err.contains("serviceaccounts/token") && said.err.contains("openvox-operator-history-client"), "{said:?}");
    assert_eq!(listener.heard().len(), before);
}

#[tokio::test]
async fn a_client_certificate_opens_the_history_as_far_as_its_owner_may_see() {
    let namespace = Cluster::shared().namespace().await;
    let Some(operator) = proxied(&namespace).await else { return };
    namespace.create_all(POOL).await;
    namespace.reaches::<Pool>("agents", "Ready/Synced").await;
    let review = Api::<SelfSubjectReview>::all(namespace.client.clone());
    let me = review.create(&PostParams::default(), &SelfSubjectReview::default()).await.unwrap();
    let me = me.status.unwrap().user_info.unwrap().username.unwrap();
    let admin = Plugin::of(&namespace);
    reaches_history(&admin).await;
    admin.says(0, &["csr", "list"]).await;
    assert_eq!(left_by(&namespace, &me).await, Vec::<String>::new(), "nothing stays in the cluster");

    // Somebody else has the rights of somebody else.
    let folder = TempDir::new().unwrap();
    let name = format!("carol-{}", namespace.name);
    let carol = in_the_name_of(&namespace, &folder, &name);
    let subject = json!({"kind": "User", "name": name, "apiGroup": "rbac.authorization.k8s.io"});
    let right = ClusterRight::given(&namespace, "carol", subject.clone(), proving()).await;
    let rules = json!([
        {"apiGroups": ["openvox.voxpupuli.org"], "resources": ["pools", "certificateauthorities"], "verbs": ["get", "list"]},
        {"apiGroups": [""], "resources": ["services"], "verbs": ["list"]},
        {"apiGroups": [""], "resources": ["services/proxy"], "verbs": ["get", "create"]},
    ]);
    may(&namespace, "carol", rules).await;
    namespace.merge::<k8s_openapi::api::rbac::v1::RoleBinding>("carol", json!({ "subjects": [subject] })).await;
    let seen = wait::until_some("the rights of carol", async || {
        let said = carol.run(&["history", "pool/agents", "-o", "json"]).await;
        (said.code == 0 && said.err.is_empty()).then(|| said.json())
    })
    .await;
    assert_eq!(seen[0]["name"], "agents", "{seen}");
    let refused = carol.says(2, &["history", "server/agents"]).await;
    assert!(refused.err.contains(&format!("\"{name}\" has no right to get servers")), "{refused:?}");
    assert!(!left_by(&namespace, &name).await.is_empty(), "she may create, and not delete");
    right.taken_away().await;
    assert_eq!(operator.errors(), Vec::<String>::new());
}

#[tokio::test]
async fn the_page_opens_with_one_command_for_who_has_the_address_it_prints() {
    let namespace = Cluster::shared().namespace().await;
    let Some(_operator) = proxied(&namespace).await else { return };
    namespace.create_all(POOL).await;
    namespace.reaches::<Pool>("agents", "Ready/Synced").await;
    let admin = Plugin::of(&namespace);
    reaches_history(&admin).await;

    let mut page = admin.command(&[], &["page"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(page.stdout.take().unwrap()).lines();
    let address = tokio::task::spawn_blocking(move || lines.next()).await.unwrap().unwrap().unwrap();
    let (root, key) = address.split_once("#token=").unwrap();
    assert!(root.starts_with("http://127.0.0.1:"), "{address}");
    let client = reqwest::Client::builder().tls_certs_only([]).build().unwrap();
    let ask = async |path: &str, key: Option<&str>| {
        let request = client.get(format!("{root}{path}"));
        let request = key.iter().fold(request, |request, key| request.header("openvox-authorization", format!("Bearer {key}")));
        let response = request.send().await.unwrap();
        (response.status().as_u16(), response.text().await.unwrap())
    };
    let (code, html) = ask("", None).await;
    assert!(code == 200 && html.contains("<title>OpenVox history</title>"), "{code} {html}");
    for key in [None, Some("another")] {
        let (code, problem) = ask("api/v1/objects", key).await;
        assert!(code == 401 && problem.contains("kubectl openvox page"), "{code} {problem}");
    }
    let (code, objects) = ask("api/v1/objects", Some(key)).await;
    assert!(code == 200 && objects.contains("\"agents\""), "{code} {objects}");
    assert_eq!(ask("api/v1/objects/secrets/a/b", Some(key)).await.0, 400, "the operator's own answer");
    let posted = client.post(format!("{root}api/v1/objects")).header("openvox-authorization", format!("Bearer {key}"));
    assert_eq!(posted.send().await.unwrap().status(), 405);

    if let Some(browser) = Browser::start().await {
        browser.open(&address).await;
        browser.until("document.body.innerText.includes('agents')").await;
        let left = browser.value("location.href").await;
        assert!(!left.to_string().contains("token"), "the key stays in the address: {left}");
    }

    Command::new("kill").args(["-INT", &page.id().to_string()]).status().unwrap();
    let ended = tokio::task::spawn_blocking(move || page.wait()).await.unwrap().unwrap();
    assert_eq!(ended.code(), Some(130));
}
