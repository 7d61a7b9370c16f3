//! Changing a part of an object of ours whose rest others write.

use super::{ApplyError, Cache, FIELD_MANAGER, Foreign, kind_label};
use crate::telemetry::{Metrics, Verb};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::api::{Api, Patch, PatchParams};
use kube::core::NamespaceResourceScope;
use kube::{Client, Resource, ResourceExt as _};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::fmt::Debug;
use std::sync::Arc;

/// Changes `live`, if it is the object of `planned`, by a merge patch that is guarded by the version that was looked at.
///
/// # Errors
/// [`ApplyError::Foreign`] if it belongs to somebody else, [`ApplyError::Api`] if the API server refuses.
pub async fn merge<K>(
    client: &Client,
    cache: &Cache<K>,
    planned: &ObjectMeta,
    live: &K,
    mut patch: Value,
    metrics: &Metrics,
) -> Result<(), ApplyError>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope> + DeserializeOwned + Clone + Debug,
{
    let (kind, name) = (kind_label::<K>(), live.name_any());
    if let Some(owner) = Foreign::of(live.meta(), planned) {
        return Err(ApplyError::Foreign { kind: kind.to_owned(), name, owner });
    }
    if let Some(members) = patch.as_object_mut() {
        let metadata = members.entry("metadata").or_insert_with(|| json!({}));
        if let Some(metadata) = metadata.as_object_mut() {
            metadata.insert("resourceVersion".to_owned(), live.resource_version().into());
        }
    }
    let api: Api<K> = Api::namespaced(client.clone(), &live.namespace().unwrap_or_default());
    metrics.api_write(kind, Verb::Patch);
    let params = PatchParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PatchParams::default() };
    let patched = api.patch(&name, &params, &Patch::Merge(&patch)).await;
    cache.wrote(Arc::new(patched.map_err(|source| ApplyError::from_api(kind, name, source))?));
    Ok(())
}
