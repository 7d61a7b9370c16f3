//! Secret.

use super::label_set::{self, Labels};
use super::metadata::metadata;
use super::name;
use super::scope::Scope;
use crate::render::enc::{self, EncFiles};
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use openvox_crds::vocabulary::{annotation, label, secret_key};

fn opaque<const N: usize>(scope: Scope<'_>, name: String, labels: Labels, data: [(&str, &[u8]); N]) -> Secret {
    let data = data.into_iter().map(|(key, value)| (key.to_owned(), ByteString(value.to_vec())));
    Secret { metadata: metadata(scope, name, labels), type_: Some("Opaque".to_owned()), data: Some(data.collect()), ..Secret::default() }
}

/// Autosign policy of a CA. `config` is the Config that the CA works with, if there is one.
#[must_use]
pub fn autosign_policy(scope: Scope<'_>, authority: &str, config: Option<&str>, yaml: &str) -> Secret {
    let mut labels = label_set::authority(authority);
    labels.extend(config.map(|config| (label::CONFIG.to_owned(), config.to_owned())));
    let data = [("autosign-policy.yaml", yaml.as_bytes())];
    opaque(scope, name::autosign_policy_secret(authority), labels, data)
}

/// Settings of the classifier program.
#[must_use]
pub fn enc(scope: Scope<'_>, config: &str, files: &EncFiles) -> Secret {
    let mut secret = opaque(scope, name::enc_secret(config), label_set::config(config), [(enc::FILE, files.settings.as_bytes())]);
    let ca = files.ca.as_ref().map(|pem| (enc::CA_FILE.to_owned(), ByteString(pem.clone().into_bytes())));
    secret.data.get_or_insert_default().extend(ca);
    secret
}

/// Settings of the report program.
#[must_use]
pub fn report_webhook(scope: Scope<'_>, config: &str, yaml: &str) -> Secret {
    let data = [("report-webhook.yaml", yaml.as_bytes())];
    opaque(scope, name::report_webhook_secret(config), label_set::config(config), data)
}

/// A certificate and its key. `request` is the digest of the request that it answers, where one was made.
#[must_use]
pub fn tls(scope: Scope<'_>, authority: &str, certificate: &str, cert_pem: &[u8], key_pem: &[u8], request: Option<&str>) -> Secret {
    let labels = label_set::certificate(authority, certificate);
    let mut secret =
        opaque(scope, name::tls_secret(certificate), labels, [(secret_key::CERTIFICATE, cert_pem), (secret_key::KEY, key_pem)]);
    secret.metadata.annotations = request.map(|digest| [(annotation::REQUEST_DIGEST.to_owned(), digest.to_owned())].into());
    secret
}

/// A key whose certificate is not there yet.
#[must_use]
pub fn pending_key(scope: Scope<'_>, authority: &str, certificate: &str, key_pem: &[u8]) -> Secret {
    let labels = label_set::certificate(authority, certificate);
    opaque(scope, name::pending_tls_secret(certificate), labels, [(secret_key::KEY, key_pem)])
}

/// Certificates of a CA, the signing one first.
#[must_use]
pub fn ca_certificates(scope: Scope<'_>, authority: &str, pem: &[u8]) -> Secret {
    opaque(scope, name::ca_secret(authority), label_set::authority(authority), [(secret_key::CA_CERTIFICATES, pem)])
}

/// Private key of a CA.
#[must_use]
pub fn ca_key(scope: Scope<'_>, authority: &str, pem: &[u8]) -> Secret {
    opaque(scope, name::ca_key_secret(authority), label_set::authority(authority), [(secret_key::CA_KEY, pem)])
}

/// CRL of a CA and, where it is known, the CRL of its infrastructure certificates.
#[must_use]
pub fn ca_crl(scope: Scope<'_>, authority: &str, crl_pem: &[u8], infra_crl_pem: Option<&[u8]>) -> Secret {
    let labels = label_set::authority(authority);
    let name = name::ca_crl_secret(authority);
    match infra_crl_pem {
        Some(infra) => opaque(scope, name, labels, [(secret_key::CA_CRL, crl_pem), (secret_key::INFRA_CRL, infra)]),
        None => opaque(scope, name, labels, [(secret_key::CA_CRL, crl_pem)]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCOPE: Scope<'_> = Scope { namespace: "ns", owner: None };

    #[test]
    fn the_crl_of_infrastructure_certificates_is_kept_where_it_is_known() {
        let keys = |secret: Secret| secret.data.unwrap().into_keys().collect::<Vec<_>>();
        assert_eq!(keys(ca_crl(SCOPE, "corp", b"a", Some(b"b"))), ["ca_crl.pem", "infra_crl.pem"]);
        assert_eq!(keys(ca_crl(SCOPE, "corp", b"a", None)), ["ca_crl.pem"]);
    }
}
