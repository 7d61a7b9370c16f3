//! Certificate revocation lists.

use super::bundle::CaBundle;
use super::certificate::instant;
use super::crl_outline::outline;
use super::distinguished_name::DistinguishedName;
use super::pem_text::{blocks, encode};
use super::revoked_serials::RevokedSerials;
use super::serial::Serial;
use super::signature;
use crate::signature::SignatureError;
use chrono::{DateTime, Utc};
use std::sync::Arc;
use x509_parser::extensions::ParsedExtension;
use x509_parser::prelude::FromDer;
use x509_parser::revocation_list::CertificateRevocationList;

/// RFC 5280 section 5.2.3.
const CRL_NUMBER: &str = "2.5.29.20";
/// RFC 5280 section 5.2.4.
const DELTA_INDICATOR: &str = "2.5.29.27";
/// RFC 5280 section 5.2.5.
const ISSUING_DISTRIBUTION_POINT: &str = "2.5.29.28";

/// One list (RFC 5280 section 5).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Crl {
    der: Arc<[u8]>,
    info: CrlInfo,
}

/// The content of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CrlInfo {
    /// Issuer as text.
    pub issuer: String,
    /// Issuer, to be compared with the subject of a CA.
    pub issuer_name: DistinguishedName,
    /// The CRL number; lists of one issuer with higher numbers are newer. `None` if the list carries none.
    pub number: Option<Serial>,
    /// When the list was issued, whole seconds.
    pub this_update: DateTime<Utc>,
    /// When the next list is due, whole seconds.
    pub next_update: Option<DateTime<Utc>>,
    /// Serial numbers of the revoked certificates, in the order of the list.
    pub revoked: RevokedSerials,
}

/// The lists of a CA's chain, as Puppet keeps them in one PEM file: one per CA certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CrlBundle(Vec<Crl>);

/// Why revocation lists are not usable.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CrlError {
    /// The text holds no PEM block `X509 CRL`.
    #[error("failed to read the CRL: no PEM block `X509 CRL` found")]
    NoPem,
    /// A PEM block is cut off or damaged.
    #[error("failed to read the CRL: a PEM block is cut off or damaged; copy the file again, with every line from BEGIN to END")]
    Damaged,
    /// A block is not an X.509 CRL.
    #[error("failed to read the CRL: it is not valid X.509 DER")]
    Malformed,
    /// A list is not the whole list of its issuer, such as a delta list (RFC 5280 section 5.2.4).
    #[error(
        "failed to read the CRL of {issuer}: its extension {extension} says that it is only a part of the list (2.5.29.27: what \
         changed since another list), or is critical and not known; the whole list is needed"
    )]
    Partial {
        /// The issuer that the list names.
        issuer: String,
        /// Identifier of the extension.
        extension: String,
    },
    /// A list is not signed by the CA.
    #[error("failed to verify the CRL of {issuer}: no certificate of the CA bundle signed it")]
    NotSigned {
        /// The issuer that the list names.
        issuer: String,
    },
    /// The CA of the list is in the bundle, and its signature cannot be accepted.
    #[error("failed to verify the CRL of {issuer}: {cause}{}", signature::remedy(cause))]
    Signature {
        /// The issuer that the list names.
        issuer: String,
        /// What is wrong with the signature, or with the CA's key.
        cause: Box<SignatureError>,
    },
    /// The CA of the list is in the bundle, and its key is not for signing lists.
    #[error("failed to verify the CRL of {issuer}: this CA has a keyUsage extension without cRLSign, so no list of it is trusted")]
    MayNotSign {
        /// The issuer that the list names.
        issuer: String,
    },
    /// The CA that signs leaf certificates has no list.
    #[error("failed to verify the CRL: there is no list of {issuer}, the CA that signs the certificates")]
    Missing {
        /// Subject of that CA.
        issuer: String,
    },
}

impl Crl {
    /// The content of the list.
    #[must_use]
    pub fn info(&self) -> &CrlInfo {
        &self.info
    }

    /// Whether this list is newer than another one of the same issuer: by its number, and where the numbers do not decide, by
    /// its date (RFC 5280 section 5.2.3: numbers of one issuer only grow). A list that has lost its number is not newer.
    #[must_use]
    pub fn is_newer_than(&self, other: &Self) -> bool {
        match (&self.info.number, &other.info.number) {
            (Some(number), Some(other)) if number != other => number > other,
            (None, Some(_)) => false,
            _ => self.info.this_update > other.info.this_update,
        }
    }

    /// The list alone as PEM `X509 CRL`.
    #[must_use]
    pub fn to_pem(&self) -> String {
        encode("X509 CRL", self.der.to_vec())
    }

    fn from_der(der: Vec<u8>) -> Result<Self, CrlError> {
        let der: Arc<[u8]> = der.into();
        let outline = outline(&der).ok_or(CrlError::Malformed)?;
        let parsed = parse(&outline.head)?;
        refuse_partial(&parsed)?;
        let time = |time| instant(time).map_err(|_| CrlError::Malformed);
        let info = CrlInfo {
            issuer: parsed.issuer().to_string(),
            issuer_name: DistinguishedName::of(parsed.issuer()),
            number: parsed.crl_number().map(Serial::from),
            this_update: time(parsed.last_update())?,
            next_update: parsed.next_update().map(time).transpose()?,
            revoked: RevokedSerials::new(&der, &outline),
        };
        Ok(Self { der, info })
    }

