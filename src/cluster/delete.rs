//! Deleting objects, and none but ours.

use super::owned_object::Cached;
use super::{ApplyError, Caches, Identity};
use crate::telemetry::{Metrics, Verb};
use kube::Client;
use kube::api::{DeleteParams, Preconditions, PropagationPolicy};

impl<L: Cached> Identity<L> {
    /// Deletes the object, with what it owns; one that is gone already is fine.
    ///
    /// # Errors
    /// [`ApplyError::Foreign`] if it belongs to somebody else, [`ApplyError::Api`] if the API server refuses.
    pub async fn delete(&self, client: &Client, caches: &Caches, metrics: &Metrics) -> Result<(), ApplyError> {
        let Some(found) = self.live(client, caches).await? else { return Ok(()) };
        self.delete_found(client, caches, &found, metrics).await
    }

    /// The only place that deletes anything.
    pub(super) async fn delete_found(&self, client: &Client, caches: &Caches, found: &L, metrics: &Metrics) -> Result<(), ApplyError> {
        self.check_owner(found)?;
        metrics.api_write(self.kind, Verb::Delete);
        let how = DeleteParams {
            propagation_policy: Some(PropagationPolicy::Background),
            // The object that was looked at, and no other that has taken its name since.
            preconditions: Some(Preconditions { uid: found.meta().uid.clone(), resource_version: None }),
            ..DeleteParams::default()
        };
        match self.api(client).delete(self.name(), &how).await {
            Ok(_) => {}
            Err(kube::Error::Api(status)) if status.code == 404 => {}
            Err(source) => {
                return Err(ApplyError::Api { kind: self.kind.to_owned(), name: self.name().to_owned(), source: Box::new(source) });
            }
        }
        if let Some(cache) = self.cache(caches) {
            cache.deleted(found);
        }
        Ok(())
    }
}
