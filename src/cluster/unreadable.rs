//! Objects of one kind that cannot be read: set aside, reported and counted.

use super::lenient::{Fault, Lenient};
use super::listener::{Listener, Part};
use kube::Resource;
use std::collections::HashMap;
use std::sync::Arc;

type Key = (String, String);

/// Which objects of a kind cannot be read now.
pub(super) struct UnreadableObjects {
    kind: &'static str,
    listener: Arc<dyn Listener>,
    known: HashMap<Key, Part>,
    /// Those of a list that is not complete yet.
    listed: Option<HashMap<Key, Part>>,
}

impl UnreadableObjects {
    pub fn new(kind: &'static str, listener: Arc<dyn Listener>) -> Self {
        Self { kind, listener, known: HashMap::new(), listed: None }
    }

    /// A list begins, which has every object.
    pub fn list_begins(&mut self) {
        self.listed = Some(HashMap::new());
    }

    /// The list is complete: what it did not have is gone.
    pub fn list_ends(&mut self) {
        self.known = self.listed.take().unwrap_or_default();
        self.count();
    }

    /// Records whether an object can be read. A fault is reported once, as long as it lasts.
    pub fn record<K: Resource>(&mut self, object: &Lenient<K>, of: &K::DynamicType) {
        let (part, fault) = match object {
            Lenient::Whole(_) => return self.forget(object),
            Lenient::WithoutStatus(_, fault) => (Part::Status, fault),
            Lenient::Unreadable(_, fault) => (Part::Object, fault),
        };
        let key = key(object);
        if self.known.get(&key) != Some(&part) {
            self.report(object, of, part, fault);
        }
        if let Some(listed) = &mut self.listed {
            listed.insert(key, part);
        } else {
            self.known.insert(key, part);
            self.count();
        }
    }

    /// An object is gone, or can be read.
    pub fn forget<K: Resource>(&mut self, object: &K) {
        if self.listed.is_none() && self.known.remove(&key(object)).is_some() {
            self.count();
        }
    }

    fn report<K: Resource>(&self, object: &Lenient<K>, of: &K::DynamicType, part: Part, fault: &Fault) {
        let (namespace, name) = key(object);
        // The reader's message may show a value.
        let fault = if self.kind == "Secret" { "not shown for a Secret".to_owned() } else { fault.to_string() };
        match part {
            Part::Status => {
                tracing::warn!(kind = self.kind, namespace, name, fault, "the status cannot be read and counts as none");
            }
            Part::Object => tracing::error!(kind = self.kind, namespace, name, fault, "the object cannot be read and is set aside"),
        }
        self.listener.unreadable(&object.object_ref(of), part, &fault);
    }

    fn count(&self) {
        for part in Part::ALL {
            let count = self.known.values().filter(|of| **of == part).count();
            self.listener.unreadable_objects(self.kind, part, count);
        }
    }
}

fn key<K: Resource>(object: &K) -> Key {
    let meta = object.meta();
    (meta.namespace.clone().unwrap_or_default(), meta.name.clone().unwrap_or_default())
}
