//! What is read for a SigningPolicy (client required).

use crate::build::name;
use crate::cluster::api_error;
use crate::reconcile::Context;
use crate::resources::certificate_authority::setup::server_certificate;
use crate::resources::endpoints::endpoint_ready;
use k8s_openapi::api::core::v1::Secret;
use kube::{Api, ResourceExt as _};
use openvox_crds::{CertificateAuthority, SigningPolicy};
use openvox_machines::signing_policy::CaServer;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What was read.
pub struct Facts {
    /// The Secrets that the rules take values from.
    pub(super) values: Values,
    /// The authority that the spec names.
    pub(super) authority: Option<Arc<CertificateAuthority>>,
    /// The Secret with the file that the authority wrote.
    pub(super) file: Option<Arc<Secret>>,
    /// Who reads the file.
    pub(super) server: CaServer,
}

/// The Secrets that the rules of one policy take values from, by name: what is there, or why that is not known.
pub type Values = BTreeMap<String, Result<Option<Secret>, String>>;

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
pub async fn values(context: &Context, object: &SigningPolicy) -> Values {
    let api: Api<Secret> = Api::namespaced(context.client.clone(), &object.namespace().unwrap_or_default());
    let mut values = Values::new();
    let attributes = object.spec.csr_attributes.iter().filter(|_| !object.spec.any);
    for from in attributes.filter_map(|attribute| attribute.value_from.as_ref()) {
        let secret = &from.secret_key_ref.name;
        if !values.contains_key(secret) {
            values.insert(secret.clone(), api.get_opt(secret).await.map_err(|error| api_error::words(&error)));
        }
    }
    values
}
