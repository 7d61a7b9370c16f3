//! What the directory of a CA from elsewhere lacks, or holds in a form that Puppet Server cannot read.

use super::directory::{CaDirectory, LEFT_OUT_INVENTORY};
use super::error::SetupError;
use super::inventory::{self, Inventory};
use super::inventory_text::InventoryText;
use super::material::CaMaterial;
use super::step::{Step, Steps};
use chrono::{DateTime, Utc};
use openvox_puppet::Serial;
use openvox_puppet::layout::{
    CA_CERTIFICATES, CA_CRL, CA_KEY, CA_PUBLIC_KEY, INFRA_CRL, INFRA_INVENTORY, INFRA_SERIALS, INVENTORY, SERIAL,
};

/// The files that an imported CA may lack, in the order in which they are made.
const FILES: [&str; 6] = [CA_PUBLIC_KEY, INFRA_CRL, INFRA_INVENTORY, INFRA_SERIALS, SERIAL, INVENTORY];

/// Brings the directory of this CA into the form that Puppet Server reads.
pub(super) fn complete(ca: &CaMaterial, directory: &CaDirectory, now: DateTime<Utc>, steps: Steps<'_>) -> Result<(), SetupError> {
    // Of the inventory as it was found: whether it is missing matters here, and torn lines may hold numbers, too.
    let serial = Inventory::new(directory).next_serial(ca, now)?;
    directory.make_folders()?;
    write_checked_files(ca, directory, steps)?;
    tidy_inventory(directory, steps)?;
    tidy_serial(&serial, directory, steps)?;
    let lacking: Vec<_> = FILES.into_iter().filter(|file| !directory.has(file)).collect();
    for &file in &lacking {
        let text = match file {
            CA_PUBLIC_KEY => ca.key.public_key_pem(),
            INFRA_CRL => ca.infra_crl().to_pem(),
            SERIAL => format!("{serial}\n"),
            INVENTORY => Inventory::rebuilt(directory)?,
            _ => String::new(),
        };
        directory.write(file, &text)?;
    }
    if !lacking.is_empty() {
        steps(Step::Add(lacking));
    }
    steps(Step::GoOn(serial));
    Ok(())
}

/// Writes certificates, key and lists anew from their parsed form: Puppet Server accepts fewer forms of PEM than this
/// program, and publishes `ca_crt.pem` unchanged.
fn write_checked_files(ca: &CaMaterial, directory: &CaDirectory, steps: Steps<'_>) -> Result<(), SetupError> {
    let mut files = vec![(CA_CRL, ca.crl.to_pem()), (CA_KEY, ca.key.to_pem().to_owned()), (CA_CERTIFICATES, ca.bundle.to_pem())];
    files.extend(ca.infra_crl.as_ref().map(|lists| (INFRA_CRL, lists.to_pem())));
    for (file, text) in files {
        if directory.read(file)? != text {
            directory.write(file, &text)?;
            steps(Step::Rewrite { file, why: "only what was checked, in the form that Puppet Server reads".to_owned() });
        }
    }
    Ok(())
}

fn tidy_inventory(directory: &CaDirectory, steps: Steps<'_>) -> Result<(), SetupError> {
    let Some(bytes) = directory.read_bytes(INVENTORY)? else { return Ok(()) };
    let InventoryText { text, rewritten, left_out, .. } = InventoryText::read(&bytes);
    if bytes == text.as_bytes() {
        return Ok(());
    }
    if !left_out.is_empty() {
        let mut kept = directory.read_optional(LEFT_OUT_INVENTORY)?.unwrap_or_default();
        kept.extend(left_out.iter().map(|line| format!("{line}\n")));
        directory.write(LEFT_OUT_INVENTORY, &kept)?;
    }
    directory.write(INVENTORY, &text)?;
    let mut why = match rewritten {
        0 => "records only, each on a line of its own".to_owned(),
        _ => format!("{rewritten} records in the form that Puppet Server reads"),
    };
    if !left_out.is_empty() {
        why = format!("{why}; {} lines that are no records are kept in {LEFT_OUT_INVENTORY}", left_out.len());
    }
    steps(Step::Rewrite { file: INVENTORY, why });
    Ok(())
}

fn tidy_serial(serial: &Serial, directory: &CaDirectory, steps: Steps<'_>) -> Result<(), SetupError> {
    let Some(found) = directory.read_optional(SERIAL)? else { return Ok(()) };
    if found.trim_end() == serial.to_string() {
        return Ok(());
    }
    let why = match found.parse::<Serial>() {
        Ok(found) if found == *serial => "in the form that Puppet Server reads".to_owned(),
        Ok(found) if !inventory::has_room(&found) => format!("{found} is too high a number for Puppet Server, it becomes {serial}"),
        _ => format!("{} is not higher than all numbers in use, it becomes {serial}", found.trim()),
    };
    directory.write(SERIAL, &format!("{serial}\n"))?;
    steps(Step::Rewrite { file: SERIAL, why });
    Ok(())
}

#[cfg(test)]
mod tests;
