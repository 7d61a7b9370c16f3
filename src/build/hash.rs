//! Fingerprints of data that pods mount, as annotations of their template.

use sha2::{Digest, Sha256};
use std::fmt::Write as _;

/// SHA-256 of keys and values in the given order, in lower-case hexadecimal.
///
/// Each key and value is preceded by its length as eight bytes, so no two data sets give the same bytes: without it a
/// character that moves from a key to its value would go unnoticed. Give the pairs of a sorted map.
pub fn data_hash<K: AsRef<[u8]>, V: AsRef<[u8]>>(pairs: impl IntoIterator<Item = (K, V)>) -> String {
    let mut hasher = Sha256::new();
    for (key, value) in pairs {
        for part in [key.as_ref(), value.as_ref()] {
            // A usize always fits: no supported platform has more than 64 bits.
            hasher.update((part.len() as u64).to_be_bytes());
            hasher.update(part);
        }
    }
    let mut text = String::with_capacity(64);
    for byte in hasher.finalize() {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_character_that_moves_from_key_to_value_changes_the_hash() {
        assert_ne!(data_hash([("ab", "c")]), data_hash([("a", "bc")]));
        assert_ne!(data_hash([("a", "b"), ("c", "d")]), data_hash([("a", "bcd")]));
        assert_ne!(data_hash([("a", "")]), data_hash::<&str, &str>([]));
    }

    #[test]
    fn equal_data_has_an_equal_hash_of_64_hexadecimal_digits() {
        let hash = data_hash([("key", b"value")]);
        assert_eq!(hash, data_hash([("key".to_owned(), b"value".to_vec())]));
        assert_eq!(hash.len(), 64);
        assert!(hash.chars().all(|c| c.is_ascii_hexdigit() && !c.is_ascii_uppercase()));
    }
}
