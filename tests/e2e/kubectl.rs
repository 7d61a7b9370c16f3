//! kubectl, and waiting.

use crate::cluster::Cluster;
use serde_json::Value;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

/// A file of `manifests/`.
pub fn manifest(name: &str) -> String {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/e2e/manifests").join(name).to_string_lossy().into_owned()
}

/// Asks again until there is an answer. The machine may be slow, so the patience is only there to end a test that fails.
pub fn eventually<T>(what: &str, patience: Duration, mut ask: impl FnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(began.elapsed() < patience, "waited {patience:?} in vain for {what}");
        std::thread::sleep(Duration::from_millis(250));
    }
}

/// Standard output of a command that has to succeed.
pub fn output(command: &mut Command) -> String {
    let Output { status, stdout, stderr } = command.output().expect("the program starts");
    assert!(status.success(), "{command:?} failed: {}", String::from_utf8_lossy(&stderr));
    String::from_utf8_lossy(&stdout).into_owned()
}

impl Cluster {
    /// kubectl in a namespace.
    pub fn kubectl(&self, namespace: &str, arguments: &[&str]) -> Command {
        let mut command = self.program("kubectl");
        command.args(["--namespace", namespace]).args(arguments);
        command
    }

    /// What kubectl prints.
    pub fn run(&self, namespace: &str, arguments: &[&str]) -> String {
        output(&mut self.kubectl(namespace, arguments))
    }

    /// An object, or a list of them.
    pub fn get(&self, namespace: &str, what: &[&str]) -> Value {
        let text = self.run(namespace, &[&["get", "--output", "json"], what].concat());
        serde_json::from_str(&text).expect("kubectl prints JSON")
    }

    /// The object exists.
    pub fn exists(&self, namespace: &str, kind: &str, name: &str) -> bool {
        !self.run(namespace, &["get", kind, name, "--ignore-not-found", "--output", "name"]).is_empty()
    }

    /// Applies YAML or JSON.
    pub fn apply(&self, namespace: &str, manifest: &str) -> String {
        let mut command = self.kubectl(namespace, &["apply", "--server-side", "--filename", "-"]);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("kubectl starts");
        child.stdin.take().expect("piped").write_all(manifest.as_bytes()).expect("kubectl reads");
        let done = child.wait_with_output().expect("kubectl ends");
        assert!(done.status.success(), "{manifest} was refused");
        String::from_utf8_lossy(&done.stdout).into_owned()
    }

    /// Waits until the object shows this phase.
    pub fn reaches(&self, namespace: &str, object: &str, phase: &str) {
        let condition = format!("--for=jsonpath={{.status.phase}}={phase}");
        let mut command = self.kubectl(namespace, &["wait", object, &condition, "--timeout=180s"]);
        let Output { status, stderr, .. } = command.output().expect("kubectl starts");
        if !status.success() {
            let found = self.run(namespace, &["get", object, "--output", "yaml"]);
            panic!("{object} does not reach {phase}: {}\n{found}", String::from_utf8_lossy(&stderr));
        }
    }

    /// The only name of the pods that carry these labels.
    pub fn pod(&self, namespace: &str, labels: &str) -> String {
        eventually(&format!("one pod with {labels}"), Duration::from_mins(1), || {
            let names = self.run(namespace, &["get", "pods", "--selector", labels, "--output", "name"]);
            let mut names = names.lines();
            names.next().filter(|_| names.next().is_none()).map(ToOwned::to_owned)
        })
    }

    /// Runs a command in the CA server of the stack.
    pub fn in_ca(&self, namespace: &str, command: &[&str]) -> String {
        self.run(namespace, &[&["exec", "deployment/demo-ca", "--container", "openvox-server", "--"], command].concat())
    }
}
