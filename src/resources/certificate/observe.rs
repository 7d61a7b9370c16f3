//! What the Certificate machine looks at.

use super::super::ca_server;
use super::super::certificate_authority::connections::{secret, strength};
use super::super::certificate_authority::{Authorities, setup::server_certificate, trust_name};
use super::super::endpoints::endpoint_ready;
use super::super::name_length::{LABEL_VALUE_MAX, too_long};
use super::super::text::text;
use super::key_proof::proofs_of;
use super::request::CertificateRequest;
use super::store::own_secret;
use crate::build::name;
use crate::cluster::Key;
use crate::reconcile::{Context, View, state_of};
use chrono::TimeDelta;
use k8s_openapi::api::core::v1::Secret;
use kube::{Resource as _, ResourceExt as _};
use openvox_crds::vocabulary::annotation;
use openvox_crds::{Certificate, CertificateAuthority, KeyRotation};
use openvox_machines::certificate::{self as machine, Authority, Issued, Misfit, Observed, Tls};
use openvox_machines::core::{Blocked, State as _, Timestamp};
use openvox_machines::reason;
use openvox_puppet::duration::parse_seconds;
use openvox_puppet::{CaBundle, KeyError, PrivateKey};
use std::sync::Arc;

/// `renewBefore` where the spec gives none that can be used: 60 days.
const RENEW_BEFORE: i64 = 60 * 86_400;

/// What was observed.
pub struct CertificateView {
    pub(super) seen: Observed,
    pub(super) name: String,
    /// Values of the annotations that ask for a renewal and for a new key.
    pub(super) renew_at: Option<String>,
    pub(super) rekey_at: Option<String>,
    /// Proofs that keys were ours.
    pub(super) key_proofs: Vec<String>,
}

impl View<machine::Certificate> for CertificateView {
    fn seen(&self) -> &Observed {
        &self.seen
    }
}

pub(super) async fn observe(context: &Context, object: &Certificate) -> CertificateView {
    let (namespace, name) = (object.namespace().unwrap_or_default(), object.name_any());
    let caches = &context.caches;
    let authority_name = object.spec.authority_ref.clone();
    let authority = caches.authorities.get(&namespace, &authority_name);
    let trust = match authority.as_deref() {
        Some(authority) => trust(context, &namespace, authority).await,
        None => None,
    };
    let tls_secret = own_secret(context, object, &name::tls_secret(&name));
    let pending = own_secret(context, object, &name::pending_tls_secret(&name));
    let key_of = |secret: &Arc<Secret>| text(secret, "key.pem").map(PrivateKey::from_pem);
    let (key, pending_key) = (tls_secret.as_ref().and_then(key_of), pending.as_ref().and_then(key_of).and_then(Result::ok));
    let wanted = wanted(context, object);
    let request = wanted.as_ref().map(|wanted| wanted.digest(&authority_name)).unwrap_or_default();
    let recorded = state_of::<super::Certificates>(object).issued().cloned();
    let found = tls_secret.map(|secret| found(object, &secret, key.as_ref()));
    let (tls, misfit, lacks) = match found {
        None => (Tls::Absent, None, None),
        Some(Err(message)) => (Tls::Unusable { message }, None, None),
        Some(Ok(found)) => {
            let unfit = found.unfit(object, trust.as_ref());
            let lacks = found.request.is_none().then(|| wanted.as_ref().ok()?.lacking(found.certificate.info())).flatten();
            let issued = Issued { request: found.request.or_else(|| Some(request.clone())), ..issued(&found.certificate, object) };
            match recorded.filter(|recorded| (&recorded.serial, &recorded.key) == (&issued.serial, &issued.key)) {
                Some(recorded) => {
                    let outdated = recorded.request.filter(|answers| wanted.is_ok() && *answers != request).map(|_| Misfit {
                        reason: reason::SPEC_CHANGED,
                        message: "the spec asks for another certificate than the one in use".to_owned(),
                    });
                    let revoked = || revoked(context, &namespace, &authority_name, trust.as_ref()?, &found.certificate);
                    (Tls::Pair(issued), unfit.or_else(revoked).or(outdated), lacks)
                }
                None => match unfit {
                    Some(unfit) => {
                        (Tls::Unusable { message: format!("Secret {}: {}", name::tls_secret(&name), unfit.message) }, None, None)
                    }
                    None => (Tls::Pair(issued), None, lacks),
                },
            }
        }
    };
    let asked = |annotation: &str| object.annotations().get(annotation).filter(|value| !value.is_empty()).cloned();
    let (renew_at, rekey_at) = (asked(annotation::RENEW), asked(annotation::REKEY));
    let status = object.status.as_ref();
    let seen = Observed {
        now: context.now(),
        deleting: object.meta().deletion_timestamp.is_some(),
        generation: object.meta().generation.unwrap_or(0),
        invalid: wanted.err(),
        certname_taken_by: elder(context, object, &namespace),
        certname: object.spec.certname.clone(),
        request,
        misfit,
        lacks,
        renew_requested: renew_at.is_some() && status.and_then(|status| status.last_handled_renew_at.as_ref()) != renew_at.as_ref(),
        rekey_requested: rekey_at.is_some() && status.and_then(|status| status.last_handled_rekey_at.as_ref()) != rekey_at.as_ref(),
        rotates: object.spec.private_key.as_ref().is_some_and(|key| key.rotation == KeyRotation::Always),
        authority: authority.as_deref().map_or(Authority::Missing, |authority| standing(context, &namespace, authority)),
        issued_by_setup: authority.as_deref().is_some_and(|authority| issued_by_setup(context, &namespace, &name, authority)),
        setup_only: name == name::operator_signing(&authority_name),
        server_awaited: authority.as_deref().is_some_and(|authority| server_awaited(context, &namespace, authority)),
        authority_name,
        pending_key: pending_key.as_ref().map(|key| key.public_key().to_string()),
        tls,
        report: None,
    };
    let key_proofs = proofs_of(object, key.iter().flatten().chain(&pending_key));
    CertificateView { seen, name, renew_at, rekey_at, key_proofs }
}

