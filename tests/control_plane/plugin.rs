//! `kubectl openvox`, as its users run it.

use crate::access::{ClusterRight, behind_a_service, kubeconfig, may, own_address, somebody};
use crate::fake_ca::{Behaviour, FakeCa};
use crate::issuing::{WEB, outside, pem};
use crate::renewal::signed;
use crate::support::namespace::HasLifecycle as _;
use crate::support::operator::Options;
use crate::support::{Cluster, Namespace, Operator, wait};
use k8s_openapi::api::core::v1::Secret;
use openvox_crds::{Certificate, CertificateAuthority, Pool, Server, SigningPolicy};
use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use tempfile::TempDir;

/// A Config and a Server of the certificate `web`.
const SERVER: &str = "
apiVersion: openvox.voxpupuli.org/v1alpha1
kind: Config
metadata: {name: main}
spec: {authorityRef: corp, image: {repository: example.test/server, tag: '8'}}
---
apiVersion: openvox.voxpupuli.org/v1alpha1
kind: Server
metadata: {name: compiler}
spec: {configRef: main, certificateRef: web}
";

/// The plug-in, as one user runs it in one namespace.
pub struct Plugin {
    kubeconfig: PathBuf,
    namespace: String,
    /// Where the operator is looked for.
    operator: String,
}

/// What a command said.
#[derive(Debug)]
pub struct Said {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Said {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error} in {self:?}"))
    }

    pub fn has(&self, words: &[&str]) {
        for word in words {
            assert!(self.out.contains(word), "{word:?} is not in:\n{}\n{}", self.out, self.err);
        }
    }
}

impl Plugin {
    /// With the rights of the tests.
    pub fn of(namespace: &Namespace) -> Self {
        Self::with(namespace.kubeconfig.clone(), namespace)
    }

    /// With those of a kubeconfig.
    pub fn with(kubeconfig: PathBuf, namespace: &Namespace) -> Self {
        Self { kubeconfig, namespace: namespace.name.clone(), operator: namespace.name.clone() }
    }

    /// Looking for the operator in another namespace.
    pub fn of_operator(mut self, namespace: &Namespace) -> Self {
        self.operator.clone_from(&namespace.name);
        self
    }

    /// The command, run by `before` if there is such a program.
    pub fn command(&self, before: &[&str], arguments: &[&str]) -> Command {
        let program = std::env::var("PLUGIN_BIN").expect("PLUGIN_BIN is set by tests/integration.sh");
        let line = [before, &[&program]].concat();
        let mut command = Command::new(line[0]);
        command.args(&line[1..]).arg("--kubeconfig").arg(&self.kubeconfig).args(["--namespace", &self.namespace]);
        command.args(["--operator-namespace", &self.operator]).args(arguments).stdin(Stdio::null());
        command
    }

    pub async fn run(&self, arguments: &[&str]) -> Said {
        // What waits for something that never comes ends, and says so with a code that nobody expects.
        let mut command = self.command(&["timeout", "60"], arguments);
        // In a thread: the servers of a test may be on this one.
        let output = tokio::task::spawn_blocking(move || command.output().expect("the plug-in starts")).await.unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
        Said { code: output.status.code().expect("an exit code"), out: text(output.stdout), err: text(output.stderr) }
    }

    /// Runs it, for the exit code that is expected.
    pub async fn says(&self, code: i32, arguments: &[&str]) -> Said {
        let said = self.run(arguments).await;
        assert_eq!(said.code, code, "{arguments:?}: {said:?}");
        said
    }
}

/// A ServiceAccount with these rights in the namespace, and with the right to make tokens for itself.
pub async fn user(namespace: &Namespace, folder: &Path, name: &str, mut rules: Value) -> Plugin {
    let token = somebody(namespace, name).await;
    let tokens = json!({"apiGroups": [""], "resources": ["serviceaccounts/token"], "verbs": ["create"], "resourceNames": [name]});
    rules.as_array_mut().unwrap().push(tokens);
    may(namespace, name, rules).await;
    let file = folder.join(format!("{name}.kubeconfig"));
    std::fs::write(&file, kubeconfig(namespace, &token).to_string()).unwrap();
    Plugin::with(file, namespace)
}

