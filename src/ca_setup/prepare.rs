//! The work on files: from what exists to the Secrets that should.

use super::completion::complete;
use super::directory::{CaDirectory, Found};
use super::error::SetupError;
use super::given::GivenCa;
use super::goal::{DesiredSecret, SetupGoal, StoredSecrets};
use super::leaf::{self, Need};
use super::material::{CaMaterial, generate_keys};
use super::parts::Parts;
use super::step::{Step, Steps};
use chrono::{DateTime, SecondsFormat, Utc};
use openvox_puppet::layout::{CA_CERTIFICATES, CA_CRL, CA_KEY, INFRA_CRL};
use openvox_puppet::{CaBundle, Certificate, Crl, CrlBundle, PrivateKey};
use std::time::Duration;

/// The CA is complete on disk; what remains is to write the Secrets, in this order, and then to close the directory.
#[derive(Debug)]
pub(super) struct Prepared {
    pub(super) directory: CaDirectory,
    pub(super) secrets: Vec<DesiredSecret>,
}

/// Makes or checks the CA and issues the certificates that are missing. Touches files only, and none before everything
/// that exists is checked.
pub(super) fn prepare(
    goal: &SetupGoal,
    stored: &StoredSecrets,
    directory: CaDirectory,
    now: DateTime<Utc>,
    steps: Steps<'_>,
) -> Result<Prepared, SetupError> {
    if directory.unstage()? {
        steps(Step::Finish);
    }
    let mut keys = Vec::new();
    if directory.found()? == Found::Nothing {
        if let Some(given) = given(goal, stored)? {
            let ca = given.check(now)?;
            accept(goal, stored, &directory, &ca)?;
            report_left_out(&ca, steps);
            given.place(&ca, &directory, now)?;
            steps(Step::Place { origin: given.origin().to_owned() });
        } else {
            keys = CaMaterial::create(&directory, goal, goal.leaves.len(), now)?;
            let days = goal.lifetime.as_secs() / Duration::from_hours(24).as_secs();
            steps(Step::Make { algorithm: goal.key_algorithm, days });
        }
    }
    let parts = Parts::of_directory(&directory)?;
    let ca = parts.check()?;
    // A CA that is in use is not stopped by this check: its nodes have no other.
    if !stored.contains_key(&goal.secrets.authority) {
        parts.check_use(&ca, now)?;
    }
    accept(goal, stored, &directory, &ca)?;
    report_left_out(&ca, steps);
    let info = ca.bundle.signing().info();
    let until = info.not_after.to_rfc3339_opts(SecondsFormat::Secs, true);
    steps(Step::Use { directory: directory.path().display().to_string(), subject: info.subject.clone(), until });
    if let Some(list) = ca.crl.of_signing_ca(&ca.bundle).map(Crl::info) {
        steps(Step::List { number: list.number.clone(), revoked: list.revoked.len() });
    }
    complete(&ca, &directory, now, steps)?;
    let mut secrets = leaves(goal, stored, &directory, &ca, keys, now, steps)?;
    secrets.extend(authority(goal, stored, &ca));
    Ok(Prepared { directory, secrets })
}

/// Checks that the Secrets hold nothing of another CA, and that they can hold this one.
fn accept(goal: &SetupGoal, stored: &StoredSecrets, directory: &CaDirectory, ca: &CaMaterial) -> Result<(), SetupError> {
    refuse_strangers(goal, stored, directory, ca)?;
    let revoked = ca.crl.of_signing_ca(&ca.bundle).map_or(0, |list| list.info().revoked.len());
    authority(goal, stored, ca).iter().try_for_each(|secret| secret.check_size(revoked))
}

fn report_left_out(ca: &CaMaterial, steps: Steps<'_>) {
    ca.left_out.iter().cloned().for_each(steps);
}

/// The CA that belongs on an empty volume, if it exists: that of the Secrets, or the one that the user provides.
fn given(goal: &SetupGoal, stored: &StoredSecrets) -> Result<Option<GivenCa>, SetupError> {
    match (GivenCa::from_secrets(goal, stored)?, &goal.intermediate) {
        (Some(given), _) => Ok(Some(given)),
        (None, Some(directory)) => GivenCa::from_directory(directory).map(Some),
        (None, None) => Ok(None),
    }
}

/// Secrets of the CA that hold another CA's material are not overwritten. What cannot be read at all is.
fn refuse_strangers(goal: &SetupGoal, stored: &StoredSecrets, directory: &CaDirectory, ca: &CaMaterial) -> Result<(), SetupError> {
    let names = &goal.secrets;
    let value = |secret: &str, key: &str| stored.get(secret)?.get(key).cloned();
    let own_key = ca.key.public_key();
    let foreign = |secret: &str, what: &'static str| SetupError::ForeignSecret {
        secret: secret.to_owned(),
        what,
        directory: directory.path().to_owned(),
    };
    let stored_bundle = value(&names.authority, CA_CERTIFICATES).and_then(|pem| Certificate::from_pem(&pem).ok());
    if stored_bundle.is_some_and(|certificate| certificate.info().public_key != own_key) {
        return Err(foreign(&names.authority, "the certificate"));
    }
    let stored_key = value(&names.key, CA_KEY).and_then(|pem| PrivateKey::from_pem(&pem).ok());
    if stored_key.is_some_and(|key| key.public_key() != own_key) {
        return Err(foreign(&names.key, "the key"));
    }
    let stored_crl = value(&names.crl, CA_CRL).and_then(|pem| CrlBundle::from_pem(&pem).ok());
    if stored_crl.is_some_and(|crl| crl.of_chain(&ca.bundle).is_err()) {
        return Err(foreign(&names.crl, "the revocation list"));
    }
    Ok(())
}

