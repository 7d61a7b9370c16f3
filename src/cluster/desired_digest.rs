//! Digest of a desired object, which the object that is written from it carries as an annotation.

use crate::build::hash::data_hash;
use serde_json::Value;
use std::borrow::Cow;

/// SHA-256 of a desired object. Of a Secret without its values: metadata is shown and collected in places where data is not, and who
/// sees a digest could try values until one fits. A changed value is found by comparing the values themselves.
pub(super) fn desired_digest(kind: &str, body: &Value) -> String {
    let mut body = Cow::Borrowed(body);
    if kind == "Secret" {
        for part in ["data", "stringData"] {
            let values = body.to_mut().get_mut(part).and_then(Value::as_object_mut);
            values.into_iter().flat_map(|values| values.values_mut()).for_each(|value| *value = Value::Null);
        }
    }
    // The word is part of the digests that clusters hold.
    data_hash([("plan", body.to_string())])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::Desired;
    use k8s_openapi::ByteString;
    use k8s_openapi::api::core::v1::Secret;
    use serde_json::json;

    #[test]
    fn a_plan_of_a_secret_is_told_by_its_keys_and_one_of_anything_else_by_its_values() {
        let digest = |kind: &str, key: &str, value: &str| desired_digest(kind, &json!({"data": {key: value}}));
        assert_eq!(digest("Secret", "a", "one"), digest("Secret", "a", "two"));
        assert_ne!(digest("Secret", "a", "one"), digest("Secret", "b", "one"));
        assert_ne!(digest("ConfigMap", "a", "one"), digest("ConfigMap", "a", "two"));
    }

    #[test]
    fn a_changed_value_of_a_secret_is_written_all_the_same() {
        let secret = |value: &str| {
            let mut secret: Secret = serde_json::from_value(json!({"metadata": {"name": "a", "namespace": "n"}})).unwrap();
            secret.data = Some([("key".to_owned(), ByteString(value.as_bytes().to_vec()))].into());
            secret
        };
        let desired = Desired::new(&secret("one")).unwrap();
        let mut live = secret("one");
        live.metadata.annotations = Some([("openvox.voxpupuli.org/plan".to_owned(), desired.digest().to_owned())].into());
        assert!(desired.is_in_place(&live));
        assert!(!Desired::new(&secret("two")).unwrap().is_in_place(&live));
    }
}
