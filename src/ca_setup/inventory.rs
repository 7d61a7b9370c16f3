//! Serial numbers and the record of issued certificates.

use std::fs;

use super::directory::{CaDirectory, INVENTORY, SERIAL};
use super::error::{PreflightError, SetupError};
use super::material::CaMaterial;
use crate::puppetca::{Certificate, Certname, Serial, inventory_line};

/// The books of a CA: `serial`, `inventory.txt` and `signed/`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Inventory<'a> {
    directory: &'a CaDirectory,
}

impl<'a> Inventory<'a> {
    pub(super) fn new(directory: &'a CaDirectory) -> Self {
        Self { directory }
    }

    /// A serial number that no certificate of this CA has: the one of the `serial` file, or a higher one where the
    /// other files know of higher ones (the file is missing, or older than they are).
    pub(super) fn next_serial(self, ca: &CaMaterial) -> Result<Serial, SetupError> {
        let written = match self.directory.read_optional(SERIAL)? {
            Some(text) => Some(
                text.parse::<Serial>().map_err(|error| SetupError::Preflight { file: SERIAL, source: PreflightError::Serial(error) })?,
            ),
            None => None,
        };
        let inventory = match self.directory.read_optional(INVENTORY)? {
            Some(inventory) => inventory,
            None => Self::rebuilt(self.directory)?,
        };
        let issued = inventory.lines().filter_map(|line| line.split_whitespace().next()?.parse().ok());
        let revoked = ca.crl.of_signing_ca(&ca.bundle).map(|list| list.info().revoked.clone());
        // The CA's own certificate, too: in a CA of one level it has the same issuer as the leaves.
        let own = ca.bundle.certificates().map(|certificate| certificate.info().serial.clone());
        let used = issued
            .chain(revoked.unwrap_or_default())
            .chain(own)
            // Random numbers did not come from this counter, and counting on from them would overflow it.
            .filter(Serial::fits_counter)
            .max();
        let first_free = used.map_or_else(|| Serial::from(1), |used| used.next());
        Ok(written.map_or_else(|| first_free.clone(), |written| written.max(first_free.clone())))
    }

    /// A serial number to go on from where `serial` is missing. If the inventory is missing, too, nobody knows how many
    /// certificates the CA has issued: then the numbers they may have are left out.
    pub(super) fn restart(self, ca: &CaMaterial) -> Result<Serial, SetupError> {
        /// More than any Puppet CA has issued, and few of the two thousand million numbers it has.
        const UNKNOWN_CERTIFICATES: u32 = 0x10_0000;
        let next = self.next_serial(ca)?;
        let known = self.directory.has(INVENTORY);
        Ok(if known { next } else { next.plus(UNKNOWN_CERTIFICATES) })
    }

    /// Marks a number as used. To be done before it is used: a crash in between wastes a number, the other way round
    /// two certificates would share one.
    pub(super) fn reserve(self, serial: &Serial) -> Result<(), SetupError> {
        self.directory.write(SERIAL, &format!("{}\n", serial.next()))
    }

    /// Records an issued certificate.
    pub(super) fn record(self, certname: &Certname, pem: &str) -> Result<(), SetupError> {
        let certificate = Certificate::from_pem(pem)?;
        let mut inventory = self.directory.read_optional(INVENTORY)?.unwrap_or_default();
        if !inventory.is_empty() && !inventory.ends_with('\n') {
            inventory.push('\n');
        }
        inventory.push_str(&inventory_line(&certificate));
        self.directory.write(INVENTORY, &inventory)?;
        self.directory.write(&signed(certname), pem)
    }

    /// The certificate last issued for a name.
    pub(super) fn issued(self, certname: &Certname) -> Result<Option<String>, SetupError> {
        self.directory.read_optional(&signed(certname))
    }

    /// The inventory as far as the issued certificates still tell it, oldest serial number first.
    pub(super) fn rebuilt(directory: &CaDirectory) -> Result<String, SetupError> {
        let path = directory.path().join("signed");
        let failed = |source| SetupError::File { action: "read the folder", path: path.clone(), source };
        let mut certificates = Vec::new();
        for entry in fs::read_dir(&path).map_err(failed)? {
            let text = fs::read_to_string(entry.map_err(failed)?.path()).unwrap_or_default();
            // What is no certificate was not issued by Puppet.
            certificates.extend(Certificate::from_pem(&text));
        }
        certificates.sort_by(|a, b| a.info().serial.cmp(&b.info().serial));
        Ok(certificates.iter().map(inventory_line).collect())
    }
}

fn signed(certname: &Certname) -> String {
    format!("signed/{certname}.pem")
}
