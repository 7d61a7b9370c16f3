//! Private keys of CAs, servers and clients.

use super::fingerprint::Fingerprint;
use super::pem_text::{blocks, encode};
use crate::signature::curve_name;
use rcgen::{KeyPair, PublicKeyData, RsaKeySize};
use std::fmt;
use x509_parser::der_parser::asn1_rs::{Any, FromDer, Integer, OctetString, Oid, Sequence};
use zeroize::{Zeroize as _, Zeroizing};

/// What kind of key to make.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum KeyAlgorithm {
    /// RSA with 2048 bits.
    Rsa2048,
    /// RSA with 3072 bits.
    Rsa3072,
    /// RSA with 4096 bits, what Puppet itself makes.
    #[default]
    Rsa4096,
    /// ECDSA on the curve P-256, signing with SHA-256.
    EcdsaP256,
    /// ECDSA on the curve P-384, signing with SHA-384.
    EcdsaP384,
}

impl fmt::Display for KeyAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Rsa2048 => "RSA 2048",
            Self::Rsa3072 => "RSA 3072",
            Self::Rsa4096 => "RSA 4096",
            Self::EcdsaP256 => "ECDSA P-256",
            Self::EcdsaP384 => "ECDSA P-384",
        })
    }
}

/// Why a key could not be made or read. No variant carries any part of a key.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The crypto library could not make a key.
    #[error("failed to generate an {algorithm} key")]
    Generate {
        /// The kind of key asked for.
        algorithm: KeyAlgorithm,
        /// The error of the cryptography library.
        source: rcgen::Error,
    },
    /// The text holds no PEM block of a private key.
    #[error("failed to read the private key: no PEM block `PRIVATE KEY`, `RSA PRIVATE KEY` or `EC PRIVATE KEY` found")]
    NoPem,
    /// A PEM block is cut off or damaged.
    #[error("failed to read the private key: a PEM block is cut off or damaged; copy the file again, with every line from BEGIN to END")]
    Damaged,
    /// The key is protected by a passphrase.
    #[error("failed to read the private key: it is encrypted; store it without a passphrase")]
    Encrypted,
    /// An RSA key that is too short.
    #[error("failed to read the private key: it is an RSA key of {bits} bits; 2048 to 8192 are accepted")]
    KeySize {
        /// Length of its modulus.
        bits: usize,
    },
    /// A key on a curve that is not supported.
    #[error("failed to read the private key: it is on the curve {0}; P-256, P-384 and P-521 are accepted")]
    Curve(String),
    /// The block is no key this program can use.
    #[error("failed to read the private key: it is neither RSA of at least 2048 bits nor ECDSA on P-256, P-384 or P-521")]
    Unusable,
}

/// A private key with its PEM text. Both are overwritten when it is dropped.
///
/// Making an RSA key costs up to a second of CPU: call [`PrivateKey::generate`] on a thread that may block.
pub struct PrivateKey {
    pair: KeyPair,
    pem: Zeroizing<String>,
}

impl Drop for PrivateKey {
    fn drop(&mut self) {
        self.pair.zeroize();
    }
}

