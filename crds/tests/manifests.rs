//! Manifests that the API accepts are read into the types without loss.
//!
//! `fixtures/accepted` and `fixtures/refused` are also applied to a real API server; the first line
//! of a refused one names what its message must say.

#![expect(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use openvox_crds::{Certificate, CertificateAuthority, Config, Database, NodeClassifier, Pool, ReportProcessor, Server, SigningPolicy};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};
use std::{fmt::Debug, fs, path::Path};

#[test]
fn every_accepted_manifest_survives_the_way_through_the_types() {
    for (name, manifest) in manifests("accepted") {
        match manifest["kind"].as_str() {
            Some("Config") => round_trip::<Config>(&name, &manifest),
            Some("CertificateAuthority") => round_trip::<CertificateAuthority>(&name, &manifest),
            Some("Certificate") => round_trip::<Certificate>(&name, &manifest),
            Some("SigningPolicy") => round_trip::<SigningPolicy>(&name, &manifest),
            Some("NodeClassifier") => round_trip::<NodeClassifier>(&name, &manifest),
            Some("ReportProcessor") => round_trip::<ReportProcessor>(&name, &manifest),
            Some("Server") => round_trip::<Server>(&name, &manifest),
            Some("Database") => round_trip::<Database>(&name, &manifest),
            Some("Pool") => round_trip::<Pool>(&name, &manifest),
            kind => panic!("{name} has kind {kind:?}"),
        }
    }
}

#[test]
fn every_refused_manifest_says_what_the_server_must_answer() {
    for entry in fs::read_dir(folder("refused")).expect("fixtures") {
        let path = entry.expect("fixture").path();
        let text = fs::read_to_string(&path).expect("text");
        let expected = text.lines().next().and_then(|line| line.strip_prefix("# expect: "));
        assert!(expected.is_some_and(|fragment| !fragment.trim().is_empty()), "{} lacks its first line", path.display());
    }
}

#[test]
fn an_object_without_spec_reads_as_the_default_spec() {
    let object = json!({"metadata": {"name": "harbor"}});
    let read: Server = serde_json::from_value(object).expect("a Server");
    assert_eq!(read.spec, Server::default().spec);
    assert_eq!(read.spec.replicas, 1);
}

#[test]
fn what_the_schema_fills_in_is_what_the_default_of_the_type_says() {
    fn same<T: DeserializeOwned + Default + PartialEq + Debug>(required: Value) {
        let read: T = serde_json::from_value(required).expect("a spec");
        assert_eq!(read, T::default());
    }
    same::<openvox_crds::ImageSpec>(json!({}));
    same::<openvox_crds::CodeSpec>(json!({}));
    same::<openvox_crds::StorageSpec>(json!({}));
    same::<openvox_crds::PdbSpec>(json!({}));
    same::<openvox_crds::NetworkPolicySpec>(json!({}));
    same::<openvox_crds::BasicAuthSecretRef>(json!({"name": ""}));
    same::<openvox_crds::ConfigSpec>(json!({"image": {}}));
    same::<openvox_crds::PuppetSpec>(json!({}));
    same::<openvox_crds::PuppetServerSpec>(json!({}));
    same::<openvox_crds::AuthorizationRule>(json!({"name": "", "matchRequest": {"path": ""}}));
    same::<openvox_crds::LoggingSpec>(json!({}));
    same::<openvox_crds::MetricsSpec>(json!({}));
    same::<openvox_crds::GraphiteSpec>(json!({}));
    same::<openvox_crds::CertificateAuthoritySpec>(json!({}));
    same::<openvox_crds::CertificateSpec>(json!({"authorityRef": ""}));
    same::<openvox_crds::PrivateKeySpec>(json!({}));
    same::<openvox_crds::SigningPolicySpec>(json!({"certificateAuthorityRef": ""}));
    same::<openvox_crds::NodeClassifierSpec>(json!({"url": "", "request": {}, "response": {}}));
    same::<openvox_crds::NodeClassifierCache>(json!({}));
    same::<openvox_crds::ReportProcessorSpec>(json!({"configRef": "", "url": ""}));
    same::<openvox_crds::ServerSpec>(json!({"configRef": "", "certificateRef": ""}));
    same::<openvox_crds::AutoscalingSpec>(json!({}));
    same::<openvox_crds::DatabaseSpec>(json!({"certificateRef": "", "image": {}, "postgres": {"host": "", "credentialsSecretRef": ""}}));
    same::<openvox_crds::DatabaseServiceSpec>(json!({}));
    same::<openvox_crds::PoolSpec>(json!({}));
    same::<openvox_crds::PoolServiceSpec>(json!({}));
    same::<openvox_crds::PoolRouteSpec>(json!({}));
}

fn round_trip<T: DeserializeOwned + Serialize + PartialEq + Debug>(name: &str, manifest: &Value) {
    let read: T = serde_json::from_value(without_nulls(manifest)).unwrap_or_else(|error| panic!("{name} cannot be read: {error}"));
    let written = serde_json::to_value(&read).expect("JSON");
    kept(name, "", manifest, &written);
    let again: T = serde_json::from_value(written).expect("what was written");
    assert_eq!(read, again, "{name}");
}

/// The API server drops null wherever the schema does not name it, before it stores anything.
fn without_nulls(tree: &Value) -> Value {
    match tree {
        Value::Object(map) => {
            map.iter().filter(|(_, value)| !value.is_null()).map(|(key, value)| (key.clone(), without_nulls(value))).collect()
        }
        Value::Array(items) => items.iter().map(without_nulls).collect(),
        leaf => leaf.clone(),
    }
}

/// Everything that says something is still there. Null, false and empty lists or maps say nothing;
/// quantities are strings after reading.
fn kept(name: &str, path: &str, given: &Value, written: &Value) {
    match given {
        Value::Null | Value::Bool(false) => {}
        Value::Object(map) => {
            for (key, value) in map {
                kept(name, &format!("{path}.{key}"), value, &written[key]);
            }
        }
        Value::Array(items) => {
            for (index, value) in items.iter().enumerate() {
                kept(name, &format!("{path}[{index}]"), value, &written[index]);
            }
        }
        Value::Number(number) if written.is_string() => {
            assert_eq!(written, &json!(number.to_string()), "{name}: {path}");
        }
        _ => assert_eq!(given, written, "{name}: {path}"),
    }
}

fn manifests(kind: &str) -> Vec<(String, Value)> {
    let mut manifests = Vec::new();
    for entry in fs::read_dir(folder(kind)).expect("fixtures") {
        let path = entry.expect("fixture").path();
        let name = path.file_name().expect("name").to_string_lossy().into_owned();
        let text = fs::read_to_string(&path).expect("text");
        for document in text.split("\n---\n") {
            let manifest = serde_saphyr::from_str(document).unwrap_or_else(|error| panic!("{name} is not YAML: {error}"));
            manifests.push((name.clone(), manifest));
        }
    }
    assert!(!manifests.is_empty(), "no fixtures in {kind}");
    manifests
}

fn folder(kind: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(kind)
}
