//! Signatures of certificates, requests and revocation lists.

use crate::signature::{SignatureError, Signed, Strength};
use x509_parser::der_parser::asn1_rs::BitString;
use x509_parser::signature_algorithm::RsaSsaPssParams;
use x509_parser::x509::{AlgorithmIdentifier, SubjectPublicKeyInfo};

/// Checks that `signature` over `message` was made with the private key to `key`.
///
/// # Errors
/// Names the true cause: a key that is too short, an algorithm or a curve that is not accepted, or another key.
pub(super) fn verify(
    key: &SubjectPublicKeyInfo<'_>,
    algorithm: &AlgorithmIdentifier<'_>,
    signature: &BitString<'_>,
    message: &[u8],
    strength: Strength,
) -> Result<(), SignatureError> {
    let curve = key.algorithm.parameters.as_ref().and_then(|parameters| parameters.as_oid().ok());
    let (key_type, curve) = (key.algorithm.algorithm.to_id_string(), curve.map(|curve| curve.to_id_string()));
    let (identifier, pss_digest) = (algorithm.algorithm.to_id_string(), pss_digest(algorithm));
    let signed = Signed {
        key_type: &key_type,
        curve: curve.as_deref(),
        key: &key.subject_public_key.data,
        algorithm: &identifier,
        pss_digest: pss_digest.as_deref(),
        signature: &signature.data,
        message,
    };
    signed.verify(strength)
}

/// The remedy for a signature that is not accepted, to be appended to its cause.
pub(super) fn remedy(cause: &SignatureError) -> &'static str {
    match cause {
        SignatureError::KeySize { bits: 1024..2048, .. } => {
            "; replace the CA, and until then set spec.external.allowShortKeys if it runs outside the cluster"
        }
        SignatureError::Algorithm(_) => {
            "; have the CA sign it again with SHA-256, which Puppet Server does with its list at any revocation"
        }
        _ => "",
    }
}

/// The digest of RSASSA-PSS, if its parameters are the usual ones (RFC 4055 section 3.1).
fn pss_digest(algorithm: &AlgorithmIdentifier<'_>) -> Option<String> {
    let parameters = RsaSsaPssParams::try_from(algorithm.parameters.as_ref()?).ok()?;
    let digest = parameters.hash_algorithm_oid().to_id_string();
    let salt = match digest.as_str() {
        "2.16.840.1.101.3.4.2.1" => 32,
        "2.16.840.1.101.3.4.2.2" => 48,
        "2.16.840.1.101.3.4.2.3" => 64,
        _ => return None,
    };
    let mask = parameters.mask_gen_algorithm().ok()?.hash.to_id_string();
    (mask == digest && parameters.salt_length() == salt).then_some(digest)
}
