//! Issued certificates.

use super::csr::common_name_of;
use super::distinguished_name::DistinguishedName;
use super::extension_value::{decode_value, extension_oid};
use super::fingerprint::Fingerprint;
use super::general_name;
use super::key::PrivateKey;
use super::pem_text::{blocks, encode};
use super::serial::Serial;
use crate::alt_name::AltName;
use crate::extension::ExtensionOid;
use chrono::{DateTime, Utc};
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;
use x509_parser::time::ASN1Time;
use x509_parser::x509::X509Version;

/// A certificate: its DER bytes and their content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    der: Vec<u8>,
    info: CertificateInfo,
}

/// The content of a certificate (RFC 5280 section 4.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateInfo {
    /// Serial number, unique for its issuer.
    pub serial: Serial,
    /// Start of its validity, whole seconds.
    pub not_before: DateTime<Utc>,
    /// End of its validity, whole seconds.
    pub not_after: DateTime<Utc>,
    /// Subject as text, such as `CN=puppet`.
    pub subject: String,
    /// Issuer as text.
    pub issuer: String,
    /// Subject, to be compared with the issuer of others.
    pub subject_name: DistinguishedName,
    /// Issuer, to be compared with the subject of others.
    pub issuer_name: DistinguishedName,
    /// The common name of the subject, if there is one.
    pub common_name: Option<String>,
    /// Host names and addresses it is valid for.
    pub alt_names: Vec<AltName>,
    /// Puppet extensions and their values.
    pub extensions: Vec<(ExtensionOid, String)>,
    /// Its public key.
    pub public_key: Fingerprint,
    /// Whether it may sign other certificates.
    pub is_ca: bool,
}

/// Why a certificate could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CertificateError {
    /// The text holds no PEM block `CERTIFICATE`.
    #[error("failed to read the certificate: no PEM block `CERTIFICATE` found")]
    NoPem,
    /// A PEM block is cut off or damaged.
    #[error("failed to read the certificate: a PEM block is cut off or damaged; copy the file again, with every line from BEGIN to END")]
    Damaged,
    /// The block is not an X.509 certificate.
    #[error("failed to read the certificate: it is not valid X.509 DER")]
    Malformed,
}

impl Certificate {
    /// Reads the first certificate of a PEM text.
    ///
    /// # Errors
    /// If there is none or it cannot be parsed.
    pub fn from_pem(text: &str) -> Result<Self, CertificateError> {
        let blocks = blocks(text).map_err(|_| CertificateError::Damaged)?;
        let mut certificates = blocks.iter().filter(|block| is_certificate(block));
        let block = certificates.next().ok_or(CertificateError::NoPem)?;
        Self::from_der(block.contents())
    }

    /// Reads every certificate of a PEM text, in order.
    ///
    /// # Errors
    /// If there is none or one cannot be parsed.
    pub fn all_from_pem(text: &str) -> Result<Vec<Self>, CertificateError> {
        let blocks = blocks(text).map_err(|_| CertificateError::Damaged)?;
        let certificates = blocks
            .iter()
            .filter(|block| is_certificate(block))
            .map(|block| Self::from_der(block.contents()))
            .collect::<Result<Vec<_>, _>>()?;
        if certificates.is_empty() {
            return Err(CertificateError::NoPem);
        }
        Ok(certificates)
    }

    /// The content of the certificate.
    #[must_use]
    pub fn info(&self) -> &CertificateInfo {
        &self.info
    }

    /// The certificate alone as PEM `CERTIFICATE`, whatever stood around it where it was read.
    #[must_use]
    pub fn to_pem(&self) -> String {
        encode("CERTIFICATE", self.der.clone())
    }

    /// The DER bytes.
    #[must_use]
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// Whether `key` is the private key of this certificate.
    #[must_use]
    pub fn matches(&self, key: &PrivateKey) -> bool {
        self.info.public_key == key.public_key()
    }

    /// Whether it carries `extension` with exactly this value.
    #[must_use]
    pub fn has_extension(&self, extension: &ExtensionOid, value: &str) -> bool {
        let mut extensions = self.info.extensions.iter();
        extensions.any(|(oid, found)| oid == extension && found == value)
    }

    /// Whether it names itself as its issuer, as root certificates do.
    #[must_use]
    pub fn is_self_issued(&self) -> bool {
        self.info.subject_name == self.info.issuer_name
    }

