//! What the facts mean for a Certificate (no client required).

use super::key_proof::proofs_of;
use super::look::Facts;
use super::pair::{found, issued};
use super::request::wanted;
use crate::build::name;
use crate::reconcile::{View, state_of};
use crate::resources::certificate_authority::Authorities;
use crate::resources::text::text;
use k8s_openapi::api::core::v1::Secret;
use kube::ResourceExt as _;
use openvox_crds::vocabulary::{annotation, secret_key};
use openvox_crds::{Certificate, CertificateAuthority, KeyRotation};
use openvox_machines::certificate::{self as machine, Authority, Issued, Misfit, Observed, Report, Tls};
use openvox_machines::core::{State as _, Timestamp};
use openvox_machines::reason;
use openvox_puppet::{PrivateKey, Serial};
use std::collections::BTreeSet;
use std::sync::Arc;

/// The machine's observation, and what the status says besides.
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

pub(super) fn judge(object: &Certificate, facts: &Facts, report: Option<Report>, now: Timestamp) -> CertificateView {
    let (name, ca) = (object.name_any(), &object.spec.authority_ref);
    let key_of = |secret: &Arc<Secret>| text(secret, secret_key::KEY).map(PrivateKey::from_pem);
    let key = facts.tls_secret.as_ref().and_then(key_of);
    let pending_key = facts.pending_secret.as_ref().and_then(key_of).and_then(Result::ok);
    let wanted = wanted(object, &facts.ca_servers);
    let request = wanted.as_ref().map(|wanted| wanted.digest(ca)).unwrap_or_default();
    let recorded = state_of::<super::Certificates>(object).issued().cloned();
    let found = facts.tls_secret.as_deref().map(|secret| found(object, secret, key.as_ref()));
    let (tls, misfit, lacks) = match found {
        None => (Tls::Absent, None, None),
        Some(Err(message)) => (Tls::Unusable { message }, None, None),
        Some(Ok(found)) => {
            let unfit = found.unfit(object, facts.trust.as_ref());
            let lacks = found.request.is_none().then(|| wanted.as_ref().ok()?.lacking(found.certificate.info())).flatten();
            let issued = Issued { request: found.request.or_else(|| Some(request.clone())), ..issued(&found.certificate, object) };
            match recorded.filter(|recorded| (&recorded.serial, &recorded.key) == (&issued.serial, &issued.key)) {
                Some(recorded) => {
                    let outdated = recorded.request.filter(|answers| wanted.is_ok() && *answers != request).map(|_| Misfit {
                        reason: reason::SPEC_CHANGED,
                        message: "the spec asks for another certificate than the one in use".to_owned(),
                    });
                    let revoked = || revoked(facts.revoked.as_deref()?, &found.certificate.info().serial);
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
    let internal = facts.authority.as_deref().filter(|authority| authority.spec.external.is_none());
    let seen = Observed {
        now,
        deleting: object.metadata.deletion_timestamp.is_some(),
        generation: object.metadata.generation.unwrap_or(0),
        invalid: wanted.err(),
        certname_taken_by: elder(object, &facts.namesakes),
        certname: object.spec.certname.clone(),
        request,
        misfit,
        lacks,
        renew_requested: renew_at.is_some() && status.and_then(|status| status.last_handled_renew_at.as_ref()) != renew_at.as_ref(),
        rekey_requested: rekey_at.is_some() && status.and_then(|status| status.last_handled_rekey_at.as_ref()) != rekey_at.as_ref(),
        rotates: object.spec.private_key.as_ref().is_some_and(|key| key.rotation == KeyRotation::Always),
        authority: facts.authority.as_deref().map_or(Authority::Missing, |authority| usability(authority, facts)),
        issued_by_setup: internal.is_some() && issued_by_setup(&name, ca, facts),
        setup_only: name == name::operator_signing(ca),
        // It is not known yet which certificate the set-up will issue.
        server_awaited: internal.is_some_and(|authority| !state_of::<Authorities>(authority).usable()) && facts.ca_servers.is_empty(),
        authority_name: ca.clone(),
        pending_key: pending_key.as_ref().map(|key| key.public_key().to_string()),
        tls,
        report,
    };
    let key_proofs = proofs_of(object, key.iter().flatten().chain(&pending_key));
    CertificateView { seen, name, renew_at, rekey_at, key_proofs }
}

fn usability(authority: &CertificateAuthority, facts: &Facts) -> Authority {
    let state = state_of::<Authorities>(authority);
    if !state.usable() {
        return Authority::NotUsable { state: state.path().to_owned() };
    }
    if authority.spec.external.is_some() {
        return Authority::Usable { can_sign: false };
    }
    if !facts.ca_answers {
        return Authority::NotAnswering;
    }
    Authority::Usable { can_sign: facts.operator_pair.as_deref().is_some_and(|secret| text(secret, secret_key::CERTIFICATE).is_some()) }
}

/// The operator's own certificate, always; that of the CA server, as long as no CA server runs that could be
/// asked for it.
fn issued_by_setup(name: &str, ca: &str, facts: &Facts) -> bool {
    name == name::operator_signing(ca) || (facts.ca_servers.first().is_some_and(|first| first == name) && !facts.ca_answers)
}

/// An older Certificate with the same certname at the same authority; of two of one age, the one whose name
/// comes first.
fn elder(object: &Certificate, namesakes: &[Arc<Certificate>]) -> Option<String> {
    let age = |certificate: &Certificate| (certificate.creation_timestamp().map(|time| time.0), certificate.name_any());
    let mine = age(object);
    namesakes
        .iter()
        .find(|other| other.spec.authority_ref == object.spec.authority_ref && other.name_any() != mine.1 && age(other) < mine)
        .map(|other| other.name_any())
}

/// Whether the revocation list has the certificate in use.
fn revoked(list: &BTreeSet<Serial>, serial: &Serial) -> Option<Misfit> {
    let message = || format!("the CA has revoked the certificate in use, number {serial}");
    list.contains(serial).then(|| Misfit { reason: reason::REVOKED, message: message() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use openvox_puppet::KeyAlgorithm;
    use serde_json::{Value, json};

    fn certificate(name: &str, created: &str) -> Certificate {
        let metadata = json!({"name": name, "namespace": "ns", "uid": name, "creationTimestamp": created});
        serde_json::from_value(json!({"metadata": metadata, "spec": {"authorityRef": "corp", "certname": "web"}})).unwrap()
    }

    fn authority(spec: &Value, state: Option<&str>) -> Arc<CertificateAuthority> {
        let facts = json!({"key": "k", "notAfter": "2030-01-01T00:00:00Z", "warnAt": "2029-01-01T00:00:00Z"});
        let data = json!({"leaf": state, "health": "Valid", "authority": facts, "attempt": 0, "nextAttempt": null});
        let machine = state.map(|_| json!({"version": 1, "seq": 1, "since": "2026-01-01T00:00:00Z", "data": data}));
        let whole = json!({"metadata": {"name": "corp"}, "spec": spec, "status": {"machine": machine}});
        Arc::new(serde_json::from_value(whole).unwrap())
    }

    fn pem(key: &str, value: &str) -> Arc<Secret> {
        let data = [(key.to_owned(), k8s_openapi::ByteString(value.as_bytes().to_vec()))].into();
        Arc::new(Secret { data: Some(data), ..Secret::default() })
    }

    fn seen(facts: &Facts) -> Observed {
        judge(&certificate("web", "2026-01-02T00:00:00Z"), facts, None, Timestamp::UNIX_EPOCH).seen
    }

    #[test]
    fn an_authority_is_usable_once_it_is_ready_and_answers() {
        let internal = || Some(authority(&json!({}), Some("Ready")));
        let external = || Some(authority(&json!({"external": {"url": "https://puppet:8140"}}), Some("Ready")));
        for (facts, usability) in [
            (Facts::default(), Authority::Missing),
            (
                Facts { authority: Some(authority(&json!({}), None)), ca_answers: true, ..Facts::default() },
                Authority::NotUsable { state: "Pending/WaitingForConfig".to_owned() },
            ),
            (Facts { authority: internal(), ..Facts::default() }, Authority::NotAnswering),
            (Facts { authority: internal(), ca_answers: true, ..Facts::default() }, Authority::Usable { can_sign: false }),
            (
                Facts { authority: internal(), ca_answers: true, operator_pair: Some(pem("cert.pem", "x")), ..Facts::default() },
                Authority::Usable { can_sign: true },
            ),
            (
                Facts { authority: external(), operator_pair: Some(pem("cert.pem", "x")), ..Facts::default() },
                Authority::Usable { can_sign: false },
            ),
        ] {
            assert_eq!(seen(&facts).authority, usability);
        }
    }

    #[test]
    fn the_set_up_issues_the_certificate_of_the_first_ca_server_while_none_answers() {
        let facts = |servers: &[&str], ca_answers| Facts {
            authority: Some(authority(&json!({}), None)),
            ca_servers: servers.iter().map(|name| (*name).to_owned()).collect(),
            ca_answers,
            ..Facts::default()
        };
        let by_setup = |facts: Facts| (seen(&facts).issued_by_setup, seen(&facts).server_awaited);
        assert_eq!(by_setup(facts(&[], false)), (false, true));
        assert_eq!(by_setup(facts(&["web", "other"], false)), (true, false));
        assert_eq!(by_setup(facts(&["other", "web"], false)), (false, false));
        assert_eq!(by_setup(facts(&["web"], true)), (false, false));
    }

    #[test]
    fn a_certname_belongs_to_the_oldest_certificate_of_the_authority() {
        let taken_by = |others: &[(&str, &str)]| {
            let namesakes = others.iter().map(|(name, created)| Arc::new(certificate(name, created))).collect();
            seen(&Facts { namesakes, ..Facts::default() }).certname_taken_by
        };
        assert_eq!(taken_by(&[("web", "2026-01-02T00:00:00Z"), ("younger", "2026-01-03T00:00:00Z")]), None);
        assert_eq!(taken_by(&[("older", "2026-01-01T00:00:00Z")]).as_deref(), Some("older"));
        assert_eq!(taken_by(&[("a", "2026-01-02T00:00:00Z")]).as_deref(), Some("a"), "of two of one age, the first by name");
    }

    #[test]
    fn a_pending_key_is_read_and_a_damaged_secret_is_unusable() {
        let key = PrivateKey::generate(KeyAlgorithm::EcdsaP256).unwrap();
        let pending = seen(&Facts { pending_secret: Some(pem("key.pem", key.to_pem())), ..Facts::default() });
        assert_eq!(pending.pending_key, Some(key.public_key().to_string()));
        assert_eq!(pending.tls, Tls::Absent);
        let damaged = seen(&Facts { tls_secret: Some(pem("key.pem", key.to_pem())), ..Facts::default() });
        assert_eq!(damaged.tls, Tls::Unusable { message: "Secret web-tls has no cert.pem".to_owned() });
    }
}
