//! Writing an object only when it differs from what it should be.

use super::managed::{Live, Made, Managed};
use super::plan_digest::plan_digest;
use super::{Cache, Difference, FIELD_MANAGER, Foreign, compact, controller_of};
use crate::telemetry::{Metrics, Verb};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::api::{DeleteParams, Patch, PatchParams, PropagationPolicy};
use kube::core::TypeMeta;
use kube::core::response::StatusCause;
use kube::{Api, Client, Resource, ResourceExt as _};
use openvox_crds::vocabulary::label;
use serde::Serialize;
use serde_json::{Map, Value};
use std::sync::Arc;

/// Annotation with the digest of the plan that an object was last written from. It finds what a comparison of
/// fields cannot: a field that has left the plan.
const PLAN: &str = "openvox.voxpupuli.org/plan";

/// An object as it should be, and the digest of that. `L` is how the cache of its kind holds it.
#[derive(Clone)]
pub struct Plan<L: Live> {
    kind: &'static str,
    api_version: &'static str,
    dynamic_type: L::DynamicType,
    metadata: ObjectMeta,
    body: Value,
    digest: String,
}

/// Writing failed.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// The plan does not serialise, which no plan of ours can do.
    #[error("failed to serialise {kind} {name}: {source}")]
    Serialise {
        /// Kind of the object.
        kind: String,
        /// Its name.
        name: String,
        /// What serde says.
        source: serde_json::Error,
    },
    /// An object of this name belongs to somebody else.
    #[error("failed to write {kind} {name}: it {owner}{}", owner.remedy())]
    Foreign {
        /// Kind of the object.
        kind: String,
        /// Its name.
        name: String,
        /// Whose it is.
        owner: Foreign,
    },
    /// The namespace is being deleted: nothing can be made there, and nothing has to be.
    #[error("failed to write {kind} {name}: the namespace is being deleted")]
    Terminating {
        /// Kind of the object.
        kind: String,
        /// Its name.
        name: String,
    },
    /// The API server refused, or did not answer.
    #[error("failed to write {kind} {name}: {source}")]
    Api {
        /// Kind of the object.
        kind: String,
        /// Its name.
        name: String,
        /// What the API server said.
        source: Box<kube::Error>,
    },
}

impl ApplyError {
    /// `CamelCase` reason for conditions and metrics.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Foreign { owner, .. } => owner.reason(),
            Self::Terminating { .. } => openvox_machines::reason::TERMINATING,
            Self::Serialise { .. } | Self::Api { .. } => openvox_machines::reason::APPLY_FAILED,
        }
    }

    /// What the API server said about a write of this object.
    #[must_use]
    pub fn from_api(kind: &str, name: String, source: kube::Error) -> Self {
        let terminating = |cause: &StatusCause| cause.reason == "NamespaceTerminating";
        if let kube::Error::Api(status) = &source
            && status.details.as_ref().is_some_and(|details| details.causes.iter().any(terminating))
        {
            return Self::Terminating { kind: kind.to_owned(), name };
        }
        Self::Api { kind: kind.to_owned(), name, source: Box::new(source) }
    }

    /// Reason and message for the machine; `None` where there is nothing to report, because the object goes with its
    /// namespace.
    #[must_use]
    pub fn report(&self) -> Option<(String, String)> {
        (!matches!(self, Self::Terminating { .. })).then(|| (self.reason().to_owned(), self.to_string()))
    }
}

impl<L: Live> Plan<L> {
    /// A plan for `object`, which carries its namespace and name.
    ///
    /// # Errors
    /// [`ApplyError::Serialise`].
    pub fn new<K: Made<Live = L>>(object: &K) -> Result<Self, ApplyError> {
        let metadata = object.metadata().clone();
        let name = metadata.name.clone().unwrap_or_default();
        let mut body = serde_json::to_value(object).map_err(|source| ApplyError::Serialise { kind: K::KIND.to_owned(), name, source })?;
        prune(&mut body);
        let digest = plan_digest(K::KIND, &body);
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
        Self::written_from(live) == Some(&self.digest) && live.is_as_planned(|live| covers(live, &self.body))
    }

    fn namespace(&self) -> &str {
        self.metadata.namespace.as_deref().unwrap_or_default()
    }

    fn name(&self) -> &str {
        self.metadata.name.as_deref().unwrap_or_default()
    }

