//! Certificate revocation lists.

use chrono::{DateTime, Utc};
use x509_parser::prelude::FromDer;
use x509_parser::revocation_list::CertificateRevocationList;

use super::bundle::CaBundle;
use super::certificate::instant;
use super::serial::Serial;

/// One list (RFC 5280 section 5).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Crl {
    der: Vec<u8>,
    info: CrlInfo,
}

/// What a list says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CrlInfo {
    /// Issuer as text.
    pub issuer: String,
    /// The CRL number; lists of one issuer with higher numbers are newer. `None` if the list carries none.
    pub number: Option<Serial>,
    /// When the list was issued, whole seconds.
    pub this_update: DateTime<Utc>,
    /// When the next list is due, whole seconds.
    pub next_update: Option<DateTime<Utc>>,
    /// Serial numbers of the revoked certificates, in the order of the list.
    pub revoked: Vec<Serial>,
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
    /// A block is not an X.509 CRL.
    #[error("failed to read the CRL: it is not valid X.509 DER")]
    Malformed,
    /// A list is not signed by the CA.
    #[error("failed to verify the CRL of {issuer}: no certificate of the CA bundle signed it")]
    NotSigned {
        /// Who the list says it is from.
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
    /// What the list says.
    #[must_use]
    pub fn info(&self) -> &CrlInfo {
        &self.info
    }

    fn from_der(der: &[u8]) -> Result<Self, CrlError> {
        let parsed = parse(der)?;
        let time = |time| instant(time).map_err(|_| CrlError::Malformed);
        let info = CrlInfo {
            issuer: parsed.issuer().to_string(),
            number: parsed.crl_number().map(Serial::from),
            this_update: time(parsed.last_update())?,
            next_update: parsed.next_update().map(time).transpose()?,
            revoked: parsed.iter_revoked_certificates().map(|revoked| Serial::from(revoked.serial())).collect(),
        };
        Ok(Self { der: der.to_vec(), info })
    }

    /// Whether a CA of the bundle signed the list.
    fn is_signed_by(&self, bundle: &CaBundle) -> Result<bool, CrlError> {
        let parsed = parse(&self.der)?;
        for issuer in bundle.certificates() {
            let issuer = issuer.parsed().map_err(|_| CrlError::Malformed)?;
            let may_sign = match issuer.key_usage() {
                Ok(Some(usage)) => usage.value.crl_sign(),
                Ok(None) => true,
                Err(_) => false,
            };
            if may_sign && issuer.subject().as_raw() == parsed.issuer().as_raw() && parsed.verify_signature(issuer.public_key()).is_ok() {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

impl CrlBundle {
    /// Reads every list of a PEM text, in order.
    ///
    /// # Errors
    /// If there is none or one cannot be parsed.
    pub fn from_pem(text: &str) -> Result<Self, CrlError> {
        let blocks = pem::parse_many(text).map_err(|_| CrlError::NoPem)?;
        let lists = blocks
            .iter()
            .filter(|block| block.tag() == "X509 CRL")
            .map(|block| Crl::from_der(block.contents()))
            .collect::<Result<Vec<_>, _>>()?;
        if lists.is_empty() {
            return Err(CrlError::NoPem);
        }
        Ok(Self(lists))
    }

    /// All lists, in the order of the text.
    pub fn lists(&self) -> impl Iterator<Item = &Crl> {
        self.0.iter()
    }

    /// The list of the CA that signs leaf certificates: the newest one, should there be several.
    #[must_use]
    pub fn of_signing_ca(&self, bundle: &CaBundle) -> Option<&Crl> {
        let issuer = &bundle.signing().info().subject;
        let lists = self.0.iter().filter(|list| list.info.issuer == *issuer);
        lists.max_by(|a, b| a.info.number.cmp(&b.info.number))
    }

    /// Checks that a CA of the bundle signed every list, and that the signing CA's own list is among them.
    ///
    /// # Errors
    /// Names the list that is forged or missing.
    pub fn verify(&self, bundle: &CaBundle) -> Result<(), CrlError> {
        for list in &self.0 {
            if !list.is_signed_by(bundle)? {
                let issuer = list.info.issuer.clone();
                return Err(CrlError::NotSigned { issuer });
            }
        }
        match self.of_signing_ca(bundle) {
            Some(_) => Ok(()),
            None => Err(CrlError::Missing { issuer: bundle.signing().info().subject.clone() }),
        }
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
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_body_that_is_no_crl_is_refused() {
        for text in ["", "<html>no</html>", "-----BEGIN X509 CRL-----\n!\n-----END X509 CRL-----\n"] {
            assert_eq!(CrlBundle::from_pem(text), Err(CrlError::NoPem), "{text}");
        }
    }

    proptest! {
        #[test]
        fn broken_der_is_refused_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let text = pem::encode(&pem::Pem::new("X509 CRL", bytes));
            prop_assert_eq!(CrlBundle::from_pem(&text), Err(CrlError::Malformed));
        }
    }
}
