//! Storing a certificate: checked against the key, the name and the authority, then written with its key in one
//! go.

use super::look::trust;
use super::pair::issued;
use super::request::CertificateRequest;
use crate::build::metadata::metadata;
use crate::build::{self, Scope, label_set, name};
use crate::cluster::{Desired, Foreign, Identity, owner_reference};
use crate::reconcile::{Context, state_of};
use chrono::TimeDelta;
use k8s_openapi::api::core::v1::Secret;
use kube::ResourceExt as _;
use openvox_crds::vocabulary::secret_key;
use openvox_crds::{Certificate, CertificateAuthority};
use openvox_machines::certificate::{Issued, Report};
use openvox_machines::reason;
use openvox_puppet::{CertificateInfo, PrivateKey};
use std::sync::Arc;

/// A CA whose clock is ahead of ours by less than this is believed.
const CLOCK_SKEW: TimeDelta = TimeDelta::minutes(5);

/// What a certificate has to have.
pub(super) struct Expected {
    /// Names and extensions.
    pub request: CertificateRequest,
    /// Digest of the request that it answers.
    pub digest: Option<String>,
}

impl Expected {
    /// What the spec asks for.
    pub fn of_spec(object: &Certificate, request: CertificateRequest) -> Self {
        Self { digest: Some(request.digest(&object.spec.authority_ref)), request }
    }

    /// What the certificate has that is being renewed: a renewal changes neither names nor extensions.
    pub fn of_renewal(object: &Certificate, mut request: CertificateRequest, old: &CertificateInfo) -> Self {
        request.csr.alt_names.retain(|name| old.alt_names.contains(name));
        request.csr.extensions.retain(|extension| old.extensions.contains(extension));
        let digest = state_of::<super::Certificates>(object).issued().and_then(|issued| issued.request.clone());
        Self { request, digest }
    }
}

pub(super) async fn store(
    context: &Context,
    object: &Certificate,
    authority: &CertificateAuthority,
    expected: &Expected,
    pem: &str,
    key: &PrivateKey,
) -> Report {
    let namespace = object.namespace().unwrap_or_default();
    let failed = |reason: &str, message: String| Report::Failed { reason: reason.to_owned(), message };
    let certificate = match openvox_puppet::Certificate::from_pem(pem) {
        Ok(certificate) => certificate,
        Err(error) => return failed("UnexpectedAnswer", error.to_string()),
    };
    if !certificate.matches(key) {
        return Report::Conflict { found: format!("a certificate for key {}", certificate.info().public_key) };
    }
    let Some(trust) = trust(context, &namespace, authority).await else {
        return failed(reason::AUTHORITY_NOT_USABLE, "the authority's own certificate is not known yet".to_owned());
    };
    let info = certificate.info();
    if info.common_name.as_deref() != Some(&object.spec.certname) {
        let name = info.common_name.as_deref().unwrap_or_default();
        return failed("UnexpectedAnswer", format!("the CA answered with a certificate for {name:?}, not for {:?}", object.spec.certname));
    }
    if let Err(error) = trust.verify_as_peer(&certificate) {
        return failed("UnexpectedAnswer", error.to_string());
    }
    let now = context.now();
    if now >= info.not_after || now + CLOCK_SKEW < info.not_before {
        let message = format!("the CA answered with a certificate that is valid from {} to {} only", info.not_before, info.not_after);
        return failed("UnexpectedAnswer", message);
    }
    if let Some(lacking) = expected.request.lacking(info) {
        let certname = &expected.request.certname;
        let message = format!(
            "it signed a certificate without {lacking}; allow that at the CA, and make room with: puppetserver ca clean --certname {certname}"
        );
        return Report::Refused { message };
    }
    let owner = owner_reference(object);
    let scope = Scope { namespace: &namespace, owner: owner.as_ref() };
    let secret = build::secret::tls(
        scope,
        &object.spec.authority_ref,
        &object.name_any(),
        certificate.to_pem().as_bytes(),
        key.to_pem().as_bytes(),
        expected.digest.as_deref(),
    );
    let written = match Desired::new(&secret) {
        Ok(desired) => desired.apply(&context.client, &context.caches, &context.metrics).await,
        Err(error) => Err(error),
    };
    match written {
        Ok(()) => Report::Stored(Issued { request: expected.digest.clone(), ..issued(&certificate, object) }),
        Err(error) => failed(error.reason(), error.to_string()),
    }
}

/// A Secret of a Certificate.
pub(super) fn identity(object: &Certificate, secret: &str) -> Identity<Secret> {
    let (namespace, owner) = (object.namespace().unwrap_or_default(), owner_reference(object));
    let labels = label_set::certificate(&object.spec.authority_ref, &object.name_any());
    Identity::of::<Secret>(metadata(Scope { namespace: &namespace, owner: owner.as_ref() }, secret, labels))
}

/// A Secret of the Certificate, if there is one of the name and it is not somebody else's.
pub(super) fn own_secret(context: &Context, object: &Certificate, secret: &str) -> Option<Arc<Secret>> {
    let live = context.caches.secrets.get(&object.namespace().unwrap_or_default(), secret)?;
    let foreign = identity(object, secret).foreign(&live);
    // Until the garbage collector has removed it, a Certificate that was created anew goes on with the pair.
    matches!(foreign, None | Some(Foreign::Predecessor(_))).then_some(live)
}

/// The key in the pending Secret.
pub(super) fn pending_key(context: &Context, object: &Certificate) -> Result<PrivateKey, Report> {
    key_in(context, object, &name::pending_tls_secret(&object.name_any()))
}

/// The key in the TLS Secret.
pub(super) fn stored_key(context: &Context, object: &Certificate) -> Result<PrivateKey, Report> {
    key_in(context, object, &name::tls_secret(&object.name_any()))
}

fn key_in(context: &Context, object: &Certificate, secret: &str) -> Result<PrivateKey, Report> {
    let failed = |message: String| Report::Failed { reason: "KeyUnreadable".to_owned(), message };
    let found = own_secret(context, object, secret);
    let pem = found
        .as_ref()
        .and_then(|found| crate::resources::text::text(found, secret_key::KEY))
        .ok_or_else(|| failed(format!("Secret {secret} has no key.pem")))?;
    PrivateKey::from_pem(pem).map_err(|error| failed(format!("Secret {secret}: {error}")))
}
