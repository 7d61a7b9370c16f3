//! Revocation: an agent whose certificate is revoked is refused by servers that were running before.

use crate::cluster::{Cluster, turn};
use crate::deletion::certificate;
use crate::kubectl::{eventually, manifest};
use crate::node::Node;
use crate::stack::{STACK, stand};
use serde_json::{Value, json};
use std::time::Duration;

const CERTNAME: &str = "leaver.demo.test";

/// One run of the agent against the compile server: its exit code and what it said.
fn agent(node: &Node<'_>) -> (i32, String) {
    let flags = ["--certname", CERTNAME, "--server", "demo-compile", "--ca_server", "demo-ca", "--waitforcert", "2"];
    node.run(&[&["puppet", "agent", "--test", "--color=false"], &flags[..]].concat())
}

/// Sets how often the revocation list is fetched.
fn refresh_every(cluster: &Cluster, interval: &str) {
    let patch = format!(r#"{{"spec":{{"crlRefreshInterval":"{interval}"}}}}"#);
    cluster.run(STACK, &["patch", "certificateauthority", "demo-ca", "--type=merge", "--patch", &patch]);
}

/// Pods of a Server with the number of restarts of their containers.
pub fn pods(cluster: &Cluster, server: &str) -> Vec<(String, Vec<i64>)> {
    let list = cluster.get(STACK, &["pods", "--selector", &format!("openvox.voxpupuli.org/server={server}")]);
    let of = |pod: &Value| {
        let containers = ["initContainerStatuses", "containerStatuses"].map(|of| pod["status"][of].as_array().cloned().unwrap_or_default());
        let restarts = containers.concat().iter().filter_map(|container| container["restartCount"].as_i64()).collect();
        (pod["metadata"]["uid"].as_str().unwrap_or_default().to_owned(), restarts)
    };
    list["items"].as_array().expect("a list").iter().map(of).collect()
}

/// A call of the CA's own API, as the CA server's certificate may.
fn put(cluster: &Cluster, path: &str, body: &Value) {
    let ssl = "/etc/puppetlabs/puppet/ssl";
    let call = format!(
        "curl --silent --show-error --fail --request PUT --header content-type:application/json --data '{body}' \
         --cert {ssl}/certs/puppet.pem --key {ssl}/private_keys/puppet.pem --cacert {ssl}/certs/ca.pem \
         --resolve puppet:8140:127.0.0.1 https://puppet:8140/puppet-ca/v1/{path}"
    );
    cluster.in_ca(STACK, &["sh", "-c", &call]);
}

/// Revokes, and removes the certificate, as `puppetserver ca clean` does.
fn clean(cluster: &Cluster, certname: &str) {
    put(cluster, "clean", &json!({"certnames": [certname]}));
}

/// Revokes, and leaves the certificate where it is, as `puppetserver ca revoke` does.
fn revoke(cluster: &Cluster, certname: &str) {
    put(cluster, &format!("certificate_status/{certname}"), &json!({"desired_state": "revoked"}));
}

/// Revoked certificates of the stored list, as the status shows them.
fn stored(cluster: &Cluster) -> u64 {
    let authority = cluster.get(STACK, &["certificateauthority", "demo-ca"]);
    authority["status"]["crl"]["revoked"].as_u64().unwrap_or_default()
}

/// Revoked certificates of the full list on the CA's volume.
fn listed_by_ca(cluster: &Cluster) -> u64 {
    let list = "/etc/puppetlabs/puppetserver/ca/ca_crl.pem";
    let text = cluster.in_ca(STACK, &["openssl", "crl", "-in", list, "-noout", "-text"]);
    text.lines().filter(|line| line.trim().starts_with("Serial Number:")).map(|_| 1).sum()
}

#[test]
fn a_revoked_agent_is_refused_by_a_compile_server_that_is_not_restarted() {
    let Some(turn) = turn() else { return };
    let cluster = turn.cluster;
    stand(cluster);
    let spec = cluster.get(STACK, &["certificateauthority", "demo-ca"])["spec"].clone();
    assert_eq!(spec["enableInfraCRL"], true, "the default, with which the CA's own API shows no agent");
    refresh_every(cluster, "10s");
    let compile = std::fs::read_to_string(manifest("compile-server.yaml")).expect("the manifest is there");
    cluster.apply(STACK, &compile);
    cluster.reaches(STACK, "server/demo-compile", "Running");

    // A cluster that was kept knows them from another run.
    for certname in [CERTNAME, "stayer.demo.test"] {
        clean(cluster, certname);
    }
    let node = Node::start(cluster, "leaver");
    let (code, said) = agent(&node);
    assert_eq!(code, 2, "2 is a run with changes; the agent said:\n{said}");
    assert!(said.contains("Configured by OpenVox: leaver.demo.test in production"), "{said}");
    let (code, said) = agent(&node);
    assert_eq!(code, 2, "its certificate is good for another run; the agent said:\n{said}");

    let running = pods(cluster, "demo-compile");
    clean(cluster, CERTNAME);
    let revoked = listed_by_ca(cluster);
    assert!(revoked > 0, "the CA's own list has it");
    eventually("the CA's list in the Secret", Duration::from_mins(1), || (stored(cluster) == revoked).then_some(()));
    let secret = cluster.get(STACK, &["secret", "demo-ca-ca-crl"]);
    assert!(secret["data"]["infra_crl.pem"].is_string(), "the other list of the Secret stays");

    // Kubelet brings a changed Secret into a pod within about a minute and a half. Until then the agent is served, which
    // exits with 0 or 2; a refusal is neither.
    let refused = eventually("the agent to be refused", Duration::from_mins(4), || {
        let (code, said) = agent(&node);
        Some(said).filter(|_| ![0, 2].contains(&code))
    });
    println!("--- the agent\n{refused}");
    println!("--- crl-sync\n{}", cluster.run(STACK, &["logs", "deployment/demo-compile", "--container", "crl-sync", "--tail=5"]));
    println!(
        "--- Puppet Server\n{}",
        cluster.run(STACK, &["logs", "deployment/demo-compile", "--container", "openvox-server", "--tail=15"])
    );
    assert!(
        refused.contains("SSL") && refused.contains("demo-compile"),
        "TLS of the compile server refuses it; the agent said:\n{refused}"
    );
    assert!(!refused.contains("Applied catalog") && !refused.contains("Catalog compiled"), "no catalog for it; the agent said:\n{refused}");
    assert_eq!(pods(cluster, "demo-compile"), running, "nothing was restarted");

    // Somebody else is served all the same.
    let servers = ["--server", "demo-compile", "--ca_server", "demo-ca"];
    let run = crate::agent::Agent::start(cluster, "stayer", "stayer.demo.test", &servers).finish();
    assert_eq!(run.exit_code, 2, "{}", run.log);

    refresh_every(cluster, "5m");
    node.remove();
    cluster.run(STACK, &["delete", "--filename", &manifest("compile-server.yaml"), "--timeout=60s"]);
}

#[test]
fn a_certificate_of_ours_that_is_revoked_is_issued_anew_for_a_new_key() {
    let Some(turn) = turn() else { return };
    let cluster = turn.cluster;
    stand(cluster);
    refresh_every(cluster, "10s");
    cluster.apply(STACK, &certificate("mistrusted"));
    cluster.reaches(STACK, "certificate/mistrusted", "Signed");
    let pair = || {
        let secret = cluster.get(STACK, &["secret", "mistrusted-tls"]);
        ["cert.pem", "key.pem"].map(|key| secret["data"][key].as_str().expect("it is there").to_owned())
    };
    // Whether the CA still has the revoked certificate or has thrown it away.
    for revoke in [revoke, clean] {
        let before = pair();
        revoke(cluster, "mistrusted.demo.test");
        let after = eventually("a new pair", Duration::from_mins(2), || Some(pair()).filter(|after| after[0] != before[0]));
        assert_ne!(after[1], before[1], "the key is a new one");
        cluster.reaches(STACK, "certificate/mistrusted", "Signed");
        let history = cluster.get(STACK, &["certificate", "mistrusted"])["status"]["history"].clone();
        assert!(history.to_string().contains("RekeyStarted"), "{history}");
    }
    let listed = cluster.in_ca(STACK, &["sh", "-c", "grep -c /CN=mistrusted.demo.test /etc/puppetlabs/puppetserver/ca/inventory.txt"]);
    assert_eq!(listed.trim(), "3", "one certificate each time");
    refresh_every(cluster, "5m");
    cluster.run(STACK, &["delete", "certificate", "mistrusted", "--timeout=60s"]);
}
