//! Certificate signing requests (PKCS #10, RFC 2986).

use super::extension_value::{decode_value, encode_value, extension_oid};
use super::fingerprint::Fingerprint;
use super::general_name::{alt_name, other_name};
use super::key::PrivateKey;
use super::signature;
use crate::alt_name::AltName;
use crate::certname::Certname;
use crate::extension::ExtensionOid;
use crate::request::{EXTENSION_REQUEST, is_request};
use crate::signature::{SignatureError, Strength};
use rcgen::{CertificateParams, CustomExtension, DistinguishedName, DnType, SanType};
use sha2::{Digest as _, Sha256};
use x509_parser::certification_request::X509CertificationRequest;
use x509_parser::cri_attributes::ParsedCriAttribute;
use x509_parser::extensions::{ParsedExtension, X509Extension};
use x509_parser::prelude::FromDer;

/// What to ask the CA for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CsrRequest {
    /// Subject: `CN=` this name and nothing else, as Puppet requires.
    pub certname: Certname,
    /// Subject alternative names, exactly these: the certname is not added.
    pub alt_names: Vec<AltName>,
    /// Requested extensions and their values.
    pub extensions: Vec<(ExtensionOid, String)>,
}

/// The content of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CsrInfo {
    /// The common name, if there is one.
    pub common_name: Option<String>,
    /// Host names and addresses asked for.
    pub alt_names: Vec<AltName>,
    /// Puppet extensions asked for and their values.
    pub extensions: Vec<(ExtensionOid, String)>,
    /// What it asks for besides, which no Puppet CA signs: alternative names of other types, and extensions outside Puppet's
    /// arc. Type and value of each, unchanged.
    pub others: Vec<String>,
    /// The key the certificate would be issued for.
    pub public_key: Fingerprint,
}

/// SHA-256 over the first block of a PEM text, in the form that Puppet uses for requests: hex pairs in upper case with
/// colons. An agent prints it as "Certificate Request fingerprint" while it waits.
#[must_use]
pub fn request_fingerprint(pem: &str) -> Option<String> {
    let block = pem::parse(pem).ok()?;
    let pairs: Vec<String> = Sha256::digest(block.contents()).iter().map(|byte| format!("{byte:02X}")).collect();
    Some(pairs.join(":"))
}

/// Why a request could not be made or read.
#[derive(Debug, thiserror::Error)]
pub enum CsrError {
    /// The request could not be encoded or signed.
    #[error("failed to build the signing request for {certname}")]
    Build {
        /// Its subject.
        certname: Certname,
        /// The error of the certificate library.
        source: rcgen::Error,
    },
    /// The text holds no PEM block `CERTIFICATE REQUEST`.
    #[error("failed to read the signing request: no PEM block `CERTIFICATE REQUEST` found")]
    NoPem,
    /// The block is not a PKCS #10 request.
    #[error("failed to read the signing request: it is not valid PKCS #10 DER")]
    Malformed,
    /// The request is not signed by the key it names, or in a way that proves nothing.
    #[error("failed to verify the signing request: {0}")]
    Signature(#[from] SignatureError),
}

impl CsrRequest {
    /// Builds the request and signs it with `key`: PEM `CERTIFICATE REQUEST`.
    ///
    /// # Errors
    /// If a name cannot be encoded or the key cannot sign.
    pub fn build(&self, key: &PrivateKey) -> Result<String, CsrError> {
        let Self { certname, alt_names, extensions } = self;
        let build = || {
            let mut params = CertificateParams::default();
            params.distinguished_name = common_name(certname.as_str());
            params.subject_alt_names = san_types(alt_names)?;
            params.custom_extensions = custom_extensions(extensions);
            params.serialize_request(key.pair())?.pem()
        };
        let pem = build().map_err(|source| CsrError::Build { certname: certname.clone(), source })?;
        Ok(pem)
    }
}

impl CsrInfo {
    /// Reads the first request of a PEM text and checks that it is signed by its own key.
    ///
    /// # Errors
    /// If there is none, if it cannot be parsed, or if the signature is not accepted.
    pub fn from_pem(text: &str) -> Result<Self, CsrError> {
        let (found, signature) = Self::unverified(text)?;
        signature?;
        Ok(found)
    }

