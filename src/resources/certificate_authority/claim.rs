//! The claim of the CA's volume: whose it is, how large it is, and what it goes with.

use super::setup;
use crate::build::metadata::metadata;
use crate::build::{self, label_set, name};
use crate::cluster::{ApplyError, Caches, FIELD_MANAGER, Foreign, merge, owner_reference};
use crate::reconcile::Context;
use crate::telemetry::Verb;
use k8s_openapi::api::core::v1::PersistentVolumeClaim;
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};
use kube::ResourceExt as _;
use kube::api::{Api, Patch, PatchParams};
use openvox_crds::CertificateAuthority;
use openvox_crds::vocabulary::annotation;
use openvox_machines::core::Blocked;
use openvox_machines::reason;
use serde_json::json;
use std::sync::Arc;

/// Why the CA may use a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Right {
    /// The operator has made it.
    Created,
    /// Its owner has marked it for this CA. It is mounted and labelled, and nothing else about it is changed.
    Marked,
}

/// What tells whose a claim is: the labels of this CA's claim, or its being controlled by the CA, as a claim of another
/// operator is.
fn identity(namespace: &str, object: &CertificateAuthority) -> ObjectMeta {
    let (owner, authority) = (owner_reference(object), object.name_any());
    metadata(setup::scope(namespace, owner.as_ref()), name::ca_data(&authority), label_set::authority(&authority))
}

fn right(claim: &PersistentVolumeClaim, object: &CertificateAuthority) -> Result<Right, Foreign> {
    if claim.annotations().get(annotation::IMPORT).is_some_and(|authority| *authority == object.name_any()) {
        return Ok(Right::Marked);
    }
    Foreign::of(&claim.metadata, &identity(&object.namespace().unwrap_or_default(), object)).map_or(Ok(Right::Created), Err)
}

/// The CA's claim, if there is one that the CA may use.
pub(in crate::resources) fn usable(caches: &Caches, namespace: &str, object: &CertificateAuthority) -> Option<Arc<PersistentVolumeClaim>> {
    let claim = caches.claims.get(namespace, &name::ca_data(&object.name_any()))?;
    right(&claim, object).is_ok().then_some(claim)
}

/// The claim in use is as the spec wants it, as far as that can be changed.
pub(super) fn is_in_place(usable: Option<&PersistentVolumeClaim>, object: &CertificateAuthority) -> bool {
    usable.is_some_and(|claim| change(claim, object).is_none())
}

/// What is to be changed about a claim: its owners, or else its size. Of one that was brought, nothing.
fn change(claim: &PersistentVolumeClaim, object: &CertificateAuthority) -> Option<serde_json::Value> {
    if right(claim, object) != Ok(Right::Created) {
        return None;
    }
    if let Some(owners) = owners(claim, object) {
        return Some(json!({"metadata": {"ownerReferences": owners}}));
    }
    growth(claim, object).map(|size| json!({"spec": {"resources": {"requests": {"storage": size}}}}))
}

/// Makes the claim, or makes sure that the one that is there may be used.
///
/// # Errors
/// [`ApplyError::Unmarked`] if it is somebody else's.
pub(super) async fn ensure(context: &Context, namespace: &str, object: &CertificateAuthority) -> Result<(), ApplyError> {
    let (authority, claims) = (object.name_any(), &context.caches.claims);
    let name = name::ca_data(&authority);
    let api: Api<PersistentVolumeClaim> = Api::namespaced(context.client.clone(), namespace);
    let (claim, seen) = match claims.get(namespace, &name) {
        Some(claim) => (Some(claim), true),
        None => (api.get_opt(&name).await.map_err(|error| unreadable(&name, error))?.map(Arc::new), false),
    };
    let Some(claim) = claim else {
        return super::act::create(context, namespace, claims, new(namespace, object)).await;
    };
    match right(&claim, object) {
        Err(owner) => Err(ApplyError::Unmarked { name, authority, owner }),
        // The watch shows only what carries our labels, and whoever marked the claim wants it to be used.
        Ok(Right::Marked) if !seen => {
            let labels = json!({"metadata": {"labels": label_set::authority(&authority), "resourceVersion": claim.resource_version()}});
            context.metrics.api_write("PersistentVolumeClaim", Verb::Patch);
            let params = PatchParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PatchParams::default() };
            let labelled = api.patch(&name, &params, &Patch::Merge(&labels)).await;
            claims.wrote(Arc::new(labelled.map_err(|source| ApplyError::from_api("PersistentVolumeClaim", name, source))?));
            Ok(())
        }
        Ok(Right::Marked | Right::Created) => {
            if !seen {
                claims.wrote(claim);
            }
            Ok(())
        }
    }
}

