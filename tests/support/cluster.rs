//! The cluster that tests run against: the one of `KUBECONFIG`, or one that is started for this process and
//! removed when it ends.

use super::namespace::Namespace;
use k8s_openapi::api::core::v1::ServiceAccount;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{Api, Patch, PatchParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

/// Name under which the tests' own requests stand in the audit log, to be told from the operator's.
const TESTS: &str = "openvox-operator-tests";

/// A Kubernetes API server with the CRDs of this checkout.
pub struct Cluster {
    kubeconfig: PathBuf,
    /// Only for a cluster of our own.
    devcluster: Option<Devcluster>,
}

struct Devcluster {
    program: PathBuf,
    name: String,
    run_dir: PathBuf,
    _guard: Child,
}

impl Cluster {
    /// The path of the kubectl of the cluster's version.
    pub fn kubectl() -> PathBuf {
        devcluster_program().with_file_name("kubectl")
    }

    /// The cluster that all tests of this process share.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Cluster> = OnceLock::new();
        SHARED.get_or_init(|| match std::env::var_os("KUBECONFIG").filter(|path| !path.is_empty()) {
            Some(kubeconfig) => Self::with_crds(kubeconfig.into(), None),
            None => Self::start("t"),
        })
    }

    /// A cluster for one test that does to it what others would notice. `None` where the user's own cluster is
    /// to be used: nobody's API server is stopped for a test.
    pub fn own(prefix: &str) -> Option<Self> {
        if std::env::var_os("KUBECONFIG").is_some_and(|path| !path.is_empty()) {
            eprintln!("NOT TESTED: KUBECONFIG is set, and this test stops the API server");
            return None;
        }
        Some(Self::start(prefix))
    }

    fn start(prefix: &str) -> Self {
        let program = devcluster_program();
        let name = format!("{prefix}{}", std::process::id());
        let guard = guard(&program, &name);
        let up = Command::new(&program).args(["up", "--name", &name, "--mode", "control-plane"]).output().expect("devcluster runs");
        assert!(up.status.success(), "devcluster up failed:\n{}", String::from_utf8_lossy(&up.stderr));
        let kubeconfig = Command::new(&program).args(["kubeconfig", "--name", &name]).output().expect("devcluster runs");
        let kubeconfig = PathBuf::from(String::from_utf8(kubeconfig.stdout).expect("a path").trim());
        let run_dir = kubeconfig.parent().expect("kubeconfig lies in the run dir").to_owned();
        Self::with_crds(kubeconfig, Some(Devcluster { program, name, run_dir, _guard: guard }))
    }

    /// Installs the CRDs and waits until they are served. On a thread with a runtime of its own: the first test
    /// that needs the cluster is on one already.
    fn with_crds(kubeconfig: PathBuf, devcluster: Option<Devcluster>) -> Self {
        let cluster = Self { kubeconfig, devcluster };
        std::thread::scope(|scope| {
            let work = scope.spawn(|| {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
                runtime.block_on(cluster.install_crds());
            });
            work.join().expect("the CRDs are installed");
        });
        cluster
    }

    async fn install_crds(&self) {
        let api: Api<CustomResourceDefinition> = Api::all(self.client().await);
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("crds/generated");
        let mut names = Vec::new();
        for entry in std::fs::read_dir(folder).expect("crds/generated") {
            let text = std::fs::read_to_string(entry.expect("an entry").path()).expect("a CRD");
            let crd: Value = serde_saphyr::from_str(&text).expect("YAML");
            let name = crd["metadata"]["name"].as_str().expect("a name").to_owned();
            api.patch(&name, &PatchParams::apply(TESTS).force(), &Patch::Apply(&crd)).await.expect("the CRD is accepted");
            names.push(name);
        }
        for name in names {
            super::wait::until(&api, &name, "to be served", |crd| {
                let status = crd.status.as_ref();
                status.is_some_and(|status| status.conditions.iter().flatten().any(|is| is.type_ == "Established" && is.status == "True"))
            })
            .await;
        }
    }

    /// A client on the runtime of the caller.
    pub async fn client(&self) -> Client {
        // Whoever installs a provider first wins; any is fine.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let file = Kubeconfig::read_from(&self.kubeconfig).expect("a kubeconfig");
        let mut config = Config::from_custom_kubeconfig(file, &KubeConfigOptions::default()).await.expect("a usable kubeconfig");
        let name = reqwest::header::HeaderValue::from_static(TESTS);
        config.headers.push((reqwest::header::USER_AGENT, name));
        Client::try_from(config).expect("a client")
    }

    /// A fresh namespace.
    pub async fn namespace(&'static self) -> Namespace {
        Namespace::create(self.client().await, self.kubeconfig.clone(), self.devcluster.is_some()).await
    }

    /// A fresh namespace in a cluster of one test.
    pub async fn own_namespace(&self) -> Namespace {
        let namespace = Namespace::create(self.client().await, self.kubeconfig.clone(), true).await;
        // It shows that the cluster's controllers are all made. Before that, the controller manager ends when
        // the API server does.
        super::wait::until(&namespace.api::<ServiceAccount>(), "default", "to exist", |_| true).await;
        namespace
    }

    /// Stops the API server and starts it again after `seconds`. Blocks.
    pub fn restart_apiserver(&self, seconds: u32) {
        let own = self.devcluster.as_ref().expect("only a cluster of our own is restarted");
        let down_for = format!("{seconds}s");
        let done = Command::new(&own.program)
            .args(["restart-apiserver", "--name", &own.name, "--down-for", &down_for])
            .output()
            .expect("devcluster runs");
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    }

    /// The API server's audit log so far; `None` for a cluster that is not ours.
    pub fn audit_log(&self) -> Option<String> {
        let log = self.devcluster.as_ref()?.run_dir.join("log/audit.log");
        Some(std::fs::read_to_string(log).expect("an audit log"))
    }

    /// Writes in a namespace so far that neither the cluster's own controllers nor the tests made, from the
    /// API server's audit log; `None` for a cluster that is not ours.
    pub fn operator_writes(&self, namespace: &str) -> Option<Vec<String>> {
        let text = self.audit_log()?;
        let lines = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let of_operator = lines.filter(|line| {
            line["objectRef"]["namespace"] == namespace
                && line["stage"] == "ResponseComplete"
                && !line["user"]["username"].as_str().is_some_and(|user| user.starts_with("system:"))
                && line["userAgent"] != TESTS
        });
        let written = of_operator.map(|line| {
            let (verb, object) = (&line["verb"], &line["objectRef"]);
            let of = |name: &str| object[name].as_str().unwrap_or_default().to_owned();
            format!("{} {}/{} {}", verb.as_str().unwrap_or_default(), of("resource"), of("subresource"), of("name"))
        });
        // The Lease says that the operator lives, Events say what it did: neither is work.
        Some(written.filter(|write| !write.contains(" leases/") && !write.contains(" events/")).collect())
    }
}

/// `DEVCLUSTER_BIN` is the folder of the program; without it, it is built.
fn devcluster_program() -> PathBuf {
    if let Some(folder) = std::env::var_os("DEVCLUSTER_BIN").filter(|folder| !folder.is_empty()) {
        return Path::new(&folder).join("devcluster");
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/devcluster/build.sh");
    let built = Command::new(script).arg("control-plane").stderr(Stdio::inherit()).output().expect("build.sh runs");
    assert!(built.status.success(), "tests/devcluster/build.sh failed; it says why above");
    let folder = String::from_utf8(built.stdout).expect("a path");
    Path::new(folder.lines().last().expect("build.sh prints the folder")).join("devcluster")
}

/// Takes the cluster down when this process ends, even by SIGKILL: the pipe closes then. In a process group of
/// its own, so that Ctrl-C in a terminal does not reach it.
fn guard(program: &Path, name: &str) -> Child {
    use std::os::unix::process::CommandExt as _;
    Command::new("sh")
        .args(["-c", r#"cat >/dev/null; exec "$0" down --name "$1""#])
        .arg(program)
        .arg(name)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()
        .expect("a shell")
}
