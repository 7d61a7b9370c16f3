//! Deleting things.

use crate::cluster::turn;
use crate::kubectl::eventually;
use crate::stack::{STACK, install, stand};
use std::time::Duration;

/// A Certificate with a key that is cheap to make.
pub fn certificate(name: &str) -> String {
    format!(
        r#"{{"apiVersion": "openvox.voxpupuli.org/v1alpha1", "kind": "Certificate", "metadata": {{"name": "{name}"}},
            "spec": {{"authorityRef": "demo-ca", "certname": "{name}.demo.test", "privateKey": {{"algorithm": "ECDSA"}}}}}}"#
    )
}

#[test]
fn a_deleted_certificate_is_revoked_at_the_ca_and_goes() {
    let Some(turn) = turn() else { return };
    let cluster = turn.cluster;
    stand(cluster);
    cluster.apply(STACK, &certificate("leaving"));
    cluster.reaches(STACK, "certificate/leaving", "Signed");
    let object = cluster.get(STACK, &["certificate", "leaving"]);
    let serial = object["status"]["machine"]["data"]["certificate"]["serial"].as_str().expect("a serial").to_owned();

    cluster.run(STACK, &["delete", "certificate", "leaving", "--timeout=60s"]);
    let revoked = || {
        let list = "/etc/puppetlabs/puppetserver/ca/ca_crl.pem";
        let text = cluster.in_ca(STACK, &["openssl", "crl", "-in", list, "-noout", "-text"]);
        let of_line = |line: &str| line.trim().strip_prefix("Serial Number: ").map(|found| found.trim_start_matches('0').to_owned());
        text.lines().filter_map(of_line).any(|found| found.eq_ignore_ascii_case(serial.trim_start_matches('0'))).then_some(())
    };
    eventually("its serial in the CRL", Duration::from_secs(10), revoked);
    for folder in ["signed", "requests"] {
        let files = cluster.in_ca(STACK, &["ls", &format!("/etc/puppetlabs/puppetserver/ca/{folder}")]);
        assert!(!files.contains("leaving"), "{folder}: {files}");
    }
    assert!(!cluster.exists(STACK, "secret", "leaving-tls"), "its key goes with it");
}

#[test]
fn a_deleted_namespace_goes_although_its_ca_goes_with_it() {
    let Some(turn) = turn() else { return };
    let cluster = turn.cluster;
    let namespace = "leaving";
    install(cluster, namespace);
    cluster.reaches(namespace, "server/demo-ca", "Running");
    // One that was requested from the CA, so that there is something to clean.
    cluster.apply(namespace, &certificate("requested"));
    cluster.reaches(namespace, "certificate/requested", "Signed");
    cluster.run(namespace, &["delete", "namespace", namespace, "--timeout=120s"]);
}

#[test]
fn a_forged_status_revokes_nothing_that_was_never_the_objects() {
    let Some(turn) = turn() else { return };
    let cluster = turn.cluster;
    stand(cluster);
    // A certificate at the CA whose object has gone without cleaning up, as if an agent had it.
    cluster.apply(STACK, &certificate("victim"));
    cluster.reaches(STACK, "certificate/victim", "Signed");
    let victim = cluster.get(STACK, &["certificate", "victim"]);
    cluster.run(STACK, &["patch", "certificate", "victim", "--type=merge", "--patch", r#"{"metadata": {"finalizers": null}}"#]);
    cluster.run(STACK, &["delete", "certificate", "victim", "--timeout=60s"]);
    let signed = || cluster.in_ca(STACK, &["ls", "/etc/puppetlabs/puppetserver/ca/signed"]).contains("victim.demo.test");
    assert!(signed());

    // Somebody else's object, paused so that nobody corrects its status, says that the key was its own.
    let thief = r#"{"apiVersion": "openvox.voxpupuli.org/v1alpha1", "kind": "Certificate",
        "metadata": {"name": "thief", "annotations": {"openvox.voxpupuli.org/pause": "true"},
            "finalizers": ["openvox.voxpupuli.org/certificate-cleanup"]},
        "spec": {"authorityRef": "demo-ca", "certname": "victim.demo.test", "privateKey": {"algorithm": "ECDSA"}}}"#;
    cluster.apply(STACK, thief);
    let forged = serde_json::json!({"status": victim["status"]}).to_string();
    cluster.run(STACK, &["patch", "certificate", "thief", "--subresource=status", "--type=merge", "--patch", &forged]);
    cluster.run(STACK, &["delete", "certificate", "thief", "--timeout=120s"]);
    assert!(signed(), "it was never the thief's");
    let reasons = ["get", "events", "--field-selector", "involvedObject.name=thief", "--output", "jsonpath={.items[*].reason}"];
    let events = cluster.run(STACK, &reasons);
    assert!(events.contains("CleaningAbandoned"), "{events}");
}
