//! Signing policies at a CA that runs: whose request is signed, by which rule, and who decides.

use crate::cluster::{Cluster, turn};
use crate::deletion::certificate;
use crate::history::{HistoryApi, token_of};
use crate::kubectl::eventually;
use crate::node::Node;
use crate::stack::{STACK, stand};
use serde_json::json;
use std::time::Duration;

/// kubelet looks at mounted Secrets about once a minute.
const UNTIL_MOUNTED: Duration = Duration::from_mins(4);

/// A new name asks for a certificate, with this password in its request: whether it got one.
fn enrols(node: &Node<'_>, certname: &str, password: Option<&str>) -> bool {
    let (file, ssl) = (format!("/tmp/{certname}.yaml"), format!("/tmp/{certname}"));
    let attributes = password.map(|password| format!("custom_attributes: {{1.2.840.113549.1.9.7: {password}}}")).unwrap_or_default();
    let written = node.run(&["sh", "-c", &format!("echo '{attributes}' >{file}")]);
    assert_eq!(written.0, 0, "{}", written.1);
    let flags = ["--certname", certname, "--ssldir", &ssl, "--csr_attributes", &file, "--waitforcert", "0"];
    let servers = ["--server", "demo-server", "--ca_server", "demo-ca", "--color=false"];
    let (code, said) = node.run(&[&["puppet", "ssl", "bootstrap"], &flags[..], &servers].concat());
    println!("--- {certname}: exit code {code}\n{said}");
    code == 0
}

/// What the CA's log says about a name.
fn verdicts(cluster: &Cluster, certname: &str) -> String {
    let log = cluster.run(STACK, &["logs", "deployment/demo-ca", "--container", "openvox-server", "--tail=-1"]);
    let lines: Vec<&str> = log.lines().filter(|line| line.contains(certname) && line.contains("openvox-autosign")).collect();
    println!("--- {certname}, in the CA's log\n{}", lines.join("\n"));
    lines.join("\n")
}

/// Waits until the running CA sees a policy file that is as it should be.
fn mounted(cluster: &Cluster, what: &str, is: impl Fn(&str) -> bool) {
    eventually(&format!("the CA to have {what} in its policy file"), UNTIL_MOUNTED, || {
        is(&cluster.in_ca(STACK, &["cat", "/etc/puppetlabs/autosign/autosign-policy.yaml"])).then_some(())
    });
}

/// The pods of the CA server with the restarts of their containers.
fn pods(cluster: &Cluster) -> Vec<(String, Vec<i64>)> {
    crate::revocation::pods(cluster, "demo-ca")
}

fn set_key(cluster: &Cluster, value: &str) {
    let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "enrolment"}, "stringData": {"key": value}});
    cluster.apply(STACK, &secret.to_string());
}

