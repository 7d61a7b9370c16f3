//! What is read for a Certificate (client required).

use super::store::own_secret;
use crate::build::name;
use crate::cluster::{Caches, Key};
use crate::reconcile::Context;
use crate::resources::ca_server;
use crate::resources::certificate_authority::connections::{secret, strength};
use crate::resources::certificate_authority::trust_name;
use crate::resources::endpoints::endpoint_ready;
use crate::resources::text::text;
use k8s_openapi::api::core::v1::Secret;
use kube::ResourceExt as _;
use openvox_crds::vocabulary::secret_key;
use openvox_crds::{Certificate, CertificateAuthority};
use openvox_puppet::{CaBundle, Serial};
use std::collections::BTreeSet;
use std::sync::Arc;

/// What was read.
#[derive(Default)]
pub struct Facts {
    /// The authority that the spec names.
    pub(super) authority: Option<Arc<CertificateAuthority>>,
    /// The certificates that the authority is known by, once they are there.
    pub(super) trust: Option<CaBundle>,
    /// Serial numbers on the stored revocation list of the authority.
    pub(super) revoked: Option<Arc<BTreeSet<Serial>>>,
    /// The TLS Secret, unless it is somebody else's.
    pub(super) tls_secret: Option<Arc<Secret>>,
    /// The Secret with the key whose certificate is not there yet, unless it is somebody else's.
    pub(super) pending_secret: Option<Arc<Secret>>,
    /// Certificates of the CA servers of the authority, see [`ca_servers`].
    pub(super) ca_servers: Vec<String>,
    /// A pod of the CA server is ready.
    pub(super) ca_answers: bool,
    /// The operator's own pair for the authority.
    pub(super) operator_pair: Option<Arc<Secret>>,
    /// The Certificates of the same certname, this one among them.
    pub(super) namesakes: Vec<Arc<Certificate>>,
}

pub(super) async fn look(context: &Context, object: &Certificate) -> Facts {
    let (caches, ca) = (&context.caches, &object.spec.authority_ref);
    let (namespace, name) = (object.namespace().unwrap_or_default(), object.name_any());
    let authority = caches.authorities.get(&namespace, ca);
    let trust = match authority.as_deref() {
        Some(authority) => trust(context, &namespace, authority).await,
        None => None,
    };
    let list = caches.secrets.get(&namespace, &name::ca_crl_secret(ca));
    Facts {
        authority,
        revoked: trust.as_ref().zip(list).and_then(|(trust, list)| context.revoked.serials(&list, trust)),
        trust,
        tls_secret: own_secret(context, object, &name::tls_secret(&name)),
        pending_secret: own_secret(context, object, &name::pending_tls_secret(&name)),
        ca_servers: ca_servers(caches, object),
        ca_answers: endpoint_ready(caches, &namespace, &name::ca_service(ca)),
        operator_pair: caches.secrets.get(&namespace, &name::tls_secret(&name::operator_signing(ca))),
        namesakes: caches.certificates.by(&namespace, &Key::Certname(object.spec.certname.clone())),
    }
}

/// The certificates that an authority is known by, once they are there.
pub(super) async fn trust(context: &Context, namespace: &str, authority: &CertificateAuthority) -> Option<CaBundle> {
    let secret = secret(context, namespace, &trust_name(authority)).await.ok()?;
    Some(CaBundle::from_pem(text(&secret, secret_key::CA_CERTIFICATES)?).ok()?.with_strength(strength(authority)))
}

/// Names of the Certificates of all Servers that run the CA of this Certificate or wait until they may; first that of the
/// one that runs it.
pub(super) fn ca_servers(caches: &Caches, object: &Certificate) -> Vec<String> {
    let servers = ca_server::candidates(caches, &object.namespace().unwrap_or_default(), &object.spec.authority_ref);
    servers.iter().map(|server| server.spec.certificate_ref.clone()).collect()
}
