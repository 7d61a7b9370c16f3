//! Writing an object only when it differs from what it should be.

use super::owned_object::Cached;
use super::{ApplyError, Caches, Desired, FIELD_MANAGER, compact};
use crate::telemetry::{Metrics, Verb};
use kube::Client;
use kube::api::{Patch, PatchParams};
use kube::core::TypeMeta;
use serde::Serialize;
use serde_json::Value;
use std::borrow::Cow;
use std::sync::Arc;

impl<L: Cached> Desired<L> {
    /// Writes the object by server-side apply, unless it is as it should be already.
    ///
    /// # Errors
    /// [`ApplyError::Foreign`] if it belongs to somebody else, [`ApplyError::Api`] if the API server refuses.
    pub async fn apply(&self, client: &Client, caches: &Caches, metrics: &Metrics) -> Result<(), ApplyError> {
        let identity = &self.identity;
        let is_cached = identity.cached(caches).is_some();
        let before = identity.live(client, caches).await?;
        let mut body = Cow::Borrowed(&self.body);
        if let Some(live) = &before {
            identity.check_owner(live)?;
            if is_cached && self.is_in_place(live) {
                return Ok(());
            }
            // The object that was looked at, and no other that has taken its name since.
            if let (Some(uid), Some(metadata)) = (live.meta().uid.clone(), body.to_mut().get_mut("metadata").and_then(Value::as_object_mut))
            {
                metadata.insert("uid".to_owned(), uid.into());
            }
        }
        metrics.api_write(identity.kind, Verb::Apply);
        tracing::debug!(kind = identity.kind, namespace = identity.namespace(), name = identity.name(), "apply");
        // Fields of others are taken only in an object that is ours.
        let params = PatchParams { force: before.is_some(), ..PatchParams::apply(FIELD_MANAGER) };
        let answer = identity.api(client).patch(identity.name(), &params, &Patch::Apply(self.typed(&body))).await;
        let mut live = answer.map_err(|source| ApplyError::from_api(identity.kind, identity.name().to_owned(), source))?;
        if let Some(cache) = identity.cache(caches) {
            compact::shrink(&mut live);
            cache.wrote(Arc::new(live));
        }
        Ok(())
    }

    fn typed<'a>(&self, body: &'a Value) -> Typed<'a> {
        Typed { types: TypeMeta { api_version: self.identity.api_version.to_owned(), kind: self.identity.kind.to_owned() }, body }
    }
}

/// A body with the names of its kind.
#[derive(Debug, Serialize)]
struct Typed<'a> {
    #[serde(flatten)]
    types: TypeMeta,
    #[serde(flatten)]
    body: &'a Value,
}

#[cfg(test)]
mod tests {
    use super::*;
    use k8s_openapi::api::core::v1::ConfigMap;
    use serde_json::json;

    #[test]
    fn what_is_written_says_what_it_is() {
        let map: ConfigMap = serde_json::from_value(json!({"metadata": {"name": "a"}, "data": {"x": "1"}})).unwrap();
        let desired = Desired::new(&map).unwrap();
        let written = serde_json::to_value(desired.typed(&desired.body)).unwrap();
        assert_eq!((&written["apiVersion"], &written["kind"], &written["data"]["x"]), (&json!("v1"), &json!("ConfigMap"), &json!("1")));
    }
}
