//! Signatures of requests, certificates and revocation lists: which algorithms are accepted, and why one is not.

mod names;

use crate::der::{BIT_STRING, Element, INTEGER, Reader, SEQUENCE};
use aws_lc_rs::signature::{self, UnparsedPublicKey, VerificationAlgorithm};
use names::{CurveName, Digest, KeyType, Scheme};
use thiserror::Error;

/// Why a signature is not accepted.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SignatureError {
    /// The key or the signature is not the structure it should be.
    #[error("the public key or the signature is malformed")]
    Malformed,
    /// A signature algorithm that can be forged, or that this program does not know.
    #[error("the signature algorithm is {0}; {required} are accepted", required = names::ALGORITHMS)]
    Algorithm(String),
    /// A key of a type that is not supported.
    #[error("the public key is of the type {0}; RSA, ECDSA and Ed25519 are accepted")]
    KeyType(String),
    /// An elliptic curve that is not supported.
    #[error("the public key is on the curve {0}; P-256, P-384 and P-521 are accepted")]
    Curve(String),
    /// An RSA key that is too short to be safe, or longer than anything the cryptography library computes with.
    #[error("the RSA key has {bits} bits; {least} to {most} are accepted", most = MOST_RSA_BITS)]
    KeySize {
        /// Length of the modulus.
        bits: usize,
        /// The least that is accepted.
        least: usize,
    },
    /// The algorithm is for another type of key.
    #[error("the signature algorithm {algorithm} does not go with a key of the type {key}")]
    OtherKey {
        /// Name of the algorithm.
        algorithm: String,
        /// Name of the type of the key.
        key: String,
    },
    /// Made with another key, or over other bytes.
    #[error("the signature does not fit the public key")]
    Wrong,
}

/// How much a signature has to withstand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Strength {
    /// SHA-2 and RSA keys of 2048 bits or more: what new requests have.
    #[default]
    Current,
    /// SHA-1 as well: certificates and lists of CAs that have been there for long.
    Established,
    /// RSA keys of 1024 bits or more as well: CAs of Puppet 2.x, for users who allow them explicitly.
    Legacy,
}

/// The longest RSA key that the cryptography library verifies with.
const MOST_RSA_BITS: usize = 8192;

impl Strength {
    fn least_rsa_bits(self) -> usize {
        match self {
            Self::Current | Self::Established => 2048,
            Self::Legacy => 1024,
        }
    }
}

/// A signature with what it was made by and over, taken out of whatever carries it.
#[derive(Clone, Copy, Debug)]
pub struct Signed<'a> {
    /// Identifier of the type of the key, dotted (RFC 5280 section 4.1.2.7).
    pub key_type: &'a str,
    /// Identifier of the curve of an elliptic curve key.
    pub curve: Option<&'a str>,
    /// The public key itself: the octets of the BIT STRING.
    pub key: &'a [u8],
    /// Identifier of the signature algorithm, dotted.
    pub algorithm: &'a str,
    /// Identifier of the digest of an RSASSA-PSS signature whose parameters are the usual ones: the same digest for the
    /// mask, and a salt as long as the digest (RFC 4055 section 3.1).
    pub pss_digest: Option<&'a str>,
    /// The signature: the octets of the BIT STRING.
    pub signature: &'a [u8],
    /// What was signed.
    pub message: &'a [u8],
}

impl Signed<'_> {
    /// Checks the signature.
    ///
    /// # Errors
    /// The true cause, the key before the algorithm: a signature by a weak key proves nothing whatever its algorithm.
    pub fn verify(&self, strength: Strength) -> Result<(), SignatureError> {
        let key_type = self.supported_key_type(strength)?;
        let scheme = Scheme::of(self.algorithm, self.pss_digest).ok_or_else(|| self.not_accepted())?;
        let algorithm = verification(key_type, scheme, strength).map_err(|refusal| match refusal {
            Refusal::Weak => self.not_accepted(),
            Refusal::OtherKey => {
                SignatureError::OtherKey { algorithm: names::of_algorithm(self.algorithm), key: names::of_key_type(self.key_type) }
            }
        })?;
        UnparsedPublicKey::new(algorithm, self.key).verify(self.message, self.signature).map_err(|_| SignatureError::Wrong)
    }

    fn not_accepted(&self) -> SignatureError {
        SignatureError::Algorithm(names::of_algorithm(self.algorithm))
    }

    fn supported_key_type(&self, strength: Strength) -> Result<KeyType, SignatureError> {
        let key_type = match KeyType::of(self.key_type, self.curve) {
            Some(Ok(key_type)) => key_type,
            Some(Err(curve)) => return Err(SignatureError::Curve(curve)),
            None => return Err(SignatureError::KeyType(names::of_key_type(self.key_type))),
        };
        if key_type == KeyType::Rsa {
            let bits = rsa_bits(self.key).ok_or(SignatureError::Malformed)?;
            let least = strength.least_rsa_bits();
            if !(least..=MOST_RSA_BITS).contains(&bits) {
                return Err(SignatureError::KeySize { bits, least });
            }
        }
        Ok(key_type)
    }
}

/// The name of a curve by its identifier, as in `openssl ecparam -list_curves`; the identifier where it is not known.
#[must_use]
pub fn curve_name(identifier: &str) -> String {
    names::of_curve(Some(identifier))
}

