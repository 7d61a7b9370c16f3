//! Whether a volume holds the CA that it should. Puppet Server makes a new CA of its own on an empty one, which no agent
//! trusts.

use super::error::PodInitError;
use super::files;
use openvox_puppet::layout;
use std::io::ErrorKind;
use std::path::Path;
use x509_parser::pem::parse_x509_pem;

/// Compares the CA on the volume with the published one, by the key of the certificate that signs.
///
/// # Errors
/// When the volume holds no CA, or another one.
pub fn check(directory: &Path, published: &[u8]) -> Result<(), PodInitError> {
    let found = match files::read(&directory.join(layout::CA_CERTIFICATES)) {
        Err(PodInitError::Read { source, .. }) if source.kind() == ErrorKind::NotFound => {
            return Err(PodInitError::NoAuthority { directory: directory.to_owned() });
        }
        found => found?,
    };
    let (found, published) = (signing_key(&found), signing_key(published));
    if found.is_some() && found == published { Ok(()) } else { Err(PodInitError::OtherAuthority { directory: directory.to_owned() }) }
}

/// The public key of the first certificate.
fn signing_key(bundle: &[u8]) -> Option<Vec<u8>> {
    let (_, pem) = parse_x509_pem(bundle).ok()?;
    Some(pem.parse_x509().ok()?.public_key().raw.to_vec())
}
