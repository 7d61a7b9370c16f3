//! Whether a certificate belongs to a private key.

use super::error::PodInitError;
use rcgen::{KeyPair, PublicKeyData};
use x509_parser::pem::parse_x509_pem;

/// Compares the public key in the first certificate with that of the private key.
///
/// # Errors
/// When one of the two cannot be read, or the public keys differ.
pub fn check(certificate: &[u8], key: &[u8]) -> Result<(), PodInitError> {
    let (_, pem) = parse_x509_pem(certificate).map_err(|_| PodInitError::Certificate)?;
    let certificate = pem.parse_x509().map_err(|_| PodInitError::Certificate)?;
    let key = std::str::from_utf8(key).map_err(|_| PodInitError::Key)?;
    let key = KeyPair::from_pem(key).map_err(|_| PodInitError::Key)?;
    if certificate.public_key().raw == key.subject_public_key_info().as_slice() { Ok(()) } else { Err(PodInitError::Mismatch) }
}
