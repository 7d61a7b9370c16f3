//! The limits that Kubernetes sets for the fields of a condition.

use super::schema::{Node, child};
use serde_json::{Value, json};

/// Pattern of a reason.
const REASON: &str = "^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$";

/// Pattern of a type, which may carry a DNS prefix.
const TYPE: &str = r"^([a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*/)?(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])$";

/// Adds the limits of `metav1.Condition`, which its schema in the client library lacks.
pub(super) fn restrict(conditions: &mut Node) {
    let Some(properties) = child(conditions, "items").and_then(|items| child(items, "properties")) else {
        return;
    };
    let limits: [(&str, &str, Value); 8] = [
        ("message", "maxLength", json!(32768)),
        ("observedGeneration", "minimum", json!(0)),
        ("reason", "minLength", json!(1)),
        ("reason", "maxLength", json!(1024)),
        ("reason", "pattern", json!(REASON)),
        ("status", "enum", json!(["True", "False", "Unknown"])),
        ("type", "maxLength", json!(316)),
        ("type", "pattern", json!(TYPE)),
    ];
    for (field, keyword, limit) in limits {
        if let Some(schema) = child(properties, field) {
            schema.insert(keyword.to_owned(), limit);
        }
    }
}