/// An operator whose history is reached through the API server's proxy; `None` where it cannot be.
pub async fn proxied(namespace: &Namespace) -> Option<Operator> {
    let Some(address) = own_address() else {
        eprintln!("NOT TESTED: this machine has no address but loopback, which no Service may lead to");
        return None;
    };
    let operator = Options::new(namespace).history_for_callers_with_tokens().start();
    operator.ready().await;
    behind_a_service(namespace, &operator, address).await;
    Some(operator)
}

/// Rights of who reads the history through the proxy.
pub fn reading() -> Value {
    json!([
        {"apiGroups": ["openvox.voxpupuli.org"], "resources": ["*"], "verbs": ["get", "list", "watch"]},
        {"apiGroups": [""], "resources": ["services"], "verbs": ["list"]},
        {"apiGroups": [""], "resources": ["services/proxy"], "verbs": ["get"]},
    ])
}

/// The right in the cluster to say who one is.
pub fn proving() -> Value {
    json!([{"apiGroups": ["certificates.k8s.io"], "resources": ["certificatesigningrequests"], "verbs": ["create"]}])
}

/// Waits until the history of the Pool `agents` comes from the service and not from the object itself.
pub async fn reaches_history(plugin: &Plugin) {
    let mut last = None;
    let through = wait::within(async || {
        let said = plugin.run(&["history", "pool/agents"]).await;
        let found = said.err.is_empty() && said.out.contains("Ready/Synced");
        last = Some(format!("{said:?}"));
        found.then_some(())
    });
    assert!(through.await.is_some(), "{last:?}");
}

/// The whole history as the operator exports it.
fn export(operator: &Operator, namespace: &Namespace) -> String {
    let (code, page) = operator.history(&format!("?namespace={}&order=asc&limit=500", namespace.name));
    assert_eq!(code, 200, "{page}");
    let mut lines: Vec<String> = page["items"].as_array().unwrap().iter().map(Value::to_string).collect();
    lines.push(String::new());
    lines.join("\n")
}

