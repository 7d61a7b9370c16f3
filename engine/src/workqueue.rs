//! The workqueue: which objects are to be reconciled, and what caused that.

use crate::ObjectKey;
use futures::channel::mpsc::{UnboundedReceiver, UnboundedSender, unbounded};
use futures::{Stream, StreamExt as _};
use kube::Resource;
use kube::runtime::reflector::ObjectRef;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// Namespace, name.
type Item = (String, String);

/// The senders' side. The channels have no bound of their own: the controllers' schedulers empty them at once
/// and hold each object once.
#[derive(Default)]
pub struct Workqueue {
    senders: HashMap<&'static str, UnboundedSender<Item>>,
    causes: Mutex<HashMap<ObjectKey, String>>,
}

/// The receivers' side: one stream per kind, for its controller.
#[derive(Default)]
pub struct Receivers(HashMap<&'static str, UnboundedReceiver<Item>>);

impl Workqueue {
    /// Both sides, for these kinds. Nothing is enqueued of any other kind: no controller would take it.
    pub fn new(kinds: impl IntoIterator<Item = &'static str>) -> (Self, Receivers) {
        let (mut queue, mut receivers) = (Self::default(), Receivers::default());
        for kind in kinds {
            let (sender, receiver) = unbounded();
            queue.senders.insert(kind, sender);
            receivers.0.insert(kind, receiver);
        }
        (queue, receivers)
    }

    /// Enqueues an object because of `cause`.
    pub fn enqueue<K: Resource<DynamicType = ()>>(&self, namespace: &str, name: &str, cause: &str) {
        self.enqueue_kind(kind_label::<K>(), namespace, name, cause);
    }

    /// Enqueues an object whose kind is known by name only.
    pub fn enqueue_kind(&self, kind: &str, namespace: &str, name: &str, cause: &str) {
        let Some((kind, sender)) = self.senders.get_key_value(kind) else { return };
        let (namespace, name) = (namespace.to_owned(), name.to_owned());
        let mut causes = self.causes.lock().unwrap_or_else(PoisonError::into_inner);
        // The first cause since the last reconcile is the one that counts; later ones ride along.
        causes.entry(ObjectKey::new(kind, namespace.clone(), name.clone())).or_insert_with(|| cause.to_owned());
        // A closed channel means that the process is shutting down.
        let _ = sender.unbounded_send((namespace, name));
    }

    /// What caused the reconcile of the object since this was last asked.
    pub fn take_cause(&self, key: &ObjectKey) -> Option<String> {
        self.causes.lock().unwrap_or_else(PoisonError::into_inner).remove(key)
    }

    /// How many objects of a kind were enqueued and not reconciled yet. Objects that do not exist are dropped: nobody ever
    /// asks for their cause.
    pub fn len(&self, kind: &str, exists: impl Fn(&str, &str) -> bool) -> usize {
        let mut causes = self.causes.lock().unwrap_or_else(PoisonError::into_inner);
        causes.retain(|key, _| key.kind != kind || exists(&key.namespace, &key.name));
        causes.keys().filter(|key| key.kind == kind).count()
    }
}

impl Receivers {
    /// What is enqueued of a kind; nothing if it was taken before, or if the queue is not for this kind.
    pub fn take<K: Resource<DynamicType = ()>>(&mut self) -> impl Stream<Item = ObjectRef<K>> + use<K> {
        let receiver = self.0.remove(kind_label::<K>());
        futures::stream::iter(receiver).flatten().map(|(namespace, name)| ObjectRef::new(&name).within(&namespace))
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

#[cfg(test)]
mod tests {
    use super::*;
    use k8s_openapi::api::core::v1::{ConfigMap, Secret, Service};

    #[test]
    fn the_first_cause_counts_and_nothing_is_kept_of_objects_that_are_gone() {
        let (queue, _receivers) = Workqueue::new(["Service", "ConfigMap"]);
        queue.enqueue::<Service>("house", "agents", "Service agents changed");
        queue.enqueue::<Service>("house", "agents", "Service agents changed");
        queue.enqueue::<Service>("house", "gone", "Service gone is being deleted");
        queue.enqueue::<ConfigMap>("house", "main", "ConfigMap main changed");
        assert_eq!(queue.len("Service", |_, name| name == "agents"), 1);
        assert_eq!(queue.take_cause(&ObjectKey::new("Service", "house", "gone")), None);
        assert_eq!(queue.take_cause(&ObjectKey::new("Service", "house", "agents")).as_deref(), Some("Service agents changed"));
        assert_eq!(
            queue.take_cause(&ObjectKey::new("ConfigMap", "house", "main")).as_deref(),
            Some("ConfigMap main changed"),
            "each kind has its own"
        );
    }

    #[tokio::test]
    async fn each_controller_gets_its_own_kind_and_a_kind_without_a_controller_is_not_enqueued() {
        let (queue, mut receivers) = Workqueue::new(["Service", "ConfigMap"]);
        queue.enqueue_kind("Service", "house", "agents", "");
        queue.enqueue::<ConfigMap>("house", "main", "");
        queue.enqueue::<Secret>("house", "db", "");
        assert_eq!(queue.len("Secret", |_, _| true), 0);
        let pools = receivers.take::<Service>();
        drop(queue);
        assert_eq!(pools.map(|to| to.name).collect::<Vec<_>>().await, ["agents"]);
        assert_eq!(receivers.take::<Service>().count().await, 0, "taken before");
    }
}
