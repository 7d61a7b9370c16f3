//! Following one kind: the watch that fills a cache and tells the routes. An object that cannot be read is put aside; the
//! others go on.

use super::Cache;
use super::aside::Aside;
use super::compact::shrink;
use super::lenient::Lenient;
use super::listener::Listener;
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
use serde::de::DeserializeOwned;
use std::collections::HashMap;
use std::fmt::Debug;
use std::future::Future;
use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;

/// What is followed.
pub struct Followed<K> {
    /// Where: in one namespace, or in all.
    pub api: Api<Lenient<K>>,
    /// Name of the kind.
    pub kind: &'static str,
    /// Only objects that carry our label.
    pub selected: bool,
}

/// Fills `cache` until `stop`. `heard` is called for every object that appeared, changed or went, `ready` once the
/// first list is complete.
///
/// The two functions are boxed so that this exists once per type, not once per cache.
pub async fn follow<K, S>(
    Followed { api, kind, selected }: Followed<K>,
    (cache, writer): (Cache<K>, Writer<K>),
    heard: Box<dyn Fn(&K) + Send>,
    listener: Arc<dyn Listener>,
    ready: Box<dyn Fn() + Send>,
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
    let mut follower = Follower { kind, cache, writer, heard, ready, aside: Aside::new(kind, Arc::clone(&listener)), listener };
    loop {
        let event = select! {
            event = events.next() => event,
            () = stop => return,
        };
        match event {
            Some(Ok(event)) => follower.take(event),
            Some(Err(error)) => tracing::info!(kind, %error, "watch interrupted; it goes on by itself"),
            None => return,
        }
    }
}

/// What the events of a watch lead to.
struct Follower<K: Resource<DynamicType: Clone + Eq + Hash> + Clone + 'static> {
    kind: &'static str,
    cache: Cache<K>,
    writer: Writer<K>,
    heard: Box<dyn Fn(&K) + Send>,
    ready: Box<dyn Fn() + Send>,
    aside: Aside,
    listener: Arc<dyn Listener>,
}

impl<K: Resource<DynamicType: Clone + Debug + Eq + Hash> + Clone + 'static> Follower<K> {
    fn take(&mut self, event: watcher::Event<Lenient<K>>) {
        match event {
            watcher::Event::Init => {
                self.listener.synced(self.kind, false);
                self.aside.list_begins();
                self.cache.list_begins();
                self.writer.apply_watcher_event(&watcher::Event::Init);
            }
            watcher::Event::InitApply(shown) => {
                self.aside.shown(&shown, self.cache.dynamic_type());
                if let Some(object) = shown.into_object() {
                    self.writer.apply_watcher_event(&watcher::Event::InitApply(object));
                }
            }
            watcher::Event::InitDone => self.listed(),
            watcher::Event::Apply(shown) => {
                self.aside.shown(&shown, self.cache.dynamic_type());
                match shown {
                    Lenient::Whole(object) | Lenient::WithoutStatus(object, _) => self.changed(object),
                    // For everybody else it is as if it were not there, as after a restart.
                    Lenient::Unreadable(metadata, _) => self.went(&metadata),
                }
            }
            watcher::Event::Delete(shown) => {
                self.aside.forget(&shown);
                match shown {
                    Lenient::Whole(object) | Lenient::WithoutStatus(object, _) => self.deleted(object),
                    Lenient::Unreadable(metadata, _) => self.went(&metadata),
                }
            }
        }
    }

    /// A list is complete.
    fn listed(&mut self) {
        let before: HashMap<_, _> = self.cache.store().state().into_iter().map(|object| (self.cache.key(&*object), object)).collect();
        self.writer.apply_watcher_event(&watcher::Event::InitDone);
        self.cache.list_ends();
        for object in self.cache.store().state() {
            self.told(&object, before.get(&self.cache.key(&*object)));
        }
        // What was deleted while nobody watched is not told.
        for (key, object) in before {
            if self.cache.store().get(&key).is_none() {
                self.gone(&object);
                (self.heard)(&object);
            }
        }
        self.aside.list_ends();
        self.listener.synced(self.kind, true);
        (self.ready)();
    }

    fn changed(&mut self, object: K) {
        let before = self.cache.store().get(&self.cache.key(&object));
        let event = watcher::Event::Apply(object);
        self.writer.apply_watcher_event(&event);
        if let watcher::Event::Apply(object) = &event {
            self.cache.changed(object, before.as_deref());
            self.told(object, before.as_ref());
        }
    }

    /// Tells who is concerned of an object that appeared or changed.
    fn told(&self, object: &K, before: Option<&Arc<K>>) {
        if let Some(before) = before.filter(|before| before.meta().uid != object.meta().uid) {
            // Another object of the same name.
            self.gone(before);
        }
        (self.heard)(object);
        // Those that it no longer refers to are concerned too.
        if let Some(before) = before.filter(|before| before.meta().generation != object.meta().generation) {
            (self.heard)(before);
        }
        self.cache.caught_up(object);
    }

    /// An object of which nothing but its metadata is known is not there any more, or counts as if it were not.
    fn went(&mut self, metadata: &ObjectMeta) {
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
            self.gone(object);
            (self.heard)(object);
        }
    }

    fn gone(&self, object: &K) {
        let uid = object.uid().unwrap_or_default();
        self.listener.gone(self.kind, &object.namespace().unwrap_or_default(), &object.name_any(), &uid);
    }
}

/// Hears of Secrets that users made: of their names, not of what is in them, and keeps nothing.
pub async fn follow_given_secrets<S>(client: Client, namespace: Option<String>, heard: impl Fn(&ObjectMeta) + Send + 'static, stop: S)
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
                Some(Ok(secret)) => heard(&secret.metadata),
                Some(Err(error)) => tracing::info!(%error, "watch of Secrets' names interrupted; it goes on by itself"),
                None => return,
            },
            () = stop => return,
        }
    }
}

/// Pauses between attempts to watch: a fifth of a second, doubling to five. An API server that comes back bears some
/// twenty watches every five seconds, and nobody should wait half a minute to be noticed.
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
