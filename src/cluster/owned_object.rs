//! Objects that the operator makes and then only compares, as their caches hold them.
//!
//! The spec of a pod as Rust types takes some 80 KiB, because every volume has room for every kind of volume there is;
//! its JSON takes 7 and compressed 3. And code that reads, watches and writes ten kinds exists once instead of ten
//! times.

use super::{Cache, Caches};
use k8s_openapi::Metadata;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{ConfigMap, Secret, Service, ServiceAccount};
use k8s_openapi::api::networking::v1::NetworkPolicy;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use k8s_openapi::api::rbac::v1::{Role, RoleBinding};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::core::DynamicResourceScope;
use kube::{Api, Client, Resource};
use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};
use std::borrow::Cow;
use std::fmt::Debug;
use std::hash::Hash;
use std::sync::OnceLock;

/// Which kind of object an [`OwnedObject`] is.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct ObjectKind {
    group: &'static str,
    version: &'static str,
    /// Name of the kind.
    pub kind: &'static str,
    plural: &'static str,
}

impl ObjectKind {
    /// The kind of a type.
    #[must_use]
    pub const fn of<K: k8s_openapi::Resource>() -> &'static Self {
        const { &Self { group: K::GROUP, version: K::VERSION, kind: K::KIND, plural: K::URL_PATH_SEGMENT } }
    }
}

/// An object of any kind: its metadata, and everything else as compressed JSON. What is under `metadata` is known
/// without unpacking anything.
#[derive(Debug, Clone)]
pub struct OwnedObject {
    metadata: ObjectMeta,
    packed: Box<[u8]>,
    /// It is as the desired object that it was written from. An object that is held never changes, so it is found out once.
    matches_desired: OnceLock<bool>,
}

impl<'de> Deserialize<'de> for OwnedObject {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut members = Map::deserialize(deserializer)?;
        members.remove("apiVersion");
        members.remove("kind");
        let metadata = members.remove("metadata").unwrap_or_default();
        let metadata = ObjectMeta::deserialize(metadata).map_err(D::Error::custom)?;
        let text = serde_json::to_vec(&members).map_err(D::Error::custom)?;
        Ok(Self { metadata, packed: lz4_flex::compress_prepend_size(&text).into(), matches_desired: OnceLock::new() })
    }
}

impl OwnedObject {
    /// The value outside the metadata at a JSON pointer (RFC 6901) such as `/status`; `None` if there is none of this type.
    #[must_use]
    pub fn at<T: DeserializeOwned>(&self, pointer: &str) -> Option<T> {
        serde_json::from_value(Value::Object(self.unpacked()?).pointer_mut(pointer)?.take()).ok()
    }

    fn unpacked(&self) -> Option<Map<String, Value>> {
        serde_json::from_slice(&lz4_flex::decompress_size_prepended(&self.packed).ok()?).ok()
    }
}

impl Resource for OwnedObject {
    type DynamicType = &'static ObjectKind;
    type Scope = DynamicResourceScope;

    fn kind(kind: &Self::DynamicType) -> Cow<'_, str> {
        kind.kind.into()
    }

    fn group(kind: &Self::DynamicType) -> Cow<'_, str> {
        kind.group.into()
    }

    fn version(kind: &Self::DynamicType) -> Cow<'_, str> {
        kind.version.into()
    }

    fn plural(kind: &Self::DynamicType) -> Cow<'_, str> {
        kind.plural.into()
    }

    fn meta(&self) -> &ObjectMeta {
        &self.metadata
    }

    fn meta_mut(&mut self) -> &mut ObjectMeta {
        &mut self.metadata
    }
}

/// How a cache holds an object that the operator writes.
pub trait Cached: Resource<DynamicType: Clone + Debug + Eq + Hash> + DeserializeOwned + Clone + Debug + 'static {
    /// Access to those of a namespace.
    fn api(client: &Client, namespace: &str, kind: &Self::DynamicType) -> Api<Self>;

    /// The object as JSON, apart from `apiVersion` and `kind`; `None` if it does not serialise.
    fn whole(&self) -> Option<Value>;

    /// Whether `check` holds for the object, which is asked for the same desired object each time.
    fn matches_desired(&self, check: impl FnOnce(&Value) -> bool) -> bool {
        self.whole().is_some_and(|whole| check(&whole))
    }
}

impl Cached for OwnedObject {
    fn api(client: &Client, namespace: &str, kind: &&'static ObjectKind) -> Api<Self> {
        Api::namespaced_with(client.clone(), namespace, kind)
    }

