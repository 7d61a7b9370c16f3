//! Serial numbers and the record of issued certificates.

use std::fs;

use chrono::{DateTime, Utc};

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
            Some(text) => Some(text.parse::<Serial>().map_err(|error| SetupError::Preflight {
                file: format!("{SERIAL} of the existing CA"),
                source: PreflightError::Serial(error),
            })?),
            None => None,
        };
        let inventory = match self.directory.read_optional(INVENTORY)? {
            Some(inventory) => inventory,
            None => Self::rebuilt(self.directory)?,
        };
        let issued = inventory.lines().filter_map(|line| line.split_whitespace().next()?.parse().ok());
        let used = ca.used_serials(issued);
        let first_free = used.map_or_else(|| Serial::from(1), |used| used.next());
        Ok(written.map_or_else(|| first_free.clone(), |written| written.max(first_free.clone())))
    }

    /// A serial number to go on from where `serial` is missing. If the inventory is missing, too, nobody knows how many
    /// certificates the CA has issued.
    pub(super) fn restart(self, ca: &CaMaterial, now: DateTime<Utc>) -> Result<Serial, SetupError> {
        let next = self.next_serial(ca)?;
        Ok(if self.directory.has(INVENTORY) { next } else { beyond_the_unknown(Some(next), now) })
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
        // A CA that comes from elsewhere may lack the folder, and the files that it may lack are not made yet.
        if !path.exists() {
            return Ok(String::new());
        }
        for entry in fs::read_dir(&path).map_err(failed)? {
            let text = fs::read_to_string(entry.map_err(failed)?.path()).unwrap_or_default();
            // What is no certificate was not issued by Puppet.
            certificates.extend(Certificate::from_pem(&text));
        }
        certificates.sort_by(|a, b| a.info().serial.cmp(&b.info().serial));
        Ok(certificates.iter().map(inventory_line).collect())
    }
}

/// A serial number for a CA of which nobody knows how many certificates it has issued, but `used`, the highest number
/// known: two certificates of one CA must never share one, because revoking one would revoke the other.
///
/// A million beyond the known ones, and not before a number that grows with the clock: a CA whose volume is lost for a
/// second time, with nothing known of what it issued in between, does not go through the same numbers again.
pub(super) fn beyond_the_unknown(used: Option<Serial>, now: DateTime<Utc>) -> Serial {
    /// More than any Puppet CA has issued, and few of the two thousand million numbers that Puppet Server has.
    const UNKNOWN_CERTIFICATES: u32 = 0x10_0000;
    /// More than a CA issues in the long run, and few enough to last beyond the year 2080.
    const PER_MINUTE: i64 = 64;
    /// 2020-01-01, before any CA of this operator.
    const EPOCH: i64 = 1_577_836_800;
    let minutes = (now.timestamp() - EPOCH).max(0) / 60;
    let by_clock = Serial::from(u32::try_from(minutes.saturating_mul(PER_MINUTE)).unwrap_or(0));
    let by_use = used.unwrap_or_else(|| Serial::from(0)).plus(UNKNOWN_CERTIFICATES);
    if by_clock.fits_counter() { by_use.max(by_clock) } else { by_use }
}

fn signed(certname: &Certname) -> String {
    format!("signed/{certname}.pem")
}
