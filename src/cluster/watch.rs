//! Watching one kind: fills its cache, and calls the route of each object that changed. An object that cannot be read is
//! set unreadable; the others go on.

use super::Cache;
use super::compact::shrink;
use super::lenient::Lenient;
use super::listener::Listener;
use super::unreadable::UnreadableObjects;
use futures::{FutureExt as _, StreamExt as _, pin_mut, select};
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::core::PartialObjectMeta;
use kube::runtime::reflector::ObjectRef;
use kube::runtime::reflector::store::Writer;
use kube::runtime::utils::Backoff;
use kube::runtime::{WatchStreamExt as _, watcher};
use kube::{Api, Client, Resource, ResourceExt as _};
use openvox_crds::vocabulary::label;
use openvox_engine::ObjectKey;
use serde::de::DeserializeOwned;
use std::collections::HashMap;
use std::fmt::Debug;
use std::future::Future;
use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;

/// What is watched.
pub struct Source<K> {
    /// Where: in one namespace, or in all.
    pub api: Api<Lenient<K>>,
    /// Name of the kind.
    pub kind: &'static str,
    /// Only objects that carry our label.
    pub selected: bool,
}

/// Fills `cache` until `stop`. `on_change` is called for every object that appeared, changed or is gone, `on_ready`
/// once the first list is complete.
///
/// The two functions are boxed so that this exists once per type, not once per cache.
pub async fn watch<K, S>(
    Source { api, kind, selected }: Source<K>,
    (cache, writer): (Cache<K>, Writer<K>),
    on_change: Box<dyn Fn(&K) + Send>,
    listener: Arc<dyn Listener>,
    on_ready: Box<dyn Fn() + Send>,
    stop: S,
) where
    K: Resource<DynamicType: Clone + Debug + Eq + Hash> + DeserializeOwned + Clone + Debug + Send + Sync + 'static,
    S: Future<Output = ()> + Send + 'static,
{
    let mut config = watcher::Config::default();
    if selected {
        config = config.labels(&format!("{}={}", label::MANAGED_BY, label::MANAGED_BY_VALUE));
    }
    let shrink = |object: &mut Lenient<K>| object.object_mut().into_iter().for_each(shrink);
    let events = watcher(api, config).backoff(Pauses::default()).modify(shrink).fuse();
    let stop = stop.fuse();
    pin_mut!(events, stop);
    let mut handler = WatchHandler {
        kind,
        cache,
        writer,
        on_change,
        on_ready,
        unreadable: UnreadableObjects::new(kind, Arc::clone(&listener)),
        listener,
    };
    loop {
        let event = select! {
            event = events.next() => event,
            () = stop => return,
        };
        match event {
            Some(Ok(event)) => handler.handle(event),
            Some(Err(error)) => tracing::info!(kind, %error, "watch interrupted; it goes on by itself"),
            None => return,
        }
    }
}

/// Handles the events of a watch.
struct WatchHandler<K: Resource<DynamicType: Clone + Eq + Hash> + Clone + 'static> {
    kind: &'static str,
    cache: Cache<K>,
    writer: Writer<K>,
    on_change: Box<dyn Fn(&K) + Send>,
    on_ready: Box<dyn Fn() + Send>,
    unreadable: UnreadableObjects,
    listener: Arc<dyn Listener>,
}

