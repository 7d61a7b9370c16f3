//! Following one kind: the watch that fills a cache and tells the routes.

use super::Cache;
use super::compact::shrink;
use futures::{FutureExt as _, StreamExt as _, pin_mut, select};
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::core::PartialObjectMeta;
use kube::runtime::reflector::store::Writer;
use kube::runtime::utils::Backoff;
use kube::runtime::{WatchStreamExt as _, watcher};
use kube::{Api, Client, Resource, ResourceExt as _};
use openvox_crds::vocabulary::label;
use serde::de::DeserializeOwned;
use std::fmt::Debug;
use std::future::Future;
use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;

/// Hears of deleted objects: kind, namespace, name, uid.
pub type Gone = Arc<dyn Fn(&'static str, &str, &str, &str) + Send + Sync>;

/// What is followed.
pub struct Followed<K> {
    /// Where: in one namespace, or in all.
    pub api: Api<K>,
    /// Name of the kind.
    pub kind: &'static str,
    /// Only objects that carry our label.
    pub selected: bool,
}

/// Fills `cache` until `stop`. `heard` is called for every object that appeared, changed or went, `gone` for
/// those that went, `ready` once the first list is complete.
///
/// The two functions are boxed so that this exists once per type, not once per cache.
pub async fn follow<K, S>(
    Followed { api, kind, selected }: Followed<K>,
    (cache, mut writer): (Cache<K>, Writer<K>),
    heard: Box<dyn Fn(&K) + Send>,
    gone: Gone,
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
    let events = watcher(api, config).backoff(Pauses::default()).modify(shrink).fuse();
    let stop = stop.fuse();
    pin_mut!(events, stop);
    loop {
        let event = select! {
            event = events.next() => event,
            () = stop => return,
        };
        match event {
            Some(Ok(event)) => {
                let before = event_object(&event).and_then(|object| cache.store().get(&cache.key(object)));
                writer.apply_watcher_event(&event);
                cache.told(&event, before.as_deref());
                match &event {
                    watcher::Event::Apply(object) | watcher::Event::InitApply(object) => {
                        heard(object);
                        // Those that it no longer refers to are concerned too.
                        if let Some(before) = before.filter(|before| before.meta().generation != object.meta().generation) {
                            heard(&before);
                        }
                        cache.caught_up(object);
                    }
                    watcher::Event::Delete(object) => {
                        let uid = object.uid().unwrap_or_default();
                        gone(kind, &object.namespace().unwrap_or_default(), &object.name_any(), &uid);
                        heard(object);
                    }
                    watcher::Event::InitDone => ready(),
                    watcher::Event::Init => {}
                }
            }
            Some(Err(error)) => tracing::info!(kind, %error, "watch interrupted; it goes on by itself"),
            None => return,
        }
    }
}

fn event_object<K>(event: &watcher::Event<K>) -> Option<&K> {
    match event {
        watcher::Event::Apply(object) | watcher::Event::InitApply(object) | watcher::Event::Delete(object) => Some(object),
        watcher::Event::Init | watcher::Event::InitDone => None,
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
