//! Writing an object only when it differs from what it should be.

use super::{Cache, Difference, FIELD_MANAGER, compact, controller_of};
use crate::build::hash::data_hash;
use crate::telemetry::{Metrics, Verb};
use kube::api::{DeleteParams, Patch, PatchParams, PropagationPolicy};
use kube::core::NamespaceResourceScope;
use kube::core::response::StatusCause;
use kube::{Api, Client, Resource, ResourceExt as _};
use openvox_crds::vocabulary::label;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};
use std::fmt::Debug;
use std::sync::Arc;

/// Annotation with the digest of the plan that an object was last written from. It finds what a comparison of
/// fields cannot: a field that has left the plan.
const PLAN: &str = "openvox.voxpupuli.org/plan";

/// An object as it should be, and the digest of that.
#[derive(Clone)]
pub struct Plan<K> {
    object: K,
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
    #[error("failed to write {kind} {name}: it is controlled by {owner}; rename one of the two")]
    Foreign {
        /// Kind of the object.
        kind: String,
        /// Its name.
        name: String,
        /// Who controls it.
        owner: String,
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
            Self::Foreign { .. } => openvox_machines::reason::NOT_OURS,
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

impl<K> Plan<K>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope> + Serialize + DeserializeOwned + Clone + Debug,
{
    /// A plan for `object`, which carries its namespace and name.
    ///
    /// # Errors
    /// [`ApplyError::Serialise`].
    pub fn new(object: K) -> Result<Self, ApplyError> {
        let failed = |source| ApplyError::Serialise { kind: K::kind(&()).into_owned(), name: object.name_any(), source };
        let mut body = serde_json::to_value(&object).map_err(failed)?;
        prune(&mut body);
        let digest = data_hash([("plan", body.to_string())]);
        if let Some(members) = body.as_object_mut() {
            members.insert("apiVersion".into(), K::api_version(&()).into());
            members.insert("kind".into(), K::kind(&()).into());
            let metadata = members.entry("metadata").or_insert_with(|| Value::Object(Map::new()));
            if let Some(annotations) = metadata
                .as_object_mut()
                .and_then(|metadata| metadata.entry("annotations").or_insert_with(|| Value::Object(Map::new())).as_object_mut())
            {
                annotations.insert(PLAN.into(), digest.clone().into());
            }
        }
        Ok(Self { object, body, digest })
    }

    /// Digest of the plan.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// The digest of the plan that `live` was written from; `None` if not by us.
    pub fn written_from(live: &K) -> Option<&str> {
        live.annotations().get(PLAN).map(String::as_str)
    }

    /// `live` was written from this plan and nobody has changed it since.
    pub fn is_in_place(&self, live: &K) -> bool {
        Self::written_from(live) == Some(&self.digest) && compact::whole(live).is_some_and(|live| covers(&live, &self.body))
    }

    /// The live object has another controller than the plan.
    pub fn foreign(&self, live: &K) -> Option<String> {
        let ours = controller_of(self.object.meta()).map(|owner| owner.uid.as_str());
        let theirs = controller_of(live.meta())?;
        (Some(theirs.uid.as_str()) != ours).then(|| format!("{} {}", theirs.kind, theirs.name))
    }

    /// The live object equals the plan.
    pub fn is_met(&self, cache: &Cache<K>) -> bool {
        let meta = self.object.meta();
        let (namespace, name) = (meta.namespace.as_deref().unwrap_or_default(), meta.name.as_deref().unwrap_or_default());
        cache.get(namespace, name).is_some_and(|live| self.is_in_place(&live))
    }

    /// How the live object differs from the plan; `None` if it equals it.
    pub fn difference(&self, cache: &Cache<K>) -> Option<Difference> {
        if self.is_met(cache) {
            return None;
        }
        let meta = self.object.meta();
        let (namespace, name) = (meta.namespace.as_deref().unwrap_or_default(), self.object.name_any());
        let live = cache.get(namespace, &name).and_then(|live| compact::whole(&*live));
        Some(Difference::between((K::kind(&()).into_owned(), name), live.as_ref(), &self.body, PLAN, covers))
    }

    /// Whose the object is, if it is there and not ours. The caches hold only what carries our label, so before
    /// the first write of a name the API server is asked.
    async fn stranger(&self, api: &Api<K>, cache: Option<&Cache<K>>, namespace: &str, name: &str) -> Result<Option<String>, ApplyError> {
        if cache.is_some_and(|cache| cache.get(namespace, name).is_some()) {
            return Ok(None);
        }
        let failed = |source| ApplyError::Api { kind: K::kind(&()).into_owned(), name: name.to_owned(), source: Box::new(source) };
        let Some(live) = api.get_opt(name).await.map_err(failed)? else { return Ok(None) };
        let labelled = live.labels().get(label::MANAGED_BY).is_some_and(|by| by == label::MANAGED_BY_VALUE);
        Ok(self.foreign(&live).or_else(|| (!labelled && controller_of(live.meta()).is_none()).then(|| "somebody else".to_owned())))
    }

    /// Writes the object by server-side apply, unless it is as it should be already.
    ///
    /// # Errors
    /// [`ApplyError::Foreign`] if it belongs to somebody else, [`ApplyError::Api`] if the API server refuses.
    pub async fn apply(self, client: &Client, cache: Option<&Cache<K>>, metrics: &Metrics) -> Result<(), ApplyError> {
        let (namespace, name) = (self.object.namespace().unwrap_or_default(), self.object.name_any());
        if let Some(live) = cache.and_then(|cache| cache.get(&namespace, &name)) {
            if let Some(owner) = self.foreign(&live) {
                return Err(ApplyError::Foreign { kind: K::kind(&()).into_owned(), name, owner });
            }
            if self.is_in_place(&live) {
                return Ok(());
            }
        }
        let api: Api<K> = Api::namespaced(client.clone(), &namespace);
        if let Some(owner) = self.stranger(&api, cache, &namespace, &name).await? {
            return Err(ApplyError::Foreign { kind: K::kind(&()).into_owned(), name, owner });
        }
        metrics.api_write(kind_label::<K>(), Verb::Apply);
        tracing::debug!(kind = %K::kind(&()), %namespace, %name, "apply");
        let answer = api.patch(&name, &PatchParams::apply(FIELD_MANAGER).force(), &Patch::Apply(&self.body)).await;
        let mut live = answer.map_err(|source| ApplyError::from_api(&K::kind(&()), name, source))?;
        if let Some(cache) = cache {
            compact::shrink(&mut live);
            cache.wrote(Arc::new(live));
        }
        Ok(())
    }
}

/// Deletes an object with what it owns; one that is gone already is fine.
///
/// # Errors
/// [`ApplyError::Api`] if the API server refuses.
pub async fn delete<K>(client: &Client, namespace: &str, name: &str, metrics: &Metrics) -> Result<(), ApplyError>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope> + DeserializeOwned + Clone + Debug,
{
    let api: Api<K> = Api::namespaced(client.clone(), namespace);
    metrics.api_write(kind_label::<K>(), Verb::Delete);
    let how = DeleteParams { propagation_policy: Some(PropagationPolicy::Background), ..DeleteParams::default() };
    match api.delete(name, &how).await {
        Ok(_) => Ok(()),
        Err(error) if error.is_not_found() => Ok(()),
        Err(source) => Err(ApplyError::Api { kind: K::kind(&()).into_owned(), name: name.to_owned(), source: Box::new(source) }),
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
        let before = Plan::new(map(json!({"x": "1", "y": "2"}))).unwrap();
        let live: ConfigMap = serde_json::from_value(before.body.clone()).unwrap();
        assert!(before.is_in_place(&live));
        assert!(!Plan::new(map(json!({"x": "1"}))).unwrap().is_in_place(&live));
    }
}
