//! One kind's objects, as the API server last told, or as we last wrote them.

use kube::runtime::reflector::{ObjectRef, Store};
use kube::{Resource, ResourceExt as _};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A reflector's store with the answers to our own writes laid over it until the watch catches up, so that a
/// write is never repeated because its echo is still on its way.
pub struct Cache<K: Resource<DynamicType = ()> + Clone + 'static> {
    store: Store<K>,
    written: Arc<Mutex<HashMap<ObjectRef<K>, Written<K>>>>,
}

/// What we did to an object and the watch has not told yet.
enum Written<K> {
    /// The API server's answer to our write.
    Object(Arc<K>),
    /// We deleted it, at this version.
    Deleted(u64),
}

impl<K: Resource<DynamicType = ()> + Clone> Clone for Cache<K> {
    fn clone(&self) -> Self {
        Self { store: self.store.clone(), written: Arc::clone(&self.written) }
    }
}

/// Resource versions of one kind are decimal numbers that grow (KEP-5504); anything else counts as oldest.
fn version<K: Resource>(object: &K) -> u64 {
    object.meta().resource_version.as_deref().and_then(|version| version.parse().ok()).unwrap_or(0)
}

impl<K: Resource<DynamicType = ()> + Clone> Cache<K> {
    /// A cache over the store of a reflector.
    #[must_use]
    pub fn new(store: Store<K>) -> Self {
        Self { store, written: Arc::default() }
    }

    /// The store itself, for a controller.
    #[must_use]
    pub fn store(&self) -> Store<K> {
        self.store.clone()
    }

    /// The object, or `None` if there is none.
    #[must_use]
    pub fn get(&self, namespace: &str, name: &str) -> Option<Arc<K>> {
        let key = ObjectRef::new(name).within(namespace);
        let told = self.store.get(&key);
        let mut written = self.written();
        match (told, written.get(&key)) {
            (told, None) => told,
            (Some(told), Some(Written::Object(ours))) if version(&*told) < version(&**ours) => Some(Arc::clone(ours)),
            (None, Some(Written::Object(ours))) => Some(Arc::clone(ours)),
            (Some(told), Some(Written::Deleted(at))) if version(&*told) <= *at => None,
            (told, Some(_)) => {
                written.remove(&key);
                told
            }
        }
    }

    /// All objects of a namespace, in the order of their names.
    #[must_use]
    pub fn all(&self, namespace: &str) -> Vec<Arc<K>> {
        let mut all: Vec<Arc<K>> = self.store.state_filter(|object| object.meta().namespace.as_deref() == Some(namespace));
        all = all.iter().filter_map(|object| self.get(namespace, &object.name_any())).collect();
        all.sort_by_key(|object| object.name_any());
        all
    }

    /// Remembers the API server's answer to a write of ours. A write that takes the last finalizer from an object that
    /// is being deleted ends it: the watch may have told so before the answer came, and would not tell again.
    pub fn wrote(&self, object: Arc<K>) {
        if object.meta().deletion_timestamp.is_some() && object.finalizers().is_empty() {
            return self.deleted(&object);
        }
        self.written().insert(ObjectRef::from_obj(&*object), Written::Object(object));
    }

    /// Remembers that we deleted the object, which was last seen as `object`.
    pub fn deleted(&self, object: &K) {
        self.written().insert(ObjectRef::from_obj(object), Written::Deleted(version(object)));
    }

    /// Forgets an answer: the object is gone, or somebody else wrote it since.
    pub fn forget(&self, object: &K) {
        self.written().remove(&ObjectRef::from_obj(object));
    }

    fn written(&self) -> MutexGuard<'_, HashMap<ObjectRef<K>, Written<K>>> {
        self.written.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use k8s_openapi::api::core::v1::ConfigMap;
    use kube::runtime::{reflector, watcher};

    fn map(version: &str) -> ConfigMap {
        serde_json::from_value(serde_json::json!({"metadata": {"name": "a", "namespace": "n", "resourceVersion": version}})).unwrap()
    }

    #[test]
    fn our_own_write_is_seen_until_the_watch_has_something_as_new() {
        let (store, mut writer) = reflector::store::<ConfigMap>();
        let cache = Cache::new(store);
        let seen = |cache: &Cache<ConfigMap>| cache.get("n", "a").and_then(|object| object.resource_version());
        writer.apply_watcher_event(&watcher::Event::Apply(map("9")));
        cache.wrote(Arc::new(map("10")));
        assert_eq!(seen(&cache).as_deref(), Some("10"));
        writer.apply_watcher_event(&watcher::Event::Apply(map("11")));
        assert_eq!(seen(&cache).as_deref(), Some("11"));
        cache.deleted(&map("11"));
        assert_eq!(seen(&cache), None);
        writer.apply_watcher_event(&watcher::Event::Apply(map("12")));
        assert_eq!(seen(&cache).as_deref(), Some("12"));
        cache.wrote(Arc::new(map("13")));
        cache.forget(&map("13"));
        assert_eq!(seen(&cache).as_deref(), Some("12"));
    }

    #[test]
    fn an_object_whose_last_finalizer_we_took_is_gone_although_the_watch_told_so_before_the_answer() {
        let (store, mut writer) = reflector::store::<ConfigMap>();
        let cache = Cache::new(store);
        writer.apply_watcher_event(&watcher::Event::Apply(map("9")));
        writer.apply_watcher_event(&watcher::Event::Delete(map("10")));
        cache.forget(&map("10"));
        let mut answer = map("10");
        answer.metadata.deletion_timestamp = Some(serde_json::from_value(serde_json::json!("2026-01-31T12:00:00Z")).unwrap());
        cache.wrote(Arc::new(answer));
        assert!(cache.get("n", "a").is_none());
        assert!(cache.written().is_empty());
    }
}
