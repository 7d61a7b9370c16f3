//! Cleaning up at the CA when a Certificate goes, and which keys were its own.

use super::super::certificate_authority::connections::Identity;
use super::act::{call, client, failed, request, unexpected};
use super::key_proof::is_proven;
use super::request::CertificateRequest;
use super::store::{pending_key, stored_key};
use crate::reconcile::Context;
use openvox_crds::Certificate;
use openvox_machines::certificate::Report;
use openvox_machines::reason;
use openvox_puppet::{CsrInfo, Fingerprint};
use std::sync::Arc;

/// Revokes our certificate and takes our request back. What the CA holds under this name for a key that never was ours
/// belongs to somebody else, and stays.
pub(super) async fn clean(context: &Arc<Context>, object: &Arc<Certificate>, keys: &[String]) -> Result<Report, Report> {
    let CertificateRequest { certname, .. } = request(context, object)?;
    let (_, client) = client(context, object, Identity::Operator).await?;
    if let Some(pem) = call(context, "fetch", || client.certificate(&certname)).await? {
        let held = openvox_puppet::Certificate::from_pem(&pem).map_err(|error| unexpected(&error))?;
        if is_ours(context, object, keys, &held.info().public_key)? {
            call(context, "clean", || client.clean(&certname)).await?;
        }
    }
    // Cleaning leaves a queued request behind, and a new object of this name would then meet it.
    if let Some(queued) = call(context, "queued", || client.queued_csr(&certname)).await? {
        let queued = CsrInfo::from_pem(&queued).map_err(|error| unexpected(&error))?;
        if is_ours(context, object, keys, &queued.public_key)? {
            call(context, "forget", || client.forget(&certname)).await?;
        }
    }
    Ok(Report::Cleaned)
}

/// The operator has held the private key: it is in a Secret of the object, or it has signed a proof.
pub(super) fn has_held(context: &Context, object: &Certificate, key: &Fingerprint) -> bool {
    let stored = [stored_key(context, object), pending_key(context, object)];
    stored.iter().flatten().any(|stored| stored.public_key() == *key) || is_proven(object, key)
}

/// What the CA holds for this key is the object's. `keys` is what its status says, which others may have written.
fn is_ours(context: &Context, object: &Certificate, keys: &[String], key: &Fingerprint) -> Result<bool, Report> {
    if has_held(context, object, key) {
        return Ok(true);
    }
    let certname = &object.spec.certname;
    let unproven = keys.iter().any(|known| known == key.as_str()).then(|| {
        let message = format!(
            "the status says that key {key}, for which the CA holds {certname}, was this Certificate's, but no Secret holds it and no \
             proof is there; if it was, run: puppetserver ca clean --certname {certname}"
        );
        failed(reason::CERTNAME_CONFLICT, message)
    });
    unproven.map_or(Ok(false), Err)
}
