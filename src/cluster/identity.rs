//! Which object of ours: its kind, its name, and whose it should be.

use super::owned_object::{Cached, OwnedKind, OwnedObject};
use super::{ApplyError, Cache, Caches, Foreign};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::{Api, Client};
use openvox_machines::core::Blocked;
use std::sync::Arc;

/// An object that the operator writes or deletes, by its kind and by the metadata that tells where and whose it is. `L` is
/// how the cache of its kind holds it.
#[derive(Debug, Clone)]
pub struct Identity<L: Cached = OwnedObject> {
    pub(super) kind: &'static str,
    pub(super) api_version: &'static str,
    dynamic_type: L::DynamicType,
    pub(super) metadata: ObjectMeta,
    cache: fn(&Caches) -> Option<&Cache<L>>,
}

impl<L: Cached> Identity<L> {
    /// The object of the kind that `metadata` names.
    #[must_use]
    pub fn of<K: OwnedKind<Cached = L>>(metadata: ObjectMeta) -> Self {
        Self { kind: K::KIND, api_version: K::API_VERSION, dynamic_type: K::dynamic_type(), metadata, cache: K::cache }
    }

    pub(super) fn namespace(&self) -> &str {
        self.metadata.namespace.as_deref().unwrap_or_default()
    }

    pub(super) fn name(&self) -> &str {
        self.metadata.name.as_deref().unwrap_or_default()
    }

    /// Whose the live object is, if it is not ours.
    pub fn foreign(&self, live: &L) -> Option<Foreign> {
        Foreign::of(live.meta(), &self.metadata)
    }

    /// Why the name cannot be used, if the live object is not ours. `owner` is the kind whose objects own this one.
    pub fn taken(&self, live: Option<&L>, owner: &str) -> Option<Blocked> {
        let foreign = self.foreign(live?)?;
        Some(foreign.blocked(&format!("{} {}", self.kind, self.name()), &format!("rename the {owner}, or remove that {}", self.kind)))
    }

    /// # Errors
    /// [`ApplyError::Foreign`] if the live object is not ours.
    pub(super) fn check_owner(&self, live: &L) -> Result<(), ApplyError> {
        let foreign = |owner| ApplyError::Foreign { kind: self.kind.to_owned(), name: self.name().to_owned(), owner };
        self.foreign(live).map_or(Ok(()), |owner| Err(foreign(owner)))
    }

    pub(super) fn api(&self, client: &Client) -> Api<L> {
        L::api(client, self.namespace(), &self.dynamic_type)
    }

    pub(super) fn cache<'a>(&self, caches: &'a Caches) -> Option<&'a Cache<L>> {
        (self.cache)(caches)
    }

    /// The object as its cache holds it.
    pub(super) fn cached(&self, caches: &Caches) -> Option<Arc<L>> {
        self.cache(caches)?.get(self.namespace(), self.name())
    }

    /// The object in the cache, or what the API server has under its name.
    pub(super) async fn live(&self, client: &Client, caches: &Caches) -> Result<Option<Arc<L>>, ApplyError> {
        if let Some(cached) = self.cached(caches) {
            return Ok(Some(cached));
        }
        let found = self.api(client).get_opt(self.name()).await;
        let failed = |source| ApplyError::Read { kind: self.kind.to_owned(), name: self.name().to_owned(), source: Box::new(source) };
        Ok(found.map_err(failed)?.map(Arc::new))
    }
}
