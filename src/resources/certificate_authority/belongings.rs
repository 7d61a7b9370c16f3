//! The CA's volume and Secrets: whom they go with, and how large the volume is.

use super::setup;
use crate::build::{self, name};
use crate::cluster::{ApplyError, Cache, FIELD_MANAGER, kind_label, owner_reference};
use crate::reconcile::Context;
use crate::telemetry::Verb;
use k8s_openapi::api::core::v1::{PersistentVolumeClaim, Secret};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::api::{Api, Patch, PatchParams};
use kube::core::NamespaceResourceScope;
use kube::{Resource, ResourceExt as _};
use openvox_crds::{CertificateAuthority, DeletionPolicy};
use openvox_machines::core::Blocked;
use openvox_machines::reason;
use serde_json::{Value, json};
use std::fmt::Debug;
use std::sync::Arc;

/// The Secrets without which the CA, or the operator's right to it, is lost.
fn secrets(authority: &str) -> [String; 4] {
    [
        name::ca_secret(authority),
        name::ca_key_secret(authority),
        name::ca_crl_secret(authority),
        name::tls_secret(&name::operator_signing(authority)),
    ]
}

/// Those that exist and whose owners are not as the deletion policy wants them, and the claim if it is smaller than it
/// should be.
pub(super) fn are_in_place(context: &Context, namespace: &str, object: &CertificateAuthority) -> bool {
    let claim = context.caches.claims.get(namespace, &name::ca_data(&object.name_any()));
    let secrets_kept = secrets(&object.name_any())
        .iter()
        .filter_map(|secret| context.caches.secrets.get(namespace, secret))
        .all(|secret| owners(&*secret, object).is_none());
    secrets_kept && claim.is_some_and(|claim| owners(&*claim, object).is_none() && growth(&claim, object).is_none())
}

/// Brings them there. What does not exist is made elsewhere.
pub(super) async fn keep(context: &Context, namespace: &str, object: &CertificateAuthority) -> Result<(), ApplyError> {
    for secret in secrets(&object.name_any()) {
        if let Some(live) = context.caches.secrets.get(namespace, &secret)
            && let Some(owners) = owners(&*live, object)
        {
            patch::<Secret>(context, namespace, &context.caches.secrets, &live, json!({"metadata": {"ownerReferences": owners}})).await?;
        }
    }
    let claims = &context.caches.claims;
    let claim = name::ca_data(&object.name_any());
    if let Some(live) = claims.get(namespace, &claim)
        && let Some(owners) = owners(&*live, object)
    {
        patch::<PersistentVolumeClaim>(context, namespace, claims, &live, json!({"metadata": {"ownerReferences": owners}})).await?;
    }
    if let Some(live) = claims.get(namespace, &claim)
        && let Some(size) = growth(&live, object)
    {
        let wanted = json!({"spec": {"resources": {"requests": {"storage": size}}}});
        patch::<PersistentVolumeClaim>(context, namespace, claims, &live, wanted).await?;
    }
    Ok(())
}

/// The owners that `live` should have, where it has others. With `Retain` the authority is none of them, with `Delete` it
/// is one, which the garbage collector follows; others' references stay.
fn owners<K: Resource<DynamicType = ()>>(live: &K, object: &CertificateAuthority) -> Option<Vec<OwnerReference>> {
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

fn requested(claim: &PersistentVolumeClaim) -> Option<Quantity> {
    claim.spec.as_ref()?.resources.as_ref()?.requests.as_ref()?.get("storage").cloned()
}

/// The size that the spec gives, beside the one of the claim, in bytes.
fn sizes(claim: &PersistentVolumeClaim, object: &CertificateAuthority) -> Option<(Quantity, u64, Quantity, u64)> {
    let wanted = Quantity(object.spec.storage.as_ref().map(|storage| storage.size.clone()).filter(|size| !size.is_empty())?);
    let found = requested(claim)?;
    let (wanted_bytes, found_bytes) = (build::quantity::bytes(&wanted)?, build::quantity::bytes(&found)?);
    Some((wanted, wanted_bytes, found, found_bytes))
}

/// The size that the claim should ask for, where it asks for less.
fn growth(claim: &PersistentVolumeClaim, object: &CertificateAuthority) -> Option<Quantity> {
    sizes(claim, object).and_then(|(wanted, wanted_bytes, _, found_bytes)| (wanted_bytes > found_bytes).then_some(wanted))
}

/// Why the claim cannot be as the spec wants it.
pub(super) fn storage(claim: &PersistentVolumeClaim, object: &CertificateAuthority) -> Option<Blocked> {
    let given = object.spec.storage.as_ref()?;
    if let Some((wanted, wanted_bytes, found, found_bytes)) = sizes(claim, object)
        && wanted_bytes < found_bytes
    {
        let message =
            format!("spec.storage.size: {} is less than the {} that the volume claim has, and a volume cannot shrink", wanted.0, found.0);
        return Some(Blocked::invalid(reason::STORAGE_NOT_CHANGED, message).remedy(&format!("write {} or more", found.0)));
    }
    let class = claim.spec.as_ref()?.storage_class_name.clone()?;
    let wanted = given.storage_class.clone().filter(|wanted| !wanted.is_empty() && *wanted != class)?;
    let message =
        format!("spec.storage.storageClass: {wanted} is not the class {class} of the volume claim, and the class of a claim is fixed");
    Some(
        Blocked::invalid(reason::STORAGE_NOT_CHANGED, message)
            .remedy(&format!("write {class}, or move the CA to a new claim of the same name")),
    )
}

/// A merge patch, guarded by the version that was looked at: lists of owners are replaced as a whole.
async fn patch<K>(context: &Context, namespace: &str, cache: &Cache<K>, live: &K, mut patch: Value) -> Result<(), ApplyError>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope> + serde::de::DeserializeOwned + Clone + Debug,
{
    if let Some(version) = live.meta().resource_version.clone() {
        patch.as_object_mut().map(|members| {
            members
                .entry("metadata")
                .or_insert_with(|| json!({}))
                .as_object_mut()
                .map(|meta| meta.insert("resourceVersion".into(), version.into()))
        });
    }
    let api: Api<K> = Api::namespaced(context.client.clone(), namespace);
    context.metrics.api_write(kind_label::<K>(), Verb::Patch);
    let params = PatchParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PatchParams::default() };
    let patched = api.patch(&live.name_any(), &params, &Patch::Merge(&patch)).await;
    let written = patched.map_err(|source| ApplyError::from_api(&K::kind(&()), live.name_any(), source))?;
    cache.wrote(Arc::new(written));
    Ok(())
}