fn unreadable(name: &str, source: kube::Error) -> ApplyError {
    ApplyError::Read { kind: "PersistentVolumeClaim".to_owned(), name: name.to_owned(), source: Box::new(source) }
}

/// Brings owners and size of the claim to what the spec wants.
pub(super) async fn keep(context: &Context, namespace: &str, object: &CertificateAuthority) -> Result<(), ApplyError> {
    let claims = &context.caches.claims;
    // First its owners, then its size.
    for _ in 0..2 {
        if let Some(live) = usable(&context.caches, namespace, object)
            && let Some(change) = change(&live, object)
        {
            merge(&context.client, claims, &identity(namespace, object), &live, change, &context.metrics).await?;
        }
    }
    Ok(())
}

/// The owners that the claim should have, where it has others. Only a claim that the operator is known to have made gets the
/// authority as its owner; a claim of another operator loses it where the policy says that the claim stays.
fn owners(claim: &PersistentVolumeClaim, object: &CertificateAuthority) -> Option<Vec<OwnerReference>> {
    let created = claim.annotations().get(annotation::CREATED_FOR).is_some_and(|authority| *authority == object.name_any());
    let owned = claim.owner_references().iter().any(|owner| Some(&owner.uid) == object.metadata.uid.as_ref());
    super::secrets::owners(claim, object).filter(|_| created || owned)
}

/// The claim of a new CA, with the owner that the deletion policy wants.
fn new(namespace: &str, object: &CertificateAuthority) -> PersistentVolumeClaim {
    let scope = setup::scope(namespace, None);
    let mut claim = build::persistent_volume_claim::ca_data(scope, &object.name_any(), object.spec.storage.as_ref());
    if let Some(owners) = owners(&claim, object) {
        claim.metadata.owner_references = Some(owners);
    }
    claim
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
    let refused = |message: String| Blocked::invalid(reason::STORAGE_NOT_CHANGED, message);
    if let Some((wanted, wanted_bytes, found, found_bytes)) = sizes(claim, object) {
        if wanted_bytes < found_bytes {
            let message = format!(
                "spec.storage.size: {} is less than the {} that the volume claim has, and a volume cannot shrink",
                wanted.0, found.0
            );
            return Some(refused(message).remedy(&format!("write {} or more", found.0)));
        }
        if wanted_bytes > found_bytes && right(claim, object) == Ok(Right::Marked) {
            let message = format!(
                "spec.storage.size: {} is more than the {} of the volume claim, which was brought and is not changed by the operator",
                wanted.0, found.0
            );
            return Some(refused(message).remedy(&format!("let {} ask for {}, or write {}", claim.name_any(), wanted.0, found.0)));
        }
    }
    let (mode, modes) = (given.access_mode, claim.spec.as_ref()?.access_modes.clone().unwrap_or_default());
    if !mode.is_default() && !modes.iter().any(|found| found == mode.as_str()) {
        let (mode, found) = (mode.as_str(), modes.join(", "));
        let message =
            format!("spec.storage.accessMode: {mode} is not the mode {found} of the volume claim, and the mode of a claim is fixed");
        return Some(refused(message).remedy("leave it out, or move the CA to a new claim of the same name"));
    }
    let class = claim.spec.as_ref()?.storage_class_name.clone()?;
    let wanted = given.storage_class.clone().filter(|wanted| !wanted.is_empty() && *wanted != class)?;
    let message =
        format!("spec.storage.storageClass: {wanted} is not the class {class} of the volume claim, and the class of a claim is fixed");
    Some(refused(message).remedy(&format!("write {class}, or move the CA to a new claim of the same name")))
}

#[cfg(test)]
mod tests;
