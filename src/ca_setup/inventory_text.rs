//! The text of `inventory.txt` as Puppet Server can read it.
//!
//! Puppet Server reads every line when it revokes a certificate or renews its list, and fails when one line does not have
//! this form: `0x0003 2026-01-31T12:00:00UTC 2031-01-30T12:00:00UTC /CN=puppet`
//! (`certificate_authority.clj`, `extract-inventory-row-contents`, `parse-date-time`, `base-16-str->biginteger`).

use chrono::{DateTime, NaiveDateTime, Utc};
use openvox_puppet::{Serial, inventory_time};

/// An inventory that was read.
#[derive(Debug, Default)]
pub(super) struct InventoryText {
    /// Records, one a line, each in the form of Puppet Server.
    pub(super) text: String,
    /// Serial numbers of all records, also of those that are torn.
    pub(super) serials: Vec<Serial>,
    /// Records of another form.
    pub(super) rewritten: usize,
    /// Lines, or parts of them, that are no record.
    pub(super) left_out: Vec<String>,
}

impl InventoryText {
    /// Reads an inventory of any age.
    pub(super) fn read(bytes: &[u8]) -> Self {
        let mut read = Self::default();
        for found in bytes.split(|byte| *byte == b'\n') {
            let text = decode(found);
            let line = text.trim();
            read.serials.extend(serial(line));
            if let Some(record) = record(line) {
                read.take(&record, found);
            } else if let Some((torn, rest, record)) = joined(line) {
                read.serials.extend(serial(rest));
                read.take(&record, found);
                read.left_out.push(torn.to_owned());
            } else if !(line.is_empty() || line.starts_with('#')) {
                read.left_out.push(line.to_owned());
            }
        }
        read
    }

    fn take(&mut self, record: &str, found: &[u8]) {
        self.rewritten += usize::from(record.as_bytes() != found);
        self.text.push_str(record);
        self.text.push('\n');
    }
}

/// Puppet wrote inventories in the encoding of its host, which was Latin-1 where it was not UTF-8.
fn decode(line: &[u8]) -> String {
    std::str::from_utf8(line).map_or_else(|_| line.iter().map(|byte| char::from(*byte)).collect(), str::to_owned)
}

/// The serial number that a line begins with: `0x` and hexadecimal digits. Words such as `feed` are none.
fn serial(line: &str) -> Option<Serial> {
    let first = line.split_whitespace().next()?;
    first.starts_with("0x").then(|| first.parse().ok())?
}

/// A record in the form of Puppet Server.
fn record(line: &str) -> Option<String> {
    let serial = serial(line)?;
    let (_, rest) = line.split_once(char::is_whitespace)?;
    let (not_before, rest) = rest.trim_start().split_once(char::is_whitespace)?;
    let (not_after, subject) = rest.trim_start().split_once(char::is_whitespace)?;
    let subject = subject.trim();
    let named = subject.strip_prefix('/').is_some_and(|name| !name.trim().is_empty());
    let (not_before, not_after) = (instant(not_before)?, instant(not_after)?);
    named.then(|| format!("0x{serial} {} {} {subject}", inventory_time(not_before), inventory_time(not_after)))
}

/// A line in which a whole record follows one that is torn: the torn one, the rest, and the record in it.
fn joined(line: &str) -> Option<(&str, &str, String)> {
    line.match_indices("0x").filter(|(position, _)| *position > 0).find_map(|(position, _)| {
        let (torn, rest) = line.split_at_checked(position)?;
        Some((torn, rest, record(rest)?))
    })
}

/// A time with the name of its zone, which is UTC, or with an offset, as Puppet wrote it in 2015.
fn instant(text: &str) -> Option<DateTime<Utc>> {
    if let Some(time) = text.strip_suffix("UTC").or_else(|| text.strip_suffix("GMT")) {
        return NaiveDateTime::parse_from_str(time, "%Y-%m-%dT%H:%M:%S").ok().map(|time| time.and_utc());
    }
    DateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%#z").ok().map(|time| time.to_utc())
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "0x0004 2024-01-02T00:00:00UTC 2029-01-01T00:00:00UTC /CN=web01.example.net\n";

    fn serials(read: &InventoryText) -> Vec<String> {
        read.serials.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn what_puppet_server_writes_stays_as_it_is() {
        let text = format!("{GOOD}0x5F1C2A9E0B7D4433 2024-01-02T00:00:00UTC 2029-01-01T00:00:00UTC /CN=Puppet CA: a,O=Ä b\n");
        let read = InventoryText::read(text.as_bytes());
        assert_eq!((read.text.as_str(), read.rewritten, read.left_out.len()), (text.as_str(), 0, 0));
    }

    #[test]
    fn times_with_an_offset_become_utc() {
        for (given, utc) in
            [("2015-11-30T17:07:23+00:00", "2015-11-30T17:07:23UTC"), ("2015-11-30T17:07:23+0200", "2015-11-30T15:07:23UTC")]
        {
            let read = InventoryText::read(format!("0x0002 {given} 2030-11-29T17:07:23Z /CN=a\n").as_bytes());
            assert_eq!((read.text, read.rewritten), (format!("0x0002 {utc} 2030-11-29T17:07:23UTC /CN=a\n"), 1));
        }
    }

    #[test]
    fn a_name_in_latin_1_becomes_utf_8() {
        let read = InventoryText::read(b"0x0006 2014-01-01T00:00:00UTC 2030-01-01T00:00:00UTC /CN=b\xfcro\n");
        assert!(read.text.ends_with("/CN=büro\n"), "{}", read.text);
        assert_eq!(read.rewritten, 1);
    }

    #[test]
    fn comments_and_blank_lines_go_without_a_word() {
        let read = InventoryText::read(format!("# Inventory of signed certificates\n\n  \n{}", GOOD.trim_end()).as_bytes());
        assert_eq!((read.text.as_str(), read.left_out.len()), (GOOD, 0));
    }

    #[test]
    fn a_torn_record_is_left_out_its_number_counts_and_the_record_behind_it_is_kept() {
        let text = format!("0x0100 2024-01-02T00:00:00UTC 2029-0{GOOD}0x01\nfeed me\n0x0042 2024-01-02T00:00:00UTC never /CN=a\n");
        let read = InventoryText::read(text.as_bytes());
        assert_eq!(read.text, GOOD);
        assert_eq!(serials(&read), ["0100", "0004", "0001", "0042"]);
        assert_eq!(read.left_out, ["0x0100 2024-01-02T00:00:00UTC 2029-0", "0x01", "feed me", "0x0042 2024-01-02T00:00:00UTC never /CN=a"]);
    }

    #[test]
    fn a_subject_without_a_name_stops_puppet_server_and_is_left_out() {
        for subject in ["/", "CN=a", "/ "] {
            let read = InventoryText::read(format!("0x0002 2024-01-02T00:00:00UTC 2029-01-01T00:00:00UTC {subject}\n").as_bytes());
            assert_eq!((read.text.as_str(), read.left_out.len()), ("", 1), "{subject:?}");
        }
    }
}