#[tokio::test]
async fn what_waits_is_told_with_its_root_and_shown_in_the_tree() {
    let namespace = Cluster::shared().namespace().await;
    let ca = FakeCa::start(Behaviour::Broken);
    let operator = Operator::in_namespace(&namespace).await;
    outside(&namespace, &ca).await;
    namespace.create_all(WEB).await;
    namespace.create_all(SERVER).await;
    namespace.create_all("{apiVersion: openvox.voxpupuli.org/v1alpha1, kind: SigningPolicy, metadata: {name: lost}, spec: {certificateAuthorityRef: gone, any: true}}").await;
    namespace.reaches::<CertificateAuthority>("corp", "External/Unreachable").await;
    namespace.says::<Certificate>("web", "Pending/WaitingForAuthority", "AuthorityNotUsable", &["corp"]).await;
    namespace.reaches::<Server>("compiler", "WaitingForCert/WaitingForCert").await;
    namespace.reaches::<SigningPolicy>("lost", "Pending/WaitingForAuthority").await;
    let plugin = Plugin::of(&namespace);

    let why = plugin.says(1, &["why", "server/compiler"]).await;
    let way =
        "Server compiler waits for Certificate web, which waits for CertificateAuthority corp, which has been External/Unreachable since ";
    why.has(&[way, "500", "What to do: "]);
    // Before and after the time of the next attempt.
    let goes_on = ["; the next attempt comes at ", "; it is tried again at growing intervals"];
    assert!(goes_on.iter().any(|words| why.out.contains(words)), "{}", why.out);
    assert_eq!(why.out.lines().count(), 1, "{}", why.out);
    let why = plugin.says(1, &["why", "server/compiler", "-o", "json"]).await.json();
    assert_eq!((&why["blocked"], &why["way"][2]), (&json!(true), &json!({"kind": "CertificateAuthority", "name": "corp"})), "{why}");
    assert_eq!(why["gate"]["reason"], "ExternalCAUnreachable", "{why}");
    plugin.says(1, &["why", "signingpolicy/lost"]).await.has(&["waits for CertificateAuthority gone, which does not exist"]);

    let status = plugin.says(1, &["status"]).await;
    let tree = [
        "Config main",
        "└─ CertificateAuthority corp",
        "   └─ Certificate web",
        "      └─ Server compiler",
        "not connected",
        "└─ SigningPolicy lost",
        "ExternalCAUnreachable: ",
        "names CertificateAuthority gone, which does not exist",
    ];
    status.has(&tree);
    let around = plugin.says(1, &["status", "web"]).await;
    around.has(&["Server compiler"]);
    assert!(!around.out.contains("lost"), "{}", around.out);
    assert_eq!(plugin.says(1, &["status", "-o", "json"]).await.json()[0]["trees"][0]["kind"], "Config");
    plugin.says(1, &["status", "-o", "yaml"]).await.has(&["notConnected:", "kind: Config"]);

    // Wrong usage and errors have a code of their own, and say what would be right.
    for (arguments, words) in [
        (["why", "compiler"], "KIND/NAME"),
        (["why", "pod/compiler"], "signingpolicy"),
        (["why", "server/nobody"], "of this kind there: compiler"),
        (["status", "nobody"], "no object is called"),
        (["history", "--since=tomorrow"], "RFC 3339"),
        (["pause", "--for=long"], "such as 2h"),
    ] {
        let said = plugin.says(2, &arguments).await;
        assert!(said.err.contains(words), "{arguments:?}: {said:?}");
    }

    plugin.says(0, &["completion", "bash"]).await.has(&["kubectl-openvox", "replay"]);

    // What was waited for comes.
    ca.becomes(Behaviour::Signs);
    namespace.reaches::<Certificate>("web", "Signed/Valid").await;
    plugin.says(0, &["why", "cert/web"]).await.has(&["Certificate web is Signed/Valid", "nothing blocks it"]);
    plugin.says(1, &["status", "web"]).await.has(&["Deploying: "]);
    assert_eq!(operator.errors(), Vec::<String>::new());
}

#[tokio::test]
async fn a_history_folds_to_the_object_and_a_tampered_one_is_told_at_its_line() {
    let (namespace, _ca, operator) = signed().await;
    let certificate = namespace.api::<Certificate>().get("web").await.unwrap();
    let plugin = Plugin::of(&namespace);

    // No operator is behind a Service there, so the objects themselves are asked.
    let history = plugin.says(0, &["history", "certificate/web"]).await;
    history.has(&["KeyStored", "CertificateStored", "Requested/Submitted", "Signed/Valid", "CAUSE"]);
    assert!(history.err.contains("status.history") && history.err.contains("--operator-namespace"), "{}", history.err);
    let transitions = plugin.says(0, &["history", "certificate/web", "--since=1h", "-o", "json"]).await.json();
    assert_eq!(transitions.as_array().unwrap().len(), certificate.lifecycle().unwrap().history.len());

    let folder = TempDir::new().unwrap();
    let file = folder.path().join("history.jsonl");
    let path = file.to_str().unwrap();
    let whole = wait::until_some("the journal to have every transition", async || {
        Some(export(&operator, &namespace)).filter(|text| text.contains("CertificateStored") && text.contains("\"CertificateAuthority\""))
    })
    .await;
    std::fs::write(&file, &whole).unwrap();
    let replayed = plugin.says(0, &["replay", path]).await;
    replayed.has(&["lead to Signed/Valid; the same as the object's own state", "CertificateAuthority"]);

    let lines: Vec<&str> = whole.lines().collect();
    let stored = lines.iter().position(|line| line.contains("CertificateStored")).unwrap();
    let told = async |text: String, words: &[&str]| {
        std::fs::write(&file, text).unwrap();
        plugin.says(1, &["replay", path]).await.has(words);
    };
    let line = format!("line {}, seq ", stored + 1);
    told(
        whole.replace(lines[stored], &lines[stored].replace("\"Signed/Valid\"", "\"Signed/Expiring\"")),
        &[&line, "not to Signed/Expiring"],
    )
    .await;
    told(whole.replace("\"event\":\"CertificateStored\"", "\"event\":\"CertificateImagined\""), &[&line, "CertificateImagined"]).await;
    told(whole.replace(&format!("{}\n", lines[stored - 1]), ""), &[&format!("line {stored}, seq "), "is missing before this one"]).await;
    std::fs::write(&file, format!("{whole}no transition\n")).unwrap();
    let said = plugin.says(2, &["replay", path]).await;
    assert!(said.err.contains(&format!("line {} is no transition", lines.len() + 1)), "{said:?}");
    assert_eq!(operator.errors(), Vec::<String>::new());
}

