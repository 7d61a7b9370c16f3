//! Writing an object only when it differs from what it should be.

use super::delete::live;
use super::desired_digest::desired_digest;
use super::owned_object::{Cached, OwnedKind};
use super::{ApplyError, Cache, Difference, FIELD_MANAGER, Foreign, compact};
use crate::telemetry::{Metrics, Verb};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::api::{Patch, PatchParams};
use kube::core::TypeMeta;
use kube::{Client, Resource, ResourceExt as _};
use serde::Serialize;
use serde_json::{Map, Value};
use std::borrow::Cow;
use std::sync::Arc;

/// Annotation with the digest of the plan that an object was last written from. It finds what a comparison of
/// fields cannot: a field that has left the plan.
const PLAN: &str = "openvox.voxpupuli.org/plan";

/// An object as it should be, and the digest of that. `L` is how the cache of its kind holds it.
#[derive(Clone)]
pub struct Desired<L: Cached> {
    kind: &'static str,
    api_version: &'static str,
    dynamic_type: L::DynamicType,
    metadata: ObjectMeta,
    body: Value,
    digest: String,
}

impl<L: Cached> Desired<L> {
    /// A plan for `object`, which carries its namespace and name.
    ///
    /// # Errors
    /// [`ApplyError::Serialise`].
    pub fn new<K: OwnedKind<Cached = L>>(object: &K) -> Result<Self, ApplyError> {
        let metadata = object.metadata().clone();
        let name = metadata.name.clone().unwrap_or_default();
        let mut body = serde_json::to_value(object).map_err(|source| ApplyError::Serialise { kind: K::KIND.to_owned(), name, source })?;
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
                annotations.insert(PLAN.into(), digest.clone().into());
            }
        }
        Ok(Self { kind: K::KIND, api_version: K::API_VERSION, dynamic_type: K::dynamic_type(), metadata, body, digest })
    }

    /// Digest of the plan.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// The digest of the plan that `live` was written from; `None` if not by us.
    pub fn written_from(live: &L) -> Option<&str> {
        live.annotations().get(PLAN).map(String::as_str)
    }

    /// `live` was written from this plan and nobody has changed it since.
    pub fn is_in_place(&self, live: &L) -> bool {
        Self::written_from(live) == Some(&self.digest) && live.matches_desired(|live| covers(live, &self.body))
    }

    fn namespace(&self) -> &str {
        self.metadata.namespace.as_deref().unwrap_or_default()
    }

    fn name(&self) -> &str {
        self.metadata.name.as_deref().unwrap_or_default()
    }

    /// Whose the live object is, if it is not ours.
    pub fn foreign(&self, live: &L) -> Option<Foreign> {
        Foreign::of(live.meta(), &self.metadata)
    }

    /// The live object equals the plan.
    pub fn is_met(&self, cache: &Cache<L>) -> bool {
        cache.get(self.namespace(), self.name()).is_some_and(|live| self.is_in_place(&live))
    }

    /// How the live object differs from the plan; `None` if it equals it.
    pub fn difference(&self, cache: &Cache<L>) -> Option<Difference> {
        if self.is_met(cache) {
            return None;
        }
        let live = cache.get(self.namespace(), self.name()).and_then(|live| live.whole());
        Some(Difference::between((self.kind.to_owned(), self.name().to_owned()), live.as_ref(), &self.body, PLAN, covers))
    }

    /// Writes the object by server-side apply, unless it is as it should be already.
    ///
    /// # Errors
    /// [`ApplyError::Foreign`] if it belongs to somebody else, [`ApplyError::Api`] if the API server refuses.
    pub async fn apply(&self, client: &Client, cache: Option<&Cache<L>>, metrics: &Metrics) -> Result<(), ApplyError> {
        let api = L::api(client, self.namespace(), &self.dynamic_type);
        let cached = cache.and_then(|cache| cache.get(self.namespace(), self.name()));
        let before = match &cached {
            Some(cached) => Some(Arc::clone(cached)),
            None => live(&api, None, self.kind, self.namespace(), self.name()).await?,
        };
        let mut body = Cow::Borrowed(&self.body);
        if let Some(live) = &before {
            if let Some(owner) = self.foreign(live) {
                return Err(ApplyError::Foreign { kind: self.kind.to_owned(), name: self.name().to_owned(), owner });
            }
            if cached.is_some() && self.is_in_place(live) {
                return Ok(());
            }
            // The object that was looked at, and no other that has taken its name since.
            if let (Some(uid), Some(metadata)) = (live.uid(), body.to_mut().get_mut("metadata").and_then(Value::as_object_mut)) {
                metadata.insert("uid".to_owned(), uid.into());
            }
        }
        metrics.api_write(self.kind, Verb::Apply);
        tracing::debug!(kind = self.kind, namespace = self.namespace(), name = self.name(), "apply");
        let types = TypeMeta { api_version: self.api_version.to_owned(), kind: self.kind.to_owned() };
        let patch = Patch::Apply(Typed { types, body: &body });
        // Fields of others are taken only in an object that is ours.
        let params = PatchParams { force: before.is_some(), ..PatchParams::apply(FIELD_MANAGER) };
        let answer = api.patch(self.name(), &params, &patch).await;
        let mut live = answer.map_err(|source| ApplyError::from_api(self.kind, self.name().to_owned(), source))?;
        if let Some(cache) = cache {
            compact::shrink(&mut live);
            cache.wrote(Arc::new(live));
        }
        Ok(())
    }
}

