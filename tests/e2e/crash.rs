//! Crashes: the operator dies after each commit and before each effect, and goes on where it was.

use crate::cluster::{Cluster, Turn, skipped, turn};
use crate::deletion::certificate;
use crate::history::assert_folds;
use crate::host_operator::Place;
use crate::kubectl::manifest;
use crate::operator::{self, Paused};
use crate::stack::{STACK, stand};
use base64::Engine as _;
use serde_json::Value;

/// More steps than any machine here takes on its way; the rounds end with the first one that nothing kills.
const MOST_STEPS: usize = 10;

const POINTS: [&str; 2] = ["commit", "effect"];

/// The installed operator stands down, having had nothing to complain about.
pub fn take_over(turn: &Turn) -> Paused<'_> {
    operator::assert_quiet(&operator::log(turn.cluster));
    Paused::pause(turn.cluster)
}

/// Says that a test of crashes did not run.
pub fn no_place() {
    skipped("crashes of the operator: they need a devcluster");
}

/// A value of a Secret, decoded.
fn secret(cluster: &Cluster, namespace: &str, name: &str, key: &str) -> String {
    let object = cluster.get(namespace, &["secret", name]);
    let value = object["data"][key].as_str().unwrap_or_else(|| panic!("{name} has no {key}"));
    String::from_utf8(base64::engine::general_purpose::STANDARD.decode(value).expect("base64")).expect("text")
}

fn assert_pair(certificate: &str, key: &str, what: &str) {
    let certificate = openvox_puppet::Certificate::from_pem(certificate).expect("a certificate");
    let key = openvox_puppet::PrivateKey::from_pem(key).expect("a key");
    assert!(certificate.matches(&key), "certificate and key of {what} do not belong together");
}

fn assert_history(object: &Value) {
    assert_folds(object, object["status"]["history"].as_array().expect("a history"));
}

/// The first of these objects has this phase, and the others, which belong to the way there, are gone.
fn only_with_phase(cluster: &Cluster, namespace: &str, objects: &[&str], phase: &str) -> bool {
    // One call, because it is made over and over.
    let phases = "jsonpath={range .items[*]}{.kind}={.status.phase} {end}";
    let found = cluster.run(namespace, &[&["get", "--ignore-not-found", "--output", phases], objects].concat());
    let mut found = found.split_whitespace();
    found.next().is_some_and(|first| first.ends_with(&format!("={phase}"))) && found.next().is_none()
}

#[test]
fn a_certificate_survives_a_crash_at_every_step_and_is_issued_once() {
    let Some(turn) = turn() else { return };
    let cluster = turn.cluster;
    let Some(place) = Place::new(cluster, STACK) else { return no_place() };
    stand(cluster);
    let paused = take_over(&turn);
    let mut made = Vec::new();
    for point in POINTS {
        for step in 1..=MOST_STEPS {
            assert!(step < MOST_STEPS, "still dying at step {step}");
            let name = format!("crash-{point}-{step}");
            let object = format!("certificate/{name}");
            cluster.apply(STACK, &certificate(&name));
            made.push(name.clone());
            let pending = format!("secret/{name}-tls-pending");
            let done = || only_with_phase(cluster, STACK, &[&object, &pending], "Signed");
            let died = place.start(Some(&format!("Certificate/{point}/{step}"))).dies_before(&object, done);
            if !died {
                break;
            }
            assert!(!place.start(None).dies_before(&object, done), "nobody asked it to die");
        }
    }
    // Three commits and four effects: fewer deaths would mean that nothing was tried.
    assert!(made.len() >= 3 + 4 + 2, "{made:?}");

    let inventory = cluster.in_ca(STACK, &["cat", "/etc/puppetlabs/puppetserver/ca/inventory.txt"]);
    for name in &made {
        assert_history(&cluster.get(STACK, &["certificate", name]));
        let issued = inventory.lines().filter(|line| line.ends_with(&format!("/CN={name}.demo.test"))).count();
        assert_eq!(issued, 1, "{name} in the CA's inventory:\n{inventory}");
        let value = |key| secret(cluster, STACK, &format!("{name}-tls"), key);
        assert_pair(&value("cert.pem"), &value("key.pem"), name);
    }
    drop(paused);
    let objects: Vec<String> = made.iter().map(|name| format!("certificate/{name}")).collect();
    let objects: Vec<&str> = objects.iter().map(String::as_str).collect();
    cluster.run(STACK, &[&["delete", "--timeout=60s"], objects.as_slice()].concat());
}

