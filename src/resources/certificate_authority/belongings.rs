//! The CA's Secrets: whom they go with.

use super::setup;
use crate::build::metadata::metadata;
use crate::build::{label_set, name};
use crate::cluster::{ApplyError, Foreign, merge, owner_reference};
use crate::reconcile::Context;
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};
use kube::{Resource, ResourceExt as _};
use openvox_crds::{CertificateAuthority, DeletionPolicy};
use serde_json::json;
use std::sync::Arc;

/// What tells whose a Secret of the CA is.
pub(super) fn identity(namespace: &str, object: &CertificateAuthority, name: String) -> ObjectMeta {
    let owner = owner_reference(object);
    metadata(setup::scope(namespace, owner.as_ref()), name, label_set::authority(&object.name_any()))
}

/// A Secret of the CA, if there is one of the name and it is not somebody else's.
pub(super) fn secret(context: &Context, namespace: &str, object: &CertificateAuthority, name: String) -> Option<Arc<Secret>> {
    let live = context.caches.secrets.get(namespace, &name)?;
    let foreign = Foreign::of(live.meta(), &identity(namespace, object, name));
    // Keys that the garbage collector has not removed yet are those that agents trust.
    matches!(foreign, None | Some(Foreign::Predecessor(_))).then_some(live)
}

/// The Secrets without which the CA, or the operator's right to it, is lost, and what tells whose each is.
fn identities(context: &Context, namespace: &str, object: &CertificateAuthority) -> [ObjectMeta; 4] {
    let authority = object.name_any();
    let operator = name::operator_signing(&authority);
    // The operator's pair may be controlled by its Certificate.
    let certificate = context.caches.certificates.get(namespace, &operator);
    let owner = certificate.and_then(|certificate| owner_reference(&*certificate));
    let scope = setup::scope(namespace, owner.as_ref());
    let pair = metadata(scope, name::tls_secret(&operator), label_set::certificate(&authority, &operator));
    let own = |name: String| identity(namespace, object, name);
    [own(name::ca_secret(&authority)), own(name::ca_key_secret(&authority)), own(name::ca_crl_secret(&authority)), pair]
}

/// Those that exist and whose owners are not as the deletion policy wants them.
fn unlike(context: &Context, namespace: &str, object: &CertificateAuthority) -> Vec<(ObjectMeta, Arc<Secret>, Vec<OwnerReference>)> {
    let secret = |identity: ObjectMeta| {
        let live = context.caches.secrets.get(namespace, identity.name.as_deref()?)?;
        let owners = owners(&*live, object)?;
        Some((identity, live, owners))
    };
    identities(context, namespace, object).into_iter().filter_map(secret).collect()
}

/// Each Secret that exists has the owners that the deletion policy wants.
pub(super) fn are_in_place(context: &Context, namespace: &str, object: &CertificateAuthority) -> bool {
    unlike(context, namespace, object).is_empty()
}

/// Gives them their owners. What does not exist is made elsewhere.
pub(super) async fn keep(context: &Context, namespace: &str, object: &CertificateAuthority) -> Result<(), ApplyError> {
    for (identity, live, owners) in unlike(context, namespace, object) {
        let patch = json!({"metadata": {"ownerReferences": owners}});
        merge(&context.client, &context.caches.secrets, &identity, &*live, patch, &context.metrics).await?;
    }
    Ok(())
}

/// The owners that `live` should have, where it has others. With `Retain` the authority is none of them, with `Delete` it
/// is one, which the garbage collector follows; others' references stay.
pub(super) fn owners<K: Resource<DynamicType = ()>>(live: &K, object: &CertificateAuthority) -> Option<Vec<OwnerReference>> {
    let ours = owner_reference(object)?;
    let mut owners = live.meta().owner_references.clone().unwrap_or_default();
    let owned = owners.iter().any(|owner| owner.uid == ours.uid);
    match (object.spec.deletion_policy, owned) {
        (DeletionPolicy::Retain, true) => owners.retain(|owner| owner.uid != ours.uid),
        // Not as the controller: the operator's pair may have its Certificate for that.
        (DeletionPolicy::Delete, false) => owners.push(OwnerReference { controller: None, block_owner_deletion: None, ..ours }),
        (DeletionPolicy::Retain, false) | (DeletionPolicy::Delete, true) => return None,
    }
    Some(owners)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    fn authority(spec: &Value) -> CertificateAuthority {
        serde_json::from_value(json!({"metadata": {"name": "corp", "namespace": "ns", "uid": "ca-uid"}, "spec": spec})).unwrap()
    }

    #[test]
    fn the_authority_owns_what_goes_with_it_and_nothing_that_stays() {
        let theirs = json!([{"apiVersion": "v1", "kind": "ConfigMap", "name": "theirs", "uid": "x"}]);
        let secret: Secret = serde_json::from_value(json!({"metadata": {"name": "corp-ca", "ownerReferences": theirs}})).unwrap();
        let retain = authority(&json!({}));
        assert_eq!(owners(&secret, &retain), None);
        let delete = authority(&json!({"deletionPolicy": "Delete"}));
        let mut owned = secret.clone();
        owned.metadata.owner_references = owners(&secret, &delete);
        let uids = |secret: &Secret| secret.owner_references().iter().map(|owner| owner.uid.clone()).collect::<Vec<_>>();
        assert_eq!(uids(&owned), ["x", "ca-uid"]);
        assert!(owned.owner_references().iter().all(|owner| owner.controller != Some(true)));
        assert_eq!(owners(&owned, &delete), None);
        owned.metadata.owner_references = owners(&owned, &retain);
        assert_eq!(uids(&owned), ["x"]);
    }
}
