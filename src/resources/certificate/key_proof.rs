//! Proof that the operator has held a private key: a request that the key has signed, for a name that only this object has.
//!
//! The status says which keys were ours, and what the CA holds for them is revoked when the object goes. But others may write
//! a status. Whoever writes a stranger's key there cannot sign with it.

use openvox_crds::Certificate;
use openvox_puppet::{CsrInfo, CsrRequest, Fingerprint, PrivateKey};

/// Most proofs in a status: the key in use, the one that takes its place, and two that came before.
const MOST: usize = 4;

/// The name that a proof is for: no node has it, and no other object.
fn name(object: &Certificate) -> String {
    format!("key-of-{}", object.metadata.uid.as_deref().unwrap_or_default())
}

/// The key that a text proves for an object, if it proves any.
fn proves(object: &Certificate, proof: &str) -> Option<Fingerprint> {
    let request = CsrInfo::from_pem(proof).ok()?;
    (request.common_name? == name(object)).then_some(request.public_key)
}

fn proofs(object: &Certificate) -> &[String] {
    object.status.as_ref().map(|status| status.key_proofs.as_slice()).unwrap_or_default()
}

/// The operator has held the private key of this public one for this object.
pub(super) fn is_proven(object: &Certificate, key: &Fingerprint) -> bool {
    proofs(object).iter().any(|proof| proves(object, proof).as_ref() == Some(key))
}

/// The proofs of the status that hold, and one for each key that has none yet, oldest first.
pub(super) fn proofs_of<'a>(object: &Certificate, keys: impl IntoIterator<Item = &'a PrivateKey>) -> Vec<String> {
    let mut proven: Vec<(Fingerprint, String)> = Vec::new();
    for proof in proofs(object) {
        if let Some(key) = proves(object, proof) {
            proven.push((key, proof.clone()));
        }
    }
    for key in keys {
        if proven.iter().all(|(known, _)| *known != key.public_key())
            && let Some(proof) = prove(object, key)
        {
            proven.push((key.public_key(), proof));
        }
    }
    let old = proven.len().saturating_sub(MOST);
    proven.into_iter().skip(old).map(|(_, proof)| proof).collect()
}

fn prove(object: &Certificate, key: &PrivateKey) -> Option<String> {
    let request = CsrRequest { certname: name(object).parse().ok()?, alt_names: Vec::new(), extensions: Vec::new() };
    request.build(key).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use openvox_puppet::KeyAlgorithm;
    use serde_json::json;

    fn object(uid: &str, proofs: &[String]) -> Certificate {
        let metadata = json!({"name": "web", "namespace": "ns", "uid": uid});
        let spec = json!({"authorityRef": "corp", "certname": "web"});
        serde_json::from_value(json!({"metadata": metadata, "spec": spec, "status": {"keyProofs": proofs}})).unwrap()
    }

    fn key() -> PrivateKey {
        PrivateKey::generate(KeyAlgorithm::EcdsaP256).unwrap()
    }

    #[test]
    fn a_key_is_proven_once_for_this_object_alone() {
        let (ours, theirs) = (key(), key());
        let proofs = proofs_of(&object("1", &[]), [&ours]);
        assert_eq!(proofs.len(), 1);
        assert!(is_proven(&object("1", &proofs), &ours.public_key()));
        assert!(!is_proven(&object("1", &proofs), &theirs.public_key()));
        assert!(!is_proven(&object("2", &proofs), &ours.public_key()), "another object cannot use the proof");
        assert_eq!(proofs_of(&object("1", &proofs), [&ours]), proofs, "a settled object is not written");
    }

    #[test]
    fn what_proves_nothing_is_dropped_and_few_are_kept() {
        let keys = [(); 6].map(|()| key());
        let forged = ["-----BEGIN CERTIFICATE REQUEST-----\nMA==\n-----END CERTIFICATE REQUEST-----\n".to_owned(), "text".to_owned()];
        let proofs = proofs_of(&object("1", &forged), &keys);
        assert_eq!(proofs.len(), MOST);
        let kept = object("1", &proofs);
        assert_eq!(keys.each_ref().map(|key| is_proven(&kept, &key.public_key())), [false, false, true, true, true, true]);
    }
}
