//! Hashes of Secrets in the annotations of a pod template, which everybody reads who sees the Deployment. So they are made
//! of certificates alone, which are public: a hash over a value that is not would let a short one be guessed.

use crate::build::hash::data_hash;
use k8s_openapi::api::core::v1::Secret;
use openvox_crds::vocabulary::secret_key;

/// Changes with the pair of a Certificate: another key has another certificate. `present` is the hash that the Deployment
/// has now. One that an older operator made of the generated key too stays until the pair changes, so that an upgrade of
/// the operator restarts no pod.
pub(super) fn tls(secret: &Secret, present: Option<&str>) -> String {
    let pair = of(secret, &[secret_key::CERTIFICATE, secret_key::KEY]);
    if present == Some(pair.as_str()) { pair } else { of(secret, &[secret_key::CERTIFICATE]) }
}

/// Changes with the certificates of a CA. A Secret of the user may hold something else beside them.
pub(super) fn ca(secret: &Secret) -> String {
    of(secret, &[secret_key::CA_CERTIFICATES])
}

fn of(secret: &Secret, keys: &[&str]) -> String {
    data_hash(secret.data.iter().flatten().filter(|(key, _)| keys.contains(&key.as_str())).map(|(key, value)| (key, &value.0)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use k8s_openapi::ByteString;

    fn secret(data: &[(&str, &str)]) -> Secret {
        let data = data.iter().map(|(key, value)| ((*key).to_owned(), ByteString(value.as_bytes().to_vec())));
        Secret { data: Some(data.collect()), ..Secret::default() }
    }

    #[test]
    fn only_certificates_are_part_of_a_hash() {
        let hash = |key: &str| tls(&secret(&[("cert.pem", "certificate"), ("key.pem", key)]), None);
        assert_eq!(hash("one"), hash("two"));
        assert_ne!(hash("one"), tls(&secret(&[("cert.pem", "another"), ("key.pem", "one")]), None));
        let with = |password: &str| ca(&secret(&[("ca_crt.pem", "certificates"), ("password", password)]));
        assert_eq!(with("one"), with("two"));
        assert_eq!(with("one"), ca(&secret(&[("ca_crt.pem", "certificates")])), "as older operators had it for the CA's own Secret");
    }

    #[test]
    fn the_hash_of_an_older_operator_stays_until_the_pair_changes() {
        let pair = [("cert.pem", "certificate"), ("key.pem", "key")];
        let older = data_hash(pair);
        assert_eq!(tls(&secret(&pair), Some(&older)), older);
        let renewed = secret(&[("cert.pem", "renewed"), ("key.pem", "key")]);
        assert_eq!(tls(&renewed, Some(&older)), tls(&renewed, None));
    }
}
