//! What a run would do: `--dry-run`.

use std::time::Duration;

use chrono::{DateTime, SecondsFormat, Utc};

use super::completion::lacking;
use super::directory::{CaDirectory, Found, SERIAL};
use super::error::SetupError;
use super::inventory::Inventory;
use super::leaf::{self, Need};
use super::material::CaMaterial;
use super::plan::{SecretPlan, SetupPlan, StoredSecrets};
use super::prepare;

/// One line for each thing that a run would do, or an error for what would stop it. Nothing is written.
pub(super) fn report(plan: &SetupPlan, stored: &StoredSecrets, now: DateTime<Utc>) -> Result<Vec<String>, SetupError> {
    let directory = CaDirectory::look_at(&plan.directory);
    let mut lines = Vec::new();
    if directory.is_staged() {
        lines.push("would finish the CA that an earlier run has made".to_owned());
    } else if directory.found()? == Found::Authority {
        existing(plan, stored, &directory, now, &mut lines)?;
        return Ok(lines);
    } else if let Some(given) = prepare::given(plan, stored)? {
        given.check(now)?;
        lines.push(format!("would put {} on the empty volume; all its parts belong together", given.origin()));
        lines.push(format!("would go on with serial number {}", given.next_serial(now)?));
    } else {
        let days = plan.lifetime.as_secs() / Duration::from_hours(24).as_secs();
        lines.push(format!("would make a root and a signing CA with {} keys, valid for {days} days", plan.key_algorithm));
    }
    lines.extend(plan.leaves.iter().map(|leaf| format!("would see to the certificate of {} in Secret {}", leaf.certname, leaf.secret)));
    let names = &plan.secrets;
    lines.push(format!("would see to the Secrets {}, {} and {}", names.key, names.crl, names.authority));
    Ok(lines)
}

/// A CA in the directory is imported, or was made by an earlier run.
fn existing(
    plan: &SetupPlan,
    stored: &StoredSecrets,
    directory: &CaDirectory,
    now: DateTime<Utc>,
    lines: &mut Vec<String>,
) -> Result<(), SetupError> {
    let ca = CaMaterial::load(directory)?;
    prepare::refuse_strangers(plan, stored, directory, &ca)?;
    let info = ca.bundle.signing().info();
    let until = info.not_after.to_rfc3339_opts(SecondsFormat::Secs, true);
    lines.push(format!("would use the CA in {}: {}, valid until {until}", directory.path().display(), info.subject));
    if let Some(list) = ca.crl.of_signing_ca(&ca.bundle).map(crate::puppetca::Crl::info) {
        let number = list.number.as_ref().map_or_else(|| "no number".to_owned(), |number| format!("number {number}"));
        lines.push(format!("found its revocation list, {number}, with {} revoked certificates", list.revoked.len()));
    }
    let inventory = Inventory::new(directory);
    let next = if directory.has(SERIAL) { inventory.next_serial(&ca)? } else { inventory.restart(&ca, now)? };
    lines.push(format!("would go on with serial number {next}"));
    let lacking = lacking(directory);
    if !lacking.is_empty() {
        lines.push(format!("would add to the CA directory: {}", lacking.join(", ")));
    }
    for leaf in &plan.leaves {
        let what = match leaf::need(leaf, stored.get(&leaf.secret), directory, &ca, now)? {
            Need::Nothing => "would keep",
            Need::Certificate(_) => "would issue, for the key that is there,",
            Need::Pair => "would make a key for, and issue,",
        };
        lines.push(format!("{what} the certificate of {} in Secret {}", leaf.certname, leaf.secret));
    }
    let done = |secret: &SecretPlan| match stored.get(&secret.name) {
        None => "would create",
        Some(data) if secret.data.iter().all(|(key, text)| data.get(key) == Some(text)) => "would leave as it is:",
        Some(_) => "would update",
    };
    lines.extend(prepare::authority(plan, stored, &ca).iter().map(|secret| format!("{} Secret {}", done(secret), secret.name)));
    Ok(())
}
