//! A Secret without its data: names, keys, and fingerprints of what is public in it.

use k8s_openapi::api::core::v1::Secret;
use kube::ResourceExt as _;
use openvox_puppet::{Certificate, PrivateKey};
use serde::{Deserialize, Serialize};

/// What is said of a Secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecretFacts {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Its keys, in their order.
    pub keys: Vec<KeyFacts>,
}

/// What is said of one key of a Secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct KeyFacts {
    /// The key.
    pub key: String,
    /// It has no value. How long one is would help whoever guesses a short secret.
    #[serde(default)]
    pub empty: bool,
    /// SHA-256 of the public keys in it: of certificates, and of the one that belongs to a private key. A fingerprint of
    /// anything else would let a short secret be guessed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub public_keys: Vec<String>,
}

impl SecretFacts {
    /// What may be said of a Secret.
    pub fn of(secret: &Secret) -> Self {
        let keys = secret.data.iter().flatten().map(|(key, value)| KeyFacts {
            key: key.clone(),
            empty: value.0.is_empty(),
            public_keys: std::str::from_utf8(&value.0).map(public_keys).unwrap_or_default(),
        });
        Self { namespace: secret.namespace().unwrap_or_default(), name: secret.name_any(), keys: keys.collect() }
    }
}

fn public_keys(text: &str) -> Vec<String> {
    if let Ok(key) = PrivateKey::from_pem(text) {
        return vec![key.public_key().to_string()];
    }
    let certificates = Certificate::all_from_pem(text).unwrap_or_default();
    certificates.iter().map(|certificate| certificate.info().public_key.to_string()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use openvox_puppet::KeyAlgorithm;
    use serde_json::json;

    #[test]
    fn a_key_is_shown_by_its_public_half_and_of_everything_else_only_whether_it_is_there() {
        let key = PrivateKey::generate(KeyAlgorithm::EcdsaP256).unwrap();
        let mut secret: Secret = serde_json::from_value(json!({"metadata": {"name": "web-tls", "namespace": "n"}})).unwrap();
        let data = [("key.pem", key.to_pem().as_bytes().to_vec()), ("password", b"s3cret".to_vec())];
        secret.data = Some(data.into_iter().map(|(key, value)| (key.to_owned(), k8s_openapi::ByteString(value))).collect());
        let facts = SecretFacts::of(&secret);
        assert_eq!(facts.keys[0].public_keys, [key.public_key().to_string()]);
        assert_eq!((facts.keys[1].empty, &*facts.keys[1].public_keys), (false, &[][..]));
        let shown = serde_json::to_string(&facts).unwrap();
        assert!(!shown.contains("s3cret") && !shown.contains("PRIVATE"), "{shown}");
    }
}
