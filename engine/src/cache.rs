//! One kind's objects, as the API server last told, or as we last wrote them.

use crate::index::{Index, IndexKey};
use kube::runtime::reflector::{ObjectRef, Store};
use kube::{Resource, ResourceExt as _};
use std::collections::{HashMap, HashSet};
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A reflector's store with the answers to our own writes laid over it until the watch catches up, so that a
/// write is never repeated because its echo is still on its way.
pub struct Cache<K: Resource<DynamicType: Clone + Eq + Hash> + Clone + 'static, I = ()> {
    dynamic_type: K::DynamicType,
    store: Store<K>,
    written: Arc<Mutex<Answers<K>>>,
    index: Arc<Mutex<Index<I>>>,
}

/// What we did to an object and the watch has not told yet.
enum Written<K> {
    /// The API server's answer to our write; whether it was the object's own reconcile that wrote it.
    Object { object: Arc<K>, own: bool },
    /// We deleted it, at this version.
    Deleted(u64),
}

/// The answers to our writes that the watch has not caught up with.
struct Answers<K: Resource<DynamicType: Clone + Eq + Hash> + Clone + 'static> {
    by_object: HashMap<ObjectRef<K>, Written<K>>,
    /// Those that are older than the list that is being read: what it does not show is gone.
    before_list: HashSet<ObjectRef<K>>,
}

impl<K: Resource<DynamicType: Clone + Eq + Hash> + Clone> Default for Answers<K> {
    fn default() -> Self {
        Self { by_object: HashMap::new(), before_list: HashSet::new() }
    }
}

impl<K: Resource<DynamicType: Clone + Eq + Hash> + Clone> Answers<K> {
    fn get(&self, key: &ObjectRef<K>) -> Option<&Written<K>> {
        self.by_object.get(key)
    }

    fn insert(&mut self, key: ObjectRef<K>, written: Written<K>) {
        self.before_list.remove(&key);
        self.by_object.insert(key, written);
    }

    fn remove(&mut self, key: &ObjectRef<K>) {
        self.by_object.remove(key);
    }
}

impl<K: Resource<DynamicType: Clone + Eq + Hash> + Clone, I> Clone for Cache<K, I> {
    fn clone(&self) -> Self {
        Self {
            dynamic_type: self.dynamic_type.clone(),
            store: self.store.clone(),
            written: Arc::clone(&self.written),
            index: Arc::clone(&self.index),
        }
    }
}

/// Resource versions of one kind are decimal numbers that grow (KEP-5504); anything else counts as oldest.
fn version<K: Resource>(object: &K) -> u64 {
    object.meta().resource_version.as_deref().and_then(|version| version.parse().ok()).unwrap_or(0)
}

impl<K: Resource<DynamicType: Clone + Eq + Hash> + Clone, I: IndexKey> Cache<K, I> {
    /// A cache over the store of a reflector.
    #[must_use]
    pub fn new(store: Store<K>, dynamic_type: K::DynamicType) -> Self {
        Self { dynamic_type, store, written: Arc::default(), index: Arc::default() }
    }

    /// The store itself, for a controller.
    #[must_use]
    pub fn store(&self) -> Store<K> {
        self.store.clone()
    }

