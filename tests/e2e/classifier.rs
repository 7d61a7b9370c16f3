//! A node classifier at a real Puppet Server: its class, parameter and environment are in the agent's catalog.

use crate::agent;
use crate::cluster::{Cluster, turn};
use crate::kubectl::{eventually, manifest};
use crate::node::Node;
use crate::stack::{STACK, stand};
use serde_json::json;
use std::time::Duration;

/// kubelet looks at mounted Secrets about once a minute.
const UNTIL_MOUNTED: Duration = Duration::from_mins(4);

fn start_service(cluster: &Cluster) {
    let script = std::fs::read_to_string(manifest("classifier.rb")).expect("the script is there");
    let mut pod = agent::pod(cluster, "classifier", "classifier", "command", &json!(["ruby", "-e", script]));
    pod["metadata"]["labels"] = json!({"run": "classifier"});
    cluster.apply(STACK, &pod.to_string());
    cluster.run(STACK, &["wait", "pod/classifier", "--for=condition=Ready", "--timeout=60s"]);
}

/// A Config like that of the stack, with the classifier.
fn config(cluster: &Cluster) -> String {
    let stack = cluster.get(STACK, &["config", "demo"]);
    let spec = json!({
        "authorityRef": "demo-ca", "nodeClassifierRef": "classifier", "image": stack["spec"]["image"], "code": stack["spec"]["code"],
    });
    json!({"apiVersion": "openvox.voxpupuli.org/v1alpha1", "kind": "Config", "metadata": {"name": "demo-classified"}, "spec": spec})
        .to_string()
}

/// One run of the agent: its exit code and what it said.
fn run(node: &Node<'_>) -> (i32, String) {
    let flags = ["--certname", "web03.demo.test", "--server", "demo-classified", "--ca_server", "demo-ca", "--waitforcert", "2"];
    // Without a catalog of this run, none is applied.
    let agent = ["puppet", "agent", "--test", "--color=false", "--no-usecacheonfailure"];
    let (code, said) = node.run(&[&agent[..], &flags].concat());
    println!("--- exit code {code}\n{said}");
    (code, said)
}

/// Changes the classifier, and waits until the running server has the new settings.
fn change(cluster: &Cluster, patch: &serde_json::Value, mounted: &str) {
    cluster.run(STACK, &["patch", "nodeclassifier", "classifier", "--type=merge", "--patch", &patch.to_string()]);
    eventually("the server to have the new settings", UNTIL_MOUNTED, || {
        // A pod that changes is looked at again, and its volumes with it.
        cluster.run(
            STACK,
            &["annotate", "pod", "--selector=openvox.voxpupuli.org/server=demo-classified", "--overwrite", &format!("looked={}", now())],
        );
        let settings = cluster.run(
            STACK,
            &["exec", "deployment/demo-classified", "--container", "openvox-server", "--", "cat", "/etc/puppetlabs/enc/enc.yaml"],
        );
        settings.contains(mounted).then_some(())
    });
}

/// Milliseconds, so that an annotation has another value each time.
fn now() -> u128 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |since| since.as_millis())
}

fn server_log(cluster: &Cluster) -> String {
    cluster.run(STACK, &["logs", "deployment/demo-classified", "--container", "openvox-server", "--tail=-1"])
}

#[test]
fn an_agent_gets_the_class_the_parameter_and_the_environment_of_its_classifier() {
    let Some(turn) = turn() else { return };
    let cluster = turn.cluster;
    stand(cluster);
    start_service(cluster);
    let file = std::fs::read_to_string(manifest("classified-server.yaml")).expect("the manifest is there");
    cluster.apply(STACK, &file);
    cluster.apply(STACK, &config(cluster));
    cluster.reaches(STACK, "nodeclassifier/classifier", "Active");
    cluster.reaches(STACK, "server/demo-classified", "Running");

    let node = Node::start(cluster, "web03");
    // Foreman: 0644 without quotes is a number, and octal.
    let foreman = run(&node);
    assert_eq!(foreman.0, 2, "2 is a run with changes");
    assert!(foreman.1.contains("classified: from-foreman 420 from-foreman in staging"));

    // It does not answer any more: the last answer is used, and the server's log says so.
    cluster.run(STACK, &["delete", "pod", "classifier", "--now"]);
    let cached = run(&node);
    assert!(cached.1.contains("classified: from-foreman 420 from-foreman in staging"));
    let log = server_log(cluster);
    assert!(log.contains("openvox-enc: web03.demo.test: ") && log.contains(" s ago is used"), "{log}");

    // Puppet Enterprise: the facts of this very run reach it, and a number keeps its digits.
    start_service(cluster);
    let pe = json!({"spec": {
        "request": {"method": "POST", "path": "/classifier-api/v1/classified/nodes/{certname}", "body": "pe"}, "response": {"format": "json"},
        "auth": {"basic": null, "token": {"header": "X-Authentication", "secretKeyRef": {"name": "classifier", "key": "token"}}},
    }});
    change(cluster, &pe, "classifier-api");
    let enterprise = run(&node);
    assert!(enterprise.1.contains("classified: web03.demo.test 12345678901234567 Linux in staging"));

    // A service that does not know the node: no catalog, whatever is cached.
    let plain = json!({"spec": {
        "request": {"method": "GET", "path": "/plain/{certname}", "body": null}, "response": {"format": "yaml"},
        "auth": {"token": null, "bearer": {"secretKeyRef": {"name": "classifier", "key": "token"}}},
    }});
    change(cluster, &plain, "/plain/");
    let unknown = run(&node);
    assert_eq!((unknown.0, unknown.1.contains("Notice: classified:")), (1, false), "1 is a run without a catalog");
    let log = server_log(cluster);
    assert!(log.contains("it does not know this node"), "{log}");
    assert!(!unknown.1.contains("t0ken") && !log.contains("t0ken"));
    node.remove();

    cluster.run(STACK, &["delete", "--filename", &manifest("classified-server.yaml"), "--timeout=60s"]);
    cluster.run(STACK, &["delete", "config/demo-classified", "pod/classifier", "--now"]);
}
