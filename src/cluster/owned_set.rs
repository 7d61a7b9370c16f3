//! What an object owns: objects that should be there, and objects that should not.

use super::owned_object::{Cached, OwnedObject};
use super::{ApplyError, Caches, Change, Desired, Difference, Identity};
use crate::telemetry::Metrics;
use kube::Client;
use std::sync::Arc;

/// One object of the set.
#[derive(Clone)]
enum Wanted<L: Cached> {
    Yes(Desired<L>),
    /// It goes, if it is ours.
    No(Identity<L>),
}

/// The objects that another one owns, each with what is there under its name.
#[derive(Clone)]
pub struct OwnedSet<L: Cached = OwnedObject> {
    objects: Vec<(Wanted<L>, Option<Arc<L>>)>,
}

impl<L: Cached> Default for OwnedSet<L> {
    fn default() -> Self {
        Self { objects: Vec::new() }
    }
}

impl<L: Cached> OwnedSet<L> {
    /// The set with an object that should be there.
    #[must_use]
    pub fn with(mut self, desired: Desired<L>, live: Option<Arc<L>>) -> Self {
        self.objects.push((Wanted::Yes(desired), live));
        self
    }

    /// The set with an object that should be there as `desired`, or, if that is none, should not be there.
    #[must_use]
    pub fn with_optional(mut self, identity: Identity<L>, desired: Option<Desired<L>>, live: Option<Arc<L>>) -> Self {
        self.objects.push((desired.map_or(Wanted::No(identity), Wanted::Yes), live));
        self
    }

    /// Every wanted object is there as it should be, and no other of ours.
    #[must_use]
    pub fn is_in_place(&self) -> bool {
        self.objects.iter().all(|(wanted, live)| match wanted {
            Wanted::Yes(desired) => live.as_ref().is_some_and(|live| desired.is_in_place(live)),
            Wanted::No(identity) => live.as_ref().is_none_or(|live| identity.foreign(live).is_some()),
        })
    }

    /// What would be written or deleted.
    #[must_use]
    pub fn differences(&self) -> Vec<Difference> {
        let difference = |(wanted, live): &(Wanted<L>, Option<Arc<L>>)| match wanted {
            Wanted::Yes(desired) => desired.difference(live.as_deref()),
            Wanted::No(identity) => live.as_ref().filter(|live| identity.foreign(live).is_none()).map(|_| Difference {
                kind: identity.kind.to_owned(),
                name: identity.name().to_owned(),
                change: Change::Delete,
                fields: Vec::new(),
            }),
        };
        self.objects.iter().filter_map(difference).collect()
    }

    /// Writes what is wanted and deletes what is not, in order, unless it is as it should be. Of an object that is not ours
    /// and not wanted, nothing is touched.
    ///
    /// # Errors
    /// Those of [`Desired::apply`] and [`Identity::delete`]; what comes after the object that fails is left as it is.
    pub async fn apply(&self, client: &Client, caches: &Caches, metrics: &Metrics) -> Result<(), ApplyError> {
        for (wanted, _) in &self.objects {
            match wanted {
                Wanted::Yes(desired) => desired.apply(client, caches, metrics).await?,
                Wanted::No(identity) => {
                    if let Some(live) = identity.cached(caches).filter(|live| identity.foreign(live).is_none()) {
                        identity.delete_found(client, caches, &live, metrics).await?;
                    }
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
