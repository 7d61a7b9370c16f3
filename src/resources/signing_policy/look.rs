//! What is read for a SigningPolicy (client required).

use crate::build::name;
use crate::reconcile::Context;
use crate::resources::certificate_authority::setup::server_certificate;
use crate::resources::endpoints::endpoint_ready;
use crate::resources::user_secret::{self, UserSecrets};
use k8s_openapi::api::core::v1::Secret;
use kube::ResourceExt as _;
use openvox_crds::{CertificateAuthority, SigningPolicy};
use openvox_machines::signing_policy::CaServer;
use std::sync::Arc;

/// What was read.
pub struct Facts {
    /// The Secrets that the rules take values from.
    pub(super) values: UserSecrets,
    /// The authority that the spec names.
    pub(super) authority: Option<Arc<CertificateAuthority>>,
    /// The Secret with the file that the authority wrote.
    pub(super) file: Option<Arc<Secret>>,
    /// Who reads the file.
    pub(super) server: CaServer,
}

pub(super) async fn look(context: &Context, object: &SigningPolicy) -> Facts {
    let (caches, namespace, authority) = (&context.caches, object.namespace().unwrap_or_default(), &object.spec.certificate_authority_ref);
    let server = if server_certificate(caches, &namespace, authority).is_none() {
        CaServer::Absent
    } else if endpoint_ready(caches, &namespace, &name::ca_service(authority)) {
        CaServer::Ready
    } else {
        CaServer::Starting
    };
    Facts {
        values: values(context, object).await,
        authority: caches.authorities.get(&namespace, authority),
        file: caches.secrets.get(&namespace, &name::autosign_policy_secret(authority)),
        server,
    }
}

/// Reads the Secrets that the rules of a policy take values from.
pub async fn values(context: &Context, object: &SigningPolicy) -> UserSecrets {
    let attributes = object.spec.csr_attributes.iter().filter(|_| !object.spec.any);
    let names = attributes.filter_map(|attribute| Some(attribute.value_from.as_ref()?.secret_key_ref.name.as_str())).collect();
    user_secret::read(&context.client, &object.namespace().unwrap_or_default(), names).await
}
