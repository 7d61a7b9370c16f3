//! Verification of the server certificate in TLS with a CA.

use super::client::ServerCheck;
use super::short_rsa;
use openvox_puppet::{BundleError, CaBundle, Certificate, Strength};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{verify_server_cert_signed_by_trust_anchor, verify_server_name};
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, Der, ServerName, TrustAnchor, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, DigitallySignedStruct, OtherError, RootCertStore, SignatureScheme};
use std::sync::Arc;
use x509_parser::der_parser::asn1_rs::{Any, FromDer};

/// Verifies the certificate of a CA's server. That the server holds its key is checked in any case, or the connection would
/// not even be private.
#[derive(Debug)]
pub(super) struct ServerVerifier {
    /// The CA that must have issued the certificate; without one, every certificate is accepted (`insecureSkipVerify`).
    trust: Option<Trust>,
    algorithms: WebPkiSupportedAlgorithms,
}

/// Accepts certificates that a CA of the bundle issued, whatever string types their issuer is written in.
///
/// The TLS library compares names byte by byte, but takes trust anchors, and one may carry the issuer's name as the server's
/// certificate has it. That certificate still has to be signed by the key of the bundle's CA.
#[derive(Debug)]
struct Trust {
    bundle: CaBundle,
    anchors: Vec<TrustAnchor<'static>>,
}

impl ServerVerifier {
    pub(super) fn new(bundle: &CaBundle, check: ServerCheck, provider: &CryptoProvider) -> Result<Self, BundleError> {
        let trust = match check {
            ServerCheck::Verified => Some(Trust::new(bundle)?),
            ServerCheck::Unverified => None,
        };
        Ok(Self { trust, algorithms: provider.signature_verification_algorithms })
    }
}

impl Trust {
    fn new(bundle: &CaBundle) -> Result<Self, BundleError> {
        let anchors = bundle.certificates().map(|ca| anchor(ca, ca.info().subject_name.content())).collect::<Result<_, _>>()?;
        Ok(Self { bundle: bundle.clone(), anchors })
    }

    /// The bundle, and its CAs once more under the names by which the given certificates call them.
    fn roots(&self, presented: &[Certificate]) -> Result<RootCertStore, BundleError> {
        let mut roots = self.anchors.clone();
        for certificate in presented {
            let issuer = &certificate.info().issuer_name;
            for ca in self.bundle.certificates().filter(|ca| ca.info().subject_name == *issuer) {
                if ca.info().subject_name.content() != issuer.content() {
                    roots.push(anchor(ca, issuer.content())?);
                }
            }
        }
        Ok(RootCertStore { roots })
    }

    fn verify_path(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
        algorithms: WebPkiSupportedAlgorithms,
    ) -> Result<(), rustls::Error> {
        let presented: Vec<_> =
            std::iter::once(end_entity).chain(intermediates).filter_map(|der| Certificate::from_der(der).ok()).collect();
        let roots = self.roots(&presented).map_err(refused)?;
        // The first one for an identifier counts.
        let short_rsa = if self.bundle.strength() == Strength::Legacy { short_rsa::ALGORITHMS.as_slice() } else { &[] };
        let algorithms = [short_rsa, algorithms.all].concat();
        let parsed = ParsedCertificate::try_from(end_entity)?;
        verify_server_cert_signed_by_trust_anchor(&parsed, &roots, intermediates, now, &algorithms).map_err(|refusal| {
            // The library only says that something is wrong; the bundle may know what.
            match presented.first().map(|server| self.bundle.verify_as_peer(server)) {
                Some(Err(cause @ (BundleError::Signature { .. } | BundleError::MayNotSign { .. } | BundleError::Path { .. }))) => {
                    refused(cause)
                }
                _ => refusal,
            }
        })
    }
}

/// The error for a certificate that is not accepted.
fn refused(cause: BundleError) -> rustls::Error {
    rustls::Error::InvalidCertificate(CertificateError::Other(OtherError(Arc::new(cause))))
}

/// A trust anchor under this name (RFC 5280 section 6.1.1 d): its parts are the contents of their SEQUENCEs.
fn anchor(ca: &Certificate, name: &[u8]) -> Result<TrustAnchor<'static>, BundleError> {
    let parsed = ca.parsed()?;
    let content = |der: &[u8]| Any::from_der(der).map(|(_, sequence)| Der::from(sequence.data.to_vec())).ok();
    let constraints = parsed.extensions().iter().find(|extension| extension.oid.to_id_string() == "2.5.29.30");
    Ok(TrustAnchor {
        subject: Der::from(name.to_vec()),
        subject_public_key_info: content(parsed.public_key().raw).ok_or(openvox_puppet::CertificateError::Malformed)?,
        name_constraints: constraints.and_then(|extension| content(extension.value)),
    })
}

impl ServerCertVerifier for ServerVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        if let Some(trust) = &self.trust {
            trust.verify_path(end_entity, intermediates, now, self.algorithms)?;
            verify_server_name(&ParsedCertificate::try_from(end_entity)?, server_name)?;
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, cert, dss, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, cert, dss, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests;
