//! The installed operator.

use crate::cluster::{Cluster, SYSTEM};
use crate::kubectl::eventually;
use serde_json::Value;
use std::time::Duration;

const DEPLOYMENT: &str = "deployment/openvox-operator";
const PODS: &str = "app.kubernetes.io/name=openvox-operator";

/// Name of its pod.
pub fn pod(cluster: &Cluster) -> String {
    cluster.pod(SYSTEM, PODS)
}

/// All it has said since it started.
pub fn log(cluster: &Cluster) -> String {
    cluster.run(SYSTEM, &["logs", "--tail=-1", &pod(cluster)])
}

/// It has had nothing to complain about.
pub fn assert_quiet(log: &str) {
    let complaints: Vec<&str> = log
        .lines()
        .filter(|line| match serde_json::from_str::<Value>(line) {
            Ok(line) => line["level"] == "WARN" || line["level"] == "ERROR",
            // Not from the log at all: a panic.
            Err(_) => true,
        })
        .collect();
    assert!(complaints.is_empty(), "the operator complains:\n{}", complaints.join("\n"));
}

/// Stands down, so that another process can work in its place, until this is dropped.
pub struct Paused<'a>(&'a Cluster);

impl<'a> Paused<'a> {
    pub fn pause(cluster: &'a Cluster) -> Self {
        let paused = Self(cluster);
        cluster.run(SYSTEM, &["scale", DEPLOYMENT, "--replicas=0"]);
        eventually("the operator's pod to go", Duration::from_mins(1), || {
            cluster.run(SYSTEM, &["get", "pods", "--selector", PODS, "--output", "name"]).is_empty().then_some(())
        });
        paused
    }
}

impl Drop for Paused<'_> {
    fn drop(&mut self) {
        self.0.run(SYSTEM, &["scale", DEPLOYMENT, "--replicas=1"]);
        self.0.run(SYSTEM, &["rollout", "status", DEPLOYMENT, "--timeout=120s"]);
    }
}

#[test]
fn the_operator_logs_no_warning_and_no_error_while_it_sets_up_a_stack() {
    let Some(turn) = crate::cluster::turn() else { return };
    crate::stack::stand(turn.cluster);
    assert_quiet(&log(turn.cluster));
}
