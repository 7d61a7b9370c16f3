//! CA bundles: the certificates one trusts.

use super::certificate::{Certificate, CertificateError};
use super::path::PathError;
use super::signature;
use crate::signature::{SignatureError, Strength};

/// A CA's certificates, the one that signs leaf certificates first (Puppet's `ca_crt.pem`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaBundle {
    signing: Certificate,
    others: Vec<Certificate>,
    strength: Strength,
}

/// Why a bundle is not usable, or a certificate not trusted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BundleError {
    /// The text holds no certificate, or one that cannot be parsed.
    #[error("failed to read the CA bundle: {0}")]
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
    /// The issuer is in the bundle, and its signature cannot be accepted.
    #[error("failed to verify {subject}, which {issuer} issued: {cause}{}", signature::remedy(cause))]
    Signature {
        /// Subject of the certificate.
        subject: String,
        /// Its issuer.
        issuer: String,
        /// What is wrong with the signature, or with the issuer's key.
        cause: Box<SignatureError>,
    },
    /// The signature is good, and TLS peers would not accept the certificate.
    #[error("failed to verify {subject}: {cause}")]
    Path {
        /// Subject of the certificate.
        subject: String,
        /// The rule that it breaks.
        cause: Box<PathError>,
    },
    /// The issuer is in the bundle, and its key is not for signing certificates.
    #[error(
        "failed to verify {subject}: its issuer {issuer} has a keyUsage extension without keyCertSign, so nothing that it signs is trusted"
    )]
    MayNotSign {
        /// Subject of the certificate.
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
        let mut bundle = Self { signing, others: Vec::new(), strength: Strength::Established };
        for certificate in all {
            // Files that were joined by hand may hold one twice.
            if !bundle.certificates().any(|known| *known == certificate) {
                bundle.others.push(certificate);
            }
        }
        Ok(bundle)
    }

    /// The same certificates; from now on, their signatures have to withstand this much.
    #[must_use]
    pub fn with_strength(self, strength: Strength) -> Self {
        Self { strength, ..self }
    }

    /// What the signatures of these certificates have to withstand.
    #[must_use]
    pub fn strength(&self) -> Strength {
        self.strength
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

    /// The certificates alone as PEM text, the signing one first.
    #[must_use]
    pub fn to_pem(&self) -> String {
        self.certificates().map(Certificate::to_pem).collect()
    }

    /// Checks that a certificate of the bundle signed `certificate`. Validity times are not looked at.
    ///
    /// # Errors
    /// If none did, or its signature cannot be accepted: the true cause.
    pub fn verify(&self, certificate: &Certificate) -> Result<(), BundleError> {
        self.issuer_of(certificate).map(|_| ())
    }

    /// The certificate of the bundle that signed `certificate`.
    ///
    /// # Errors
    /// If none did, or its signature cannot be accepted: the true cause.
    pub(super) fn issuer_of(&self, certificate: &Certificate) -> Result<&Certificate, BundleError> {
        let info = certificate.info();
        let (subject, issuer) = (info.subject.clone(), info.issuer.clone());
        let mut refusal = BundleError::NotSigned { subject: subject.clone(), issuer: issuer.clone() };
        let parsed = certificate.parsed()?;
        let message = parsed.tbs_certificate.as_ref();
        for candidate in self.certificates().filter(|candidate| candidate.info().subject_name == info.issuer_name) {
            let signer = candidate.parsed()?;
            if !signer.key_usage().is_ok_and(|usage| usage.is_none_or(|usage| usage.value.key_cert_sign())) {
                refusal = BundleError::MayNotSign { subject: subject.clone(), issuer: issuer.clone() };
                continue;
            }
            match signature::verify(signer.public_key(), &parsed.signature_algorithm, &parsed.signature_value, message, self.strength) {
                Ok(()) => return Ok(candidate),
                // That another CA of the same name did not sign it explains nothing.
                Err(SignatureError::Wrong) => {}
                Err(cause) => refusal = BundleError::Signature { subject: subject.clone(), issuer: issuer.clone(), cause: Box::new(cause) },
            }
        }
        Err(refusal)
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
            let issuer = self.others.iter().find(|other| other.info().subject_name == here.info().issuer_name);
            match issuer.filter(|_| !here.is_self_issued()) {
                // A ring of certificates ends where every one has been seen.
                Some(issuer) if (found as usize) < self.others.len() => here = issuer,
                _ => break,
            }
        }
        Ok(())
    }

    /// Checks that the bundle is closed: each of its certificates is signed by one of them, up to a self-signed root.
    ///
    /// The signature of a root by itself proves nothing, and neither OpenSSL nor Java verify it: its algorithm may be one
    /// that is accepted nowhere else, such as the MD5 of Puppet 2.6.
    ///
    /// # Errors
    /// Names the certificate whose issuer is missing, or whose signature is not accepted.
    pub fn verify_chain(&self) -> Result<(), BundleError> {
        self.certificates().try_for_each(|certificate| match self.verify(certificate) {
            Err(BundleError::Signature { cause, .. }) if certificate.is_self_issued() && matches!(*cause, SignatureError::Algorithm(_)) => {
                Ok(())
            }
            verified => verified,
        })
    }
}

#[cfg(test)]
mod tests;
