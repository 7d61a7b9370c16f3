//! A Puppet agent in a pod of its own.

use crate::cluster::Cluster;
use crate::kubectl::eventually;
use crate::stack::STACK;
use serde_json::{Value, json};
use std::time::Duration;

/// An agent that is running.
pub struct Agent<'a> {
    cluster: &'a Cluster,
    pod: String,
}

/// What came of its run.
pub struct Run {
    pub exit_code: i64,
    pub log: String,
}

/// A pod of a node: `field` is how its container is started, `args` of the agent or a `command` of its own.
pub fn pod(cluster: &Cluster, name: &str, host: &str, field: &str, value: &Value) -> Value {
    let (repository, tag) = cluster.image("AGENT");
    let image = format!("{repository}:{tag}");
    let mut container = json!({"name": "agent", "image": image, "imagePullPolicy": "IfNotPresent"});
    container[field] = value.clone();
    let spec = json!({"restartPolicy": "Never", "hostname": host, "containers": [container]});
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec})
}

impl<'a> Agent<'a> {
    /// One run with a new key.
    pub fn start(cluster: &'a Cluster, host: &str, certname: &str, flags: &[&str]) -> Self {
        let pod = format!("agent-{host}");
        cluster.run(STACK, &["delete", "pod", &pod, "--ignore-not-found", "--now"]);
        let mut arguments = vec!["agent", "--test", "--certname", certname];
        if !flags.contains(&"--waitforcert") {
            arguments.extend(["--waitforcert", "2"]);
        }
        arguments.extend(flags);
        let manifest = self::pod(cluster, &pod, host, "args", &json!(arguments));
        cluster.apply(STACK, &manifest.to_string());
        Self { cluster, pod }
    }

    /// Waits for the end of the run.
    pub fn finish(self) -> Run {
        let ended = |container: &serde_json::Value| container["state"]["terminated"]["exitCode"].as_i64();
        let exit_code = eventually("the agent's run", Duration::from_mins(2), || {
            ended(&self.cluster.get(STACK, &["pod", &self.pod])["status"]["containerStatuses"][0])
        });
        let log = self.cluster.run(STACK, &["logs", &self.pod, "--tail=-1"]);
        self.cluster.run(STACK, &["delete", "pod", &self.pod, "--wait=false"]);
        Run { exit_code, log }
    }
}
