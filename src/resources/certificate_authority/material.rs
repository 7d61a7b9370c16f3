//! The CA's certificates, its key and its revocation lists.

use super::crl;
use crate::resources::text::text;
use chrono::TimeDelta;
use k8s_openapi::api::core::v1::Secret;
use openvox_crds::vocabulary::secret_key;
use openvox_machines::certificate_authority::{Facts, Material, RevocationList};
use openvox_machines::core::{Blocked, Timestamp};
use openvox_puppet::{CaBundle, CrlBundle, PrivateKey};

/// How long before its end a CA certificate is warned about, in days: a successor needs planning, and every
/// agent has to learn to trust it.
const WARN_DAYS: i64 = 90;

/// What is known of an external CA: its certificate, and its stored list.
pub(super) fn outside(
    trust: Option<&Secret>,
    crl: Option<&Secret>,
    now: Timestamp,
) -> (Option<Facts>, Option<RevocationList>, Option<Blocked>) {
    let nothing = (None, None, None);
    let Some(bundle) = trust.and_then(|secret| text(secret, secret_key::CA_CERTIFICATES)).and_then(|pem| CaBundle::from_pem(pem).ok())
    else {
        return nothing;
    };
    let Some(lists) = crl.and_then(|secret| CrlBundle::from_pem(text(secret, secret_key::CA_CRL)?).ok()) else {
        return (Some(facts(&bundle)), None, None);
    };
    (Some(facts(&bundle)), crl::facts(&lists, &bundle), crl::of_others(&lists, &bundle, now))
}

fn facts(bundle: &CaBundle) -> Facts {
    let info = bundle.signing().info();
    Facts { key: info.public_key.to_string(), not_after: info.not_after, warn_at: info.not_after - TimeDelta::days(WARN_DAYS) }
}

/// What is known of a CA in the cluster: whether its material is complete, and its stored list.
pub(super) fn inside(
    certificates: Option<&Secret>,
    key: Option<&Secret>,
    crl: Option<&Secret>,
    now: Timestamp,
) -> (Material, Option<RevocationList>, Option<Blocked>) {
    let Some(pem) = certificates.and_then(|secret| text(secret, secret_key::CA_CERTIFICATES)) else {
        return (Material::Absent, None, None);
    };
    let incomplete = |message: String| (Material::Incomplete { message }, None, None);
    let bundle = match CaBundle::from_pem(pem) {
        Ok(bundle) => bundle,
        Err(error) => return incomplete(error.to_string()),
    };
    match key.and_then(|secret| text(secret, secret_key::CA_KEY)).map(PrivateKey::from_pem) {
        None => return incomplete("the Secret with the CA key has no ca_key.pem".to_owned()),
        Some(Err(error)) => return incomplete(error.to_string()),
        Some(Ok(key)) if !bundle.signing().matches(&key) => {
            return incomplete("the CA key does not belong to the CA certificate".to_owned());
        }
        Some(Ok(_)) => {}
    }
    let lists = match crl.and_then(|secret| text(secret, secret_key::CA_CRL)).map(CrlBundle::from_pem) {
        None => return incomplete("the Secret with the revocation lists has no ca_crl.pem".to_owned()),
        Some(Err(error)) => return incomplete(error.to_string()),
        Some(Ok(lists)) => lists,
    };
    (Material::Complete(facts(&bundle)), crl::facts(&lists, &bundle), crl::of_others(&lists, &bundle, now))
}