    fn whole(&self) -> Option<Value> {
        let mut members = self.unpacked()?;
        members.insert("metadata".to_owned(), serde_json::to_value(&self.metadata).ok()?);
        Some(Value::Object(members))
    }

    fn matches_desired(&self, check: impl FnOnce(&Value) -> bool) -> bool {
        *self.matches_desired.get_or_init(|| self.whole().is_some_and(|whole| check(&whole)))
    }
}

impl Cached for Secret {
    fn api(client: &Client, namespace: &str, (): &()) -> Api<Self> {
        Api::namespaced(client.clone(), namespace)
    }

    fn whole(&self) -> Option<Value> {
        serde_json::to_value(self).ok()
    }
}

/// A kind of object that the operator writes.
pub trait OwnedKind: k8s_openapi::Resource + Metadata<Ty = ObjectMeta> + Serialize {
    /// How the cache holds it.
    type Cached: Cached;

    /// What kube calls the kind.
    fn dynamic_type() -> <Self::Cached as Resource>::DynamicType;

    /// The cache of the kind, if it has one.
    fn cache(caches: &Caches) -> Option<&Cache<Self::Cached>>;
}

impl OwnedKind for Secret {
    type Cached = Self;

    fn dynamic_type() {}

    fn cache(caches: &Caches) -> Option<&Cache<Self>> {
        Some(&caches.secrets)
    }
}

macro_rules! owned_kinds {
    ($($kind:ty: $cache:expr;)+) => {
        $(impl OwnedKind for $kind {
            type Cached = OwnedObject;

            fn dynamic_type() -> &'static ObjectKind {
                ObjectKind::of::<Self>()
            }

            fn cache(caches: &Caches) -> Option<&Cache<OwnedObject>> {
                let cache: fn(&Caches) -> Option<&Cache<OwnedObject>> = $cache;
                cache(caches)
            }
        })+
    };
}

owned_kinds! {
    ConfigMap: |caches| Some(&caches.config_maps);
    Deployment: |caches| Some(&caches.deployments);
    HorizontalPodAutoscaler: |caches| Some(&caches.autoscalers);
    Job: |caches| Some(&caches.jobs);
    NetworkPolicy: |caches| Some(&caches.network_policies);
    PodDisruptionBudget: |caches| Some(&caches.disruption_budgets);
    Role: |_| None;
    RoleBinding: |_| None;
    Service: |caches| Some(&caches.services);
    ServiceAccount: |caches| Some(&caches.service_accounts);
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use std::cell::Cell;

    fn deployment() -> OwnedObject {
        let volumes = json!([{"name": "tmp", "emptyDir": {"sizeLimit": "1Gi"}}]);
        serde_json::from_value(json!({
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": "web", "annotations": {"mine": "kept"}},
            "spec": {"replicas": 2, "template": {"spec": {"volumes": volumes}}},
        }))
        .unwrap()
    }

    #[test]
    fn nothing_is_lost_but_the_names_of_the_kind() {
        let volumes = json!([{"name": "tmp", "emptyDir": {"sizeLimit": "1Gi"}}]);
        let spec = json!({"replicas": 2, "template": {"spec": {"volumes": volumes}}});
        assert_eq!(deployment().whole(), Some(json!({"metadata": {"name": "web", "annotations": {"mine": "kept"}}, "spec": spec})));
    }

    #[test]
    fn a_part_is_read_as_what_it_is() {
        assert_eq!(deployment().at("/spec/replicas"), Some(2));
        assert_eq!((deployment().at::<i32>("/spec/template"), deployment().at::<i32>("/status")), (None, None));
    }

    #[test]
    fn it_is_compared_once() {
        let (object, asked) = (deployment(), Cell::new(0));
        for _ in 0..2 {
            assert!(object.matches_desired(|whole| {
                asked.set(asked.get() + 1);
                whole.pointer("/spec/replicas") == Some(&json!(2))
            }));
        }
        assert_eq!(asked.get(), 1);
    }

    #[test]
    fn its_address_is_that_of_its_kind() {
        let kind = ObjectKind::of::<Deployment>();
        assert_eq!(OwnedObject::url_path(&kind, Some("ns")), "/apis/apps/v1/namespaces/ns/deployments");
        assert_eq!(OwnedObject::url_path(&ObjectKind::of::<ConfigMap>(), None), "/api/v1/configmaps");
    }
}
