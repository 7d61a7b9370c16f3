//! What is read for a NodeClassifier (client required).

use crate::cluster::Key;
use crate::reconcile::Context;
use crate::resources::user_secret::{self, UserSecrets};
use kube::ResourceExt as _;
use openvox_crds::{NodeClassifier, References as _};

/// What was read.
#[derive(Debug, Default)]
pub struct Facts {
    /// A Config refers to the classifier.
    pub(super) referred: bool,
    /// The Secrets that the spec names.
    pub(super) secrets: UserSecrets,
}

pub(super) async fn look(context: &Context, object: &NodeClassifier) -> Facts {
    let namespace = object.namespace().unwrap_or_default();
    let references = object.references();
    let secrets = references.iter().filter(|to| to.kind == "Secret").map(|to| to.name).collect();
    Facts {
        referred: context.caches.configs.any(&namespace, &Key::refers_to::<NodeClassifier>(&object.name_any())),
        secrets: user_secret::read(&context.client, &namespace, secrets).await,
    }
}