#[tokio::test]
async fn a_certificate_is_renewed_and_rekeyed_on_demand_and_a_refusal_is_told() {
    let (namespace, ca, _operator) = signed().await;
    let plugin = Plugin::of(&namespace);
    let key = async || pem(&namespace.api::<Secret>().get("web-tls").await.unwrap(), "key.pem");

    let first = key().await;
    plugin.says(0, &["renew", "web", "--wait"]).await.has(&[
        "RenewalRequested: Signed/Valid -> ",
        "CertificateRenewed",
        "Certificate web is valid until ",
    ]);
    assert_eq!(key().await, first);
    ca.clean("web.example.test");
    plugin.says(0, &["rekey", "web", "--wait"]).await.has(&["RekeyStarted", "CertificateRekeyed", "Certificate web is valid until "]);
    assert_ne!(key().await, first);

    ca.becomes(Behaviour::ForbidsRenewal);
    plugin.says(1, &["renew", "web", "--wait"]).await.has(&["RenewalRefused", "was not issued anew"]);
    let said = plugin.says(2, &["renew", "nobody"]).await;
    assert!(said.err.contains("Certificate nobody"), "{said:?}");
}

#[tokio::test]
async fn wishes_are_annotations_and_nothing_else() {
    let namespace = Cluster::shared().namespace().await;
    namespace.create_all("{apiVersion: openvox.voxpupuli.org/v1alpha1, kind: Pool, metadata: {name: agents}, spec: {}}").await;
    let plugin = Plugin::of(&namespace);
    let annotations = async || {
        let pool = namespace.api::<Pool>().get("agents").await.unwrap();
        assert!(pool.status.is_none());
        serde_json::to_value(pool.metadata.annotations.unwrap_or_default()).unwrap()
    };
    let of = |name: &str| format!("openvox.voxpupuli.org/{name}");

    plugin.says(0, &["pause", "pool/agents", "--reason", "disk change"]).await;
    assert_eq!(annotations().await, json!({of("pause"): "true", of("pause-reason"): "disk change"}));
    plugin.says(0, &["pause", "pool/agents", "--for", "2h"]).await;
    let paused = annotations().await;
    let until = chrono::DateTime::parse_from_rfc3339(paused[of("pause")].as_str().unwrap()).unwrap();
    assert!(until > chrono::Utc::now() && paused.as_object().unwrap().len() == 1, "{paused}");
    plugin.says(0, &["resume", "pool/agents"]).await;
    assert_eq!(annotations().await, json!({}));
    plugin.says(0, &["reconcile", "pool/agents"]).await;
    let asked = annotations().await;
    assert!(chrono::DateTime::parse_from_rfc3339(asked[of("requestedAt")].as_str().unwrap()).is_ok(), "{asked}");

    // Nobody works here, and that is what it says.
    plugin.says(1, &["why", "pool/agents"]).await.has(&["the operator has not looked at it yet"]);
}