/// Labels a claim that somebody else has made under the CA's name, so that it is seen from now on.
pub(super) async fn take_claim(context: &Context, namespace: &str, authority: &str) -> Result<(), ApplyError> {
    let api: Api<PersistentVolumeClaim> = Api::namespaced(context.client.clone(), namespace);
    let claim = name::ca_data(authority);
    let labels = json!({"metadata": {"labels": build::label_set::authority(authority)}});
    context.metrics.api_write("PersistentVolumeClaim", Verb::Patch);
    let params = PatchParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PatchParams::default() };
    let taken = api.patch(&claim, &params, &Patch::Merge(&labels)).await;
    let taken = taken.map_err(|source| ApplyError::from_api("PersistentVolumeClaim", claim, source))?;
    context.caches.claims.wrote(Arc::new(taken));
    Ok(())
}

/// The new claim of a CA, with the owner that the deletion policy wants.
pub(super) fn new_claim(namespace: &str, object: &CertificateAuthority) -> PersistentVolumeClaim {
    let scope = setup::scope(namespace, None);
    let mut claim = build::persistent_volume_claim::ca_data(scope, &object.name_any(), object.spec.storage.as_ref());
    if let Some(owners) = owners(&claim, object) {
        claim.metadata.owner_references = Some(owners);
    }
    claim
}

#[cfg(test)]
mod tests {
    use super::*;

    fn authority(spec: &Value) -> CertificateAuthority {
        serde_json::from_value(json!({"metadata": {"name": "corp", "namespace": "ns", "uid": "ca-uid"}, "spec": spec})).unwrap()
    }

    fn claim(size: &str) -> PersistentVolumeClaim {
        serde_json::from_value(json!({
            "metadata": {"name": "corp-data", "ownerReferences": [{"apiVersion": "v1", "kind": "ConfigMap", "name": "theirs", "uid": "x"}]},
            "spec": {"storageClassName": "fast", "resources": {"requests": {"storage": size}}},
        }))
        .unwrap()
    }

    #[test]
    fn a_larger_size_is_applied_and_the_same_in_other_words_is_not() {
        let wanted = |size: &str| authority(&json!({"storage": {"size": size}}));
        assert_eq!(growth(&claim("1Gi"), &wanted("2Gi")), Some(Quantity("2Gi".into())));
        assert_eq!(growth(&claim("1Gi"), &wanted("1024Mi")), None);
        assert_eq!(growth(&claim("5Gi"), &authority(&json!({}))), None, "a spec without storage has no opinion");
        assert_eq!(storage(&claim("1Gi"), &wanted("1024Mi")), None);
    }

    #[test]
    fn a_smaller_size_and_another_class_are_refused_with_the_remedy() {
        let refusal = |spec: &Value| storage(&claim("2Gi"), &authority(spec)).unwrap().message;
        let smaller = refusal(&json!({"storage": {"size": "1Gi"}}));
        assert!(smaller.contains("spec.storage.size: 1Gi") && smaller.contains("write 2Gi or more"), "{smaller}");
        let class = refusal(&json!({"storage": {"size": "2Gi", "storageClass": "slow"}}));
        assert!(class.contains("spec.storage.storageClass: slow") && class.contains("fast"), "{class}");
    }

    #[test]
    fn the_authority_owns_what_goes_with_it_and_nothing_that_stays() {
        let retain = authority(&json!({}));
        assert_eq!(owners(&claim("1Gi"), &retain), None);
        let delete = authority(&json!({"deletionPolicy": "Delete"}));
        let mut owned = claim("1Gi");
        owned.metadata.owner_references = owners(&claim("1Gi"), &delete);
        let uids = |claim: &PersistentVolumeClaim| claim.owner_references().iter().map(|owner| owner.uid.clone()).collect::<Vec<_>>();
        assert_eq!(uids(&owned), ["x", "ca-uid"]);
        assert!(owned.owner_references().iter().all(|owner| owner.controller != Some(true)));
        assert_eq!(owners(&owned, &delete), None);
        owned.metadata.owner_references = owners(&owned, &retain);
        assert_eq!(uids(&owned), ["x"]);
    }

    #[test]
    fn a_new_claim_has_the_owner_of_its_policy_from_the_start() {
        assert_eq!(new_claim("ns", &authority(&json!({}))).owner_references(), []);
        assert_eq!(new_claim("ns", &authority(&json!({"deletionPolicy": "Delete"}))).owner_references().len(), 1);
    }
}
