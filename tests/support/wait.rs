//! Waiting for the API server to say that something is so.

use futures::StreamExt as _;
use kube::Resource;
use kube::api::Api;
use kube::runtime::{WatchStreamExt as _, watcher};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fmt::Debug;
use std::time::Duration;

/// How long anything may take. Far longer than it takes on a machine that is busy: a test that waits this long
/// fails.
pub const BOUND: Duration = Duration::from_mins(1);

/// Watches an object until `is` holds, and answers with it.
///
/// Panics with the object as it is then when that takes longer than [`BOUND`].
pub async fn until<K>(api: &Api<K>, name: &str, what: &str, is: impl Fn(&K) -> bool) -> K
where
    K: Resource<DynamicType: Default> + Serialize + DeserializeOwned + Clone + Debug + Send + 'static,
{
    let met = |object: Option<&K>| object.is_some_and(&is);
    match watched(api, name, met).await {
        Ok(found) => found.expect("what was met is there"),
        Err(last) => panic!("waited {BOUND:?} for {name} {what}; it is {}", text(last.as_ref())),
    }
}

/// Watches until an object does not exist.
pub async fn until_gone<K>(api: &Api<K>, name: &str)
where
    K: Resource<DynamicType: Default> + Serialize + DeserializeOwned + Clone + Debug + Send + 'static,
{
    if let Err(last) = watched(api, name, |object| object.is_none()).await {
        panic!("waited {BOUND:?} for {name} to go; it is {}", text(last.as_ref()));
    }
}

/// The object that meets the condition, or the last one that was seen.
async fn watched<K>(api: &Api<K>, name: &str, met: impl Fn(Option<&K>) -> bool) -> Result<Option<K>, Option<K>>
where
    K: Resource + DeserializeOwned + Clone + Debug + Send + 'static,
{
    let mut last = None;
    let look = async {
        // Errors are those of an API server that is being restarted: the watch begins anew by itself.
        let mut changes = watcher::watch_object(api.clone(), name).default_backoff().boxed();
        while let Some(change) = changes.next().await {
            let Ok(object) = change else { continue };
            if met(object.as_ref()) {
                return object;
            }
            last = object;
        }
        unreachable!("a watch does not end")
    };
    match tokio::time::timeout(BOUND, look).await {
        Ok(found) => Ok(found),
        Err(_) => Err(last),
    }
}

fn text<K: Serialize>(object: Option<&K>) -> String {
    let Some(object) = object else { return "not there".to_owned() };
    let mut object = serde_json::to_value(object).unwrap_or_default();
    if let Some(meta) = object["metadata"].as_object_mut() {
        meta.remove("managedFields");
    }
    serde_json::to_string_pretty(&object).unwrap_or_default()
}

/// Asks again and again, for what cannot be watched: a page of a program, a file, a process.
///
/// Panics when that takes longer than [`BOUND`].
pub async fn until_some<T>(what: &str, ask: impl AsyncFnMut() -> Option<T>) -> T {
    let Some(found) = within(ask).await else { panic!("waited {BOUND:?} for {what}") };
    found
}

/// The same for who has more to say about it; `None` when it takes longer than [`BOUND`].
pub async fn within<T>(mut ask: impl AsyncFnMut() -> Option<T>) -> Option<T> {
    let asked = async {
        loop {
            if let Some(found) = ask().await {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(BOUND, asked).await.ok()
}
