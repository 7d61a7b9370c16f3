use super::*;
use serde_json::json;

/// Kind and schema of every definition.
fn schemas() -> impl Iterator<Item = (String, Value)> {
    all().unwrap().into_iter().map(|crd| {
        let tree = serde_json::to_value(&crd).unwrap();
        let schema = tree["spec"]["versions"][0]["schema"]["openAPIV3Schema"].clone();
        (crd.spec.names.kind, schema)
    })
}

/// Calls `check` with every schema node and its path.
fn each(path: &str, node: &Value, check: &mut dyn FnMut(&str, &Value)) {
    check(path, node);
    for (name, property) in node["properties"].as_object().into_iter().flatten() {
        each(&format!("{path}.{name}"), property, check);
    }
    for key in ["items", "additionalProperties"] {
        if let Some(nested) = node.get(key) {
            each(&format!("{path}.{key}"), nested, check);
        }
    }
}

#[test]
fn a_manifest_without_spec_passes() {
    for (kind, schema) in schemas() {
        assert_eq!(schema.get("required"), None, "{kind}");
        assert_eq!(schema["properties"]["spec"].get("default"), None, "{kind}: a default would bring the spec back");
    }
}

#[test]
fn every_node_is_described_and_says_nothing_that_kubernetes_does_not_know() {
    for (kind, schema) in schemas() {
        each(&kind, &schema, &mut |path, node| {
            assert_eq!(node.get("nullable"), None, "{path}");
            assert_eq!(node.get("title"), None, "{path}");
            if let Some(format) = node["format"].as_str() {
                assert!(["int32", "int64", "date-time"].contains(&format), "{path}: {format}");
            }
            if path.starts_with(&format!("{kind}.spec")) && node["type"] == "integer" {
                assert_eq!(node.get("minimum"), None, "{path}");
                assert_eq!(node.get("maximum"), None, "{path}");
            }
            let leaf = path.rsplit('.').next().is_some_and(|name| ["items", "additionalProperties"].contains(&name));
            assert!(leaf || node["description"].is_string(), "{path} lacks a description");
        });
    }
}

#[test]
fn a_number_that_nobody_could_read_is_refused() {
    for (kind, schema) in schemas() {
        let status = &schema["properties"]["status"]["properties"];
        for number in [&status["machine"]["properties"]["attempt"], &status["history"]["items"]["properties"]["version"]] {
            assert_eq!((number["minimum"].as_f64(), number["maximum"].as_f64()), (Some(0.0), Some(f64::from(u32::MAX))), "{kind}");
        }
        assert_eq!(status["machine"]["properties"]["seq"]["maximum"].as_f64(), Some(9_007_199_254_740_991.0), "{kind}");
    }
}

#[test]
fn a_quantity_may_be_a_number_or_a_string() {
    let (_, schema) = schemas().find(|(kind, _)| kind == "CertificateAuthority").unwrap();
    let spec = &schema["properties"]["spec"]["properties"];
    for field in ["requests", "limits"] {
        let quantity = &spec["resources"]["properties"][field]["additionalProperties"];
        assert_eq!(quantity["x-kubernetes-int-or-string"], json!(true));
        assert_eq!(quantity["anyOf"], json!([{"type": "integer"}, {"type": "string"}]));
        assert!(quantity["pattern"].is_string());
        assert_eq!(quantity.get("type"), None);
    }
    let claims = &spec["resources"]["properties"]["claims"];
    assert_eq!(claims["x-kubernetes-list-type"], "map");
    assert_eq!(claims["x-kubernetes-list-map-keys"], json!(["name"]));
}

#[test]
fn a_number_or_string_stays_within_what_clients_can_read() {
    let (_, schema) = schemas().find(|(kind, _)| kind == "Server").unwrap();
    let spec = &schema["properties"]["spec"]["properties"];
    let ports = &spec["networkPolicy"]["properties"]["additionalIngress"]["items"]["properties"]["ports"];
    for node in
        [&spec["pdb"]["properties"]["minAvailable"], &spec["pdb"]["properties"]["maxUnavailable"], &ports["items"]["properties"]["port"]]
    {
        assert_eq!(node["x-kubernetes-int-or-string"], json!(true));
        assert_eq!(node["maximum"].as_f64(), Some(f64::from(i32::MAX)));
    }
}

#[test]
fn a_status_has_no_defaults() {
    for (kind, schema) in schemas() {
        each("status", &schema["properties"]["status"], &mut |path, node| {
            assert_eq!(node.get("default"), None, "{kind} {path}");
        });
    }
}

#[test]
fn conditions_have_the_limits_of_kubernetes() {
    for (kind, schema) in schemas() {
        let conditions = schema["properties"]["status"]["properties"]["conditions"].clone();
        let fields = &conditions["items"]["properties"];
        assert_eq!(fields["message"]["maxLength"], 32768, "{kind}");
        assert_eq!(fields["reason"]["minLength"], 1, "{kind}");
        assert_eq!(fields["reason"]["maxLength"], 1024, "{kind}");
        assert!(fields["reason"]["pattern"].is_string(), "{kind}");
        assert_eq!(fields["status"]["enum"], json!(["True", "False", "Unknown"]), "{kind}");
        assert_eq!(fields["type"]["maxLength"], 316, "{kind}");
        assert!(fields["type"]["pattern"].is_string(), "{kind}");
    }
}

#[test]
fn columns_names_and_category_are_those_users_know() {
    let expected = [
        ("CertificateAuthority", "certificateauthorities", "ca", "Phase NotAfter Ready Reason Age"),
        ("Certificate", "certificates", "cert", "Authority Certname Phase NotAfter Ready Reason Age"),
        ("Config", "configs", "cfg", "CA Image Phase Ready Reason Age"),
        ("Database", "databases", "db", "CertificateRef Replicas Ready Phase Reason Age"),
        ("NodeClassifier", "nodeclassifiers", "nc", "URL Method Phase Ready Reason Age"),
        ("Pool", "pools", "", "Type Endpoints Phase Ready Reason Age"),
        ("ReportProcessor", "reportprocessors", "rp", "URL Processor Phase Ready Reason Age"),
        ("Server", "servers", "", "Config CA Replicas Ready Phase Reason Age"),
        ("SigningPolicy", "signingpolicies", "sp", "CA Phase Ready Reason Age"),
    ];
    let found: Vec<_> = all()
        .unwrap()
        .into_iter()
        .map(|crd| {
            let names = crd.spec.names;
            assert_eq!(names.categories, Some(vec![crate::vocabulary::CATEGORY.to_owned()]));
            let columns: Vec<_> =
                crd.spec.versions[0].additional_printer_columns.iter().flatten().map(|column| column.name.clone()).collect();
            let short = names.short_names.unwrap_or_default().concat();
            (names.kind, names.plural, short, columns.join(" "))
        })
        .collect();
    let expected =
        expected.map(|(kind, plural, short, columns)| (kind.to_owned(), plural.to_owned(), short.to_owned(), columns.to_owned()));
    assert_eq!(found, expected);
}

#[test]
fn a_manifest_is_the_definition_and_its_words_stay_strings_for_every_yaml_reader() {
    for crd in all().unwrap() {
        let text = manifest(&crd).unwrap();
        let read: CustomResourceDefinition = serde_saphyr::from_str(&text).unwrap();
        assert_eq!(read, crd);
        // Readers of YAML 1.1 take a bare off, True or y for a boolean.
        for line in text.lines() {
            let scalar = line.trim_start().trim_start_matches("- ");
            assert!(!["off", "True", "False", "y", "n", "yes", "no", "on"].contains(&scalar), "{line}");
        }
    }
}
