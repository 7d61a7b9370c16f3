//! The operator as a process of this machine, so that it can be made to die at a named point.

use crate::cluster::Cluster;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// Number of the signal that `abort` raises.
const SIGABRT: i32 = 6;

/// One place to run it: a namespace, and a folder for its journal and its log.
pub struct Place<'a> {
    cluster: &'a Cluster,
    devcluster: &'a str,
    namespace: String,
    folder: tempfile::TempDir,
}

/// A process that runs, until this is dropped.
pub struct Running {
    child: Child,
    log: PathBuf,
}

impl<'a> Place<'a> {
    /// None where it cannot run, because the cluster's network cannot be entered.
    pub fn new(cluster: &'a Cluster, namespace: &str) -> Option<Self> {
        let devcluster = cluster.devcluster()?;
        let folder = tempfile::tempdir().expect("a folder");
        Some(Self { cluster, devcluster, namespace: namespace.to_owned(), folder })
    }

    /// Starts it; `crash_at` as `CRASH_AT` takes it (engine/src/reconcile/crash.rs).
    pub fn start(&self, crash_at: Option<&str>) -> Running {
        let path = self.folder.path();
        let log = path.join("log");
        let file = std::fs::OpenOptions::new().create(true).append(true).open(&log).expect("a log");
        let mut command = self.cluster.program("devcluster");
        command.args(["exec", "--name", self.devcluster, "--", env!("CARGO_BIN_EXE_openvox-operator")]);
        command.args(["--watch-namespace", &self.namespace, "--journal", &format!("sqlite://{}/journal.db", path.display())]);
        command.args(["--metrics-bind-address=0", "--health-probe-bind-address=0", "--history-bind-address=0"]);
        // The version that is installed runs in the pods it makes.
        command.env("OPERATOR_IMAGE", installed_image(self.cluster));
        if let Some(point) = crash_at {
            command.env("CRASH_AT", point);
        }
        let child = command.stdin(Stdio::null()).stdout(file.try_clone().expect("a log")).stderr(file).spawn().expect("it starts");
        Running { child, log }
    }
}

fn installed_image(cluster: &Cluster) -> String {
    let container = "jsonpath={.spec.template.spec.containers[0].image}";
    cluster.run(crate::cluster::SYSTEM, &["get", "deployment", "openvox-operator", "--output", container])
}

impl Running {
    /// It has died of its own will. Any other end is a failure.
    pub fn died(&mut self) -> bool {
        match self.child.try_wait().expect("it is our child") {
            None => false,
            Some(status) if status.signal() == Some(SIGABRT) => true,
            Some(status) => panic!("the operator ended with {status}:\n{}", read(&self.log)),
        }
    }

    /// Waits until either it dies (true) or `done` says that its work is done (false).
    pub fn dies_before(&mut self, what: &str, mut done: impl FnMut() -> bool) -> bool {
        for _ in 0..240 {
            if self.died() {
                return true;
            }
            if done() {
                // What comes after the last step would have come by now.
                std::thread::sleep(Duration::from_millis(500));
                return self.died();
            }
            std::thread::sleep(Duration::from_millis(250));
        }
        panic!("waited in vain for {what}; the operator says:\n{}", read(&self.log));
    }
}

fn read(log: &Path) -> String {
    std::fs::read_to_string(log).unwrap_or_default()
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.child.try_wait().is_ok_and(|ended| ended.is_some()) {
            return;
        }
        let asked = Command::new("kill").arg(self.child.id().to_string()).status();
        if asked.is_err() {
            let _ = self.child.kill();
        }
        let _ = self.child.wait();
    }
}
