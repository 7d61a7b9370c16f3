//! Certificates that this program issues: the CA server's and the operator's.

use super::directory::CaDirectory;
use super::error::SetupError;
use super::goal::{DesiredLeaf, SecretData, SetupGoal};
use super::inventory::Inventory;
use super::material::CaMaterial;
use chrono::{DateTime, Utc};
use openvox_crds::vocabulary::secret_key;
use openvox_puppet::{AltName, Certificate, LeafRequest, PrivateKey, SigningAuthority};

/// What a certificate needs.
#[derive(Debug)]
pub(super) enum Need {
    /// Its Secret is as it should be.
    Nothing,
    /// Its key is good, but there is no certificate for it, or one that lacks a name, has expired or was revoked.
    Certificate(PrivateKey),
    /// A key and a certificate.
    Pair,
}

/// Compares what is stored for a certificate with the goal.
pub(super) fn need(
    leaf: &DesiredLeaf,
    stored: Option<&SecretData>,
    directory: &CaDirectory,
    ca: &CaMaterial,
    now: DateTime<Utc>,
) -> Result<Need, SetupError> {
    let Some(stored) = stored else {
        // A run that died before it wrote the Secret has left the key.
        let kept = directory.kept_key(leaf.certname.as_str())?;
        let kept = kept.and_then(|pem| PrivateKey::from_pem(&pem).ok());
        return Ok(kept.map_or(Need::Pair, Need::Certificate));
    };
    let key = stored.get(secret_key::KEY).and_then(|pem| PrivateKey::from_pem(pem).ok());
    let certificate = stored.get(secret_key::CERTIFICATE).and_then(|pem| Certificate::from_pem(pem).ok());
    if let Some(certificate) = &certificate
        && ca.bundle.verify(certificate).is_err()
    {
        return Err(SetupError::ForeignSecret {
            secret: leaf.secret.clone(),
            what: "a certificate",
            directory: directory.path().to_owned(),
        });
    }
    Ok(match (key, certificate) {
        (Some(key), Some(certificate)) if certificate.matches(&key) && fits(leaf, &certificate, ca, now) => Need::Nothing,
        (Some(key), _) => Need::Certificate(key),
        (None, _) => Need::Pair,
    })
}

/// Issues the certificate for `key` and records it. If an earlier run did so already, takes that one.
pub(super) fn issue(
    goal: &SetupGoal,
    leaf: &DesiredLeaf,
    key: &PrivateKey,
    directory: &CaDirectory,
    ca: &CaMaterial,
    now: DateTime<Utc>,
) -> Result<SecretData, SetupError> {
    let inventory = Inventory::new(directory);
    let pair = |certificate: String| {
        let key = (secret_key::KEY.to_owned(), key.to_pem().to_owned());
        SecretData::from([(secret_key::CERTIFICATE.to_owned(), certificate), key])
    };
    if let Some(pem) = inventory.issued(&leaf.certname)?
        && let Ok(certificate) = Certificate::from_pem(&pem)
        && certificate.matches(key)
        && ca.bundle.verify(&certificate).is_ok()
        && fits(leaf, &certificate, ca, now)
    {
        return Ok(pair(certificate.to_pem()));
    }
    directory.keep_key(leaf.certname.as_str(), key.to_pem())?;
    let serial = inventory.next_serial(ca, now)?;
    inventory.reserve(&serial)?;
    let pem = SigningAuthority::new(&ca.bundle, &ca.key)?.issue(&LeafRequest {
        certname: &leaf.certname,
        alt_names: &leaf.alt_names,
        extensions: &leaf.extensions,
        key,
        serial: &serial,
        lifetime: goal.lifetime,
        now,
    })?;
    inventory.record(&leaf.certname, &pem)?;
    Ok(pair(pem))
}

/// Whether a certificate of this CA matches the goal: names, extensions, valid now and not revoked.
fn fits(leaf: &DesiredLeaf, certificate: &Certificate, ca: &CaMaterial, now: DateTime<Utc>) -> bool {
    let info = certificate.info();
    let own_name = AltName::Dns(leaf.certname.as_str().to_owned());
    let has_name = |name: &AltName| info.alt_names.contains(name) || *name == own_name;
    let list = ca.crl.of_signing_ca(&ca.bundle);
    let revoked = list.is_some_and(|list| list.info().revoked.contains(&info.serial));
    info.common_name.as_deref() == Some(leaf.certname.as_str())
        && leaf.alt_names.iter().all(has_name)
        && leaf.extensions.iter().all(|(oid, value)| certificate.has_extension(oid, value))
        && info.not_after > now
        && !revoked
}