/// Successful writes of one verb and answer to one object, from the audit log.
fn writes(log: &[Value], namespace: &str, resource: &str, name: &str, code: i64) -> usize {
    log.iter()
        .filter(|line| {
            let object = &line["objectRef"];
            object["namespace"] == namespace
                && object["resource"] == resource
                && object["name"] == name
                && object["subresource"].is_null()
                && line["responseStatus"]["code"] == code
        })
        .count()
}

/// Lets an authority be made in namespaces of its own, dying once in each, until nothing dies; their names.
fn authorities(cluster: &Cluster, point: &str) -> Vec<String> {
    let (repository, tag) = cluster.image("SERVER");
    let file = std::fs::read_to_string(manifest("authority.yaml")).expect("the manifest is there");
    let file = file.replace("REPOSITORY", repository).replace("TAG", tag);
    let mut namespaces = Vec::new();
    for step in 1..=MOST_STEPS {
        assert!(step < MOST_STEPS, "still dying at step {step}");
        let namespace = format!("crash-{point}-{step}");
        let place = Place::new(cluster, &namespace).expect("asked before");
        // A cluster that was kept may have it from a run that failed.
        cluster.run("default", &["delete", "namespace", &namespace, "--ignore-not-found", "--timeout=60s"]);
        cluster.run("default", &["create", "namespace", &namespace]);
        cluster.apply(&namespace, &file);
        namespaces.push(namespace.clone());
        // The last right of the set-up Job that is taken away.
        let objects = ["certificateauthority/own", "job/own-ca-setup", "serviceaccount/own-ca-setup"];
        let done = || only_with_phase(cluster, &namespace, &objects, "Ready");
        if !place.start(Some(&format!("CertificateAuthority/{point}/{step}"))).dies_before(&namespace, done) {
            break;
        }
        assert!(!place.start(None).dies_before(&namespace, done), "nobody asked it to die");
    }
    namespaces
}

#[test]
fn an_authority_survives_a_crash_at_every_step_and_is_made_once() {
    let Some(turn) = turn() else { return };
    let cluster = turn.cluster;
    let (Some(_), Some(audit_log)) = (Place::new(cluster, STACK), cluster.audit_log()) else { return no_place() };
    let _paused = take_over(&turn);
    let namespaces: Vec<String> = std::thread::scope(|scope| {
        let points = POINTS.map(|point| scope.spawn(move || authorities(cluster, point)));
        points.into_iter().flat_map(|rounds| rounds.join().expect("no round failed")).collect()
    });
    assert!(namespaces.len() >= 3 + 3 + 2, "{namespaces:?}");

    let log = std::fs::read_to_string(audit_log).expect("the audit log is there");
    let log: Vec<Value> = log.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    for namespace in &namespaces {
        assert_history(&cluster.get(namespace, &["certificateauthority", "own"]));
        assert_eq!(writes(&log, namespace, "jobs", "own-ca-setup", 201), 1, "set-up Jobs in {namespace}");
        for name in ["own-ca", "own-ca-key"] {
            assert_eq!(writes(&log, namespace, "secrets", name, 201), 1, "{name} in {namespace} is made once");
            assert_eq!(writes(&log, namespace, "secrets", name, 200), 0, "{name} in {namespace} is never changed");
        }
        let certificates = secret(cluster, namespace, "own-ca", "ca_crt.pem");
        assert_pair(&certificates, &secret(cluster, namespace, "own-ca-key", "ca_key.pem"), namespace);
        assert_eq!(cluster.get(namespace, &["certificateauthorities"])["items"].as_array().map(Vec::len), Some(1));
    }
    let namespaces: Vec<&str> = namespaces.iter().map(String::as_str).collect();
    cluster.run("default", &[&["delete", "namespace", "--timeout=120s"], namespaces.as_slice()].concat());
}
