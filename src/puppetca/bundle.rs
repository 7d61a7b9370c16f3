//! CA bundles: the certificates one trusts.

use super::certificate::{Certificate, CertificateError};

/// A CA's certificates, the one that signs leaf certificates first (Puppet's `ca_crt.pem`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaBundle {
    signing: Certificate,
    others: Vec<Certificate>,
}

/// Why a bundle is not usable, or a certificate not trusted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BundleError {
    /// The text holds no certificate, or one that cannot be parsed.
    #[error("failed to read the CA bundle")]
    Read(#[from] CertificateError),
    /// A certificate of the bundle may not sign others.
    #[error("failed to read the CA bundle: {subject} is not a CA certificate; put only the CA's own certificates into the bundle")]
    NotACa {
        /// Its subject.
        subject: String,
    },
    /// The chain is longer than one of its certificates allows.
    #[error("failed to verify the chain: {subject} allows {allowed} CAs below itself, and there are {found}")]
    TooLong {
        /// Subject of the certificate with the limit.
        subject: String,
        /// Its path length constraint.
        allowed: u32,
        /// CAs between it and the leaf certificates.
        found: u32,
    },
    /// A certificate is not signed by any certificate of the bundle.
    #[error("failed to verify {subject}: it claims to be issued by {issuer}, but no certificate of the CA bundle signed it")]
    NotSigned {
        /// Its subject.
        subject: String,
        /// Its issuer.
        issuer: String,
    },
}

impl CaBundle {
    /// Reads a PEM bundle. Every certificate in it must be a CA certificate.
    ///
    /// # Errors
    /// If there is no certificate, one cannot be parsed, or one is not a CA's.
    pub fn from_pem(text: &str) -> Result<Self, BundleError> {
        let all = Certificate::all_from_pem(text)?;
        if let Some(leaf) = all.iter().find(|certificate| !certificate.info().is_ca) {
            let subject = leaf.info().subject.clone();
            return Err(BundleError::NotACa { subject });
        }
        let mut all = all.into_iter();
        let signing = all.next().ok_or(CertificateError::NoPem)?;
        Ok(Self { signing, others: all.collect() })
    }

    /// The certificate that signs leaf certificates: the first one.
    #[must_use]
    pub fn signing(&self) -> &Certificate {
        &self.signing
    }

    /// All certificates, the signing one first.
    pub fn certificates(&self) -> impl Iterator<Item = &Certificate> {
        std::iter::once(&self.signing).chain(&self.others)
    }

    /// Checks that a certificate of the bundle signed `certificate`. Validity times are not looked at.
    ///
    /// # Errors
    /// If none did.
    pub fn verify(&self, certificate: &Certificate) -> Result<(), BundleError> {
        let parsed = certificate.parsed()?;
        for issuer in self.certificates() {
            let issuer = issuer.parsed()?;
            let named = issuer.subject().as_raw() == parsed.issuer().as_raw();
            let may_sign = match issuer.key_usage() {
                Ok(Some(usage)) => usage.value.key_cert_sign(),
                Ok(None) => true,
                Err(_) => false,
            };
            if named && may_sign && parsed.verify_signature(Some(issuer.public_key())).is_ok() {
                return Ok(());
            }
        }
        Err(BundleError::NotSigned { subject: certificate.info().subject.clone(), issuer: certificate.info().issuer.clone() })
    }

    /// Checks the path length constraints on the way from the signing certificate to its root (RFC 5280 section 4.2.1.9).
    ///
    /// # Errors
    /// Names the certificate that allows fewer CAs below itself.
    pub fn verify_path_lengths(&self) -> Result<(), BundleError> {
        let mut here = &self.signing;
        for found in 0_u32.. {
            let parsed = here.parsed()?;
            let constraints = parsed.basic_constraints().ok().flatten().and_then(|constraints| constraints.value.path_len_constraint);
            if let Some(allowed) = constraints.filter(|allowed| *allowed < found) {
                return Err(BundleError::TooLong { subject: here.info().subject.clone(), allowed, found });
            }
            let issuer = self.others.iter().find(|other| other.info().subject == here.info().issuer);
            match issuer.filter(|_| here.info().issuer != here.info().subject) {
                // A ring of certificates ends where every one has been seen.
                Some(issuer) if (found as usize) < self.others.len() => here = issuer,
                _ => break,
            }
        }
        Ok(())
    }

    /// Checks that the bundle is closed: each of its certificates is signed by one of them, up to a self-signed root.
    ///
    /// # Errors
    /// Names the certificate whose issuer is missing.
    pub fn verify_chain(&self) -> Result<(), BundleError> {
        self.certificates().try_for_each(|certificate| self.verify(certificate))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::puppetca::openssl::openssl;

    fn self_signed(name: &str, ca: bool) -> String {
        let constraint = format!("basicConstraints=critical,CA:{}", if ca { "TRUE" } else { "FALSE" });
        let subject = format!("/CN={name}");
        let pem = openssl(
            &[
                "req",
                "-x509",
                "-newkey",
                "ec",
                "-pkeyopt",
                "ec_paramgen_curve:prime256v1",
                "-nodes",
                "-keyout",
                "/dev/null",
                "-subj",
                &subject,
                "-addext",
                &constraint,
            ],
            "",
        );
        pem[pem.find("-----BEGIN").unwrap()..].to_owned()
    }

    #[test]
    fn a_stranger_with_the_same_name_is_not_trusted() {
        let bundle = CaBundle::from_pem(&self_signed("Puppet CA: a", true)).unwrap();
        let stranger = Certificate::from_pem(&self_signed("Puppet CA: a", true)).unwrap();
        bundle.verify_chain().unwrap();
        assert!(matches!(bundle.verify(&stranger), Err(BundleError::NotSigned { .. })));
    }

    #[test]
    fn a_bundle_with_a_leaf_certificate_is_refused_by_name() {
        let mixed = self_signed("Puppet CA: a", true) + &self_signed("puppet", false);
        let error = CaBundle::from_pem(&mixed).unwrap_err();
        assert!(error.to_string().contains("CN=puppet is not a CA certificate"), "{error}");
    }
}
