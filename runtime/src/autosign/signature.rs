//! Whether whoever sent a request holds the private key to the public key in it.

use aws_lc_rs::signature::{self, UnparsedPublicKey, VerificationAlgorithm};
use thiserror::Error;

use super::der::{BIT_STRING, Element, SEQUENCE};

/// Why a signature is not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum SignatureError {
    /// The key or the signature is not the structure it should be.
    #[error("the public key or the signature is malformed")]
    Malformed,
    /// Anything but RSA (PKCS #1 v1.5) or ECDSA (P-256, P-384, P-521) with SHA-256, SHA-384 or SHA-512, and Ed25519; or a
    /// key that does not go with the signature's algorithm.
    #[error("the signature algorithm is not supported with this key")]
    Unsupported,
    /// Made with another key, or over other bytes; or an RSA key under 2048 or over 8192 bits.
    #[error("the signature does not fit the public key")]
    Wrong,
}

/// Key type and signature algorithm at once (RFC 8410 section 3).
const ED25519: &str = "1.3.101.112";

/// The public key of a request, as far as its type is known.
enum KeyType {
    Rsa,
    P256,
    P384,
    P521,
    Ed25519,
}

/// Checks that `signature` (a BIT STRING) over `signed` was made with the key in `key_info` (a `SubjectPublicKeyInfo`)
/// by the algorithm in `algorithm` (an `AlgorithmIdentifier`).
pub(super) fn verify(key_info: Element<'_>, algorithm: Element<'_>, signature: Element<'_>, signed: &[u8]) -> Result<(), SignatureError> {
    let (key_type, key) = public_key(key_info).ok_or(SignatureError::Malformed)?;
    let signature = whole_octets(signature).ok_or(SignatureError::Malformed)?;
    let name = algorithm.inside().oid().ok_or(SignatureError::Malformed)?;
    let algorithm = key_type.and_then(|key_type| verification(name.as_str(), &key_type)).ok_or(SignatureError::Unsupported)?;
    UnparsedPublicKey::new(algorithm, key).verify(signed, signature).map_err(|_| SignatureError::Wrong)
}

/// Takes a `SubjectPublicKeyInfo` apart (RFC 5280 section 4.1.2.7); the type is `None` if it is not one of ours.
fn public_key(key_info: Element<'_>) -> Option<(Option<KeyType>, &[u8])> {
    let mut parts = key_info.inside();
    let mut algorithm = parts.expect(SEQUENCE)?.inside();
    let key = whole_octets(parts.only(BIT_STRING)?)?;
    let name = algorithm.oid()?;
    let key_type = match name.as_str() {
        "1.2.840.113549.1.1.1" => Some(KeyType::Rsa),
        "1.2.840.10045.2.1" => algorithm.oid().and_then(|curve| match curve.as_str() {
            "1.2.840.10045.3.1.7" => Some(KeyType::P256),
            "1.3.132.0.34" => Some(KeyType::P384),
            "1.3.132.0.35" => Some(KeyType::P521),
            _ => None,
        }),
        ED25519 => Some(KeyType::Ed25519),
        _ => None,
    };
    Some((key_type, key))
}

/// The octets of a BIT STRING that is made of whole octets.
fn whole_octets(bits: Element<'_>) -> Option<&[u8]> {
    match bits.content.split_first() {
        Some((0, octets)) if bits.tag == BIT_STRING => Some(octets),
        _ => None,
    }
}

/// The check that goes with a signature algorithm (RFC 8017 appendix A.2.4, RFC 5758, RFC 8410) and a key.
fn verification(name: &str, key: &KeyType) -> Option<&'static dyn VerificationAlgorithm> {
    const RSA_SHA256: &str = "1.2.840.113549.1.1.11";
    const RSA_SHA384: &str = "1.2.840.113549.1.1.12";
    const RSA_SHA512: &str = "1.2.840.113549.1.1.13";
    const ECDSA_SHA256: &str = "1.2.840.10045.4.3.2";
    const ECDSA_SHA384: &str = "1.2.840.10045.4.3.3";
    const ECDSA_SHA512: &str = "1.2.840.10045.4.3.4";
    Some(match (key, name) {
        (KeyType::Rsa, RSA_SHA256) => &signature::RSA_PKCS1_2048_8192_SHA256,
        (KeyType::Rsa, RSA_SHA384) => &signature::RSA_PKCS1_2048_8192_SHA384,
        (KeyType::Rsa, RSA_SHA512) => &signature::RSA_PKCS1_2048_8192_SHA512,
        (KeyType::P256, ECDSA_SHA256) => &signature::ECDSA_P256_SHA256_ASN1,
        (KeyType::P256, ECDSA_SHA384) => &signature::ECDSA_P256_SHA384_ASN1,
        (KeyType::P256, ECDSA_SHA512) => &signature::ECDSA_P256_SHA512_ASN1,
        (KeyType::P384, ECDSA_SHA256) => &signature::ECDSA_P384_SHA256_ASN1,
        (KeyType::P384, ECDSA_SHA384) => &signature::ECDSA_P384_SHA384_ASN1,
        (KeyType::P384, ECDSA_SHA512) => &signature::ECDSA_P384_SHA512_ASN1,
        (KeyType::P521, ECDSA_SHA256) => &signature::ECDSA_P521_SHA256_ASN1,
        (KeyType::P521, ECDSA_SHA384) => &signature::ECDSA_P521_SHA384_ASN1,
        (KeyType::P521, ECDSA_SHA512) => &signature::ECDSA_P521_SHA512_ASN1,
        (KeyType::Ed25519, ED25519) => &signature::ED25519,
        _ => return None,
    })
}
