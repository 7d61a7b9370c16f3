//! The policy file of a CA: all its SigningPolicies that can be read, in the order of their names. One that
//! cannot is left out, so it neither signs anything nor keeps the others from working.

use super::setup;
use crate::build::{self, name};
use crate::cluster::{Desired, OwnedSet};
use crate::reconcile::Context;
use crate::resources::signing_policy::{rule, values};
use k8s_openapi::api::core::v1::Secret;
use kube::ResourceExt as _;
use openvox_crds::CertificateAuthority;
use openvox_runtime::autosign::policy::PolicyFile;

/// The policies that apply to a CA.
pub(super) async fn file(context: &Context, authority: &CertificateAuthority) -> PolicyFile {
    let (namespace, name) = (authority.namespace().unwrap_or_default(), authority.name_any());
    let mut file = PolicyFile::default();
    for policy in context.caches.policies.all(&namespace) {
        if policy.spec.certificate_authority_ref == name
            && policy.metadata.deletion_timestamp.is_none()
            && let Ok(rule) = rule(&policy, &values(context, &policy).await)
        {
            file.policies.push(rule);
        }
    }
    file
}

/// The Secret with the policy file, as it should be.
pub(super) async fn plan(context: &Context, authority: &CertificateAuthority) -> OwnedSet<Secret> {
    let (namespace, name) = (authority.namespace().unwrap_or_default(), authority.name_any());
    let file = file(context, authority).await;
    let config = context.caches.configs.all(&namespace).into_iter().find(|config| config.spec.authority_ref.as_deref() == Some(&name));
    let config = config.map(|config| config.name_any());
    let owner = setup::owner(authority);
    let secret = build::secret::autosign_policy(setup::scope(&namespace, owner.as_ref()), &name, config.as_deref(), &file.to_yaml());
    let live = context.caches.secrets.get(&namespace, &name::autosign_policy_secret(&name));
    Desired::new(&secret).map_or_else(|_| OwnedSet::default(), |secret| OwnedSet::default().with(secret, live))
}
