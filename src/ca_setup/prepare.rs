//! The work on files: from what exists to the Secrets that should.

use std::time::Instant;

use chrono::{DateTime, Utc};

use super::completion::complete;
use super::directory::{CA_CERTIFICATES, CA_CRL, CA_KEY, CaDirectory, Found, INFRA_CRL};
use super::error::SetupError;
use super::given::GivenCa;
use super::leaf::{self, Need};
use super::material::{CaMaterial, generate_keys};
use super::plan::{SecretPlan, SetupPlan, StoredSecrets};
use crate::puppetca::{CaBundle, Certificate, CrlBundle, PrivateKey};

/// The CA is complete on disk; what remains is to write the Secrets, in this order, and then to close the directory.
#[derive(Debug)]
pub(super) struct Prepared {
    pub(super) directory: CaDirectory,
    pub(super) secrets: Vec<SecretPlan>,
}

/// Makes or checks the CA and issues the certificates that are missing. Touches files only.
pub(super) fn prepare(plan: &SetupPlan, stored: &StoredSecrets, now: DateTime<Utc>) -> Result<Prepared, SetupError> {
    let directory = CaDirectory::open(&plan.directory)?;
    if directory.unstage()? {
        println!("finished the new CA that an earlier run had made");
    }
    let mut keys = Vec::new();
    if directory.found()? == Found::Nothing
        && let Some(given) = given(plan, stored)?
    {
        given.place(&directory, now)?;
        println!("put {} on the empty volume; serial numbers go on at {}", given.origin(), given.next_serial(now)?);
    } else if directory.found()? == Found::Nothing {
        let started = Instant::now();
        keys = CaMaterial::create(&directory, plan, plan.leaves.len(), now)?;
        let milliseconds = started.elapsed().as_millis();
        println!("made root and signing CA with {} keys in {milliseconds} ms", plan.key_algorithm);
    }
    let ca = CaMaterial::load(&directory)?;
    let added = complete(&ca, &directory, now)?;
    if !added.is_empty() {
        println!("added to the CA directory: {}", added.join(", "));
    }
    println!("using {}", ca.bundle.signing().info().subject);
    refuse_strangers(plan, stored, &directory, &ca)?;
    let mut secrets = leaves(plan, stored, &directory, &ca, keys, now)?;
    secrets.extend(authority(plan, stored, &ca));
    Ok(Prepared { directory, secrets })
}

/// The CA that belongs on an empty volume, if there is one already: that of the Secrets, or the one that the user brings.
pub(super) fn given(plan: &SetupPlan, stored: &StoredSecrets) -> Result<Option<GivenCa>, SetupError> {
    match (GivenCa::from_secrets(plan, stored)?, &plan.intermediate) {
        (Some(given), _) => Ok(Some(given)),
        (None, Some(directory)) => GivenCa::from_directory(directory).map(Some),
        (None, None) => Ok(None),
    }
}

/// Secrets of the CA that hold another CA's material are not overwritten. What cannot be read at all is.
pub(super) fn refuse_strangers(
    plan: &SetupPlan,
    stored: &StoredSecrets,
    directory: &CaDirectory,
    ca: &CaMaterial,
) -> Result<(), SetupError> {
    let names = &plan.secrets;
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
    if stored_crl.is_some_and(|crl| crl.verify(&ca.bundle).is_err()) {
        return Err(foreign(&names.crl, "the revocation list"));
    }
    Ok(())
}

/// Issues what is missing. `keys` were made for this beforehand; if they do not suffice, more are made at once.
fn leaves(
    plan: &SetupPlan,
    stored: &StoredSecrets,
    directory: &CaDirectory,
    ca: &CaMaterial,
    mut keys: Vec<PrivateKey>,
    now: DateTime<Utc>,
) -> Result<Vec<SecretPlan>, SetupError> {
    let mut needs = Vec::new();
    for leaf in &plan.leaves {
        let need = leaf::need(leaf, stored.get(&leaf.secret), directory, ca, now)?;
        needs.push((leaf, need));
    }
    let pairs = needs.iter().filter(|(_, need)| matches!(need, Need::Pair)).count();
    keys.extend(generate_keys(plan.key_algorithm, pairs.saturating_sub(keys.len()))?);
    let mut secrets = Vec::new();
    for (leaf, need) in needs {
        let started = Instant::now();
        let data = match need {
            Need::Nothing => {
                println!("kept the certificate of {} in Secret {}", leaf.certname, leaf.secret);
                stored.get(&leaf.secret).cloned().unwrap_or_default()
            }
            Need::Certificate(key) => leaf::issue(plan, leaf, &key, directory, ca, now)?,
            Need::Pair => {
                let key = keys.pop().ok_or(SetupError::KeyThread)?;
                leaf::issue(plan, leaf, &key, directory, ca, now)?
            }
        };
        if stored.get(&leaf.secret) != Some(&data) {
            let milliseconds = started.elapsed().as_millis();
            println!("issued the certificate of {} in {milliseconds} ms", leaf.certname);
        }
        secrets.push(SecretPlan { name: leaf.secret.clone(), certificate: Some(leaf.certificate()), data });
    }
    Ok(secrets)
}

/// The CA's own Secrets. The certificates come last: whoever sees them may rely on all the others.
pub(super) fn authority(plan: &SetupPlan, stored: &StoredSecrets, ca: &CaMaterial) -> [SecretPlan; 3] {
    let secret = |name: &str, data: Vec<(&str, &str)>| SecretPlan {
        name: name.to_owned(),
        certificate: None,
        data: data.into_iter().map(|(key, text)| (key.to_owned(), text.to_owned())).collect(),
    };
    let names = &plan.secrets;
    let stored_crl = stored.get(&names.crl);
    let stored_text = |key: &str| stored_crl.and_then(|data| data.get(key)).map(String::as_str);
    let crl = newest(&ca.bundle, stored_text(CA_CRL), &ca.crl_pem);
    let infra_crl = newest(&ca.bundle, stored_text(INFRA_CRL), &ca.infra_crl_pem);
    [
        secret(&names.key, vec![(CA_KEY, ca.key.to_pem())]),
        secret(&names.crl, vec![(CA_CRL, crl), (INFRA_CRL, infra_crl)]),
        secret(&names.authority, vec![(CA_CERTIFICATES, &ca.bundle_pem)]),
    ]
}

/// The newer of two texts of revocation lists: servers must not forget a revocation because this program ran. A text that
/// cannot be read is never the newer one.
fn newest<'a>(bundle: &CaBundle, stored: Option<&'a str>, own: &'a str) -> &'a str {
    let read = |pem: &str| CrlBundle::from_pem(pem).ok().filter(|lists| lists.verify(bundle).is_ok());
    let Some((stored, lists)) = stored.and_then(|stored| Some((stored, read(stored)?))) else { return own };
    let newer = |own: &CrlBundle| match (own.of_signing_ca(bundle), lists.of_signing_ca(bundle)) {
        (Some(own), Some(stored)) => own.is_newer_than(stored),
        (own, _) => own.is_some(),
    };
    if read(own).is_some_and(|own| newer(&own)) { own } else { stored }
}

#[cfg(test)]
mod tests;