#[test]
fn a_changed_policy_and_a_changed_key_reach_a_ca_that_is_not_restarted() {
    let Some(turn) = turn() else { return };
    let cluster = turn.cluster;
    stand(cluster);
    let before = pods(cluster);
    let node = Node::start(cluster, "newcomer");

    assert!(!enrols(&node, "one.new.test", Some("first-key")));
    let said = verdicts(cluster, "one.new.test");
    assert!(said.contains(r#"refused "one.new.test": policy "agents": pattern did not match ["*.demo.test"]"#), "{said}");

    set_key(cluster, "first-key");
    let policy = json!({
        "apiVersion": "openvox.voxpupuli.org/v1alpha1", "kind": "SigningPolicy", "metadata": {"name": "newcomers"},
        "spec": {
            "certificateAuthorityRef": "demo-ca", "pattern": {"allow": ["*.new.test"]},
            "csrAttributes": [{"name": "challengePassword", "valueFrom": {"secretKeyRef": {"name": "enrolment", "key": "key"}}}],
        },
    });
    cluster.apply(STACK, &policy.to_string());
    mounted(cluster, "the new policy", |file| file.contains("first-key"));
    cluster.reaches(STACK, "signingpolicy/newcomers", "Active");
    assert!(enrols(&node, "two.new.test", Some("first-key")));
    let said = verdicts(cluster, "two.new.test");
    assert!(said.contains(r#"signed "two.new.test": policy "newcomers" (pattern "*.new.test", attribute "challengePassword")"#), "{said}");
    assert!(!enrols(&node, "three.new.test", None));
    let said = verdicts(cluster, "three.new.test");
    assert!(said.contains(r#"policy "newcomers": attribute "challengePassword" is missing"#), "{said}");

    set_key(cluster, "second-key");
    mounted(cluster, "the new key", |file| file.contains("second-key") && !file.contains("first-key"));
    assert!(!enrols(&node, "four.new.test", Some("first-key")));
    let said = verdicts(cluster, "four.new.test");
    assert!(said.contains(r#"policy "newcomers": attribute "challengePassword" has another value"#), "{said}");
    assert!(!said.contains("-key"), "no value shows: {said}");
    assert!(enrols(&node, "five.new.test", Some("second-key")));

    assert_eq!(pods(cluster), before, "nothing was restarted");
    cluster.run(STACK, &["delete", "signingpolicy/newcomers", "secret/enrolment"]);
    node.remove();
}

#[test]
fn what_waits_at_the_ca_is_shown_with_the_verdict_and_signed_or_denied_by_an_administrator() {
    let Some(turn) = turn() else { return };
    let cluster = turn.cluster;
    stand(cluster);
    let node = Node::start(cluster, "applicant");
    assert!(!enrols(&node, "wanted.by.hand", None));
    assert!(!enrols(&node, "unwanted.by.hand", None));
    let api = HistoryApi::open(cluster);
    let path = format!("/api/v1/signing-requests/{STACK}/demo-ca");
    let waiting = |certname: &str| {
        let list = api.get(&path);
        let items = list["items"].as_array().expect("a list").clone();
        items.into_iter().find(|request| request["certname"] == certname)
    };
    let wanted = waiting("wanted.by.hand").expect("it waits");
    assert_eq!(wanted["verdict"]["signs"], false);
    let explanation = wanted["verdict"]["explanation"].as_str().expect("a text");
    // What people are told is what the CA's own program has said.
    assert!(verdicts(cluster, "wanted.by.hand").contains(explanation), "{explanation}");

    let approver = token_of(cluster, "approver", "admin");
    let decide = |request: &serde_json::Value, decision: &str, token: &str| {
        let (certname, print) = (request["certname"].as_str().expect("a name"), request["fingerprint"].as_str().expect("a fingerprint"));
        api.ask("POST", &format!("{path}/{certname}/{decision}?fingerprint={print}"), token)
    };
    let nobody = cluster.run(STACK, &["create", "token", "default"]).trim().to_owned();
    assert_eq!(decide(&wanted, "sign", &nobody).0, 403);
    let signed = eventually("the role to count", Duration::from_mins(1), || {
        let (status, said) = decide(&wanted, "sign", &approver);
        (status != 403).then_some((status, said))
    });
    assert_eq!(signed, (200, wanted.clone()));
    assert!(enrols(&node, "wanted.by.hand", None), "the agent fetches what was signed");
    assert_eq!(decide(&waiting("unwanted.by.hand").expect("it waits"), "deny", &approver).0, 200);
    assert_eq!(waiting("unwanted.by.hand"), None);
    assert_eq!(decide(&wanted, "sign", &approver).0, 404, "nothing waits under the name any more");
    cluster.run(STACK, &["delete", "serviceaccount/approver", "rolebinding/approver"]);
    node.remove();
}

#[test]
fn what_a_stranger_has_at_the_ca_under_the_same_name_is_neither_signed_nor_revoked() {
    let Some(turn) = turn() else { return };
    let cluster = turn.cluster;
    stand(cluster);
    let node = Node::start(cluster, "stranger");
    // A request that waits, and a certificate: the certname of Certificate NAME is NAME.demo.test, and a policy signs that.
    let unsigned = certificate("squatter").replace("squatter.demo.test", "squatter.example.com");
    assert!(!enrols(&node, "squatter.example.com", None));
    assert!(enrols(&node, "holder.demo.test", None));
    let at_ca = |folder: &str, certname: &str| {
        let path = format!("/etc/puppetlabs/puppetserver/ca/{folder}/{certname}.pem");
        cluster.in_ca(STACK, &["sh", "-c", &format!("cat {path} 2>/dev/null || true")])
    };
    for (manifest, name, certname, folder) in
        [(unsigned, "squatter", "squatter.example.com", "requests"), (certificate("holder"), "holder", "holder.demo.test", "signed")]
    {
        let theirs = at_ca(folder, certname);
        assert!(theirs.contains("BEGIN CERTIFICATE"), "{folder}/{certname}: {theirs}");
        cluster.apply(STACK, &manifest);
        eventually("the conflict", Duration::from_mins(1), || {
            let state = cluster.get(STACK, &["certificate", name])["status"]["state"].clone();
            (state == "Requested/Conflict").then_some(())
        });
        cluster.run(STACK, &["delete", "certificate", name, "--timeout=60s"]);
        assert_eq!(at_ca(folder, certname), theirs, "theirs is as it was");
        assert!(!cluster.exists(STACK, "secret", &format!("{name}-tls")));
    }
    assert_eq!(at_ca("signed", "squatter.example.com"), "");
    node.remove();
}
