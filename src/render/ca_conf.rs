//! `ca.conf`.

use super::error::RenderError;
use super::hocon::{self, Value};
use super::inputs::Authority;

/// Lifetime of a renewed certificate where none is given.
const DEFAULT_AUTO_RENEWAL_CERT_TTL: &str = "90d";

/// The text of `ca.conf`. Without a `CertificateAuthority` everything is allowed, as Puppet Server's defaults have it;
/// no CA runs with this file then.
///
/// Puppet Server takes no lifetime without a unit, and reads its number as a signed integer of 32 bits
/// (`certificate_authority.clj`, `duration-str->sec`), which holds all that are allowed.
///
/// # Errors
/// When the lifetime of renewed certificates is one that Puppet Server does not take.
pub fn render(authority: Option<&Authority>) -> Result<String, RenderError> {
    let given = authority.map_or("", |authority| authority.spec.auto_renewal_cert_ttl.trim());
    let seconds = authority.map(|authority| authority.lifetime("autoRenewalCertTTL", given)).transpose()?;
    let ttl = match seconds.flatten() {
        None => DEFAULT_AUTO_RENEWAL_CERT_TTL.to_owned(),
        Some(seconds) if given.ends_with(|last: char| last.is_ascii_digit()) => format!("{seconds}s"),
        Some(_) => given.to_owned(),
    };
    let authority = authority.map(|authority| authority.spec.clone()).unwrap_or_default();
    Ok(hocon::render(&vec![(
        "certificate-authority",
        Value::Object(vec![
            ("allow-subject-alt-names", authority.allow_subject_alt_names.into()),
            ("allow-authorization-extensions", authority.allow_authorization_extensions.into()),
            ("enable-infra-crl", authority.enable_infra_crl.into()),
            ("allow-auto-renewal", authority.allow_auto_renewal.into()),
            ("auto-renewal-cert-ttl", ttl.as_str().into()),
        ]),
    )]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use openvox_crds::CertificateAuthoritySpec;

    #[test]
    fn without_a_certificate_authority_the_defaults_of_puppet_server_are_written() {
        insta::assert_snapshot!(render(None).unwrap(), @r#"
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
        let spec = CertificateAuthoritySpec {
            allow_subject_alt_names: false,
            allow_authorization_extensions: false,
            enable_infra_crl: false,
            allow_auto_renewal: false,
            ..CertificateAuthoritySpec::default()
        };
        let render = |ttl: &str| {
            let spec = CertificateAuthoritySpec { auto_renewal_cert_ttl: ttl.to_owned(), ..spec.clone() };
            render(Some(&Authority { name: "corp".to_owned(), spec, operator_by_name: false }))
        };
        let text = render("30d").unwrap();
        assert_eq!(text.matches(": false\n").count(), 4, "{text}");
        for (given, written) in [("30d", "30d"), ("", "90d"), ("50y", "50y"), (" 300 ", "300s")] {
            assert!(render(given).unwrap().contains(&format!("auto-renewal-cert-ttl: \"{written}\"")), "{given:?}");
        }
        for bad in ["0", "-1d", "51y", "a while"] {
            let error = render(bad).unwrap_err();
            assert_eq!((error.field.as_str(), error.value.as_str()), ("spec.autoRenewalCertTTL of CertificateAuthority corp", bad));
        }
    }
}