    /// Reads the first request of a PEM text for display, and returns whether its signature is accepted. It accepts requests
    /// that [`crate::request::Request`], by which signing is decided, refuses: an administrator has to see those too.
    ///
    /// # Errors
    /// If there is none or it cannot be parsed.
    pub fn unverified(text: &str) -> Result<(Self, Result<(), SignatureError>), CsrError> {
        let blocks = pem::parse_many(text).map_err(|_| CsrError::NoPem)?;
        let block = blocks.iter().find(|block| is_request(block)).ok_or(CsrError::NoPem)?;
        let (rest, request) = X509CertificationRequest::from_der(block.contents()).map_err(|_| CsrError::Malformed)?;
        if !rest.is_empty() {
            return Err(CsrError::Malformed);
        }
        let info = &request.certification_request_info;
        let (algorithm, value) = (&request.signature_algorithm, &request.signature_value);
        let signature = signature::verify(&info.subject_pki, algorithm, value, info.raw, Strength::Established);
        let mut found = Self {
            common_name: common_name_of(&info.subject),
            alt_names: Vec::new(),
            extensions: Vec::new(),
            others: Vec::new(),
            public_key: Fingerprint::of_public_key_info(info.subject_pki.raw),
        };
        for attribute in info.iter_attributes() {
            match attribute.parsed_attribute() {
                ParsedCriAttribute::ExtensionRequest(requested) => requested.extensions.iter().for_each(|wanted| found.add(wanted)),
                _ if attribute.oid.to_id_string() == EXTENSION_REQUEST => {
                    found.others.push("extensions that cannot be read".to_owned());
                }
                // Other attributes never reach the certificate, and may be secrets.
                _ => {}
            }
        }
        Ok((found, signature))
    }

