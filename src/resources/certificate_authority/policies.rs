//! The policy file of a CA: all its SigningPolicies that can be read, in the order of their names. One that
//! cannot is left out, so it neither signs anything nor keeps the others from working.

use crate::build::{self, Scope};
use crate::cluster::{ApplyError, Desired, owner_reference};
use crate::reconcile::Context;
use crate::resources::signing_policy::{rule, values};
use crate::resources::user_secret::UserSecrets;
use k8s_openapi::api::core::v1::Secret;
use kube::ResourceExt as _;
use openvox_crds::{CertificateAuthority, SigningPolicy};
use openvox_runtime::autosign::policy::PolicyFile;
use std::sync::Arc;

/// The policies that name a CA, each with the Secrets that its rules take values from.
pub(super) type Policies = Vec<(Arc<SigningPolicy>, UserSecrets)>;

/// Reads them (client required).
pub(super) async fn look(context: &Context, authority: &CertificateAuthority) -> Policies {
    let mut policies = context.caches.policies.all(&authority.namespace().unwrap_or_default());
    policies.retain(|policy| policy.spec.certificate_authority_ref == authority.name_any() && policy.metadata.deletion_timestamp.is_none());
    let mut read = Policies::with_capacity(policies.len());
    for policy in policies {
        let values = values(context, &policy).await;
        read.push((policy, values));
    }
    read
}

/// The policies that apply to a CA.
pub(super) fn file(policies: &Policies) -> PolicyFile {
    PolicyFile { policies: policies.iter().filter_map(|(policy, values)| rule(policy, values).ok()).collect() }
}

/// The Secret with the policy file, as it should be. `config` is the Config that names the CA.
pub(super) fn desired(authority: &CertificateAuthority, config: Option<&str>, policies: &Policies) -> Result<Desired<Secret>, ApplyError> {
    let (namespace, owner) = (authority.namespace().unwrap_or_default(), owner_reference(authority));
    let (scope, file) = (Scope { namespace: &namespace, owner: owner.as_ref() }, file(policies).to_yaml());
    Desired::new(&build::secret::autosign_policy(scope, &authority.name_any(), config, &file))
}
