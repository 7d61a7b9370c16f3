//! The cluster that all tests share.

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};

/// Where the operator is installed.
pub const SYSTEM: &str = "openvox-system";

/// The cluster, as `cluster.sh` describes it.
pub struct Cluster {
    values: HashMap<String, String>,
    /// Its standard input closes with this process, however that ends, and then the cluster goes.
    _keeper: Child,
}

/// The right to use the cluster: one test at a time, because they look at all that happens in it.
pub struct Turn {
    pub cluster: &'static Cluster,
    _turn: MutexGuard<'static, ()>,
}

static TURN: Mutex<()> = Mutex::new(());
static CLUSTER: LazyLock<Option<Cluster>> = LazyLock::new(start);

/// Waits for this test's turn; none when there can be no cluster here.
pub fn turn() -> Option<Turn> {
    let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let cluster = CLUSTER.as_ref()?;
    Some(Turn { cluster, _turn: turn })
}

/// Says that a test did not run, at the beginning of a line. The test harness swallows what is printed, so this goes
/// past it.
pub fn skipped(why: &str) {
    let _ = writeln!(std::io::stderr(), "\nSKIPPED: {why}");
}

fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output().expect("id runs");
    id.stdout == b"0\n"
}

fn start() -> Option<Cluster> {
    if std::env::var_os("KUBECONFIG").is_none() && !is_root() {
        skipped("the end-to-end tests need root for a node of their own, or KUBECONFIG");
        return None;
    }
    let script = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/e2e/cluster.sh");
    let mut keeper = Command::new(script).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("cluster.sh starts");
    let mut values = HashMap::new();
    for line in BufReader::new(keeper.stdout.take().expect("piped")).lines().map_while(Result::ok) {
        match line.split_once('=') {
            Some((name, value)) => drop(values.insert(name.to_owned(), value.to_owned())),
            None if line == "ready" => return Some(Cluster { values, _keeper: keeper }),
            None => {}
        }
    }
    panic!("the cluster did not come up; cluster.sh has said why");
}

impl Cluster {
    /// A program of the cluster's tools (`kubectl`, `helm`, `devcluster`), for this cluster.
    pub fn program(&self, name: &str) -> Command {
        // Looked up here: Command searches the PATH of this process.
        let program = std::env::split_paths(&self.values["PATH"]).map(|folder| folder.join(name)).find(|path| path.exists());
        let mut command = Command::new(program.unwrap_or_else(|| name.into()));
        command.env("PATH", &self.values["PATH"]).env("KUBECONFIG", &self.values["KUBECONFIG"]);
        command
    }

    /// Name of an image there, `SERVER`, `AGENT` or `CODE`: repository and tag.
    pub fn image(&self, name: &str) -> (&str, &str) {
        self.values[&format!("{name}_IMAGE")].rsplit_once(':').expect("an image has a tag")
    }

    /// Name of the devcluster; none if the cluster is the user's.
    pub fn devcluster(&self) -> Option<&str> {
        self.values.get("DEVCLUSTER").map(String::as_str)
    }

    /// File with one line for each write to the API; none if the cluster is the user's.
    pub fn audit_log(&self) -> Option<PathBuf> {
        self.values.get("AUDIT_LOG").map(PathBuf::from)
    }
}