/// What the spec asks for; that of a CA server also names its Service.
pub(super) fn wanted(context: &Context, object: &Certificate) -> Result<CertificateRequest, Blocked> {
    let namespace = object.namespace().unwrap_or_default();
    let request = CertificateRequest::of(&object.spec)?;
    if let Some(blocked) = too_long(&object.name_any(), LABEL_VALUE_MAX, "the label of its Secret") {
        return Err(blocked);
    }
    let ca = &object.spec.authority_ref;
    // Also that of a Server that waits until it may run the CA.
    let runs_ca =
        ca_server::candidates(&context.caches, &namespace, ca).iter().any(|server| server.spec.certificate_ref == object.name_any());
    Ok(if runs_ca { request.of_ca_server(&format!("{}.{namespace}.svc", name::ca_service(ca))) } else { request })
}

/// The certificates that an authority is known by, once they are there.
pub(super) async fn trust(context: &Context, namespace: &str, authority: &CertificateAuthority) -> Option<CaBundle> {
    let secret = secret(context, namespace, &trust_name(authority)).await.ok()?;
    Some(CaBundle::from_pem(text(&secret, "ca_crt.pem")?).ok()?.with_strength(strength(authority)))
}

fn standing(context: &Context, namespace: &str, authority: &CertificateAuthority) -> Authority {
    let state = state_of::<Authorities>(authority);
    if !state.usable() {
        return Authority::NotUsable { state: state.path().to_owned() };
    }
    if authority.spec.external.is_some() {
        return Authority::Usable { can_sign: false };
    }
    let ca = authority.name_any();
    if !endpoint_ready(&context.caches, namespace, &name::ca_service(&ca)) {
        return Authority::NotAnswering;
    }
    let credential = context.caches.secrets.get(namespace, &name::tls_secret(&name::operator_signing(&ca)));
    Authority::Usable { can_sign: credential.is_some_and(|secret| text(&secret, "cert.pem").is_some()) }
}

/// The operator's own certificate, always; that of the CA server, as long as no CA server runs that could be
/// asked for it.
fn issued_by_setup(context: &Context, namespace: &str, name: &str, authority: &CertificateAuthority) -> bool {
    let ca = authority.name_any();
    authority.spec.external.is_none()
        && (name == name::operator_signing(&ca)
            || (server_certificate(&context.caches, namespace, &ca).as_deref() == Some(name)
                && !endpoint_ready(&context.caches, namespace, &name::ca_service(&ca))))
}

/// It is not known yet which certificate the set-up will issue.
fn server_awaited(context: &Context, namespace: &str, authority: &CertificateAuthority) -> bool {
    authority.spec.external.is_none()
        && !state_of::<Authorities>(authority).usable()
        && server_certificate(&context.caches, namespace, &authority.name_any()).is_none()
}

/// An older Certificate with the same certname at the same authority; of two of one age, the one whose name
/// comes first.
fn elder(context: &Context, object: &Certificate, namespace: &str) -> Option<String> {
    let age = |certificate: &Certificate| (certificate.creation_timestamp().map(|time| time.0), certificate.name_any());
    let mine = age(object);
    context
        .caches
        .certificates
        .by(namespace, &Key::Certname(object.spec.certname.clone()))
        .iter()
        .find(|other| other.spec.authority_ref == object.spec.authority_ref && other.name_any() != mine.1 && age(other) < mine)
        .map(|other| other.name_any())
}

/// Whether the stored revocation list of the authority has the certificate in use.
fn revoked(
    context: &Context,
    namespace: &str,
    authority: &str,
    trust: &CaBundle,
    certificate: &openvox_puppet::Certificate,
) -> Option<Misfit> {
    let list = context.caches.secrets.get(namespace, &name::ca_crl_secret(authority))?;
    let serial = &certificate.info().serial;
    let message = || format!("the CA has revoked the certificate in use, number {serial}");
    context.revoked.has(&list, trust, serial).then(|| Misfit { reason: reason::REVOKED, message: message() })
}