/// A body with the names of its kind.
#[derive(Debug, Serialize)]
struct Typed<'a> {
    #[serde(flatten)]
    types: TypeMeta,
    #[serde(flatten)]
    body: &'a Value,
}

/// Kind names are known at compile time; kube hands them out as `Cow`.
#[must_use]
pub fn kind_label<K: Resource<DynamicType = ()>>() -> &'static str {
    match K::kind(&()) {
        std::borrow::Cow::Borrowed(kind) => kind,
        std::borrow::Cow::Owned(_) => "Other",
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

/// `live` has everything that `plan` says; what it has besides (defaults, status, others' fields) is its own.
fn covers(live: &Value, plan: &Value) -> bool {
    match (live, plan) {
        (Value::Object(live), Value::Object(plan)) => plan.iter().all(|(key, planned)| match live.get(key) {
            Some(found) => covers(found, planned),
            None => is_empty(planned),
        }),
        (Value::Array(live), Value::Array(plan)) => {
            live.len() == plan.len() && live.iter().zip(plan).all(|(live, plan)| covers(live, plan))
        }
        (Value::String(live), Value::String(plan)) => live == plan || same_quantity(live, plan),
        (Value::Null, plan) => is_empty(plan),
        (live, plan) => live == plan,
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
    fn value(text: &str) -> Option<f64> {
        const UNITS: &[(&str, f64)] = &[
            ("Ki", 1024.0),
            ("Mi", 1_048_576.0),
            ("Gi", 1_073_741_824.0),
            ("Ti", 1_099_511_627_776.0),
            ("m", 0.001),
            ("k", 1e3),
            ("M", 1e6),
            ("G", 1e9),
            ("T", 1e12),
        ];
        let (number, unit) = UNITS.iter().find_map(|(unit, factor)| Some((text.strip_suffix(unit)?, *factor))).unwrap_or((text, 1.0));
        number.starts_with(|first: char| first.is_ascii_digit()).then(|| number.parse::<f64>().ok()).flatten().map(|number| number * unit)
    }
    match (value(left), value(right)) {
        (Some(left), Some(right)) => (left - right).abs() <= f64::EPSILON * left.abs(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::OwnedObject;
    use serde_json::json;

    #[test]
    fn what_the_api_server_adds_is_no_difference() {
        let plan =
            json!({"spec": {"replicas": 1, "volumes": [{"name": "tmp", "emptyDir": {}}], "limits": {"cpu": "1000m"}, "pullSecrets": []}});
        let live = json!({"spec": {"replicas": 1, "strategy": "x", "volumes": [{"name": "tmp", "emptyDir": {}, "more": 1}], "limits": {"cpu": "1"}}, "status": {}});
        assert!(covers(&live, &plan));
    }

    #[test]
    fn a_changed_or_missing_field_is_a_difference() {
        let live = json!({"a": {"b": "1Gi", "list": [1, 2]}});
        for plan in [json!({"a": {"b": "2Gi"}}), json!({"a": {"c": 1}}), json!({"a": {"list": [1]}}), json!({"a": {"b": "1G"}})] {
            assert!(!covers(&live, &plan), "{plan}");
        }
    }

    #[test]
    fn a_field_that_left_the_plan_is_found_by_the_digest() {
        use k8s_openapi::api::core::v1::ConfigMap;
        let map =
            |data: Value| serde_json::from_value::<ConfigMap>(json!({"metadata": {"name": "a", "namespace": "n"}, "data": data})).unwrap();
        let before = Desired::new(&map(json!({"x": "1", "y": "2"}))).unwrap();
        let live: OwnedObject = serde_json::from_value(before.body.clone()).unwrap();
        assert!(before.is_in_place(&live));
        assert!(!Desired::new(&map(json!({"x": "1"}))).unwrap().is_in_place(&live));
    }

    #[test]
    fn what_is_written_says_what_it_is() {
        use k8s_openapi::api::core::v1::ConfigMap;
        let map: ConfigMap = serde_json::from_value(json!({"metadata": {"name": "a"}, "data": {"x": "1"}})).unwrap();
        let plan = Desired::new(&map).unwrap();
        let types = TypeMeta { api_version: plan.api_version.to_owned(), kind: plan.kind.to_owned() };
        let written = serde_json::to_value(Typed { types, body: &plan.body }).unwrap();
        assert_eq!((&written["apiVersion"], &written["kind"], &written["data"]["x"]), (&json!("v1"), &json!("ConfigMap"), &json!("1")));
    }
}
