//! Finding objects by what they refer to, without looking at all of them.

use kube::{Resource, ResourceExt as _};
use std::collections::{BTreeSet, HashMap};
use std::fmt::Debug;
use std::hash::Hash;

/// What objects are found by, beside their names.
pub trait IndexKey: Clone + Debug + Eq + Hash + Send + Sync + 'static {
    /// Everything that an object is found by.
    fn of<K: Resource + 'static>(object: &K) -> Vec<Self>;
}

/// Objects are found by their names only.
impl IndexKey for () {
    fn of<K: Resource + 'static>(_: &K) -> Vec<Self> {
        Vec::new()
    }
}

/// Names of the objects of one kind by namespace and key. It may hold a name too many, never one too few: whoever looks
/// something up looks at what is found.
#[derive(Debug)]
pub(crate) struct Index<I> {
    names: HashMap<String, HashMap<I, BTreeSet<String>>>,
}

impl<I> Default for Index<I> {
    fn default() -> Self {
        Self { names: HashMap::new() }
    }
}

impl<I: IndexKey> Index<I> {
    /// Names of the objects that may have this key, in order.
    pub fn names(&self, namespace: &str, key: &I) -> Vec<String> {
        self.names.get(namespace).and_then(|keys| keys.get(key)).into_iter().flatten().cloned().collect()
    }

    /// The object exists.
    pub fn add<K: Resource + 'static>(&mut self, object: &K) {
        let keys = I::of(object);
        if keys.is_empty() {
            return;
        }
        let of_namespace = self.names.entry(object.namespace().unwrap_or_default()).or_default();
        for key in keys {
            of_namespace.entry(key).or_default().insert(object.name_any());
        }
    }

    /// The object was like this, and is so no more.
    pub fn remove<K: Resource + 'static>(&mut self, object: &K) {
        let namespace = object.namespace().unwrap_or_default();
        let Some(of_namespace) = self.names.get_mut(&namespace) else { return };
        for key in I::of(object) {
            if let Some(names) = of_namespace.get_mut(&key) {
                names.remove(&object.name_any());
                if names.is_empty() {
                    of_namespace.remove(&key);
                }
            }
        }
        if of_namespace.is_empty() {
            self.names.remove(&namespace);
        }
    }

    /// Nothing is known any more.
    pub fn clear(&mut self) {
        self.names.clear();
    }
}