/// A pair in the TLS Secret that belongs together.
struct Found {
    certificate: openvox_puppet::Certificate,
    /// Digest of the request that it answers, if it was requested here.
    request: Option<String>,
}

/// `key` is what `key.pem` in the Secret was read to.
fn found(object: &Certificate, secret: &Secret, key: Option<&Result<PrivateKey, KeyError>>) -> Result<Found, String> {
    let name = name::tls_secret(&object.name_any());
    let pem = text(secret, "cert.pem").ok_or_else(|| format!("Secret {name} has no cert.pem"))?;
    let key = key.ok_or_else(|| format!("Secret {name} has no key.pem"))?;
    let certificate = openvox_puppet::Certificate::from_pem(pem).map_err(|error| format!("Secret {name}: {error}"))?;
    let key = key.as_ref().map_err(|error| format!("Secret {name}: {error}"))?;
    if !certificate.matches(key) {
        return Err(format!("Secret {name}: the certificate is for another key"));
    }
    Ok(Found { certificate, request: secret.annotations().get(annotation::REQUEST_DIGEST).cloned() })
}

impl Found {
    /// Why this is no certificate for the object, if it is none.
    fn unfit(&self, object: &Certificate, trust: Option<&CaBundle>) -> Option<Misfit> {
        let spec = &object.spec;
        let common_name = self.certificate.info().common_name.as_deref().unwrap_or_default();
        if common_name != spec.certname {
            let message = format!("the certificate is for {common_name:?}, not for {:?}", spec.certname);
            return Some(Misfit { reason: reason::SPEC_CHANGED, message });
        }
        let untrusted = trust.and_then(|trust| trust.verify(&self.certificate).err());
        untrusted.map(|error| Misfit { reason: reason::NOT_TRUSTED, message: error.to_string() })
    }
}

/// What the machine keeps of a certificate.
pub(super) fn issued(certificate: &openvox_puppet::Certificate, object: &Certificate) -> Issued {
    let info = certificate.info();
    let before = parse_seconds(&object.spec.renew_before).ok().filter(|seconds| *seconds > 0).unwrap_or(RENEW_BEFORE);
    let (serial, key) = (info.serial.to_string(), info.public_key.to_string());
    let (renew_at, capped) = renew_at(info.not_before, info.not_after, before, &key);
    Issued { serial, key, not_after: info.not_after, renew_at, renew_before: Some(before), capped, request: None }
}

/// `before` seconds before the end. Where that lies in the first third of the lifetime, after two thirds of it
/// instead: a certificate that lives hardly longer than `renewBefore` would be renewed again and again. The second part of
/// the answer is whether this is so.
///
/// Certificates that were issued together are not renewed together: each is given up to a twentieth of the time that
/// is left then, by its key, so that looking again gives the same answer.
fn renew_at(not_before: Timestamp, not_after: Timestamp, before: i64, key: &str) -> (Timestamp, bool) {
    let third = TimeDelta::seconds((not_after - not_before).num_seconds() / 3);
    let wanted = TimeDelta::try_seconds(before).and_then(|before| not_after.checked_sub_signed(before)).unwrap_or(not_before);
    let capped = wanted < not_before + third;
    let wanted = if capped { not_after - third } else { wanted };
    let parts = i64::from(u16::from_str_radix(key.get(..4).unwrap_or_default(), 16).unwrap_or(0));
    (wanted + TimeDelta::seconds((not_after - wanted).num_seconds() / 20 * parts / i64::from(u16::MAX)), capped)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_that_lives_hardly_longer_than_renew_before_is_not_renewed_at_once() {
        let day = |day: i64| Timestamp::UNIX_EPOCH + TimeDelta::days(day);
        let renew_at = |until: i64, before: i64| renew_at(day(0), day(until), before * 86_400, "0000");
        assert_eq!(renew_at(1825, 60), (day(1765), false));
        assert_eq!(renew_at(90, 60), (day(30), false));
        assert_eq!(renew_at(91, 90), (day(91) - TimeDelta::seconds(91 * 86_400 / 3), true));
        assert_eq!(renew_at(30, 60), (day(20), true));
    }

    #[test]
    fn certificates_that_were_issued_together_are_renewed_one_after_another() {
        let day = |day: i64| Timestamp::UNIX_EPOCH + TimeDelta::days(day);
        let due = |key| renew_at(day(0), day(1825), 60 * 86_400, key).0;
        assert_eq!((due("0000ab"), due("ffff00")), (day(1765), day(1768)));
        assert!(due("0000") < due("8000") && due("8000") < due("ffff"));
        assert_eq!(due("8000"), due("8000"));
    }
}