#[tokio::test]
async fn the_history_comes_through_the_api_servers_proxy_and_goes_on_live() {
    let namespace = Cluster::shared().namespace().await;
    let Some(_operator) = proxied(&namespace).await else { return };
    let folder = TempDir::new().unwrap();
    let reader = user(&namespace, folder.path(), "reader", reading()).await;
    namespace.create_all("{apiVersion: openvox.voxpupuli.org/v1alpha1, kind: Pool, metadata: {name: agents}, spec: {}}").await;
    namespace.reaches::<Pool>("agents", "Ready/Synced").await;

    reaches_history(&reader).await;

    let mut follows = reader.command(&[], &["history", "pool/agents", "-f"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(follows.stdout.take().unwrap()).lines().map(|line| line.unwrap());
    let shown: Vec<String> = lines.by_ref().take(2).collect();
    assert!(shown[0].starts_with("TIME") && shown[1].contains("Pending/Provisioning"), "{shown:?}");
    namespace.merge::<Pool>("agents", json!({"spec": {"service": {"port": 8141}}})).await;
    let next = tokio::task::spawn_blocking(move || lines.next()).await.unwrap();
    assert!(next.as_ref().is_some_and(|line| line.contains("Changed")), "{next:?}");
    follows.kill().unwrap();
    follows.wait().unwrap();
}

#[tokio::test]
async fn a_kubeconfig_whose_user_is_a_program_opens_the_history_too() {
    // Its token goes to the API server alone, and it may make no other one.
    let namespace = Cluster::shared().namespace().await;
    let Some(_operator) = proxied(&namespace).await else { return };
    namespace.create_all("{apiVersion: openvox.voxpupuli.org/v1alpha1, kind: Pool, metadata: {name: agents}, spec: {}}").await;
    namespace.reaches::<Pool>("agents", "Ready/Synced").await;
    let folder = TempDir::new().unwrap();
    let token = somebody(&namespace, "program").await;
    may(&namespace, "program", reading()).await;
    let credential = json!({"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": {"token": token}});
    let answer = folder.path().join("credential.json");
    std::fs::write(&answer, credential.to_string()).unwrap();
    let mut file = kubeconfig(&namespace, "");
    for user in file["users"].as_array_mut().unwrap() {
        user["user"] = json!({"exec": {
            "apiVersion": "client.authentication.k8s.io/v1", "command": "cat", "args": [answer], "interactiveMode": "Never",
        }});
    }
    let path = folder.path().join("kubeconfig");
    std::fs::write(&path, file.to_string()).unwrap();
    let subject = json!({"kind": "ServiceAccount", "name": "program", "namespace": namespace.name});
    let right = ClusterRight::given(&namespace, "program", subject, proving()).await;
    reaches_history(&Plugin::with(path, &namespace)).await;
    right.taken_away().await;
}

#[tokio::test]
async fn a_report_can_be_replayed_and_holds_no_key() {
    let (namespace, _ca, operator) = signed().await;
    namespace
        .create_all("{apiVersion: openvox.voxpupuli.org/v1alpha1, kind: SigningPolicy, metadata: {name: psk}, spec: {certificateAuthorityRef: corp, csrAttributes: [{name: pp_preshared_key, value: s3cret-in-the-spec}]}}")
        .await;
    namespace.reaches::<SigningPolicy>("psk", "Pending/WaitingForAuthority").await;
    let plugin = Plugin::of(&namespace);
    let folder = TempDir::new().unwrap();
    let key = pem(&namespace.api::<Secret>().get("web-tls").await.unwrap(), "key.pem");
    let middle = key.lines().nth(key.lines().count() / 2).unwrap();

    let packed = folder.path().join("report.tar.gz");
    for name in ["report.json", "report", "report.tar.gz"] {
        let place = folder.path().join(name);
        let said = plugin.says(0, &["report", "-o", place.to_str().unwrap()]).await;
        said.has(&["3 objects", "Secrets by name"]);
        plugin.says(0, &["replay", place.to_str().unwrap()]).await.has(&["the same as the object's own state"]);
    }
    let unpacked = Command::new("tar").arg("-xzOf").arg(&packed).output().unwrap();
    let mut texts = vec![String::from_utf8(unpacked.stdout).unwrap(), std::fs::read_to_string(folder.path().join("report.json")).unwrap()];
    for entry in std::fs::read_dir(folder.path().join("report")).unwrap() {
        texts.push(std::fs::read_to_string(entry.unwrap().path()).unwrap());
    }
    assert_eq!(texts.len(), 7);
    for text in &texts {
        assert!(!text.contains(middle) && !text.contains("PRIVATE KEY") && !text.contains("s3cret"), "{text}");
    }
    assert!(texts[1].contains("web-tls") && texts[1].contains("publicKeys"), "the Secret is there by its name");
    assert_eq!(operator.errors(), Vec::<String>::new());
}

#[tokio::test]
async fn a_plan_shows_what_comes_next_and_writes_nothing() {
    let cluster = Cluster::shared();
    let namespace = cluster.namespace().await;
    let ca = FakeCa::start(Behaviour::Queues);
    let operator = Operator::in_namespace(&namespace).await;
    outside(&namespace, &ca).await;
    let pool = "{apiVersion: openvox.voxpupuli.org/v1alpha1, kind: Pool, metadata: {name: agents}, spec: {}}";
    namespace.create_all(pool).await;
    namespace.reaches::<CertificateAuthority>("corp", "External/Reachable").await;
    namespace.reaches::<Pool>("agents", "Ready/Synced").await;
    // The one who looks may not write; the tests themselves may, and what they write is counted.
    let folder = TempDir::new().unwrap();
    let rules = json!([{"apiGroups": ["*"], "resources": ["*"], "verbs": ["get", "list", "watch"]}]);
    let reader = user(&namespace, folder.path(), "reader", rules).await;
    let admin = Plugin::of(&namespace);
    wait::until_some("the reader's rights", async || (reader.run(&["status"]).await.code == 0).then_some(())).await;
    reader.says(0, &["plan"]).await;
    admin.says(0, &["plan"]).await.has(&["Nothing would be done."]);
    admin.says(0, &["plan", "pool/agents"]).await.has(&["in Ready/Synced", "nothing"]);

    admin.says(0, &["pause", "pool/agents", "--reason", "disk change"]).await;
    wait::until(&namespace.api::<Pool>(), "agents", "to be paused", |pool| {
        pool.lifecycle().is_some_and(|is| is.conditions.iter().any(|condition| condition.type_ == "Paused"))
    })
    .await;
    admin.says(1, &["why", "pool/agents"]).await.has(&["disk change", "What to do: kubectl openvox resume pool/agents."]);
    admin.says(0, &["plan", "pool/agents"]).await.has(&["nothing: PausedByAnnotation"]);
    admin.says(0, &["resume", "pool/agents"]).await;
    admin.says(0, &["reconcile", "pool/agents"]).await;
    wait::until(&namespace.api::<Pool>(), "agents", "to answer", |pool| {
        pool.lifecycle()
            .is_some_and(|is| is.last_handled_reconcile_at.is_some() && is.conditions.iter().all(|condition| condition.type_ != "Paused"))
    })
    .await;

    operator.terminate().await;
    namespace.merge::<Pool>("agents", json!({"spec": {"service": {"port": 8141}}})).await;
    namespace.create_all(&pool.replace("agents", "second")).await;
    namespace.create_all(WEB).await;
    let before = (cluster.operator_writes(&namespace.name), ca.submitted().len());
    for plugin in [&reader, &admin] {
        let plan = plugin.says(1, &["plan"]).await;
        plan.has(&[
            "Changed: Ready/Synced -> Ready/Synced",
            "  does ApplyService\n  changes Service agents\n    - spec.ports[0].port: 8140\n    + spec.ports[0].port: 8141\n",
            "creates Service second",
            "/web in Pending/WaitingForAuthority\n  does EnsureKey\n",
        ]);
        let one = plugin.says(1, &["plan", "pool/second", "-o", "json"]).await.json();
        assert_eq!((&one[0]["name"], &one[0]["objects"][0]["change"]), (&json!("second"), &json!("create")), "{one}");
        plugin.says(2, &["plan", "pool/nobody"]).await;
    }
    assert_eq!((cluster.operator_writes(&namespace.name), ca.submitted().len()), before);
    assert!(namespace.api::<Pool>().get("second").await.unwrap().status.is_none());
}