    /// The live object has another controller than the plan.
    pub fn foreign(&self, live: &L) -> Option<Foreign> {
        Foreign::of(live.meta(), controller_of(&self.metadata))
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

    /// Whose the object is, if it is there and not ours. The caches hold only what carries our label, so before
    /// the first write of a name the API server is asked.
    async fn stranger(&self, api: &Api<L>, cache: Option<&Cache<L>>) -> Result<Option<Foreign>, ApplyError> {
        if cache.is_some_and(|cache| cache.get(self.namespace(), self.name()).is_some()) {
            return Ok(None);
        }
        let failed = |source| ApplyError::Api { kind: self.kind.to_owned(), name: self.name().to_owned(), source: Box::new(source) };
        let Some(live) = api.get_opt(self.name()).await.map_err(failed)? else { return Ok(None) };
        let labelled = live.labels().get(label::MANAGED_BY).is_some_and(|by| by == label::MANAGED_BY_VALUE);
        let nobodys = !labelled && controller_of(live.meta()).is_none();
        Ok(self.foreign(&live).or(nobodys.then_some(Foreign::Nobody)))
    }

    /// Writes the object by server-side apply, unless it is as it should be already.
    ///
    /// # Errors
    /// [`ApplyError::Foreign`] if it belongs to somebody else, [`ApplyError::Api`] if the API server refuses.
    pub async fn apply(&self, client: &Client, cache: Option<&Cache<L>>, metrics: &Metrics) -> Result<(), ApplyError> {
        let foreign = |owner| ApplyError::Foreign { kind: self.kind.to_owned(), name: self.name().to_owned(), owner };
        if let Some(live) = cache.and_then(|cache| cache.get(self.namespace(), self.name())) {
            if let Some(owner) = self.foreign(&live) {
                return Err(foreign(owner));
            }
            if self.is_in_place(&live) {
                return Ok(());
            }
        }
        let api = L::api(client, self.namespace(), &self.dynamic_type);
        if let Some(owner) = self.stranger(&api, cache).await? {
            return Err(foreign(owner));
        }
        metrics.api_write(self.kind, Verb::Apply);
        tracing::debug!(kind = self.kind, namespace = self.namespace(), name = self.name(), "apply");
        let types = TypeMeta { api_version: self.api_version.to_owned(), kind: self.kind.to_owned() };
        let patch = Patch::Apply(Typed { types, body: &self.body });
        let answer = api.patch(self.name(), &PatchParams::apply(FIELD_MANAGER).force(), &patch).await;
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

/// Deletes an object with what it owns; one that is gone already is fine.
///
/// # Errors
/// [`ApplyError::Api`] if the API server refuses.
pub async fn delete<K: Made>(client: &Client, namespace: &str, name: &str, metrics: &Metrics) -> Result<(), ApplyError> {
    metrics.api_write(K::KIND, Verb::Delete);
    delete_from(&K::Live::api(client, namespace, &K::dynamic_type()), K::KIND, name).await
}

/// Deletes an object that is in a cache, and remembers that.
///
/// # Errors
/// [`ApplyError::Api`] if the API server refuses.
pub async fn remove(client: &Client, cache: &Cache<Managed>, live: &Managed, metrics: &Metrics) -> Result<(), ApplyError> {
    metrics.api_write(cache.kind(), Verb::Delete);
    let api = Managed::api(client, &live.namespace().unwrap_or_default(), cache.dynamic_type());
    delete_from(&api, cache.kind(), &live.name_any()).await?;
    cache.deleted(live);
    Ok(())
}

async fn delete_from<L: Live>(api: &Api<L>, kind: &str, name: &str) -> Result<(), ApplyError> {
    let how = DeleteParams { propagation_policy: Some(PropagationPolicy::Background), ..DeleteParams::default() };
    match api.delete(name, &how).await {
        Ok(_) => Ok(()),
        Err(error) if error.is_not_found() => Ok(()),
        Err(source) => Err(ApplyError::Api { kind: kind.to_owned(), name: name.to_owned(), source: Box::new(source) }),
    }
}

trait IsNotFound {
    fn is_not_found(&self) -> bool;
}

impl IsNotFound for kube::Error {
    fn is_not_found(&self) -> bool {
        matches!(self, kube::Error::Api(status) if status.code == 404)
    }
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
        let before = Plan::new(&map(json!({"x": "1", "y": "2"}))).unwrap();
        let live: Managed = serde_json::from_value(before.body.clone()).unwrap();
        assert!(before.is_in_place(&live));
        assert!(!Plan::new(&map(json!({"x": "1"}))).unwrap().is_in_place(&live));
    }

    #[test]
    fn what_is_written_says_what_it_is() {
        use k8s_openapi::api::core::v1::ConfigMap;
        let map: ConfigMap = serde_json::from_value(json!({"metadata": {"name": "a"}, "data": {"x": "1"}})).unwrap();
        let plan = Plan::new(&map).unwrap();
        let types = TypeMeta { api_version: plan.api_version.to_owned(), kind: plan.kind.to_owned() };
        let written = serde_json::to_value(Typed { types, body: &plan.body }).unwrap();
        assert_eq!((&written["apiVersion"], &written["kind"], &written["data"]["x"]), (&json!("v1"), &json!("ConfigMap"), &json!("1")));
    }
}
