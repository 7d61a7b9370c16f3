//! The files that a CA from elsewhere may lack, and Puppet Server wants.

use chrono::{DateTime, Utc};

use super::directory::{CA_PUBLIC_KEY, CaDirectory, INFRA_CRL, INFRA_INVENTORY, INFRA_SERIALS, INVENTORY, SERIAL};
use super::error::SetupError;
use super::inventory::Inventory;
use super::material::CaMaterial;

/// In the order in which they are made.
const FILES: [&str; 6] = [CA_PUBLIC_KEY, INFRA_CRL, INFRA_INVENTORY, INFRA_SERIALS, SERIAL, INVENTORY];

/// Those that the directory lacks.
pub(super) fn lacking(directory: &CaDirectory) -> Vec<&'static str> {
    FILES.into_iter().filter(|file| !directory.has(file)).collect()
}

/// Makes those that the directory of this CA lacks. Returns their names.
pub(super) fn complete(ca: &CaMaterial, directory: &CaDirectory, now: DateTime<Utc>) -> Result<Vec<&'static str>, SetupError> {
    directory.make_folders()?;
    let lacking = lacking(directory);
    for &file in &lacking {
        let text = match file {
            CA_PUBLIC_KEY => ca.key.public_key_pem(),
            INFRA_CRL => ca.infra_crl_pem.clone(),
            // Before the inventory is made: whether that one is missing matters here.
            SERIAL => format!("{}\n", Inventory::new(directory).restart(ca, now)?),
            INVENTORY => Inventory::rebuilt(directory)?,
            _ => String::new(),
        };
        directory.write(file, &text)?;
    }
    Ok(lacking)
}