    fn add(&mut self, extension: &X509Extension<'_>) {
        if let ParsedExtension::SubjectAlternativeName(names) = extension.parsed_extension() {
            for name in &names.general_names {
                match alt_name(name) {
                    Some(name) => self.alt_names.push(name),
                    None => self.others.push(other_name(name)),
                }
            }
        } else if let Some(oid) = extension_oid(&extension.oid) {
            self.extensions.push((oid, decode_value(extension.value)));
        } else {
            self.others.push(format!("extension {}", extension.oid.to_id_string()));
        }
    }
}

/// A distinguished name of one common name.
pub(super) fn common_name(name: &str) -> DistinguishedName {
    let mut distinguished = DistinguishedName::new();
    distinguished.push(DnType::CommonName, name);
    distinguished
}

/// The first common name of a parsed distinguished name.
pub(super) fn common_name_of(name: &x509_parser::x509::X509Name<'_>) -> Option<String> {
    let attribute = name.iter_common_name().next()?;
    attribute.as_str().ok().map(str::to_owned)
}

/// Alternative names in the form the certificate library needs.
pub(super) fn san_types(names: &[AltName]) -> Result<Vec<SanType>, rcgen::Error> {
    let san = |name: &AltName| match name {
        AltName::Dns(name) => Ok(SanType::DnsName(name.as_str().try_into()?)),
        AltName::Ip(address) => Ok(SanType::IpAddress(*address)),
    };
    names.iter().map(san).collect()
}

/// Puppet extensions in the form the certificate library needs.
pub(super) fn custom_extensions(extensions: &[(ExtensionOid, String)]) -> Vec<CustomExtension> {
    let custom = |(oid, value): &(ExtensionOid, String)| CustomExtension::from_oid_content(&oid.parts(), encode_value(value));
    extensions.iter().map(custom).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::x509::key::KeyAlgorithm;
    use crate::x509::openssl::openssl;
    use proptest::prelude::*;

    fn request(names: &[&str], extensions: &[(&str, &str)]) -> CsrRequest {
        let extension = |(oid, value): &(&str, &str)| (oid.parse().unwrap(), (*value).to_owned());
        CsrRequest {
            certname: "node1.example.com".parse().unwrap(),
            alt_names: names.iter().map(|name| name.parse().unwrap()).collect(),
            extensions: extensions.iter().map(extension).collect(),
        }
    }

    #[test]
    fn a_request_reads_back_with_its_names_extensions_and_key() {
        for algorithm in [KeyAlgorithm::Rsa2048, KeyAlgorithm::EcdsaP256, KeyAlgorithm::EcdsaP384] {
            let key = PrivateKey::generate(algorithm).unwrap();
            let wanted = request(&["puppet", "10.1.2.3", "fd00::7"], &[("pp_role", "web"), ("1.3.6.1.4.1.34380.1.2.4", "ä")]);
            let info = CsrInfo::from_pem(&wanted.build(&key).unwrap()).unwrap();
            assert_eq!(info.common_name.as_deref(), Some("node1.example.com"));
            assert_eq!(info.alt_names, wanted.alt_names);
            assert_eq!(info.extensions, wanted.extensions);
            assert_eq!(info.public_key, key.public_key());
        }
    }

    #[test]
    fn openssl_accepts_the_request_and_sees_addresses_as_addresses() {
        let key = PrivateKey::generate(KeyAlgorithm::Rsa2048).unwrap();
        let pem = request(&["puppet", "10.1.2.3"], &[("pp_role", "web")]).build(&key).unwrap();
        let text = openssl(&["req", "-noout", "-verify", "-text"], &pem);
        assert!(text.contains("DNS:puppet, IP Address:10.1.2.3"), "{text}");
        assert!(text.contains("CN = node1.example.com") || text.contains("CN=node1.example.com"), "{text}");
        assert!(text.contains("1.3.6.1.4.1.34380.1.1.13"), "{text}");
    }

    #[test]
    fn what_puppet_does_not_sign_is_named_and_a_signature_that_is_not_accepted_hides_nothing() {
        let folder = tempfile::TempDir::new().unwrap();
        let config = folder.path().join("config");
        let text = "[req]\ndistinguished_name=n\nreq_extensions=e\nprompt=no\n[n]\nCN=web\n[e]\nbasicConstraints=CA:TRUE\n\
                    subjectAltName=DNS:web,email:a@b.c,URI:https://x/,dirName:d,RID:1.2.3.4\n1.3.6.1.4.1.34380.1.3.13=ASN1:UTF8String:admin\n\
                    [d]\nO=Example\n";
        std::fs::write(&config, text).unwrap();
        let pem = openssl(
            &["req", "-new", "-md5", "-newkey", "rsa:2048", "-nodes", "-keyout", "/dev/null", "-config", config.to_str().unwrap()],
            "",
        );
        let (info, signature) = CsrInfo::unverified(&pem).unwrap();
        assert_eq!(info.alt_names, [AltName::Dns("web".to_owned())]);
        assert_eq!(info.extensions, [("pp_auth_role".parse().unwrap(), "admin".to_owned())]);
        let others =
            ["extension 2.5.29.19", "mail address a@b.c", "URI https://x/", "directory name O=Example", "registered identifier 1.2.3.4"];
        assert_eq!(info.others, others);
        assert_eq!(signature, Err(SignatureError::Algorithm("RSA with MD5".to_owned())));
        let refusal = CsrInfo::from_pem(&pem).unwrap_err().to_string();
        assert!(refusal.contains("RSA with MD5"), "{refusal}");
    }

    #[test]
    fn its_fingerprint_is_the_digest_of_its_bytes_in_pairs() {
        let pem = pem::encode(&pem::Pem::new("CERTIFICATE REQUEST", b"abc"));
        let print = request_fingerprint(&pem).unwrap();
        assert!(print.starts_with("BA:78:16:BF:"), "{print}");
        assert_eq!(print.len(), 32 * 3 - 1);
        assert_eq!(request_fingerprint("nothing"), None);
    }

    #[test]
    fn a_request_whose_signature_was_changed_is_refused() {
        let key = PrivateKey::generate(KeyAlgorithm::EcdsaP256).unwrap();
        let block = pem::parse(request(&[], &[]).build(&key).unwrap()).unwrap();
        let mut der = block.contents().to_vec();
        *der.last_mut().unwrap() ^= 1;
        let changed = pem::encode(&pem::Pem::new("CERTIFICATE REQUEST", der));
        assert!(matches!(CsrInfo::from_pem(&changed), Err(CsrError::Signature(_) | CsrError::Malformed)));
    }

    proptest! {
        #[test]
        fn text_that_is_no_request_is_refused_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let text = pem::encode(&pem::Pem::new("CERTIFICATE REQUEST", bytes));
            prop_assert!(CsrInfo::from_pem(&text).is_err());
        }
    }
}
