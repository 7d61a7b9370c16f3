//! The identity of a public key.

use sha2::{Digest, Sha256};
use std::fmt;
use std::fmt::Write as _;
use std::str::FromStr;

/// Length of the text form: SHA-256 has 32 bytes, two hex digits each.
const HEX_DIGITS: usize = 64;

/// SHA-256 over a DER `SubjectPublicKeyInfo` (RFC 5280 section 4.1), as 64 lower case hex digits.
///
/// Two certificates, requests or keys belong together exactly if their fingerprints are equal.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Fingerprint(String);

/// A text that is not a fingerprint.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("failed to read the fingerprint {0:?}: it must be 64 lower case hexadecimal digits")]
pub struct FingerprintError(String);

impl Fingerprint {
    /// Fingerprint of a DER `SubjectPublicKeyInfo`.
    #[must_use]
    pub fn of_public_key_info(der: &[u8]) -> Self {
        let mut hex = String::with_capacity(HEX_DIGITS);
        for byte in Sha256::digest(der) {
            // Writing to a String cannot fail.
            let _ = write!(hex, "{byte:02x}");
        }
        Self(hex)
    }

    /// The 64 hex digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Fingerprint {
    type Err = FingerprintError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digits = |b: &u8| b.is_ascii_digit() || (b'a'..=b'f').contains(b);
        if text.len() == HEX_DIGITS && text.as_bytes().iter().all(digits) {
            Ok(Self(text.to_owned()))
        } else {
            Err(FingerprintError(text.to_owned()))
        }
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fingerprint({})", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_form_is_the_sha_256_of_the_bytes_and_reads_back() {
        let print = Fingerprint::of_public_key_info(b"abc");
        assert_eq!(print.as_str(), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert_eq!(print.as_str().parse(), Ok(print));
    }

    #[test]
    fn anything_but_64_lower_case_hex_digits_is_refused() {
        let good = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        for bad in ["", &good[1..], &good.to_uppercase(), &good.replace('b', "g")] {
            assert!(bad.parse::<Fingerprint>().is_err(), "{bad}");
        }
    }
}
