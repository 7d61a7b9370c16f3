//! Deleting objects, and none but ours.

use super::owned_object::{Cached, OwnedKind, OwnedObject};
use super::{ApplyError, Cache, Foreign};
use crate::telemetry::{Metrics, Verb};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::api::{Api, DeleteParams, Preconditions, PropagationPolicy};
use kube::{Client, ResourceExt as _};
use std::sync::Arc;

/// An object of the cache, or what the API server has under its name.
pub(super) async fn live<L: Cached>(
    api: &Api<L>,
    cache: Option<&Cache<L>>,
    kind: &str,
    namespace: &str,
    name: &str,
) -> Result<Option<Arc<L>>, ApplyError> {
    if let Some(live) = cache.and_then(|cache| cache.get(namespace, name)) {
        return Ok(Some(live));
    }
    let found = api.get_opt(name).await;
    let failed = |source| ApplyError::Read { kind: kind.to_owned(), name: name.to_owned(), source: Box::new(source) };
    Ok(found.map_err(failed)?.map(Arc::new))
}

/// Deletes the object that `planned` names, with what it owns; one that is gone already is fine.
///
/// # Errors
/// [`ApplyError::Foreign`] if it belongs to somebody else, [`ApplyError::Api`] if the API server refuses.
pub async fn delete<K: OwnedKind>(
    client: &Client,
    planned: &ObjectMeta,
    cache: Option<&Cache<K::Cached>>,
    metrics: &Metrics,
) -> Result<(), ApplyError> {
    let (namespace, name) = (planned.namespace.as_deref().unwrap_or_default(), planned.name.as_deref().unwrap_or_default());
    let api = K::Cached::api(client, namespace, &K::dynamic_type());
    let Some(found) = live(&api, cache, K::KIND, namespace, name).await? else { return Ok(()) };
    remove_from(&api, K::KIND, planned, &*found, metrics).await?;
    if let Some(cache) = cache {
        cache.deleted(&found);
    }
    Ok(())
}

/// Deletes an object that is in a cache, and remembers that.
///
/// # Errors
/// [`ApplyError::Foreign`] if it is not the one of `planned`, [`ApplyError::Api`] if the API server refuses.
pub async fn remove(
    client: &Client,
    cache: &Cache<OwnedObject>,
    planned: &ObjectMeta,
    live: &OwnedObject,
    metrics: &Metrics,
) -> Result<(), ApplyError> {
    let api = OwnedObject::api(client, &live.namespace().unwrap_or_default(), cache.dynamic_type());
    remove_from(&api, cache.kind(), planned, live, metrics).await?;
    cache.deleted(live);
    Ok(())
}

/// The only place that deletes anything.
async fn remove_from<L: Cached>(
    api: &Api<L>,
    kind: &'static str,
    planned: &ObjectMeta,
    live: &L,
    metrics: &Metrics,
) -> Result<(), ApplyError> {
    let name = live.name_any();
    if let Some(owner) = Foreign::of(live.meta(), planned) {
        return Err(ApplyError::Foreign { kind: kind.to_owned(), name, owner });
    }
    metrics.api_write(kind, Verb::Delete);
    let how = DeleteParams {
        propagation_policy: Some(PropagationPolicy::Background),
        // The object that was looked at, and no other that has taken its name since.
        preconditions: Some(Preconditions { uid: live.uid(), resource_version: None }),
        ..DeleteParams::default()
    };
    match api.delete(&name, &how).await {
        Ok(_) => Ok(()),
        Err(error) if error.is_not_found() => Ok(()),
        Err(source) => Err(ApplyError::Api { kind: kind.to_owned(), name, source: Box::new(source) }),
    }
}

trait IsNotFound {
    fn is_not_found(&self) -> bool;
}

impl IsNotFound for kube::Error {
    fn is_not_found(&self) -> bool {
        matches!(self, kube::Error::Api(status) if status.code == 404)
    }
}