    /// Checks that a CA of the bundle signed the list.
    pub(super) fn verify(&self, bundle: &CaBundle) -> Result<(), CrlError> {
        let outline = outline(&self.der).ok_or(CrlError::Malformed)?;
        let parsed = parse(&outline.head)?;
        let issuer = self.info.issuer.clone();
        let mut refusal = CrlError::NotSigned { issuer: issuer.clone() };
        for candidate in bundle.certificates().filter(|candidate| candidate.info().subject_name == self.info.issuer_name) {
            let signer = candidate.parsed().map_err(|_| CrlError::Malformed)?;
            if !signer.key_usage().is_ok_and(|usage| usage.is_none_or(|usage| usage.value.crl_sign())) {
                refusal = CrlError::MayNotSign { issuer: issuer.clone() };
                continue;
            }
            let strength = bundle.strength();
            match signature::verify(signer.public_key(), &parsed.signature_algorithm, &parsed.signature_value, outline.message, strength) {
                Ok(()) => return Ok(()),
                // That another CA of the same name did not sign it explains nothing.
                Err(SignatureError::Wrong) => {}
                Err(cause) => refusal = CrlError::Signature { issuer: issuer.clone(), cause: Box::new(cause) },
            }
        }
        Err(refusal)
    }
}

impl CrlBundle {
    /// Reads every list of a PEM text, in order.
    ///
    /// # Errors
    /// If there is none or one cannot be parsed.
    pub fn from_pem(text: &str) -> Result<Self, CrlError> {
        let blocks = blocks(text).map_err(|_| CrlError::Damaged)?;
        let lists = blocks
            .into_iter()
            .filter(|block| block.tag() == "X509 CRL")
            .map(|block| Crl::from_der(block.into_contents()))
            .collect::<Result<Vec<_>, _>>()?;
        if lists.is_empty() {
            return Err(CrlError::NoPem);
        }
        Ok(Self(lists))
    }

    /// The lists alone as PEM text.
    #[must_use]
    pub fn to_pem(&self) -> String {
        self.0.iter().map(Crl::to_pem).collect()
    }

    /// All lists, in the order of the text.
    pub fn lists(&self) -> impl Iterator<Item = &Crl> {
        self.0.iter()
    }

    /// The newest list of an issuer; of several that are equally new, the first.
    pub(super) fn newest_of(&self, issuer: &DistinguishedName) -> Option<&Crl> {
        let lists = self.0.iter().filter(|list| list.info.issuer_name == *issuer);
        lists.reduce(|newest, list| if list.is_newer_than(newest) { list } else { newest })
    }

    /// The list of the CA that signs leaf certificates: the newest one, should there be several.
    #[must_use]
    pub fn of_signing_ca(&self, bundle: &CaBundle) -> Option<&Crl> {
        self.newest_of(&bundle.signing().info().subject_name)
    }

    /// Checks that a CA of the bundle signed every list, and that the signing CA's own list is among them.
    ///
    /// # Errors
    /// Names the list that is forged or missing.
    pub fn verify(&self, bundle: &CaBundle) -> Result<(), CrlError> {
        for list in &self.0 {
            list.verify(bundle)?;
        }
        match self.of_signing_ca(bundle) {
            Some(_) => Ok(()),
            None => Err(CrlError::Missing { issuer: bundle.signing().info().subject.clone() }),
        }
    }
}

/// Refuses lists that are not the whole list of their issuer, and those whose number cannot be read.
fn refuse_partial(list: &CertificateRevocationList<'_>) -> Result<(), CrlError> {
    for extension in list.extensions() {
        let whole = match (extension.oid.to_id_string().as_str(), extension.parsed_extension()) {
            (CRL_NUMBER, ParsedExtension::CRLNumber(_)) => true,
            (CRL_NUMBER, _) => return Err(CrlError::Malformed),
            (ISSUING_DISTRIBUTION_POINT, ParsedExtension::IssuingDistributionPoint(scope)) => {
                !scope.indirect_crl && !scope.only_contains_attribute_certs && scope.only_some_reasons.is_none()
            }
            (DELTA_INDICATOR, _) => false,
            (_, _) => !extension.critical,
        };
        if !whole {
            let issuer = list.issuer().to_string();
            return Err(CrlError::Partial { issuer, extension: extension.oid.to_id_string() });
        }
    }
    Ok(())
}

impl FromIterator<Crl> for CrlBundle {
    fn from_iter<T: IntoIterator<Item = Crl>>(lists: T) -> Self {
        Self(lists.into_iter().collect())
    }
}

fn parse(der: &[u8]) -> Result<CertificateRevocationList<'_>, CrlError> {
    match CertificateRevocationList::from_der(der) {
        Ok(([], parsed)) => Ok(parsed),
        _ => Err(CrlError::Malformed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_body_that_is_no_crl_is_refused() {
        for text in ["", "<html>no</html>"] {
            assert_eq!(CrlBundle::from_pem(text), Err(CrlError::NoPem), "{text}");
        }
        assert_eq!(CrlBundle::from_pem("-----BEGIN X509 CRL-----\n!\n-----END X509 CRL-----\n"), Err(CrlError::Damaged));
    }

    proptest! {
        #[test]
        fn broken_der_is_refused_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let text = pem::encode(&pem::Pem::new("X509 CRL", bytes));
            prop_assert_eq!(CrlBundle::from_pem(&text), Err(CrlError::Malformed));
        }
    }
}