impl PrivateKey {
    /// Makes a new key.
    ///
    /// # Errors
    /// If the crypto library cannot make one (no entropy, a failed self-test).
    pub fn generate(algorithm: KeyAlgorithm) -> Result<Self, KeyError> {
        let pair = match algorithm {
            KeyAlgorithm::Rsa2048 => rsa(RsaKeySize::_2048),
            KeyAlgorithm::Rsa3072 => rsa(RsaKeySize::_3072),
            KeyAlgorithm::Rsa4096 => rsa(RsaKeySize::_4096),
            KeyAlgorithm::EcdsaP256 => KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256),
            KeyAlgorithm::EcdsaP384 => KeyPair::generate_for(&rcgen::PKCS_ECDSA_P384_SHA384),
        }
        .map_err(|source| KeyError::Generate { algorithm, source })?;
        // PKCS#1 for RSA: that is what Puppet tools write, and what other readers of these Secrets expect.
        let pem = rsa_pkcs1(pair.serialized_der()).map_or_else(|| pair.serialize_pem().into(), |der| encode_key("RSA PRIVATE KEY", der));
        Ok(Self { pair, pem })
    }

    /// Reads the first private key of a PEM text: PKCS#8, PKCS#1 (RSA) or SEC1 (EC).
    ///
    /// # Errors
    /// If there is none, if it is encrypted, or of a kind or size that is not usable.
    pub fn from_pem(text: &str) -> Result<Self, KeyError> {
        let blocks = blocks(text).map_err(|_| KeyError::Damaged)?;
        let block = blocks.into_iter().find(|block| block.tag().ends_with("PRIVATE KEY")).ok_or(KeyError::NoPem)?;
        let legacy_encryption = block.headers().get("DEK-Info").is_some();
        if legacy_encryption || block.tag() == "ENCRYPTED PRIVATE KEY" {
            return Err(KeyError::Encrypted);
        }
        let pair = KeyPair::try_from(block.contents()).map_err(|_| refusal(&block))?;
        let tag = block.tag().to_owned();
        let pem = encode_key(&tag, block.into_contents());
        Ok(Self { pair, pem })
    }

    /// The PEM text: PKCS#1 for a new RSA key, PKCS#8 for a new EC key, the given form for a key that was read.
    #[must_use]
    pub fn to_pem(&self) -> &str {
        &self.pem
    }

    /// Fingerprint of the public key.
    #[must_use]
    pub fn public_key(&self) -> Fingerprint {
        Fingerprint::of_public_key_info(&self.pair.subject_public_key_info())
    }

    /// The public key as PEM `PUBLIC KEY`.
    #[must_use]
    pub fn public_key_pem(&self) -> String {
        encode("PUBLIC KEY", self.pair.subject_public_key_info())
    }

    /// Whether this is an RSA key. Puppet Server can sign with no other kind of CA key.
    #[must_use]
    pub fn is_rsa(&self) -> bool {
        self.pair.is_compatible(&rcgen::PKCS_RSA_SHA256)
    }

    /// The key in the form the certificate library needs.
    pub(super) fn pair(&self) -> &KeyPair {
        &self.pair
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PrivateKey").field("public_key", &self.public_key()).finish_non_exhaustive()
    }
}

fn rsa(size: RsaKeySize) -> Result<KeyPair, rcgen::Error> {
    KeyPair::generate_rsa_for(&rcgen::PKCS_RSA_SHA256, size)
}

/// Why a key cannot be used.
fn refusal(block: &pem::Pem) -> KeyError {
    let der = block.contents();
    let pkcs1 = if block.tag() == "RSA PRIVATE KEY" { Some(der.to_vec()) } else { rsa_pkcs1(der) };
    if let Some(bits) = pkcs1.and_then(|key| modulus_bits(&key)) {
        return KeyError::KeySize { bits };
    }
    let curve = if block.tag() == "EC PRIVATE KEY" { sec1_curve(der) } else { pkcs8_parameters(der) };
    curve.map_or(KeyError::Unusable, |curve| KeyError::Curve(curve_name(&curve)))
}

/// Bits of the modulus of an `RSAPrivateKey` (RFC 8017 appendix A.1.2).
fn modulus_bits(pkcs1: &[u8]) -> Option<usize> {
    let (_, key) = Sequence::from_der(pkcs1).ok()?;
    let (rest, _version) = Integer::from_der(&key.content).ok()?;
    let (_, modulus) = Any::from_der(rest).ok()?;
    let significant = modulus.data.iter().skip_while(|byte| **byte == 0);
    let first = significant.clone().next()?;
    Some(significant.count() * 8 - usize::try_from(first.leading_zeros()).ok()?)
}

/// The identifier in the parameters of a key's algorithm (RFC 5958 section 2): the curve of an EC key.
fn pkcs8_parameters(pkcs8: &[u8]) -> Option<String> {
    let (_, outer) = Sequence::from_der(pkcs8).ok()?;
    let (rest, _version) = Integer::from_der(&outer.content).ok()?;
    let (_, algorithm) = Sequence::from_der(rest).ok()?;
    let (parameters, _) = Any::from_der(&algorithm.content).ok()?;
    Some(Oid::from_der(parameters).ok()?.1.to_id_string())
}

/// The curve of an `ECPrivateKey` (RFC 5915 section 3).
fn sec1_curve(sec1: &[u8]) -> Option<String> {
    let (_, outer) = Sequence::from_der(sec1).ok()?;
    let (rest, _version) = Integer::from_der(&outer.content).ok()?;
    let (rest, _key) = OctetString::from_der(rest).ok()?;
    let (_, parameters) = Any::from_der(rest).ok()?;
    Some(Oid::from_der(parameters.data).ok()?.1.to_id_string())
}

/// The same of a private key; what it was made of is overwritten.
fn encode_key(label: &str, der: Vec<u8>) -> Zeroizing<String> {
    let block = pem::Pem::new(label, der);
    let config = pem::EncodeConfig::new().set_line_ending(pem::LineEnding::LF);
    let text = Zeroizing::new(pem::encode_config(&block, config));
    block.into_contents().zeroize();
    text
}