    /// The object, or `None` if there is none.
    #[must_use]
    pub fn get(&self, namespace: &str, name: &str) -> Option<Arc<K>> {
        let key = ObjectRef::new_with(name, self.dynamic_type.clone()).within(namespace);
        let told = self.store.get(&key);
        let mut written = self.written();
        match (told, written.get(&key)) {
            (told, None) => told,
            (Some(told), Some(Written::Object { object: ours, .. })) if version(&*told) < version(&**ours) => Some(Arc::clone(ours)),
            (None, Some(Written::Object { object: ours, .. })) => Some(Arc::clone(ours)),
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

    /// The objects of a namespace that have this key, in the order of their names.
    #[must_use]
    pub fn by(&self, namespace: &str, key: &I) -> Vec<Arc<K>> {
        let names = self.index().names(namespace, key);
        let found = names.iter().filter_map(|name| self.get(namespace, name));
        found.filter(|object| I::of(&**object).contains(key)).collect()
    }

    /// Some object of a namespace has this key.
    #[must_use]
    pub fn any(&self, namespace: &str, key: &I) -> bool {
        !self.by(namespace, key).is_empty()
    }

    /// What the watch tells of the object is no news to its own reconcile, which committed this version or a later one
    /// and went on from there.
    #[must_use]
    pub fn is_echo(&self, told: &K) -> bool {
        match self.written().get(&self.key(told)) {
            Some(Written::Object { object, own: true }) => version(told) <= version(&**object),
            _ => false,
        }
    }

    /// The watch tells of an object that the store has taken. `before` is the object as the store had it until then.
    pub fn changed(&self, object: &K, before: Option<&K>) {
        let mut index = self.index();
        if let Some(before) = before {
            index.remove(before);
        }
        index.add(object);
    }

    /// The watch tells that an object is gone.
    pub fn gone(&self, object: &K) {
        self.index().remove(object);
        self.forget(object);
    }

    /// The watch begins to list all objects, as they are from now on.
    pub fn list_begins(&self) {
        let mut written = self.written();
        written.before_list = written.by_object.keys().cloned().collect();
    }

    /// The store has taken the list. An object that was written before it began and that it does not show is gone.
    pub fn list_ends(&self) {
        let mut written = self.written();
        for key in std::mem::take(&mut written.before_list) {
            if self.store.get(&key).is_none() {
                written.remove(&key);
            }
        }
        let mut index = self.index();
        index.clear();
        self.store.state().iter().for_each(|object| index.add(&**object));
        for ours in written.by_object.values() {
            if let Written::Object { object, .. } = ours {
                index.add(&**object);
            }
        }
    }

    /// The watch has caught up with what we wrote, so the answer is not needed any more.
    pub fn caught_up(&self, told: &K) {
        let key = self.key(told);
        let mut written = self.written();
        let older = match written.get(&key) {
            Some(Written::Object { object, .. }) => version(&**object) <= version(told),
            Some(Written::Deleted(at)) => *at < version(told),
            None => false,
        };
        if older {
            written.remove(&key);
        }
    }

    /// Remembers the API server's answer to a write of ours. A write that takes the last finalizer from an object that
    /// is being deleted ends it: the watch may have told so before the answer came, and would not tell again.
    pub fn wrote(&self, object: Arc<K>) {
        if object.meta().deletion_timestamp.is_some() && object.finalizers().is_empty() {
            return self.deleted(&object);
        }
        self.index().add(&*object);
        self.written().insert(self.key(&*object), Written::Object { object, own: false });
    }

    /// Remembers the API server's answer to the write of an object's status by its own reconcile.
    pub fn committed(&self, object: Arc<K>) {
        self.written().insert(self.key(&*object), Written::Object { object, own: true });
    }

    /// Remembers that we deleted the object, which was last seen as `object`.
    pub fn deleted(&self, object: &K) {
        if self.store.get(&self.key(object)).is_none() {
            // The watch was quicker.
            self.forget(object);
            return;
        }
        self.written().insert(self.key(object), Written::Deleted(version(object)));
    }

    /// Forgets an answer: the object is gone, or somebody else wrote it since.
    pub fn forget(&self, object: &K) {
        self.written().remove(&self.key(object));
    }

    /// What kube calls the kind.
    #[must_use]
    pub fn dynamic_type(&self) -> &K::DynamicType {
        &self.dynamic_type
    }

    /// Where the object is found in the store.
    #[must_use]
    pub fn key(&self, object: &K) -> ObjectRef<K> {
        ObjectRef::from_obj_with(object, self.dynamic_type.clone())
    }

    fn index(&self) -> MutexGuard<'_, Index<I>> {
        self.index.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn written(&self) -> MutexGuard<'_, Answers<K>> {
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
        let cache = Cache::<ConfigMap>::new(store, ());
        let seen = |cache: &Cache<ConfigMap>| cache.get("n", "a").and_then(|object| object.resource_version());
        writer.apply_watcher_event(&watcher::Event::Apply(map("9")));
        cache.wrote(Arc::new(map("10")));
        assert_eq!(seen(&cache).as_deref(), Some("10"));
        assert!(!cache.is_echo(&map("10")), "others wrote it: its own reconcile has not seen it");
        cache.committed(Arc::new(map("10")));
        assert!(cache.is_echo(&map("10")) && !cache.is_echo(&map("11")));
        cache.caught_up(&map("9"));
        assert!(cache.is_echo(&map("10")), "the watch is behind");
        cache.caught_up(&map("10"));
        assert!(!cache.is_echo(&map("10")));
        cache.wrote(Arc::new(map("10")));
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
        let cache = Cache::<ConfigMap>::new(store, ());
        writer.apply_watcher_event(&watcher::Event::Apply(map("9")));
        writer.apply_watcher_event(&watcher::Event::Delete(map("10")));
        cache.forget(&map("10"));
        let mut answer = map("10");
        answer.metadata.deletion_timestamp = Some(serde_json::from_value(serde_json::json!("2026-01-31T12:00:00Z")).unwrap());
        cache.wrote(Arc::new(answer));
        assert!(cache.get("n", "a").is_none());
        assert!(cache.written().by_object.is_empty());
    }
}
