//! What is read for a Config (client required).

use super::classifier;
use crate::build::name;
use crate::cluster::OwnedObject;
use crate::reconcile::Context;
use k8s_openapi::api::core::v1::Secret;
use kube::ResourceExt as _;
use openvox_crds::{CertificateAuthority, Config, Database};
use std::sync::Arc;

/// What was read.
#[derive(Default)]
pub struct Facts {
    /// The authority that the spec names.
    pub(super) authority: Option<Arc<CertificateAuthority>>,
    /// The pair with which the operator administers that authority.
    pub(super) operator_pair: Option<Arc<Secret>>,
    /// The database that the spec names.
    pub(super) database: Option<Arc<Database>>,
    /// The classifier that the spec names.
    pub(super) classifier: classifier::Facts,
    /// The `ConfigMap` of the files.
    pub(super) config_map: Option<Arc<OwnedObject>>,
    /// The account that servers run as.
    pub(super) service_account: Option<Arc<OwnedObject>>,
}

pub(super) async fn look(context: &Context, object: &Config) -> Facts {
    let (caches, spec) = (&context.caches, &object.spec);
    let (namespace, name) = (object.namespace().unwrap_or_default(), object.name_any());
    let authority = spec.authority_ref.as_ref();
    Facts {
        authority: authority.and_then(|name| caches.authorities.get(&namespace, name)),
        operator_pair: authority.and_then(|name| caches.secrets.get(&namespace, &name::tls_secret(&name::operator_signing(name)))),
        database: spec.database_ref.as_ref().and_then(|name| caches.databases.get(&namespace, name)),
        classifier: classifier::look(context, &namespace, object).await,
        config_map: caches.config_maps.get(&namespace, &name::config_map(&name)),
        service_account: caches.service_accounts.get(&namespace, &name::server_service_account(&name)),
    }
}
