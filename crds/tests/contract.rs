//! The generated schemas hold every field of the API, with its default and its limits, and
//! nothing else.

#![expect(clippy::expect_used, clippy::indexing_slicing, clippy::format_push_string, reason = "a test fails by panicking")]

use openvox_crds::definition;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Fields whose type belongs to Kubernetes; its schema is not repeated in the contract.
const KUBERNETES: [&str; 4] = ["resources", "affinity", "topologySpreadConstraints[]", "additionalIngress[]"];

/// Fields that every status has, described by a test of their own.
const LIFECYCLE: [&str; 6] = ["state", "observedGeneration", "conditions", "lastHandledReconcileAt", "machine", "history"];

#[test]
fn every_field_of_the_contract_is_in_the_schemas_and_nothing_else_is() {
    let contract: BTreeSet<String> =
        include_str!("fixtures/contract.txt").lines().filter(|line| !line.starts_with('#')).map(str::to_owned).collect();
    let mut schemas = BTreeSet::new();
    for (kind, schema) in schemas_by_kind() {
        for part in ["spec", "status"] {
            let schema = &schema["properties"][part];
            describe(&kind, part, schema, false, &mut schemas);
        }
    }
    let missing: Vec<_> = contract.difference(&schemas).collect();
    let unexpected: Vec<_> = schemas.difference(&contract).collect();
    assert!(missing.is_empty() && unexpected.is_empty(), "missing: {missing:#?}\nunexpected: {unexpected:#?}");
}

#[test]
fn every_status_carries_the_same_lifecycle() {
    for (kind, schema) in schemas_by_kind() {
        let status = &schema["properties"]["status"]["properties"];
        assert_eq!(status["state"]["type"], "string", "{kind}");
        assert_eq!(status["observedGeneration"]["format"], "int64", "{kind}");
        assert_eq!(status["conditions"]["x-kubernetes-list-map-keys"], json!(["type"]), "{kind}");
        assert_eq!(status["conditions"]["x-kubernetes-list-type"], "map", "{kind}");
        assert_eq!(status["lastHandledReconcileAt"]["type"], "string", "{kind}");
        assert_eq!(status["history"].get("x-kubernetes-list-type"), None, "a list without a type is atomic ({kind})");
        let machine = &status["machine"];
        assert_eq!(machine["required"], json!(["seq", "since", "version"]), "{kind}");
        assert_eq!(machine["properties"]["nextAttempt"]["format"], "date-time", "{kind}");
        let entry = &status["history"]["items"];
        for free_form in [&machine["properties"]["data"], &entry["properties"]["data"]] {
            assert_eq!(free_form["x-kubernetes-preserve-unknown-fields"], json!(true), "{kind}");
        }
        assert_eq!(entry["required"], json!(["at", "event", "from", "phase", "seq", "to", "version"]), "{kind}");
    }
}

#[test]
fn the_java_options_of_a_server_have_no_default_that_would_hide_heap_sizing() {
    let (_, server) = schemas_by_kind().into_iter().find(|(kind, _)| kind == "Server").expect("a definition of Server");
    let java_args = &server["properties"]["spec"]["properties"]["javaArgs"];
    assert_eq!(java_args["type"], "string");
    assert_eq!(java_args.get("default"), None);
}

fn schemas_by_kind() -> Vec<(String, Value)> {
    definition::all()
        .expect("definitions")
        .into_iter()
        .map(|crd| {
            let tree = serde_json::to_value(&crd).expect("JSON");
            let schema = tree["spec"]["versions"][0]["schema"]["openAPIV3Schema"].clone();
            (crd.spec.names.kind, schema)
        })
        .collect()
}

/// One line per field, in the form of the contract.
fn describe(kind: &str, path: &str, schema: &Value, required: bool, lines: &mut BTreeSet<String>) {
    let name = path.rsplit('.').next().unwrap_or(path);
    let kubernetes = KUBERNETES.contains(&name);
    let mut line = format!("{kind} {path} {}", if kubernetes { "kubernetes" } else { type_of(schema) });
    if required {
        line.push_str(" required");
    }
    for keyword in ["default", "enum", "pattern", "minLength"] {
        if let Some(value) = schema.get(keyword) {
            line.push_str(&format!(" {keyword}={value}"));
        }
    }
    if schema["type"] == "string" && schema.get("format").is_some() {
        line.push_str(&format!(" format={}", schema["format"]));
    }
    if let Some(rules) = schema["x-kubernetes-validations"].as_array() {
        line.push_str(&format!(" rules={}", rules.len()));
    }
    lines.insert(line);
    if kubernetes {
        return;
    }
    for (property, nested) in schema["properties"].as_object().into_iter().flatten() {
        if path == "status" && LIFECYCLE.contains(&property.as_str()) {
            continue;
        }
        let required = schema["required"].as_array().is_some_and(|names| names.contains(&json!(property)));
        describe(kind, &format!("{path}.{property}"), nested, required, lines);
    }
    if let Some(items) = schema.get("items") {
        describe(kind, &format!("{path}[]"), items, false, lines);
    }
    if let Some(values) = schema.get("additionalProperties") {
        describe(kind, &format!("{path}{{}}"), values, false, lines);
    }
}

fn type_of(schema: &Value) -> &str {
    if schema["x-kubernetes-int-or-string"] == json!(true) {
        return "int-or-string";
    }
    schema["type"].as_str().unwrap_or("untyped")
}