/// Issues the certificates that are missing. `keys` were generated for this beforehand; more are generated if needed.
fn leaves(
    goal: &SetupGoal,
    stored: &StoredSecrets,
    directory: &CaDirectory,
    ca: &CaMaterial,
    mut keys: Vec<PrivateKey>,
    now: DateTime<Utc>,
    steps: Steps<'_>,
) -> Result<Vec<DesiredSecret>, SetupError> {
    let mut needs = Vec::new();
    for leaf in &goal.leaves {
        let need = leaf::need(leaf, stored.get(&leaf.secret), directory, ca, now)?;
        needs.push((leaf, need));
    }
    let pairs = needs.iter().filter(|(_, need)| matches!(need, Need::Pair)).count();
    keys.extend(generate_keys(goal.key_algorithm, pairs.saturating_sub(keys.len()))?);
    let mut secrets = Vec::new();
    for (leaf, need) in needs {
        let (certname, secret) = (leaf.certname.to_string(), leaf.secret.clone());
        let data = match need {
            Need::Nothing => {
                steps(Step::Keep { certname, secret });
                stored.get(&leaf.secret).cloned().unwrap_or_default()
            }
            Need::Certificate(key) => {
                steps(Step::Issue { certname, secret, new_key: false });
                leaf::issue(goal, leaf, &key, directory, ca, now)?
            }
            Need::Pair => {
                steps(Step::Issue { certname, secret, new_key: true });
                let key = keys.pop().ok_or(SetupError::KeyThread)?;
                leaf::issue(goal, leaf, &key, directory, ca, now)?
            }
        };
        secrets.push(DesiredSecret { name: leaf.secret.clone(), certificate: Some(leaf.certificate()), data, removed: Vec::new() });
    }
    Ok(secrets)
}

/// The CA's own Secrets. The certificates are written last: once they exist, all others do.
fn authority(goal: &SetupGoal, stored: &StoredSecrets, ca: &CaMaterial) -> [DesiredSecret; 3] {
    let secret = |name: &str, data: Vec<(&str, String)>| DesiredSecret {
        name: name.to_owned(),
        certificate: None,
        data: data.into_iter().map(|(key, text)| (key.to_owned(), text)).collect(),
        removed: Vec::new(),
    };
    let names = &goal.secrets;
    let stored_crl = stored.get(&names.crl);
    let stored_text = |key: &str| stored_crl.and_then(|data| data.get(key)).map(String::as_str);
    let crl = newest(&ca.bundle, stored_text(CA_CRL), &ca.crl);
    let infra_crl = newest(&ca.bundle, stored_text(INFRA_CRL), ca.infra_crl());
    let mut lists = secret(&names.crl, vec![(CA_CRL, crl)]);
    // A second copy of a long list is of no use to anybody, and takes the room that the list itself needs to grow.
    if is_copy(ca) || lists.data.values().map(String::len).sum::<usize>() + infra_crl.len() > DesiredSecret::MAX {
        lists.removed.push(INFRA_CRL);
    } else {
        lists.data.insert(INFRA_CRL.to_owned(), infra_crl);
    }
    [
        secret(&names.key, vec![(CA_KEY, ca.key.to_pem().to_owned())]),
        lists,
        secret(&names.authority, vec![(CA_CERTIFICATES, ca.bundle.to_pem())]),
    ]
}

/// The lists of infrastructure certificates are the full ones, with something in them.
fn is_copy(ca: &CaMaterial) -> bool {
    let entries = |lists: &CrlBundle| lists.of_signing_ca(&ca.bundle).map(|list| list.info().revoked.clone());
    let revoked = entries(&ca.crl).unwrap_or_default();
    !revoked.is_empty() && entries(ca.infra_crl()) == Some(revoked)
}

/// The newer of two texts of revocation lists: servers must not forget a revocation because this program ran. A text that
/// cannot be read is never the newer one, and one that no Secret can hold never takes the place of another: the operator
/// reports it in the CA's conditions, and the CA keeps running.
fn newest(bundle: &CaBundle, stored: Option<&str>, own: &CrlBundle) -> String {
    let stored = stored.and_then(|pem| CrlBundle::from_pem(pem).ok()?.of_chain(bundle).ok());
    let is_newer = |stored: &CrlBundle| match (own.of_signing_ca(bundle), stored.of_signing_ca(bundle)) {
        (Some(own), Some(stored)) => own.is_newer_than(stored),
        (own, _) => own.is_some(),
    };
    let text = own.to_pem();
    match stored {
        Some((stored, _)) if text.len() > DesiredSecret::MAX || !is_newer(&stored) => stored.to_pem(),
        _ => text,
    }
}

/// A run up to its first Secret, and its end.
#[cfg(test)]
pub(super) fn run(goal: &SetupGoal, stored: &StoredSecrets, now: DateTime<Utc>) -> Result<(Vec<DesiredSecret>, Vec<Step>), SetupError> {
    let mut steps = Vec::new();
    let prepared = prepare(goal, stored, CaDirectory::open(&goal.directory)?, now, &mut |step| steps.push(step))?;
    prepared.directory.finish()?;
    Ok((prepared.secrets, steps))
}

#[cfg(test)]
mod tests;
