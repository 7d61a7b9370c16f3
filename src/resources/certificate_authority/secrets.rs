//! The CA's Secrets: whom they go with.

use super::setup;
use crate::build::metadata::metadata;
use crate::build::{label_set, name};
use crate::cluster::{ApplyError, Caches, Foreign, merge, owner_reference};
use crate::reconcile::Context;
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};
use kube::{Resource, ResourceExt as _};
use openvox_crds::{Certificate, CertificateAuthority, DeletionPolicy};
use serde_json::json;
use std::sync::Arc;

/// What tells whose a Secret of the CA is.
pub(super) fn identity(namespace: &str, object: &CertificateAuthority, name: String) -> ObjectMeta {
    let owner = owner_reference(object);
    metadata(setup::scope(namespace, owner.as_ref()), name, label_set::authority(&object.name_any()))
}

/// The Secrets without which the CA, or the operator's right to it, is lost.
#[derive(Default)]
pub(super) struct CaSecrets {
    /// The CA's certificates.
    pub certificates: Option<Arc<Secret>>,
    /// The CA's key.
    pub key: Option<Arc<Secret>>,
    /// The revocation lists.
    pub crl: Option<Arc<Secret>>,
    /// The operator's pair.
    pub operator_pair: Option<Arc<Secret>>,
    /// The Certificate that may control that pair.
    pub operator_certificate: Option<Arc<Certificate>>,
}

impl CaSecrets {
    /// Reads them (client required).
    pub fn look(caches: &Caches, namespace: &str, object: &CertificateAuthority) -> Self {
        let (authority, secret) = (object.name_any(), |name: &str| caches.secrets.get(namespace, name));
        let operator = name::operator_signing(&authority);
        Self {
            certificates: secret(&name::ca_secret(&authority)),
            key: secret(&name::ca_key_secret(&authority)),
            crl: secret(&name::ca_crl_secret(&authority)),
            operator_pair: secret(&name::tls_secret(&operator)),
            operator_certificate: caches.certificates.get(namespace, &operator),
        }
    }

    /// Each Secret that exists has the owners that the deletion policy wants.
    pub fn are_in_place(&self, object: &CertificateAuthority) -> bool {
        self.all().all(|live| owners(&**live, object).is_none())
    }

    fn all(&self) -> impl Iterator<Item = &Arc<Secret>> {
        [&self.certificates, &self.key, &self.crl, &self.operator_pair].into_iter().flatten()
    }

    /// What tells whose the operator's pair is, which may be controlled by its Certificate.
    fn pair_identity(&self, namespace: &str, object: &CertificateAuthority) -> ObjectMeta {
        let owner = self.operator_certificate.as_deref().and_then(owner_reference);
        let (authority, operator) = (object.name_any(), name::operator_signing(&object.name_any()));
        metadata(setup::scope(namespace, owner.as_ref()), name::tls_secret(&operator), label_set::certificate(&authority, &operator))
    }
}

/// A Secret of the CA, if there is one and it is not somebody else's.
pub(super) fn own<'a>(live: Option<&'a Arc<Secret>>, object: &CertificateAuthority) -> Option<&'a Secret> {
    let live = live?;
    let foreign = Foreign::of(live.meta(), &identity(&object.namespace().unwrap_or_default(), object, live.name_any()));
    // Keys that the garbage collector has not removed yet are those that agents trust.
    matches!(foreign, None | Some(Foreign::Predecessor(_))).then_some(live)
}

/// Gives them their owners. What does not exist is made elsewhere.
pub(super) async fn keep(context: &Context, namespace: &str, object: &CertificateAuthority) -> Result<(), ApplyError> {
    let secrets = CaSecrets::look(&context.caches, namespace, object);
    let pair = secrets.pair_identity(namespace, object);
    for live in secrets.all() {
        let name = live.name_any();
        let identity = if pair.name.as_ref() == Some(&name) { pair.clone() } else { identity(namespace, object, name) };
        if let Some(owners) = owners(&**live, object) {
            let patch = json!({"metadata": {"ownerReferences": owners}});
            merge(&context.client, &context.caches.secrets, &identity, &**live, patch, &context.metrics).await?;
        }
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
