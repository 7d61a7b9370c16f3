//! How an object in the cluster differs from what it should be, for people.

use serde::Serialize;
use serde_json::Value;

/// Stands for what a Secret holds.
const REDACTED: &str = "<redacted>";

/// An object that is to be written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// Kind of the object.
    pub kind: String,
    /// Its name, in the namespace of the object that it belongs to.
    pub name: String,
    /// It is to be made, changed or deleted.
    pub change: Change,
    /// The fields that are to be set. Empty where only fields that are not wanted any more go.
    pub fields: Vec<Field>,
}

/// What is to be done with an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Change {
    /// It does not exist.
    Create,
    /// It is not as it should be.
    Update,
    /// It is not wanted any more.
    Delete,
}

/// A field that is to be set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Field {
    /// Where it is, such as `spec.ports[0].port`.
    pub path: String,
    /// What stands there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub live: Option<Value>,
    /// What should.
    pub planned: Value,
}

impl Difference {
    /// Everything in `planned` that `live` has not, or has otherwise, apart from the annotation `digest`. `equal` says
    /// whether two values that are no objects mean the same. The contents of a Secret are not shown.
    #[must_use]
    pub fn between(
        (kind, name): (String, String),
        live: Option<&Value>,
        planned: &Value,
        digest: &str,
        equal: fn(&Value, &Value) -> bool,
    ) -> Self {
        let mut fields = Vec::new();
        walk("", live.unwrap_or(&Value::Null), planned, equal, &mut fields);
        let digest = format!("metadata.annotations.{digest}");
        fields.retain(|field| field.path != digest && !["apiVersion", "kind"].contains(&&*field.path));
        if kind == "Secret" {
            for field in fields.iter_mut().filter(|field| field.path.starts_with("data.") || field.path.starts_with("stringData.")) {
                field.live = field.live.take().map(|_| REDACTED.into());
                field.planned = REDACTED.into();
            }
        }
        Self { kind, name, change: if live.is_some() { Change::Update } else { Change::Create }, fields }
    }
}

fn walk(path: &str, live: &Value, planned: &Value, equal: fn(&Value, &Value) -> bool, fields: &mut Vec<Field>) {
    if equal(live, planned) {
        return;
    }
    match (live, planned) {
        (Value::Object(_) | Value::Null, Value::Object(members)) if !members.is_empty() => {
            for (name, planned) in members {
                let below = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                walk(&below, live.get(name).unwrap_or(&Value::Null), planned, equal, fields);
            }
        }
        (Value::Array(there), Value::Array(items)) if there.len() == items.len() => {
            for (index, (live, planned)) in there.iter().zip(items).enumerate() {
                walk(&format!("{path}[{index}]"), live, planned, equal, fields);
            }
        }
        _ => {
            let live = Some(live.clone()).filter(|live| !live.is_null());
            fields.push(Field { path: path.to_owned(), live, planned: planned.clone() });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn fields(kind: &str, live: Option<&Value>, planned: &Value) -> Vec<(String, Option<Value>, Value)> {
        let names = (kind.to_owned(), "a".to_owned());
        let found = Difference::between(names, live, planned, "example.org/plan", |a, b| a == b);
        found.fields.into_iter().map(|field| (field.path, field.live, field.planned)).collect()
    }

    #[test]
    fn the_smallest_part_that_differs_is_shown() {
        let planned = json!({"metadata": {"annotations": {"example.org/plan": "new"}}, "spec": {"ports": [{"port": 1, "name": "x"}], "list": [1, 2]}});
        let live =
            json!({"metadata": {"annotations": {"example.org/plan": "old"}}, "spec": {"ports": [{"port": 2, "name": "x"}], "list": [1]}});
        let found = fields("Service", Some(&live), &planned);
        assert_eq!(
            found,
            [("spec.list".to_owned(), Some(json!([1])), json!([1, 2])), ("spec.ports[0].port".to_owned(), Some(json!(2)), json!(1)),]
        );
        assert_eq!(fields("Service", Some(&planned), &planned), []);
    }

    #[test]
    fn what_a_secret_holds_is_not_shown() {
        let planned = json!({"metadata": {"name": "a"}, "data": {"key.pem": "c2VjcmV0", "new": "c2VjcmV0"}});
        let live = json!({"metadata": {"name": "a"}, "data": {"key.pem": "b3RoZXI="}});
        let redacted = json!(REDACTED);
        assert_eq!(
            fields("Secret", Some(&live), &planned),
            [("data.key.pem".to_owned(), Some(redacted.clone()), redacted.clone()), ("data.new".to_owned(), None, redacted)]
        );
        assert!(!format!("{:?}", fields("Secret", None, &planned)).contains("c2Vj"));
    }
}
