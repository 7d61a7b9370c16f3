//! What stands in the way of a request at the CA.

use super::act::{call, failed, request, strongest, unexpected};
use super::request::CertificateRequest;
use super::store::pending_key;
use crate::puppetca::{CaClient, Submitted};
use crate::reconcile::Context;
use openvox_crds::Certificate;
use openvox_machines::certificate::Report;
use openvox_puppet::{CsrInfo, Fingerprint, PrivateKey};
use std::sync::Arc;

const REQUEST: &str = "a request";
const REVOKED: &str = "a revoked certificate";

/// What the CA holds under a certname.
pub(super) struct Occupant {
    what: &'static str,
    /// The key that it is for.
    pub key: Fingerprint,
    /// It asks for, or has, all that the spec asks for.
    complete: bool,
    usable: bool,
}

impl Occupant {
    /// A request that waits.
    pub fn request(queued: CsrInfo, wanted: &CertificateRequest) -> Self {
        let complete = wanted.is_asked_by(&queued);
        Self { what: REQUEST, key: queued.public_key, complete, usable: true }
    }

    fn certificate(certificate: &openvox_puppet::Certificate, signed: bool, wanted: &CertificateRequest, context: &Context) -> Self {
        let info = certificate.info();
        let usable = signed && info.not_after > context.now();
        let what = if signed { "a certificate" } else { REVOKED };
        Self { what, key: info.public_key.clone(), complete: wanted.lacking(info).is_none(), usable }
    }

    /// It is what we would ask for: nothing is to be done but to go on with it.
    pub fn is_wanted(&self, ours: &PrivateKey) -> bool {
        self.key == ours.public_key() && self.complete && self.usable
    }

    /// What it is, in words that [`check_conflict`] understands.
    pub fn described(&self, ours: bool) -> String {
        let (what, key) = (self.what, &self.key);
        if ours { format!("{what} of ours for key {key}, which is outdated,") } else { format!("{what} for key {key}, which is not ours,") }
    }
}

/// What made the CA answer a request like this, if something did.
pub(super) async fn occupant(
    context: &Context,
    client: &CaClient,
    request: &CertificateRequest,
    answer: &Submitted,
) -> Result<Option<Occupant>, Report> {
    let certname = &request.certname;
    let signed = match answer {
        Submitted::Accepted | Submitted::Refused { .. } => return Ok(None),
        Submitted::AlreadyRequested => {
            if let Some(queued) = call(context, "queued", || client.queued_csr(certname)).await? {
                let queued = CsrInfo::from_pem(&queued).map_err(|error| unexpected(&error))?;
                return Ok(Some(Occupant::request(queued, request)));
            }
            // Signed between the two calls.
            true
        }
        Submitted::AlreadySigned => true,
        Submitted::AlreadyRevoked => false,
    };
    let Some(pem) = call(context, "fetch", || client.certificate(certname)).await? else {
        return Err(failed("UnexpectedAnswer", "the CA says that there is a certificate and does not have it"));
    };
    let certificate = openvox_puppet::Certificate::from_pem(&pem).map_err(|error| unexpected(&error))?;
    Ok(Some(Occupant::certificate(&certificate, signed, request, context)))
}

/// Looks whether the CA still holds `found`. One call, and nothing is submitted: who has the name keeps it until somebody
/// cleans it.
pub(super) async fn check_conflict(context: &Arc<Context>, object: &Arc<Certificate>, found: &str) -> Result<Report, Report> {
    let request = request(context, object)?;
    let key = pending_key(context, object)?;
    let (client, _) = strongest(context, object).await?;
    let certname = &request.certname;
    let there = if found.starts_with(REQUEST) {
        let queued = call(context, "queued", || client.queued_csr(certname)).await?;
        let queued = queued.map(|pem| CsrInfo::from_pem(&pem)).transpose().map_err(|error| unexpected(&error))?;
        queued.map(|queued| Occupant::request(queued, &request))
    } else {
        let pem = call(context, "fetch", || client.certificate(certname)).await?;
        let certificate = pem.map(|pem| openvox_puppet::Certificate::from_pem(&pem)).transpose().map_err(|error| unexpected(&error))?;
        certificate.map(|certificate| Occupant::certificate(&certificate, !found.starts_with(REVOKED), &request, context))
    };
    let same = there.is_some_and(|there| found.contains(there.key.as_str()) && !there.is_wanted(&key));
    Ok(if same { Report::Conflict { found: found.to_owned() } } else { Report::ConflictGone })
}
