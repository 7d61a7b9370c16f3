//! An object as it should be, and how that compares with what is there.

use super::desired_digest::desired_digest;
use super::owned_object::{Cached, OwnedKind, OwnedObject};
use super::{ApplyError, Difference, Identity};
use crate::build::quantity;
use openvox_crds::vocabulary::annotation::DESIRED_DIGEST;
use openvox_machines::core::Blocked;
use serde_json::{Map, Value};

/// An object as it should be, and the digest of that. `L` is how the cache of its kind holds it.
#[derive(Clone)]
pub struct Desired<L: Cached = OwnedObject> {
    pub(super) identity: Identity<L>,
    pub(super) body: Value,
    digest: String,
}

impl<L: Cached> Desired<L> {
    /// `object` as it should be, which carries its namespace and name.
    ///
    /// # Errors
    /// [`ApplyError::Serialise`].
    pub fn new<K: OwnedKind<Cached = L>>(object: &K) -> Result<Self, ApplyError> {
        let identity = Identity::of::<K>(object.metadata().clone());
        let unserialised = |source| ApplyError::Serialise { kind: K::KIND.to_owned(), name: identity.name().to_owned(), source };
        let mut body = serde_json::to_value(object).map_err(unserialised)?;
        prune(&mut body);
        let digest = desired_digest(K::KIND, &body);
        if let Some(members) = body.as_object_mut() {
            members.remove("apiVersion");
            members.remove("kind");
            let metadata = members.entry("metadata").or_insert_with(|| Value::Object(Map::new()));
            if let Some(annotations) = metadata
                .as_object_mut()
                .and_then(|metadata| metadata.entry("annotations").or_insert_with(|| Value::Object(Map::new())).as_object_mut())
            {
                annotations.insert(DESIRED_DIGEST.into(), digest.clone().into());
            }
        }
        Ok(Self { identity, body, digest })
    }

    /// Digest of the desired object.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// The digest that `live` was written from; `None` if not by us.
    pub fn written_from(live: &L) -> Option<&str> {
        live.meta().annotations.as_ref()?.get(DESIRED_DIGEST).map(String::as_str)
    }

    /// `live` was written from this and nobody has changed it since.
    pub fn is_in_place(&self, live: &L) -> bool {
        Self::written_from(live) == Some(&self.digest) && live.matches_desired(|live| covers(live, &self.body))
    }

    /// Why the name cannot be used, if the live object is not ours. `owner` is the kind whose objects own this one.
    pub fn taken(&self, live: Option<&L>, owner: &str) -> Option<Blocked> {
        self.identity.taken(live, owner)
    }

    /// How the live object differs from this; `None` if it does not.
    pub fn difference(&self, live: Option<&L>) -> Option<Difference> {
        if live.is_some_and(|live| self.is_in_place(live)) {
            return None;
        }
        let (kind, name) = (self.identity.kind.to_owned(), self.identity.name().to_owned());
        let live = live.and_then(Cached::whole);
        Some(Difference::between((kind, name), live.as_ref(), &self.body, DESIRED_DIGEST, covers))
    }
}

/// Leaves out what has no content: the API server does not store it, so a comparison must not look for it.
fn prune(value: &mut Value) {
    if let Value::Object(members) = value {
        members.retain(|_, member| !member.is_null());
        members.values_mut().for_each(prune);
    } else if let Value::Array(items) = value {
        items.iter_mut().for_each(prune);
    }
}

/// `live` has everything that `desired` says; what it has besides (defaults, status, others' fields) is its own.
fn covers(live: &Value, desired: &Value) -> bool {
    match (live, desired) {
        (Value::Object(live), Value::Object(desired)) => desired.iter().all(|(key, wanted)| match live.get(key) {
            Some(found) => covers(found, wanted),
            None => is_empty(wanted),
        }),
        (Value::Array(live), Value::Array(desired)) => {
            live.len() == desired.len() && live.iter().zip(desired).all(|(live, desired)| covers(live, desired))
        }
        (Value::String(live), Value::String(desired)) => live == desired || same_quantity(live, desired),
        (Value::Null, desired) => is_empty(desired),
        (live, desired) => live == desired,
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Object(members) => members.values().all(is_empty),
        Value::Array(items) => items.is_empty(),
        Value::String(text) => text.is_empty(),
        Value::Bool(flag) => !flag,
        Value::Number(number) => number.as_i64() == Some(0),
    }
}

/// The API server rewrites quantities to their canonical form: `1000m` comes back as `1`.
fn same_quantity(left: &str, right: &str) -> bool {
    let amount = |text: &str| quantity::amount(text).filter(|_| text.starts_with(|first: char| first.is_ascii_digit()));
    match (amount(left), amount(right)) {
        (Some(left), Some(right)) => (left - right).abs() <= f64::EPSILON * left.abs(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_the_api_server_adds_is_no_difference() {
        let desired =
            json!({"spec": {"replicas": 1, "volumes": [{"name": "tmp", "emptyDir": {}}], "limits": {"cpu": "1000m"}, "pullSecrets": []}});
        let live = json!({"spec": {"replicas": 1, "strategy": "x", "volumes": [{"name": "tmp", "emptyDir": {}, "more": 1}], "limits": {"cpu": "1"}}, "status": {}});
        assert!(covers(&live, &desired));
    }

    #[test]
    fn a_changed_or_missing_field_is_a_difference() {
        let live = json!({"a": {"b": "1Gi", "list": [1, 2]}});
        for desired in [json!({"a": {"b": "2Gi"}}), json!({"a": {"c": 1}}), json!({"a": {"list": [1]}}), json!({"a": {"b": "1G"}})] {
            assert!(!covers(&live, &desired), "{desired}");
        }
    }

    #[test]
    fn a_field_that_is_not_wanted_any_more_is_found_by_the_digest() {
        use k8s_openapi::api::core::v1::ConfigMap;
        let map =
            |data: Value| serde_json::from_value::<ConfigMap>(json!({"metadata": {"name": "a", "namespace": "n"}, "data": data})).unwrap();
        let before = Desired::new(&map(json!({"x": "1", "y": "2"}))).unwrap();
        let live: OwnedObject = serde_json::from_value(before.body.clone()).unwrap();
        assert!(before.is_in_place(&live));
        assert!(!Desired::new(&map(json!({"x": "1"}))).unwrap().is_in_place(&live));
    }
}
