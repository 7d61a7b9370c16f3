//! Makes a derived schema as plain as the API it describes.
//!
//! The derive says more than the API does (`nullable`, `title`, required `spec`) and less than
//! Kubernetes does about its own types (patterns, merge strategies). Both are set right here, in
//! one walk over the schema.

use super::condition;
use crate::vocabulary::GROUP;
use serde_json::{Map, Value, json};

/// An object of a schema.
pub(super) type Node = Map<String, Value>;

/// Kubernetes' own pattern of a quantity, from the schema of core/v1 resources.
const QUANTITY: &str = r"^(\+|-)?(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))(([KMGTPE]i)|[numkMGTPE]|([eE](\+|-)?(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))))?$";

/// Objects that Kubernetes merges as a whole under server-side apply.
const ATOMIC: [&str; 3] = ["labelSelector", "namespaceSelector", "podSelector"];

/// Simplifies the root schema of a kind.
pub(super) fn simplify(root: &mut Node) {
    // An object without spec is accepted: defaults and rules inside spec have nothing to say then.
    root.remove("required");
    walk(root);
    let Some(properties) = child(root, "properties") else {
        return;
    };
    if let Some(spec) = child(properties, "spec") {
        spec.remove("default");
    }
    if let Some(status) = child(properties, "status") {
        // Nothing is to appear in a status that its writer did not put there.
        remove_defaults(status);
        if let Some(conditions) = child(status, "properties").and_then(|p| child(p, "conditions")) {
            condition::restrict(conditions);
        }
    }
}

fn walk(node: &mut Node) {
    // Without nullable, null means absent: it is pruned and the default applies. That is what the
    // API always did.
    node.remove("nullable");
    node.remove("title");
    join_lines(node);
    integer_format(node);
    int_or_string(node);
    merge_strategy(node);
    for (_, property) in children(node, "properties") {
        walk(property);
    }
    for key in ["items", "additionalProperties"] {
        if let Some(nested) = child(node, key) {
            walk(nested);
        }
    }
}

/// Docstrings break lines where the source does; a description breaks only between paragraphs.
fn join_lines(node: &mut Node) {
    let Some(Value::String(text)) = node.get_mut("description") else {
        return;
    };
    let paragraphs: Vec<_> = text.split("\n\n").map(|paragraph| paragraph.replace('\n', " ")).collect();
    // The engine does not know which API group its status belongs to.
    *text = paragraphs.join("\n\n").replace("{group}", GROUP);
}

/// Kubernetes knows int32 and int64 only; other formats of integers are ignored with a warning.
fn integer_format(node: &mut Node) {
    if node.get("format").is_some_and(|format| format == "uint32") {
        node.insert("format".into(), json!("int64"));
        // What nobody could read is refused.
        node.insert("maximum".into(), json!(u32::MAX));
    }
}

fn int_or_string(node: &mut Node) {
    if node.get("x-kubernetes-int-or-string") != Some(&json!(true)) {
        return;
    }
    node.insert("anyOf".into(), json!([{ "type": "integer" }, { "type": "string" }]));
    let is_quantity = node.get("description").and_then(Value::as_str).is_some_and(|text| text.starts_with("Quantity is"));
    if is_quantity {
        node.insert("pattern".into(), json!(QUANTITY));
        // The long text explains the grammar, which the pattern says too, once per use.
        node.insert("description".into(), json!("A Kubernetes quantity, such as 500m or 1Gi."));
    } else {
        // The number is an int32 for every client. One stored beyond that could be read by nobody,
        // and a single such object would end the watch of its whole kind.
        node.insert("minimum".into(), json!(i32::MIN));
        node.insert("maximum".into(), json!(i32::MAX));
    }
}

/// Merge strategies of Kubernetes' own types, which their schemas in the client library lack.
fn merge_strategy(node: &mut Node) {
    for (name, property) in children(node, "properties") {
        match name.as_str() {
            name if ATOMIC.contains(&name) => {
                property.insert("x-kubernetes-map-type".into(), json!("atomic"));
            }
            "claims" => {
                property.insert("x-kubernetes-list-type".into(), json!("map"));
                property.insert("x-kubernetes-list-map-keys".into(), json!(["name"]));
            }
            "pullSecrets" => {
                if let Some(items) = child(property, "items") {
                    items.insert("x-kubernetes-map-type".into(), json!("atomic"));
                }
            }
            _ => {}
        }
    }
}

fn remove_defaults(node: &mut Node) {
    node.remove("default");
    for (_, property) in children(node, "properties") {
        remove_defaults(property);
    }
}

pub(super) fn child<'a>(node: &'a mut Node, key: &str) -> Option<&'a mut Node> {
    node.get_mut(key).and_then(Value::as_object_mut)
}

fn children<'a>(node: &'a mut Node, key: &str) -> impl Iterator<Item = (&'a String, &'a mut Node)> {
    node.get_mut(key)
        .and_then(Value::as_object_mut)
        .into_iter()
        .flatten()
        .filter_map(|(name, value)| value.as_object_mut().map(|object| (name, object)))
}
