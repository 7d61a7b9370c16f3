//! The pair in the TLS Secret: whether it belongs together and fits, and when it is to be renewed.

use crate::build::name;
use crate::resources::text::text;
use chrono::TimeDelta;
use k8s_openapi::api::core::v1::Secret;
use kube::ResourceExt as _;
use openvox_crds::Certificate;
use openvox_crds::vocabulary::{annotation, secret_key};
use openvox_machines::certificate::{Issued, Misfit};
use openvox_machines::core::Timestamp;
use openvox_machines::reason;
use openvox_puppet::duration::parse_seconds;
use openvox_puppet::{CaBundle, KeyError, PrivateKey};

/// `renewBefore` where the spec gives none that can be used: 60 days.
const RENEW_BEFORE: i64 = 60 * 86_400;

/// A pair in the TLS Secret that belongs together.
pub(super) struct Found {
    pub certificate: openvox_puppet::Certificate,
    /// Digest of the request that it answers, if it was requested here.
    pub request: Option<String>,
}

/// `key` is what `key.pem` in the Secret was read to.
pub(super) fn found(object: &Certificate, secret: &Secret, key: Option<&Result<PrivateKey, KeyError>>) -> Result<Found, String> {
    let name = name::tls_secret(&object.name_any());
    let pem = text(secret, secret_key::CERTIFICATE).ok_or_else(|| format!("Secret {name} has no cert.pem"))?;
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
    pub fn unfit(&self, object: &Certificate, trust: Option<&CaBundle>) -> Option<Misfit> {
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
