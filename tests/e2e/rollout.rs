//! Changes of settings.

use crate::cluster::{Cluster, turn};
use crate::kubectl::eventually;
use crate::stack::{STACK, stand};
use serde_json::Value;
use std::time::Duration;

const HASH: &str = "openvox.voxpupuli.org/config-hash";

fn deployment(cluster: &Cluster) -> Value {
    cluster.get(STACK, &["deployment", "demo-ca"])
}

fn hash(deployment: &Value) -> String {
    deployment["spec"]["template"]["metadata"]["annotations"][HASH].as_str().unwrap_or_default().to_owned()
}

fn set(cluster: &Cluster, requests: u32) {
    let patch = format!(r#"{{"spec":{{"puppetserver":{{"maxRequestsPerInstance":{requests}}}}}}}"#);
    cluster.run(STACK, &["patch", "config", "demo", "--type=merge", "--patch", &patch]);
}

/// The Server has rolled out what the Config says now.
fn rolled_out(cluster: &Cluster) {
    eventually("the end of the rollout", Duration::from_mins(3), || {
        let server = cluster.get(STACK, &["server", "demo-ca"]);
        (server["status"]["state"] == "Running/Available").then_some(())
    });
}

#[test]
fn a_changed_setting_rolls_the_pods_and_the_same_manifest_again_changes_nothing() {
    let Some(turn) = turn() else { return };
    let cluster = turn.cluster;
    stand(cluster);
    rolled_out(cluster);
    let before = deployment(cluster);
    assert!(!hash(&before).is_empty(), "{before}");
    let sets = || cluster.run(STACK, &["get", "replicasets", "--selector", "openvox.voxpupuli.org/server=demo-ca", "--output", "name"]);
    let old_sets = sets();

    // Another value at every run, so that a cluster that was kept sees a change too.
    let config = cluster.get(STACK, &["config", "demo"]);
    let was = config["spec"]["puppetserver"]["maxRequestsPerInstance"].as_u64().unwrap_or_default();
    let wanted = if was == 100_000 { 200_000 } else { 100_000 };
    set(cluster, wanted);
    eventually("another hash at the pod template", Duration::from_secs(30), || (hash(&deployment(cluster)) != hash(&before)).then_some(()));
    cluster.run(STACK, &["rollout", "status", "deployment/demo-ca", "--timeout=180s"]);
    rolled_out(cluster);
    assert_ne!(sets(), old_sets, "the new pods come from a new ReplicaSet");
    let files = cluster.in_ca(STACK, &["cat", "/etc/puppetlabs/puppetserver/conf.d/puppetserver.conf"]);
    assert!(files.contains(&wanted.to_string()), "{files}");

    let settled = deployment(cluster);
    let generation = |deployment: &Value| deployment["metadata"]["generation"].clone();
    set(cluster, wanted);
    cluster.run(STACK, &["annotate", "config", "demo", "--overwrite", &format!("touched=for-{wanted}")]);
    // The annotation wakes the operator. Nothing shows that it has looked, so it gets a moment.
    std::thread::sleep(Duration::from_secs(3));
    let after = deployment(cluster);
    assert_eq!(generation(&after), generation(&settled));
    assert_eq!(hash(&after), hash(&settled));
}
