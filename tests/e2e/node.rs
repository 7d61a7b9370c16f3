//! A node that stays: a pod in which an agent is run again and again, with the keys and certificates of its earlier runs.

use crate::cluster::Cluster;
use crate::stack::STACK;
use serde_json::json;
use std::process::Output;

/// The node.
pub struct Node<'a> {
    cluster: &'a Cluster,
    pod: String,
}

impl<'a> Node<'a> {
    /// A new one, even where an earlier run has left one of this name.
    pub fn start(cluster: &'a Cluster, host: &str) -> Self {
        let pod = format!("node-{host}");
        cluster.run(STACK, &["delete", "pod", &pod, "--ignore-not-found", "--now"]);
        let wait = "trap 'exit 0' TERM; while :; do sleep 1; done";
        let manifest = crate::agent::pod(cluster, &pod, host, "command", &json!(["sh", "-c", wait]));
        cluster.apply(STACK, &manifest.to_string());
        cluster.run(STACK, &["wait", "pod", &pod, "--for=condition=Ready", "--timeout=120s"]);
        Self { cluster, pod }
    }

    /// Runs a command on it: its exit code and what it said.
    pub fn run(&self, command: &[&str]) -> (i32, String) {
        let command = [&["exec", &self.pod, "--"], command].concat();
        let Output { status, stdout, stderr } = self.cluster.kubectl(STACK, &command).output().expect("kubectl starts");
        let said = [stdout, stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
        (status.code().unwrap_or(-1), said)
    }

    /// It goes.
    pub fn remove(self) {
        self.cluster.run(STACK, &["delete", "pod", &self.pod, "--now"]);
    }
}