/// The PKCS#1 key inside a PKCS#8 one (RFC 5958 section 2), if that is an RSA key.
fn rsa_pkcs1(pkcs8: &[u8]) -> Option<Vec<u8>> {
    /// Content of the object identifier `rsaEncryption`, 1.2.840.113549.1.1.1.
    const RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];
    let (_, outer) = Sequence::from_der(pkcs8).ok()?;
    let (rest, _version) = Integer::from_der(&outer.content).ok()?;
    let (rest, algorithm) = Sequence::from_der(rest).ok()?;
    let (_, oid) = Any::from_der(&algorithm.content).ok()?;
    let (_, key) = OctetString::from_der(rest).ok()?;
    (oid.data == RSA).then(|| key.into_cow().into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::x509::openssl::openssl;

    const ALGORITHMS: [KeyAlgorithm; 3] = [KeyAlgorithm::Rsa2048, KeyAlgorithm::EcdsaP256, KeyAlgorithm::EcdsaP384];

    #[test]
    fn a_key_survives_the_way_through_its_pem_text() {
        for algorithm in ALGORITHMS {
            let key = PrivateKey::generate(algorithm).unwrap();
            let read = PrivateKey::from_pem(key.to_pem()).unwrap();
            assert_eq!(read.public_key(), key.public_key(), "{algorithm}");
            assert_eq!(read.to_pem(), key.to_pem(), "{algorithm}");
            assert_eq!(read.is_rsa(), algorithm == KeyAlgorithm::Rsa2048);
        }
    }

    #[test]
    fn a_new_rsa_key_is_written_as_pkcs_1_like_puppet_does() {
        let rsa = PrivateKey::generate(KeyAlgorithm::Rsa2048).unwrap();
        assert!(rsa.to_pem().starts_with("-----BEGIN RSA PRIVATE KEY-----\n"));
        let ec = PrivateKey::generate(KeyAlgorithm::EcdsaP256).unwrap();
        assert!(ec.to_pem().starts_with("-----BEGIN PRIVATE KEY-----\n"));
    }

    #[test]
    fn pkcs_8_and_pkcs_1_forms_of_one_key_are_the_same_key() {
        let key = PrivateKey::generate(KeyAlgorithm::Rsa2048).unwrap();
        let pkcs8 = PrivateKey::from_pem(&key.pair().serialize_pem()).unwrap();
        assert!(pkcs8.to_pem().starts_with("-----BEGIN PRIVATE KEY-----\n"));
        assert_eq!(pkcs8.public_key(), key.public_key());
    }

    #[test]
    fn a_sec_1_key_after_its_parameters_block_is_read() {
        // Made with `openssl ecparam -name prime256v1 -genkey`.
        let text = openssl(&["ecparam", "-name", "prime256v1", "-genkey"], "");
        assert!(text.contains("EC PARAMETERS"));
        let key = PrivateKey::from_pem(&text).unwrap();
        assert!(key.to_pem().starts_with("-----BEGIN EC PRIVATE KEY-----\n"));
    }

    #[test]
    fn debug_output_shows_the_fingerprint_and_nothing_of_the_key() {
        let key = PrivateKey::generate(KeyAlgorithm::EcdsaP256).unwrap();
        let body = key.to_pem().lines().nth(1).unwrap();
        let debug = format!("{key:?}");
        assert!(debug.contains(key.public_key().as_str()));
        assert!(!debug.contains("BEGIN") && !debug.contains(&body[..20]));
    }

    #[test]
    fn texts_without_a_usable_key_say_what_is_wrong() {
        let encrypted =
            openssl(&["genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-aes128", "-pass", "pass:secret"], "");
        assert!(matches!(PrivateKey::from_pem(&encrypted), Err(KeyError::Encrypted)));
        assert!(matches!(PrivateKey::from_pem(""), Err(KeyError::NoPem)));
        let small = openssl(&["genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:1024"], "");
        assert!(matches!(PrivateKey::from_pem(&small), Err(KeyError::KeySize { bits: 1024 })));
        let older = openssl(&["rsa", "-traditional"], &small);
        assert!(older.contains("BEGIN RSA") && matches!(PrivateKey::from_pem(&older), Err(KeyError::KeySize { bits: 1024 })));
        let odd = openssl(&["ecparam", "-name", "secp256k1", "-genkey"], "");
        for text in [openssl(&["pkcs8", "-topk8", "-nocrypt"], &odd), odd] {
            assert!(matches!(PrivateKey::from_pem(&text), Err(KeyError::Curve(name)) if name == "secp256k1"), "{text}");
        }
        let other = openssl(&["genpkey", "-algorithm", "ED448"], "");
        assert!(matches!(PrivateKey::from_pem(&other), Err(KeyError::Unusable)));
    }
}
