//! What the Certificate machine looks at.

use super::super::certificate_authority::connections::secret;
use super::super::certificate_authority::{endpoint_ready, machine_state, setup::server_certificate};
use super::super::text::text;
use super::request;
use crate::build::name;
use crate::puppetca::{self, CaBundle, PrivateKey};
use crate::reconcile::{Context, View};
use crate::render::duration::parse_seconds;
use chrono::TimeDelta;
use k8s_openapi::api::core::v1::Secret;
use kube::{Resource as _, ResourceExt as _};
use openvox_crds::{Certificate, CertificateAuthority};
use openvox_machines::certificate::{self as machine, Authority, Issued, Observed, Report, Tls};
use openvox_machines::core::{State as _, Timestamp};
use std::sync::Arc;

/// `renewBefore` where the spec gives none that can be used: 60 days.
const RENEW_BEFORE: i64 = 60 * 86_400;

/// What was observed.
pub struct CertificateView {
    pub(super) seen: Observed,
    pub(super) name: String,
}

impl View<machine::Certificate> for CertificateView {
    fn seen(&self) -> &Observed {
        &self.seen
    }
}

pub(super) async fn observe(context: &Context, object: &Arc<Certificate>, report: Option<Report>) -> CertificateView {
    let (namespace, name) = (object.namespace().unwrap_or_default(), object.name_any());
    let caches = &context.caches;
    let authority_name = object.spec.authority_ref.clone();
    let authority = caches.authorities.get(&namespace, &authority_name);
    let trust = match authority.as_deref() {
        Some(authority) => trust(context, &namespace, authority).await,
        None => None,
    };
    let tls_secret = caches.secrets.get(&namespace, &name::tls_secret(&name));
    let pending = caches.secrets.get(&namespace, &name::pending_tls_secret(&name));
    let seen = Observed {
        now: context.now(),
        deleting: object.meta().deletion_timestamp.is_some(),
        generation: object.meta().generation.unwrap_or(0),
        invalid: request::CertificateRequest::of(&object.spec).err(),
        certname_taken_by: elder(context, object, &namespace),
        authority: authority.as_deref().map_or(Authority::Missing, |authority| standing(context, &namespace, authority)),
        issued_by_setup: authority.as_deref().is_some_and(|authority| issued_by_setup(context, &namespace, &name, authority)),
        server_awaited: authority.as_deref().is_some_and(|authority| server_awaited(context, &namespace, authority)),
        authority_name,
        pending_key: pending.and_then(|secret| Some(PrivateKey::from_pem(text(&secret, "key.pem")?).ok()?.public_key().to_string())),
        tls: tls_secret.map_or(Tls::Absent, |secret| match pair(object, &secret, trust.as_ref()) {
            Ok(issued) => Tls::Pair(issued),
            Err(message) => Tls::Unusable { message },
        }),
        report,
    };
    CertificateView { seen, name }
}

/// The certificates that an authority is known by, once they are there.
pub(super) async fn trust(context: &Context, namespace: &str, authority: &CertificateAuthority) -> Option<CaBundle> {
    let given = authority.spec.external.as_ref().and_then(|external| external.ca_secret_ref.clone());
    let secret = secret(context, namespace, &given.unwrap_or_else(|| name::ca_secret(&authority.name_any()))).await.ok()?;
    CaBundle::from_pem(text(&secret, "ca_crt.pem")?).ok()
}

fn standing(context: &Context, namespace: &str, authority: &CertificateAuthority) -> Authority {
    let state = machine_state(authority);
    if !state.usable() {
        return Authority::NotUsable { state: state.path().to_owned() };
    }
    if authority.spec.external.is_some() {
        return Authority::Usable { can_sign: false };
    }
    let ca = authority.name_any();
    if !endpoint_ready(context, namespace, &name::ca_service(&ca)) {
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
                && !endpoint_ready(context, namespace, &name::ca_service(&ca))))
}

/// It is not known yet which certificate the set-up will issue.
fn server_awaited(context: &Context, namespace: &str, authority: &CertificateAuthority) -> bool {
    authority.spec.external.is_none()
        && !machine_state(authority).usable()
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
        .all(namespace)
        .iter()
        .find(|other| {
            other.spec.authority_ref == object.spec.authority_ref
                && other.spec.certname == object.spec.certname
                && other.name_any() != mine.1
                && age(other) < mine
        })
        .map(|other| other.name_any())
}

/// Reads the pair in the TLS Secret and checks it against itself, the certname and the authority.
fn pair(object: &Certificate, secret: &Secret, trust: Option<&CaBundle>) -> Result<Issued, String> {
    let name = secret.name_any();
    let pem = text(secret, "cert.pem").ok_or_else(|| format!("Secret {name} has no cert.pem"))?;
    let key_pem = text(secret, "key.pem").ok_or_else(|| format!("Secret {name} has no key.pem"))?;
    let certificate = puppetca::Certificate::from_pem(pem).map_err(|error| format!("Secret {name}: {error}"))?;
    let key = PrivateKey::from_pem(key_pem).map_err(|error| format!("Secret {name}: {error}"))?;
    checked(&certificate, &key, &object.spec.certname, trust).map_err(|message| format!("Secret {name}: {message}"))?;
    Ok(issued(&certificate, &object.spec.renew_before))
}

/// A certificate is for this key, of this name, and signed by this authority.
pub(super) fn checked(
    certificate: &puppetca::Certificate,
    key: &PrivateKey,
    certname: &str,
    trust: Option<&CaBundle>,
) -> Result<(), String> {
    if !certificate.matches(key) {
        return Err("the certificate is for another key".to_owned());
    }
    if certificate.info().common_name.as_deref() != Some(certname) {
        return Err(format!(
            "the certificate is for {:?}, not for {certname:?}",
            certificate.info().common_name.as_deref().unwrap_or_default()
        ));
    }
    match trust {
        Some(trust) => trust.verify(certificate).map_err(|error| error.to_string()),
        None => Ok(()),
    }
}

/// What the machine keeps of a certificate.
pub(super) fn issued(certificate: &puppetca::Certificate, renew_before: &str) -> Issued {
    let info = certificate.info();
    let before = parse_seconds(renew_before).ok().filter(|seconds| *seconds > 0).unwrap_or(RENEW_BEFORE);
    Issued {
        serial: info.serial.to_string(),
        key: info.public_key.to_string(),
        not_after: info.not_after,
        renew_at: renew_at(info.not_before, info.not_after, before),
    }
}

/// `before` seconds before the end. Where that lies in the first third of the lifetime, after two thirds of it
/// instead: a certificate that lives hardly longer than `renewBefore` would be renewed again and again.
fn renew_at(not_before: Timestamp, not_after: Timestamp, before: i64) -> Timestamp {
    let third = TimeDelta::seconds((not_after - not_before).num_seconds() / 3);
    let wanted = not_after.checked_sub_signed(TimeDelta::try_seconds(before).unwrap_or(TimeDelta::MAX)).unwrap_or(not_before);
    if wanted < not_before + third { not_after - third } else { wanted }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_that_lives_hardly_longer_than_renew_before_is_not_renewed_at_once() {
        let day = |day: i64| Timestamp::UNIX_EPOCH + TimeDelta::days(day);
        assert_eq!(renew_at(day(0), day(1825), 60 * 86_400), day(1765));
        assert_eq!(renew_at(day(0), day(90), 60 * 86_400), day(30));
        assert_eq!(renew_at(day(0), day(91), 90 * 86_400), day(91) - TimeDelta::seconds(91 * 86_400 / 3));
        assert_eq!(renew_at(day(0), day(30), 60 * 86_400), day(20));
    }
}
