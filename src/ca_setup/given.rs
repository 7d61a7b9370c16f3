//! A CA that exists and is to be put on an empty volume: an intermediate CA that the user brings, or the CA of the Secrets
//! whose volume was lost.

use super::directory::CaDirectory;
use super::disk;
use super::error::SetupError;
use super::goal::{SecretData, SetupGoal, StoredSecrets};
use super::inventory;
use super::material::CaMaterial;
use super::parts::{Part, Parts};
use chrono::{DateTime, Utc};
use openvox_crds::vocabulary::secret_key;
use openvox_puppet::layout::{
    CA_CERTIFICATES, CA_CRL, CA_KEY, CA_PUBLIC_KEY, INFRA_CRL, INFRA_INVENTORY, INFRA_SERIALS, INVENTORY, SERIAL,
};
use openvox_puppet::{Certificate, Serial, inventory_line};
use std::path::Path;

/// A CA to be put on the volume.
#[derive(Debug)]
pub(super) struct GivenCa {
    parts: Parts,
    /// Certificates that it is known to have issued.
    issued: Vec<Certificate>,
    /// Its source, for messages.
    origin: String,
}

impl GivenCa {
    /// The CA of the Secrets, if they have one. `None` if none of the three is there.
    ///
    /// # Errors
    /// If some exist and others do not: it is unknown what was lost with the volume.
    pub(super) fn from_secrets(goal: &SetupGoal, stored: &StoredSecrets) -> Result<Option<Self>, SetupError> {
        let names = &goal.secrets;
        let value = |secret: &str, key: &str| stored.get(secret).and_then(|data: &SecretData| data.get(key)).cloned();
        let (Some(bundle), Some(key), Some(crl)) =
            (value(&names.authority, CA_CERTIFICATES), value(&names.key, CA_KEY), value(&names.crl, CA_CRL))
        else {
            return match goal.secret_names().into_iter().find(|name| stored.contains_key(name)) {
                None => Ok(None),
                Some(secret) => Err(SetupError::VolumeLost { secret, directory: goal.directory.clone() }),
            };
        };
        let part = |file: &str, secret: &str, text: String| Part { name: format!("{file} in Secret {secret}"), text };
        let parts = Parts {
            bundle: part(CA_CERTIFICATES, &names.authority, bundle),
            key: part(CA_KEY, &names.key, key),
            crl: part(CA_CRL, &names.crl, crl),
            infra_crl: value(&names.crl, INFRA_CRL).map(|text| part(INFRA_CRL, &names.crl, text)),
            passphrase: None,
        };
        let pairs = goal.leaves.iter().filter_map(|leaf| stored.get(&leaf.secret)?.get(secret_key::CERTIFICATE));
        let issued = pairs.filter_map(|pem| Certificate::from_pem(pem).ok()).collect();
        Ok(Some(Self { parts, issued, origin: format!("the Secrets {}, {} and {}", names.authority, names.key, names.crl) }))
    }

    /// The intermediate CA that the user brings.
    ///
    /// # Errors
    /// If a file is missing, or cannot be read.
    pub(super) fn from_directory(directory: &Path) -> Result<Self, SetupError> {
        let part = |file: &'static str| -> Result<Part, SetupError> {
            let missing = || SetupError::NotGiven { directory: directory.to_owned(), file };
            let bytes = disk::read(&directory.join(file))?.ok_or_else(missing)?;
            let name = format!("{file} of the given intermediate CA");
            Ok(Part { name, text: String::from_utf8_lossy(&bytes).into_owned() })
        };
        let parts = Parts {
            bundle: part(secret_key::INTERMEDIATE_CERTIFICATES)?,
            key: part(secret_key::KEY)?,
            crl: part(secret_key::INTERMEDIATE_CRL)?,
            infra_crl: None,
            passphrase: None,
        };
        Ok(Self { parts, issued: Vec::new(), origin: format!("the given intermediate CA in {}", directory.display()) })
    }

    /// Its source.
    pub(super) fn origin(&self) -> &str {
        &self.origin
    }

    /// Checks that its parts belong together and are of use now.
    ///
    /// # Errors
    /// Names the part, and what is wrong with it.
    pub(super) fn check(&self, now: DateTime<Utc>) -> Result<CaMaterial, SetupError> {
        let ca = self.parts.check()?;
        self.parts.check_use(&ca, now)?;
        Ok(ca)
    }

    /// The serial number to go on with.
    fn next_serial(&self, ca: &CaMaterial, now: DateTime<Utc>) -> Serial {
        let issued = self.issued.iter().map(|certificate| certificate.info().serial.clone());
        inventory::beyond_the_unknown(ca.used_serials(issued), now)
    }

    /// Puts it on the volume, in Puppet's layout.
    ///
    /// # Errors
    /// If a file cannot be written.
    pub(super) fn place(&self, ca: &CaMaterial, directory: &CaDirectory, now: DateTime<Utc>) -> Result<(), SetupError> {
        directory.stage(&[
            (SERIAL, format!("{}\n", self.next_serial(ca, now))),
            (INVENTORY, self.issued.iter().map(inventory_line).collect()),
            (INFRA_INVENTORY, String::new()),
            (INFRA_SERIALS, String::new()),
            (INFRA_CRL, ca.infra_crl().to_pem()),
            (CA_PUBLIC_KEY, ca.key.public_key_pem()),
            (CA_CRL, ca.crl.to_pem()),
            (CA_KEY, ca.key.to_pem().to_owned()),
            (CA_CERTIFICATES, ca.bundle.to_pem()),
        ])?;
        directory.unstage()?;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
