//! The stack of the tests: installed by its chart, one server that is CA and compiles catalogs.

use crate::agent;
use crate::cluster::{Cluster, turn};
use crate::kubectl::{manifest, output};
use crate::metrics;
use std::path::PathBuf;
use std::sync::Once;

/// Namespace and release of the stack.
pub const STACK: &str = "demo";

static INSTALLED: Once = Once::new();

/// The chart's release `demo` in a namespace.
pub fn install(cluster: &Cluster, namespace: &str) {
    let chart = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("charts/openvox-stack");
    let mut helm = cluster.program("helm");
    helm.args(["upgrade", "--install", "--create-namespace", "--namespace", namespace, "demo"]);
    let ((server, server_tag), (code, code_tag)) = (cluster.image("SERVER"), cluster.image("CODE"));
    let images = format!("config.image.repository={server},config.image.tag={server_tag},config.code.image={code}:{code_tag}");
    output(helm.arg(chart).args(["--values", &manifest("stack.yaml"), "--set-string", &images]));
}

/// The stack runs.
pub fn stand(cluster: &Cluster) {
    INSTALLED.call_once(|| install(cluster, STACK));
    cluster.reaches(STACK, "server/demo-ca", "Running");
}

#[test]
fn a_stack_installed_by_helm_serves_a_catalog_to_an_agent_whom_a_policy_signs() {
    let Some(turn) = turn() else { return };
    let cluster = turn.cluster;
    stand(cluster);
    for (object, phase) in [
        ("certificateauthority/demo-ca", "Ready"),
        ("certificate/demo-ca", "Signed"),
        ("certificate/demo-ca-operator-signing", "Signed"),
        ("config/demo", "Running"),
        ("signingpolicy/agents", "Active"),
        ("pool/demo-ca", "Ready"),
        ("pool/demo-server", "Ready"),
    ] {
        cluster.reaches(STACK, object, phase);
    }

    let agent = agent::Agent::start(cluster, "web01", "web01.demo.test", &["--server", "demo-server"]);
    let run = agent.finish();
    assert_eq!(run.exit_code, 2, "2 is a run with changes; the agent said:\n{}", run.log);
    assert!(run.log.contains("Configured by OpenVox: web01.demo.test in production"), "{}", run.log);
    assert!(run.log.contains("File[/tmp/openvox-demo]/ensure"), "{}", run.log);
}

#[test]
fn an_agent_that_no_policy_allows_is_not_signed_and_the_ca_says_so() {
    let Some(turn) = turn() else { return };
    let cluster = turn.cluster;
    stand(cluster);
    let agent = agent::Agent::start(cluster, "stranger", "stranger.example.com", &["--server", "demo-server", "--waitforcert", "0"]);
    let run = agent.finish();
    assert_eq!(run.exit_code, 1, "the agent gives up; it said:\n{}", run.log);

    let requests = cluster.in_ca(STACK, &["ls", "/etc/puppetlabs/puppetserver/ca/requests"]);
    assert!(requests.lines().any(|request| request == "stranger.example.com.pem"), "its request waits: {requests}");
    let signed = cluster.in_ca(STACK, &["ls", "/etc/puppetlabs/puppetserver/ca/signed"]);
    assert!(!signed.contains("stranger"), "{signed}");
    let log = cluster.run(STACK, &["logs", "deployment/demo-ca", "--container", "openvox-server", "--tail=-1"]);
    let said: Vec<&str> = log.lines().filter(|line| line.contains("stranger.example.com")).collect();
    assert!(said.iter().any(|line| line.contains("polic")), "the CA's log tells why:\n{}", said.join("\n"));
}

#[test]
fn a_compile_server_gets_its_certificate_with_one_request_and_serves_a_catalog() {
    let Some(turn) = turn() else { return };
    let cluster = turn.cluster;
    stand(cluster);
    let submitted = || metrics::sum(cluster, "openvox_ca_calls_total", Some(r#"call="submit""#));
    // Another test may have had one of this name.
    let issued = || {
        let inventory = cluster.in_ca(STACK, &["cat", "/etc/puppetlabs/puppetserver/ca/inventory.txt"]);
        inventory.lines().filter(|line| line.ends_with("/CN=compile")).count()
    };
    let (before, issued_before) = (submitted(), issued());
    let file = std::fs::read_to_string(manifest("compile-server.yaml")).expect("the manifest is there");
    cluster.apply(STACK, &file);
    cluster.reaches(STACK, "certificate/demo-compile", "Signed");
    let certificate = cluster.get(STACK, &["certificate", "demo-compile"]);
    let history = certificate["status"]["history"].as_array().expect("there is a history");
    let events: Vec<&str> = history.iter().filter_map(|entry| entry["event"].as_str()).collect();
    assert_eq!(events, ["KeyStored", "CsrSubmitted", "CertificateStored"]);
    assert_eq!(submitted() - before, 1, "requests");
    assert_eq!(issued() - issued_before, 1, "certificates");

    cluster.reaches(STACK, "server/demo-compile", "Running");
    cluster.reaches(STACK, "pool/demo-compile", "Ready");
    let servers = ["--server", "demo-compile", "--ca_server", "demo-ca"];
    let run = agent::Agent::start(cluster, "web02", "web02.demo.test", &servers).finish();
    assert_eq!(run.exit_code, 2, "{}", run.log);
    assert!(run.log.contains("Configured by OpenVox: web02.demo.test in production"), "{}", run.log);

    cluster.run(STACK, &["delete", "--filename", &manifest("compile-server.yaml"), "--timeout=60s"]);
}
