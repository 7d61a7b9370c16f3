//! The classifier of a Config: the settings of `openvox-enc` in a Secret, as far as they can be rendered.
//!
//! A classifier that cannot be rendered blocks only itself: what was rendered last stays, and the other files go on. Only a
//! Config that has never had its classifier waits for it, because servers without it would compile catalogs without classes.

use crate::build::metadata::metadata;
use crate::build::{self, Scope, label_set, name};
use crate::cluster::{Desired, Identity, OwnedSet};
use crate::reconcile::Context;
use crate::resources::dangling::dangling;
use crate::resources::node_classifier;
use crate::resources::user_secret::{self, UserSecrets};
use k8s_openapi::api::core::v1::Secret;
use kube::ResourceExt as _;
use openvox_crds::{Config, NodeClassifier, References as _};
use openvox_machines::core::Blocked;
use openvox_machines::node_classifier::Settings;
use openvox_machines::reason;
use std::sync::Arc;

/// What was read.
#[derive(Default)]
pub(super) struct Facts {
    /// The classifier that the spec names.
    classifier: Option<Arc<NodeClassifier>>,
    /// The Secrets that the classifier names.
    secrets: UserSecrets,
    /// The Secret with its settings.
    rendered: Option<Arc<Secret>>,
}

/// What the facts mean.
pub(super) struct Judgement {
    /// The Secret with the settings; empty where the one that is there stays as it is.
    pub objects: OwnedSet<Secret>,
    /// Servers ask the classifier.
    pub is_used: bool,
    /// Why the Config waits for its classifier.
    pub blocked: Option<Blocked>,
}

pub(super) async fn look(context: &Context, namespace: &str, config: &Config) -> Facts {
    let rendered = context.caches.secrets.get(namespace, &name::enc_secret(&config.name_any()));
    let wanted = config.spec.node_classifier_ref.as_ref().filter(|name| !name.is_empty());
    let Some(classifier) = wanted.and_then(|name| context.caches.classifiers.get(namespace, name)) else {
        return Facts { rendered, ..Facts::default() };
    };
    let references = classifier.references();
    let names = references.iter().filter(|to| to.kind == "Secret").map(|to| to.name).collect();
    let secrets = user_secret::read(&context.client, namespace, names).await;
    Facts { classifier: Some(classifier), secrets, rendered }
}

pub(super) fn judge(config: &Config, scope: Scope<'_>, facts: &Facts) -> Judgement {
    let own = config.name_any();
    let identity = Identity::of::<Secret>(metadata(scope, name::enc_secret(&own), label_set::config(&own)));
    let rendered = facts.rendered.clone();
    let Some(named) = config.spec.node_classifier_ref.as_ref().filter(|name| !name.is_empty()) else {
        return Judgement { objects: OwnedSet::default().with_optional(identity, None, rendered), is_used: false, blocked: None };
    };
    let is_there = rendered.as_deref().is_some_and(|live| identity.foreign(live).is_none());
    let taken = identity.taken(rendered.as_deref(), "Config");
    match taken.map_or_else(|| desired(&own, scope, named, facts), Err) {
        Ok(desired) => Judgement { objects: OwnedSet::default().with(desired, rendered), is_used: true, blocked: None },
        Err(_) if is_there => Judgement { objects: OwnedSet::default(), is_used: true, blocked: None },
        Err(blocked) => Judgement { objects: OwnedSet::default(), is_used: false, blocked: Some(blocked) },
    }
}

fn desired(config: &str, scope: Scope<'_>, named: &str, facts: &Facts) -> Result<Desired<Secret>, Blocked> {
    let Some(classifier) = &facts.classifier else {
        return Err(dangling(reason::NODE_CLASSIFIER_NOT_FOUND, "spec.nodeClassifierRef", "NodeClassifier", named));
    };
    let unusable = |why: &str| Blocked::waiting(reason::PENDING_SECRET, format!("NodeClassifier {named} cannot be rendered: {why}"));
    let files = node_classifier::files(classifier, &facts.secrets).map_err(|settings| match settings {
        Settings::SecretMissing(blocked) | Settings::Invalid(blocked) => unusable(&blocked.message),
        Settings::Unreadable { message } => unusable(&message),
        Settings::Complete { .. } => unusable("its settings are being read"),
    })?;
    Desired::new(&build::secret::enc(scope, config, &files)).map_err(|error| unusable(&error.to_string()))
}

#[cfg(test)]
mod tests;
