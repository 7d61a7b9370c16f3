//! A CA that exists and is to be put on an empty volume: an intermediate CA that the user brings, or the CA of the Secrets
//! whose volume was lost.

use std::fs;
use std::path::Path;

use chrono::{DateTime, Utc};

use super::directory::{
    CA_CERTIFICATES, CA_CRL, CA_KEY, CA_PUBLIC_KEY, CaDirectory, INFRA_CRL, INFRA_INVENTORY, INFRA_SERIALS, INVENTORY, SERIAL,
};
use super::error::{PreflightError, SetupError};
use super::inventory;
use super::material::Parts;
use super::plan::{SecretData, SetupPlan, StoredSecrets};
use crate::puppetca::{Certificate, Serial, inventory_line};

/// A CA to be put on the volume.
#[derive(Debug)]
pub(super) struct GivenCa {
    parts: Parts,
    /// Certificates that it is known to have issued.
    issued: Vec<Certificate>,
    /// Where it comes from, for people.
    origin: String,
}

impl GivenCa {
    /// The CA of the Secrets, if they have one. `None` if none of the three is there.
    ///
    /// # Errors
    /// If one is missing while others are there: what was lost with the volume cannot be told.
    pub(super) fn from_secrets(plan: &SetupPlan, stored: &StoredSecrets) -> Result<Option<Self>, SetupError> {
        let names = &plan.secrets;
        let value = |secret: &str, key: &str| stored.get(secret).and_then(|data: &SecretData| data.get(key)).cloned();
        let (Some(bundle), Some(key), Some(crl)) =
            (value(&names.authority, CA_CERTIFICATES), value(&names.key, CA_KEY), value(&names.crl, CA_CRL))
        else {
            return match plan.secret_names().into_iter().find(|name| stored.contains_key(name)) {
                None => Ok(None),
                Some(secret) => Err(SetupError::VolumeLost { secret, directory: plan.directory.clone() }),
            };
        };
        let of = |file: &str, secret: &str| format!("{file} in Secret {secret}");
        let parts = Parts {
            bundle: (of(CA_CERTIFICATES, &names.authority), bundle),
            key: (of(CA_KEY, &names.key), key),
            crl: (of(CA_CRL, &names.crl), crl),
            infra_crl: value(&names.crl, INFRA_CRL).map(|text| (of(INFRA_CRL, &names.crl), text)),
        };
        let pairs = plan.leaves.iter().filter_map(|leaf| stored.get(&leaf.secret)?.get(super::leaf::CERTIFICATE));
        let issued = pairs.filter_map(|pem| Certificate::from_pem(pem).ok()).collect();
        Ok(Some(Self { parts, issued, origin: format!("the Secrets {}, {} and {}", names.authority, names.key, names.crl) }))
    }

    /// The intermediate CA that the user brings.
    ///
    /// # Errors
    /// If a file is missing, or cannot be read.
    pub(super) fn from_directory(directory: &Path) -> Result<Self, SetupError> {
        let part = |file: &'static str| {
            let path = directory.join(file);
            match fs::read_to_string(&path) {
                Ok(text) => Ok((format!("{file} of the given intermediate CA"), text)),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                    Err(SetupError::NotGiven { directory: directory.to_owned(), file })
                }
                Err(source) => Err(SetupError::File { action: "read", path, source }),
            }
        };
        let parts = Parts { bundle: part("ca.pem")?, key: part("key.pem")?, crl: part("crl.pem")?, infra_crl: None };
        Ok(Self { parts, issued: Vec::new(), origin: format!("the given intermediate CA in {}", directory.display()) })
    }

    /// Where it comes from.
    pub(super) fn origin(&self) -> &str {
        &self.origin
    }

    /// Checks that its parts belong together and are of use now.
    ///
    /// # Errors
    /// Names the part, and what is wrong with it.
    pub(super) fn check(&self, now: DateTime<Utc>) -> Result<(), SetupError> {
        let ca = self.parts.check()?;
        let wrong = |part: &(String, String)| {
            let file = part.0.clone();
            move |source: PreflightError| SetupError::Preflight { file, source }
        };
        ca.bundle.verify_path_lengths().map_err(|error| wrong(&self.parts.bundle)(error.into()))?;
        for certificate in ca.bundle.certificates() {
            let info = certificate.info();
            if info.not_after <= now {
                let expired = PreflightError::Expired { subject: info.subject.clone(), not_after: info.not_after };
                return Err(wrong(&self.parts.bundle)(expired));
            }
            let Some(list) = ca.crl.lists().find(|list| list.info().issuer_name == info.subject_name) else {
                return Err(wrong(&self.parts.crl)(PreflightError::NoList { subject: info.subject.clone() }));
            };
            if let Some(next_update) = list.info().next_update.filter(|next_update| *next_update <= now) {
                return Err(wrong(&self.parts.crl)(PreflightError::CrlEnded { issuer: info.subject.clone(), next_update }));
            }
        }
        Ok(())
    }

    /// The serial number to go on with.
    pub(super) fn next_serial(&self, now: DateTime<Utc>) -> Result<Serial, SetupError> {
        let ca = self.parts.check()?;
        let issued = self.issued.iter().map(|certificate| certificate.info().serial.clone());
        Ok(inventory::beyond_the_unknown(ca.used_serials(issued), now))
    }

    /// Puts it on the volume, in Puppet's layout.
    ///
    /// # Errors
    /// If a part is not usable, or a file cannot be written.
    pub(super) fn place(&self, directory: &CaDirectory, now: DateTime<Utc>) -> Result<(), SetupError> {
        self.check(now)?;
        let ca = self.parts.check()?;
        let text = |part: &(String, String)| part.1.clone();
        directory.stage(&[
            (SERIAL, format!("{}\n", self.next_serial(now)?)),
            (INVENTORY, self.issued.iter().map(inventory_line).collect()),
            (INFRA_INVENTORY, String::new()),
            (INFRA_SERIALS, String::new()),
            // A CA without an infrastructure list gets a copy of the full one: nothing revoked is forgotten.
            (INFRA_CRL, text(self.parts.infra_crl.as_ref().unwrap_or(&self.parts.crl))),
            (CA_PUBLIC_KEY, ca.key.public_key_pem()),
            (CA_CRL, text(&self.parts.crl)),
            (CA_KEY, ca.key.to_pem().to_owned()),
            (CA_CERTIFICATES, text(&self.parts.bundle)),
        ])?;
        directory.unstage()?;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
