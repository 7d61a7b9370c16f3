//! `ca.conf`.

use openvox_crds::CertificateAuthoritySpec;

use super::hocon::{self, Value};

/// Lifetime of a renewed certificate where none is given.
const DEFAULT_AUTO_RENEWAL_CERT_TTL: &str = "90d";

/// The text of `ca.conf`. Without a `CertificateAuthority` everything is allowed, as Puppet Server's defaults have it;
/// no CA runs with this file then.
#[must_use]
pub fn render(authority: Option<&CertificateAuthoritySpec>) -> String {
    let authority = authority.cloned().unwrap_or_default();
    let ttl = Some(authority.auto_renewal_cert_ttl.trim()).filter(|ttl| !ttl.is_empty());
    hocon::render(&vec![(
        "certificate-authority",
        Value::Object(vec![
            ("allow-subject-alt-names", authority.allow_subject_alt_names.into()),
            ("allow-authorization-extensions", authority.allow_authorization_extensions.into()),
            ("enable-infra-crl", authority.enable_infra_crl.into()),
            ("allow-auto-renewal", authority.allow_auto_renewal.into()),
            ("auto-renewal-cert-ttl", ttl.unwrap_or(DEFAULT_AUTO_RENEWAL_CERT_TTL).into()),
        ]),
    )])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_certificate_authority_the_defaults_of_puppet_server_are_written() {
        insta::assert_snapshot!(render(None), @r#"
        certificate-authority: {
          allow-subject-alt-names: true
          allow-authorization-extensions: true
          enable-infra-crl: true
          allow-auto-renewal: true
          auto-renewal-cert-ttl: "90d"
        }
        "#);
    }

    #[test]
    fn every_setting_of_the_certificate_authority_is_written() {
        let authority = CertificateAuthoritySpec {
            allow_subject_alt_names: false,
            allow_authorization_extensions: false,
            enable_infra_crl: false,
            allow_auto_renewal: false,
            auto_renewal_cert_ttl: "30d".to_owned(),
            ..CertificateAuthoritySpec::default()
        };
        let text = render(Some(&authority));
        assert_eq!(text.matches(": false\n").count(), 4, "{text}");
        assert!(text.contains("auto-renewal-cert-ttl: \"30d\""), "{text}");
        let text = render(Some(&CertificateAuthoritySpec { auto_renewal_cert_ttl: String::new(), ..authority }));
        assert!(text.contains("auto-renewal-cert-ttl: \"90d\""), "{text}");
    }
}
