//! Serial numbers and the record of issued certificates.

use super::directory::CaDirectory;
use super::error::SetupError;
use super::inventory_text::InventoryText;
use super::material::CaMaterial;
use chrono::{DateTime, Utc};
use openvox_puppet::layout::{INVENTORY, SERIAL, SIGNED};
use openvox_puppet::{Certificate, Certname, Serial, SerialError, inventory_line};

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
    ///
    /// # Errors
    /// If the file holds no number, or Puppet Server could not count on from the number.
    pub(super) fn next_serial(self, ca: &CaMaterial, now: DateTime<Utc>) -> Result<Serial, SetupError> {
        let known = match self.directory.read_bytes(INVENTORY)? {
            Some(inventory) => InventoryText::read(&inventory).serials,
            None => InventoryText::read(Self::rebuilt(self.directory)?.as_bytes()).serials,
        };
        let used = ca.used_serials(known.into_iter());
        let first_free = used.as_ref().map_or_else(|| Serial::from(1), Serial::next);
        let next = match self.written()? {
            Some(written) if has_room(&written) => written.max(first_free),
            // A random number does not tell how many certificates exist.
            Some(_) => beyond_the_unknown(used, now),
            None if self.directory.has(INVENTORY) => first_free,
            // It is unknown how many certificates the CA has issued.
            None => beyond_the_unknown(Some(first_free), now),
        };
        if has_room(&next) { Ok(next) } else { Err(SetupError::SerialsExhausted(next)) }
    }

    /// The number in the `serial` file, if there is one.
    pub(super) fn written(self) -> Result<Option<Serial>, SetupError> {
        let Some(text) = self.directory.read_optional(SERIAL)? else { return Ok(None) };
        let file = format!("{SERIAL} of the existing CA");
        text.parse().map(Some).map_err(|error: SerialError| SetupError::Preflight { file, source: Box::new(error.into()) })
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
        inventory.push_str(&inventory_line(&certificate));
        self.directory.write(INVENTORY, &inventory)?;
        self.directory.write(&signed(certname), pem)
    }

    /// The certificate last issued for a name.
    pub(super) fn issued(self, certname: &Certname) -> Result<Option<String>, SetupError> {
        self.directory.read_optional(&signed(certname))
    }

    /// The inventory rebuilt from the issued certificates that still exist, lowest serial number first.
    pub(super) fn rebuilt(directory: &CaDirectory) -> Result<String, SetupError> {
        let mut certificates = Vec::new();
        // An imported CA may lack the folder, and its missing files are not made yet.
        for name in directory.names(SIGNED)? {
            // What is no certificate was not issued by Puppet.
            let text = directory.read_optional(&format!("{SIGNED}/{name}")).ok().flatten().unwrap_or_default();
            certificates.extend(Certificate::from_pem(&text));
        }
        certificates.sort_by(|a, b| a.info().serial.cmp(&b.info().serial));
        Ok(certificates.iter().map(inventory_line).collect())
    }
}

/// Whether Puppet Server can count on from here: it reads serial numbers as signed integers of 32 bits
/// (`certificate_authority.clj`, `parse-serial-number`), and some numbers must remain. A higher number was not assigned by
/// its counter, which no site has used up that far.
pub(super) fn has_room(serial: &Serial) -> bool {
    /// 65,536 certificates before the last number.
    const LAST_START: u32 = 0x7fff_0000;
    *serial < Serial::from(LAST_START)
}

/// A serial number for a CA that has issued an unknown number of certificates; `used` is the highest known number. Two
/// certificates of one CA must never share a number, because revoking one would revoke the other.
///
/// The result is a million above the known ones, and at least a number that grows with the clock: a CA whose volume is lost
/// a second time, without a trace of what it issued in between, does not assign the same numbers again.
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
    format!("{SIGNED}/{certname}.pem")
}
