//! What is read for a Server (client required).

use super::ca_access::code_claim;
use crate::build::image::OperatorImage;
use crate::build::name;
use crate::cluster::{Key, OwnedObject, SlimPod};
use crate::reconcile::{Context, state_of};
use crate::resources::ca_server;
use crate::resources::certificate::Certificates;
use crate::resources::certificate_authority::connections::secret;
use crate::resources::certificate_authority::trust_name;
use k8s_openapi::api::core::v1::Secret;
use kube::ResourceExt as _;
use openvox_crds::{Certificate, CertificateAuthority, Config, Server};
use std::collections::BTreeSet;
use std::sync::Arc;

/// What was read.
#[derive(Default)]
pub struct Facts {
    /// The Config that the spec names.
    pub(super) config: Option<Arc<Config>>,
    /// The files of that Config.
    pub(super) config_map: Option<Arc<OwnedObject>>,
    /// The settings of that Config's classifier.
    pub(super) enc_secret: Option<Arc<Secret>>,
    /// Those of the Pools that the spec names which exist.
    pub(super) pools: BTreeSet<String>,
    /// The Certificate that the spec names.
    pub(super) certificate: Option<Arc<Certificate>>,
    /// The authority of that Certificate.
    pub(super) authority: Option<Arc<CertificateAuthority>>,
    /// The Secret of the Certificate, once it is issued.
    pub(super) tls_secret: Option<Arc<Secret>>,
    /// The Secret with the certificates of the authority, once the Certificate is issued.
    pub(super) ca_secret: Option<Arc<Secret>>,
    /// Who runs the CA, where the Server is to run it.
    pub(super) ca: Option<ca_server::Facts>,
    /// The claim that the spec mounts as code is the volume of a CA.
    pub(super) code_is_of_ca: bool,
    /// Objects of the Server's names.
    pub(super) deployment: Option<Arc<OwnedObject>>,
    pub(super) disruption_budget: Option<Arc<OwnedObject>>,
    pub(super) autoscaler: Option<Arc<OwnedObject>>,
    pub(super) network_policy: Option<Arc<OwnedObject>>,
    /// Pods of the Server.
    pub(super) pods: Vec<Arc<SlimPod>>,
    /// The image of init containers.
    pub(super) operator_image: OperatorImage,
}

pub(super) async fn look(context: &Context, object: &Server) -> Facts {
    let (caches, spec) = (&context.caches, &object.spec);
    let (namespace, name) = (object.namespace().unwrap_or_default(), object.name_any());
    let config = caches.configs.get(&namespace, &spec.config_ref);
    let certificate = caches.certificates.get(&namespace, &spec.certificate_ref);
    let authority = certificate.as_ref().and_then(|certificate| caches.authorities.get(&namespace, &certificate.spec.authority_ref));
    let issued = certificate.as_ref().is_some_and(|certificate| state_of::<Certificates>(certificate).issued().is_some());
    let (mut tls_secret, mut ca_secret) = (None, None);
    if let Some(authority) = authority.as_deref().filter(|_| issued) {
        tls_secret = secret(context, &namespace, &name::tls_secret(&spec.certificate_ref)).await.ok();
        ca_secret = secret(context, &namespace, &trust_name(authority)).await.ok();
    }
    let code_is_of_ca = code_claim(spec, config.as_deref().map(|config| &config.spec)).is_some_and(|(_, claim)| {
        let of_ca = |authority: &Arc<CertificateAuthority>| name::ca_data(&authority.name_any()) == *claim;
        caches.claims.get(&namespace, claim).is_some() || caches.authorities.all(&namespace).iter().any(of_ca)
    });
    Facts {
        config_map: caches.config_maps.get(&namespace, &name::config_map(&spec.config_ref)),
        enc_secret: caches.secrets.get(&namespace, &name::enc_secret(&spec.config_ref)),
        pools: spec.pool_refs.iter().filter(|pool| caches.pools.get(&namespace, pool).is_some()).cloned().collect(),
        ca: authority.as_deref().and_then(|authority| ca_server::look(caches, &namespace, object, authority)),
        code_is_of_ca,
        deployment: caches.deployments.get(&namespace, &name),
        disruption_budget: caches.disruption_budgets.get(&namespace, &name),
        autoscaler: caches.autoscalers.get(&namespace, &name),
        network_policy: caches.network_policies.get(&namespace, &name::server_network_policy(&name)),
        pods: caches.pods.by(&namespace, &Key::refers_to::<Server>(&name)),
        operator_image: context.operator_image.clone(),
        config,
        certificate,
        authority,
        tls_secret,
        ca_secret,
    }
}
