//! What is read for a Pool (client required).

use crate::cluster::OwnedObject;
use crate::reconcile::Context;
use crate::resources::endpoints::ready_endpoints;
use kube::ResourceExt as _;
use openvox_crds::Pool;
use std::sync::Arc;

/// What was read.
#[derive(Default)]
pub struct Facts {
    /// The Service of the Pool's name.
    pub(super) service: Option<Arc<OwnedObject>>,
    /// Ready endpoints behind it.
    pub(super) endpoints: u32,
}

pub(super) fn look(context: &Context, object: &Pool) -> Facts {
    let (caches, namespace, name) = (&context.caches, object.namespace().unwrap_or_default(), object.name_any());
    Facts { service: caches.services.get(&namespace, &name), endpoints: ready_endpoints(caches, &namespace, &name) }
}