impl<K: Resource<DynamicType: Clone + Debug + Eq + Hash> + Clone + 'static> WatchHandler<K> {
    fn handle(&mut self, event: watcher::Event<Lenient<K>>) {
        match event {
            watcher::Event::Init => {
                self.listener.synced(self.kind, false);
                self.unreadable.list_begins();
                self.cache.list_begins();
                self.writer.apply_watcher_event(&watcher::Event::Init);
            }
            watcher::Event::InitApply(shown) => {
                self.unreadable.record(&shown, self.cache.dynamic_type());
                if let Some(object) = shown.into_object() {
                    self.writer.apply_watcher_event(&watcher::Event::InitApply(object));
                }
            }
            watcher::Event::InitDone => self.list_complete(),
            watcher::Event::Apply(shown) => {
                self.unreadable.record(&shown, self.cache.dynamic_type());
                match shown {
                    Lenient::Whole(object) | Lenient::WithoutStatus(object, _) => self.update(object),
                    // It counts as absent, as after a restart.
                    Lenient::Unreadable(metadata, _) => self.removed(&metadata),
                }
            }
            watcher::Event::Delete(shown) => {
                self.unreadable.forget(&shown);
                match shown {
                    Lenient::Whole(object) | Lenient::WithoutStatus(object, _) => self.deleted(object),
                    Lenient::Unreadable(metadata, _) => self.removed(&metadata),
                }
            }
        }
    }

    /// The list with which the watch begins is complete.
    fn list_complete(&mut self) {
        let before: HashMap<_, _> = self.cache.store().state().into_iter().map(|object| (self.cache.key(&*object), object)).collect();
        self.writer.apply_watcher_event(&watcher::Event::InitDone);
        self.cache.list_ends();
        for object in self.cache.store().state() {
            self.notify(&object, before.get(&self.cache.key(&*object)));
        }
        // The watch does not report what was deleted while it was interrupted.
        for (key, object) in before {
            if self.cache.store().get(&key).is_none() {
                self.report_gone(&object);
                (self.on_change)(&object);
            }
        }
        self.unreadable.list_ends();
        self.listener.synced(self.kind, true);
        (self.on_ready)();
    }

    fn update(&mut self, object: K) {
        let before = self.cache.store().get(&self.cache.key(&object));
        let event = watcher::Event::Apply(object);
        self.writer.apply_watcher_event(&event);
        if let watcher::Event::Apply(object) = &event {
            self.cache.changed(object, before.as_deref());
            self.notify(object, before.as_ref());
        }
    }

    /// An object appeared or changed: calls the route for those that it concerns.
    fn notify(&self, object: &K, before: Option<&Arc<K>>) {
        if let Some(before) = before.filter(|before| before.meta().uid != object.meta().uid) {
            // Another object of the same name.
            self.report_gone(before);
        }
        (self.on_change)(object);
        // It also concerns those that it no longer refers to.
        if let Some(before) = before.filter(|before| before.meta().generation != object.meta().generation) {
            (self.on_change)(before);
        }
        self.cache.caught_up(object);
    }

    /// An object of which only the metadata is known is gone, or counts as absent.
    fn removed(&mut self, metadata: &ObjectMeta) {
        let (namespace, name) = (metadata.namespace.as_deref().unwrap_or_default(), metadata.name.as_deref().unwrap_or_default());
        let key = ObjectRef::new_with(name, self.cache.dynamic_type().clone()).within(namespace);
        if let Some(before) = self.cache.store().get(&key) {
            self.deleted(K::clone(&before));
        }
    }

    fn deleted(&mut self, object: K) {
        let event = watcher::Event::Delete(object);
        self.writer.apply_watcher_event(&event);
        if let watcher::Event::Delete(object) = &event {
            self.cache.gone(object);
            self.report_gone(object);
            (self.on_change)(object);
        }
    }

    fn report_gone(&self, object: &K) {
        let uid = object.uid().unwrap_or_default();
        self.listener.gone(&ObjectKey::of(self.kind, object), &uid);
    }
}

/// Watches the Secrets that users made: their metadata, not their content, and caches nothing.
pub async fn watch_user_secrets<S>(client: Client, namespace: Option<String>, on_change: impl Fn(&ObjectMeta) + Send + 'static, stop: S)
where
    S: Future<Output = ()> + Send + 'static,
{
    let api: Api<PartialObjectMeta<Secret>> = match &namespace {
        Some(namespace) => Api::namespaced(client, namespace),
        None => Api::all(client),
    };
    let config = watcher::Config::default().labels(&format!("{}!={}", label::MANAGED_BY, label::MANAGED_BY_VALUE));
    let secrets = watcher(api, config).backoff(Pauses::default()).touched_objects().fuse();
    let stop = stop.fuse();
    pin_mut!(secrets, stop);
    loop {
        select! {
            secret = secrets.next() => match secret {
                Some(Ok(secret)) => on_change(&secret.metadata),
                Some(Err(error)) => tracing::info!(%error, "watch of Secrets' names interrupted; it goes on by itself"),
                None => return,
            },
            () = stop => return,
        }
    }
}

/// Pauses between attempts to watch: a fifth of a second, doubling to five. An API server that comes back bears some
/// twenty watches every five seconds, and no change should wait half a minute to be noticed.
#[derive(Default)]
struct Pauses(u32);

impl Iterator for Pauses {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        let pause = Duration::from_millis(200 << self.0.min(5)).min(Duration::from_secs(5));
        self.0 += 1;
        Some(pause)
    }
}

impl Backoff for Pauses {
    fn reset(&mut self) {
        self.0 = 0;
    }
}

#[cfg(test)]
mod tests;