    /// The parsed form, for signature checks.
    ///
    /// # Errors
    /// None for a certificate that was read before; the library parses it again.
    pub fn parsed(&self) -> Result<X509Certificate<'_>, CertificateError> {
        parse(&self.der)
    }

    /// Reads DER.
    ///
    /// # Errors
    /// If it is not an X.509 certificate.
    pub fn from_der(der: &[u8]) -> Result<Self, CertificateError> {
        let parsed = parse(der)?;
        Ok(Self { der: der.to_vec(), info: CertificateInfo::of(&parsed)? })
    }
}

impl CertificateInfo {
    fn of(parsed: &X509Certificate<'_>) -> Result<Self, CertificateError> {
        // Constraints that are given twice or cannot be parsed are not reliable.
        parsed.key_usage().map_err(|_| CertificateError::Malformed)?;
        parsed.basic_constraints().map_err(|_| CertificateError::Malformed)?;
        let alt_names = parsed
            .subject_alternative_name()
            .map_err(|_| CertificateError::Malformed)?
            .map(|names| names.value.general_names.iter().filter_map(general_name::alt_name).collect())
            .unwrap_or_default();
        let extensions = parsed
            .iter_extensions()
            .filter_map(|extension| {
                let oid = extension_oid(&extension.oid)?;
                Some((oid, decode_value(extension.value)))
            })
            .collect();
        let (subject_name, issuer_name) = (DistinguishedName::of(parsed.subject()), DistinguishedName::of(parsed.issuer()));
        Ok(Self {
            serial: Serial::from(&parsed.tbs_certificate.serial),
            not_before: instant(parsed.validity().not_before)?,
            not_after: instant(parsed.validity().not_after)?,
            subject: parsed.subject().to_string(),
            issuer: parsed.issuer().to_string(),
            common_name: common_name_of(parsed.subject()),
            alt_names,
            extensions,
            public_key: Fingerprint::of_public_key_info(parsed.public_key().raw),
            // A root of version 1 has no extension for that; OpenSSL and Java accept it as a CA.
            is_ca: parsed.is_ca() || (parsed.version() == X509Version::V1 && subject_name == issuer_name),
            subject_name,
            issuer_name,
        })
    }
}

/// An X.509 time as chrono knows it.
pub(super) fn instant(time: ASN1Time) -> Result<DateTime<Utc>, CertificateError> {
    DateTime::from_timestamp(time.timestamp(), 0).ok_or(CertificateError::Malformed)
}

fn parse(der: &[u8]) -> Result<X509Certificate<'_>, CertificateError> {
    match X509Certificate::from_der(der) {
        Ok(([], parsed)) => Ok(parsed),
        _ => Err(CertificateError::Malformed),
    }
}

fn is_certificate(block: &pem::Pem) -> bool {
    // The second label is an old one that OpenSSL still reads.
    matches!(block.tag(), "CERTIFICATE" | "X509 CERTIFICATE")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::x509::openssl::openssl;
    use proptest::prelude::*;

    #[test]
    fn a_certificate_made_by_openssl_is_read() {
        let text = openssl(
            &[
                "req",
                "-x509",
                "-newkey",
                "ec",
                "-pkeyopt",
                "ec_paramgen_curve:prime256v1",
                "-nodes",
                "-keyout",
                "/dev/stdout",
                "-subj",
                "/CN=puppet",
                "-days",
                "30",
                "-set_serial",
                "0x1f",
                "-addext",
                "subjectAltName=DNS:puppet,IP:10.0.0.1,email:a@b.c",
            ],
            "",
        );
        let certificate = Certificate::from_pem(&text).unwrap();
        let info = certificate.info();
        assert_eq!(info.serial, Serial::from(0x1f));
        assert_eq!(info.common_name.as_deref(), Some("puppet"));
        assert_eq!(info.subject, "CN=puppet");
        assert_eq!(info.alt_names, ["puppet", "10.0.0.1"].map(|name| name.parse().unwrap()));
        assert_eq!((info.not_after - info.not_before).num_days(), 30);
        assert!(certificate.matches(&PrivateKey::from_pem(&text).unwrap()));
    }

    #[test]
    fn text_without_a_certificate_is_refused() {
        assert_eq!(Certificate::from_pem("<html>"), Err(CertificateError::NoPem));
        assert_eq!(Certificate::all_from_pem(""), Err(CertificateError::NoPem));
    }

    proptest! {
        #[test]
        fn broken_der_is_refused_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let text = pem::encode(&pem::Pem::new("CERTIFICATE", bytes));
            prop_assert_eq!(Certificate::from_pem(&text), Err(CertificateError::Malformed));
        }
    }
}
