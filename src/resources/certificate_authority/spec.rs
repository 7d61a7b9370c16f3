//! Values in the spec that cannot be used.

use crate::build;
use crate::resources::name_length::{LABEL_VALUE_MAX, too_long};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use kube::ResourceExt as _;
use openvox_crds::CertificateAuthority;
use openvox_machines::core::Blocked;
use openvox_machines::reason;
use openvox_puppet::duration::{lifetime_seconds, parse_seconds};

/// The first value with which nothing can be set up or reached.
pub(super) fn invalid(object: &CertificateAuthority) -> Option<Blocked> {
    name(object).or_else(|| duration(object)).or_else(|| storage(object)).or_else(|| intermediate(object)).or_else(|| external(object))
}

fn name(object: &CertificateAuthority) -> Option<Blocked> {
    let name = object.name_any();
    if object.spec.external.is_some() {
        return too_long(&name, LABEL_VALUE_MAX, "the label of its Secret");
    }
    // The Job's name, with a suffix of the same length, becomes a label of its pod.
    let suffix = build::name::ca_service("").len();
    too_long(&name, LABEL_VALUE_MAX - suffix, "the name of its Service")
}

/// The first value that is left aside; everything else goes on.
pub(super) fn doubtful(object: &CertificateAuthority) -> Option<Blocked> {
    let given = &object.spec.crl_refresh_interval;
    // Nothing at all stands for the default, as in every other field.
    let never = !given.trim().is_empty() && parse_seconds(given).is_ok_and(|seconds| seconds <= 0);
    never.then(|| {
        Blocked::invalid(
            reason::INVALID_SPEC,
            format!("spec.crlRefreshInterval: {given:?} would never fetch the revocation list, so revoked agents would stay trusted"),
        )
        .remedy("write a time above 0; 5m is used until then")
    })
}

fn duration(object: &CertificateAuthority) -> Option<Blocked> {
    let spec = &object.spec;
    let fields = [
        ("spec.ttl", lifetime_seconds(&spec.ttl).err()),
        ("spec.autoRenewalCertTTL", lifetime_seconds(&spec.auto_renewal_cert_ttl).err()),
        ("spec.crlRefreshInterval", parse_seconds(&spec.crl_refresh_interval).err()),
    ];
    fields.into_iter().find_map(|(field, error)| Some(Blocked::invalid(reason::INVALID_SPEC, format!("{field}: {}", error?))))
}

fn storage(object: &CertificateAuthority) -> Option<Blocked> {
    let size = &object.spec.storage.as_ref()?.size;
    let known = size.is_empty() || build::quantity::bytes(&Quantity(size.clone())).is_some();
    (!known).then(|| {
        Blocked::invalid(reason::INVALID_SPEC, format!("spec.storage.size: {size:?} is not a quantity"))
            .remedy("write a number with a unit, such as 1Gi")
    })
}

fn intermediate(object: &CertificateAuthority) -> Option<Blocked> {
    let given = object.spec.intermediate_ca.as_ref().filter(|given| given.enabled)?;
    given.secret_name.as_deref().unwrap_or_default().is_empty().then(|| {
        Blocked::invalid(reason::INVALID_SPEC, "spec.intermediateCA.secretName: it is missing, and intermediateCA.enabled is true")
            .remedy("name the Secret with ca.pem, key.pem and crl.pem")
    })
}

/// An address without TLS is one at which everybody on the way can pose as the CA.
fn external(object: &CertificateAuthority) -> Option<Blocked> {
    let url = &object.spec.external.as_ref()?.url;
    let rest = url.strip_prefix("https://");
    let plain = rest.is_none_or(str::is_empty);
    plain.then(|| {
        // A password in the address must not come out in a message.
        let shown = url.rsplit('@').next().unwrap_or_default();
        Blocked::invalid(
            reason::INVALID_SPEC,
            format!("spec.external.url: {shown:?} is no https:// address, and a CA is only asked over TLS"),
        )
        .remedy("write https:// with host and port, such as https://puppet.example.com:8140")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn authority(spec: &Value) -> CertificateAuthority {
        serde_json::from_value(json!({"metadata": {"name": "corp"}, "spec": spec})).unwrap()
    }

    fn said(blocked: Option<Blocked>, words: &[&str]) {
        let message = blocked.unwrap().message;
        assert!(words.iter().all(|word| message.contains(word)), "{message}");
    }

    #[test]
    fn an_interval_that_would_never_come_is_said_and_one_that_cannot_be_read_stops_the_set_up() {
        for never in ["0", "-5m", "0d"] {
            let authority = authority(&json!({"crlRefreshInterval": never}));
            assert_eq!(invalid(&authority), None);
            said(doubtful(&authority), &["spec.crlRefreshInterval", never, "write a time above 0"]);
        }
        said(invalid(&authority(&json!({"crlRefreshInterval": "1h30m"}))), &["spec.crlRefreshInterval", "1h30m"]);
        for good in ["", "5m", "10s", "300"] {
            assert_eq!(doubtful(&authority(&json!({"crlRefreshInterval": good}))), None, "{good}");
        }
    }

    #[test]
    fn a_lifetime_that_puppet_server_does_not_take_stops_the_set_up() {
        for field in ["ttl", "autoRenewalCertTTL"] {
            for bad in ["0", "-5y", "+5y", "100y", "1576800001", "5 years"] {
                said(invalid(&authority(&json!({field: bad}))), &[field, bad]);
            }
            for good in ["", "1", "50y", "1576800000s"] {
                assert_eq!(invalid(&authority(&json!({field: good}))), None, "{good}");
            }
        }
    }

    #[test]
    fn a_size_that_is_none_stops_the_set_up() {
        for size in ["much", "1 Gi", "Gi"] {
            said(invalid(&authority(&json!({"storage": {"size": size}}))), &["spec.storage.size", size, "such as 1Gi"]);
        }
        assert_eq!(invalid(&authority(&json!({"storage": {"size": "2Gi"}}))), None);
    }

    #[test]
    fn an_external_ca_without_tls_is_refused_with_the_remedy_and_without_its_password() {
        let refused = invalid(&authority(&json!({"external": {"url": "http://admin:secret@puppet:8140"}})));
        assert!(!refused.clone().unwrap().message.contains("secret"));
        said(refused, &["spec.external.url", "puppet:8140", "https://"]);
        assert_eq!(invalid(&authority(&json!({"external": {"url": "https://puppet:8140"}}))), None);
    }

    #[test]
    fn an_intermediate_ca_needs_the_name_of_its_secret() {
        said(
            invalid(&authority(&json!({"intermediateCA": {"enabled": true}}))),
            &["spec.intermediateCA.secretName", "ca.pem, key.pem and crl.pem"],
        );
        assert_eq!(invalid(&authority(&json!({"intermediateCA": {"enabled": false}}))), None);
        assert_eq!(invalid(&authority(&json!({"intermediateCA": {"enabled": true, "secretName": "given"}}))), None);
    }
}
