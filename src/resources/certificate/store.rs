//! Storing a certificate: checked against the key, the name and the authority, then written with its key in one
//! go.

use super::observe::{checked, issued, trust};
use crate::build::{self, Scope, name};
use crate::cluster::{Plan, owner_reference};
use crate::puppetca::{self, PrivateKey};
use crate::reconcile::Context;
use kube::ResourceExt as _;
use openvox_crds::{Certificate, CertificateAuthority};
use openvox_machines::certificate::Report;

pub(super) async fn store(
    context: &Context,
    object: &Certificate,
    authority: &CertificateAuthority,
    pem: &str,
    key: &PrivateKey,
) -> Report {
    let namespace = object.namespace().unwrap_or_default();
    let failed = |reason: &str, message: String| Report::Failed { reason: reason.to_owned(), message };
    let certificate = match puppetca::Certificate::from_pem(pem) {
        Ok(certificate) => certificate,
        Err(error) => return failed("UnexpectedAnswer", error.to_string()),
    };
    if !certificate.matches(key) {
        return Report::Conflict { found: format!("a certificate for key {}", certificate.info().public_key) };
    }
    let Some(trust) = trust(context, &namespace, authority).await else {
        return failed("AuthorityNotUsable", "the authority's own certificate is not known yet".to_owned());
    };
    if let Err(message) = checked(&certificate, key, &object.spec.certname, Some(&trust)) {
        return failed("UnexpectedAnswer", message);
    }
    let owner = owner_reference(object);
    let scope = Scope { namespace: &namespace, owner: owner.as_ref() };
    let secret = build::secret::tls(scope, &object.spec.authority_ref, &object.name_any(), pem.as_bytes(), key.to_pem().as_bytes());
    let written = match Plan::new(secret) {
        Ok(plan) => plan.apply(&context.client, Some(&context.caches.secrets), &context.metrics).await,
        Err(error) => Err(error),
    };
    match written {
        Ok(()) => Report::Stored(issued(&certificate, &object.spec.renew_before)),
        Err(error) => failed(error.reason(), error.to_string()),
    }
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
    let found = context.caches.secrets.get(&object.namespace().unwrap_or_default(), secret);
    let pem = found
        .as_ref()
        .and_then(|found| crate::resources::text::text(found, "key.pem"))
        .ok_or_else(|| failed(format!("Secret {secret} has no key.pem")))?;
    PrivateKey::from_pem(pem).map_err(|error| failed(format!("Secret {secret}: {error}")))
}