/// Bits of the modulus of an `RSAPublicKey` (RFC 8017 appendix A.1.1).
fn rsa_bits(key: &[u8]) -> Option<usize> {
    let modulus = Reader::new(key).only(SEQUENCE)?.inside().expect(INTEGER)?.content;
    let significant = modulus.iter().skip_while(|byte| **byte == 0);
    let first = significant.clone().next()?;
    Some(significant.count() * 8 - usize::try_from(first.leading_zeros()).ok()?)
}

/// Checks that `signature` (a BIT STRING) over `signed` was made with the key in `key_info` (a `SubjectPublicKeyInfo`)
/// by the algorithm in `algorithm` (an `AlgorithmIdentifier`).
pub(crate) fn verify(key_info: Element<'_>, algorithm: Element<'_>, signature: Element<'_>, signed: &[u8]) -> Result<(), SignatureError> {
    let malformed = SignatureError::Malformed;
    let mut parts = key_info.inside();
    let mut key_algorithm = parts.expect(SEQUENCE).ok_or(malformed.clone())?.inside();
    let key = parts.only(BIT_STRING).and_then(whole_octets).ok_or(malformed.clone())?;
    let key_type = key_algorithm.oid().ok_or(malformed.clone())?;
    let curve = key_algorithm.oid();
    let algorithm = algorithm.inside().oid().ok_or(malformed.clone())?;
    let signed = Signed {
        key_type: key_type.as_str(),
        curve: curve.as_ref().map(crate::oid::Oid::as_str),
        key,
        algorithm: algorithm.as_str(),
        // Agents that sign so are unknown to Puppet: such a request is left to a person.
        pss_digest: None,
        signature: whole_octets(signature).ok_or(malformed)?,
        message: signed,
    };
    signed.verify(Strength::Current)
}

/// The octets of a BIT STRING that is made of whole octets.
fn whole_octets(bits: Element<'_>) -> Option<&[u8]> {
    match bits.content.split_first() {
        Some((0, octets)) if bits.tag == BIT_STRING => Some(octets),
        _ => None,
    }
}

/// Why a key and an algorithm cannot be verified.
enum Refusal {
    Weak,
    OtherKey,
}

/// The verification for a key and a signature algorithm.
fn verification(key: KeyType, scheme: Scheme, strength: Strength) -> Result<&'static dyn VerificationAlgorithm, Refusal> {
    let legacy = strength == Strength::Legacy;
    if scheme.digest() == Some(Digest::Sha1) && strength == Strength::Current {
        return Err(Refusal::Weak);
    }
    Ok(match (key, scheme) {
        (KeyType::Rsa, Scheme::RsaPkcs1(Digest::Sha1)) if legacy => &signature::RSA_PKCS1_1024_8192_SHA1_FOR_LEGACY_USE_ONLY,
        (KeyType::Rsa, Scheme::RsaPkcs1(Digest::Sha256)) if legacy => &signature::RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY,
        (KeyType::Rsa, Scheme::RsaPkcs1(Digest::Sha512)) if legacy => &signature::RSA_PKCS1_1024_8192_SHA512_FOR_LEGACY_USE_ONLY,
        (KeyType::Rsa, Scheme::RsaPkcs1(Digest::Sha1)) => &signature::RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY,
        (KeyType::Rsa, Scheme::RsaPkcs1(Digest::Sha256)) => &signature::RSA_PKCS1_2048_8192_SHA256,
        (KeyType::Rsa, Scheme::RsaPkcs1(Digest::Sha384)) => &signature::RSA_PKCS1_2048_8192_SHA384,
        (KeyType::Rsa, Scheme::RsaPkcs1(Digest::Sha512)) => &signature::RSA_PKCS1_2048_8192_SHA512,
        (KeyType::Rsa, Scheme::RsaPss(Digest::Sha256)) => &signature::RSA_PSS_2048_8192_SHA256,
        (KeyType::Rsa, Scheme::RsaPss(Digest::Sha384)) => &signature::RSA_PSS_2048_8192_SHA384,
        (KeyType::Rsa, Scheme::RsaPss(Digest::Sha512)) => &signature::RSA_PSS_2048_8192_SHA512,
        (KeyType::Ec(curve), Scheme::Ecdsa(digest)) => ecdsa(curve, digest).ok_or(Refusal::Weak)?,
        (KeyType::Ed25519, Scheme::Ed25519) => &signature::ED25519,
        (KeyType::Rsa, Scheme::RsaPss(Digest::Sha1)) => return Err(Refusal::Weak),
        _ => return Err(Refusal::OtherKey),
    })
}

fn ecdsa(curve: CurveName, digest: Digest) -> Option<&'static dyn VerificationAlgorithm> {
    Some(match (curve, digest) {
        (CurveName::P256, Digest::Sha256) => &signature::ECDSA_P256_SHA256_ASN1,
        (CurveName::P256, Digest::Sha384) => &signature::ECDSA_P256_SHA384_ASN1,
        (CurveName::P256, Digest::Sha512) => &signature::ECDSA_P256_SHA512_ASN1,
        (CurveName::P384, Digest::Sha256) => &signature::ECDSA_P384_SHA256_ASN1,
        (CurveName::P384, Digest::Sha384) => &signature::ECDSA_P384_SHA384_ASN1,
        (CurveName::P384, Digest::Sha512) => &signature::ECDSA_P384_SHA512_ASN1,
        (CurveName::P521, Digest::Sha256) => &signature::ECDSA_P521_SHA256_ASN1,
        (CurveName::P521, Digest::Sha384) => &signature::ECDSA_P521_SHA384_ASN1,
        (CurveName::P521, Digest::Sha512) => &signature::ECDSA_P521_SHA512_ASN1,
        (_, Digest::Sha1) => return None,
    })
}
