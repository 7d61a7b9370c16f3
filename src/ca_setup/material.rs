//! The CA in the directory: made new, or read and checked.

use super::directory::CaDirectory;
use super::error::SetupError;
use super::goal::SetupGoal;
use super::inventory;
use super::step::Step;
use chrono::{DateTime, Utc};
use openvox_puppet::layout::{
    CA_CERTIFICATES, CA_CRL, CA_KEY, CA_PUBLIC_KEY, INFRA_CRL, INFRA_INVENTORY, INFRA_SERIALS, INVENTORY, ROOT_KEY, SERIAL,
};
use openvox_puppet::{CaBundle, Certificate, CrlBundle, KeyAlgorithm, KeyError, NewAuthority, PrivateKey, Serial};
use std::thread;

/// A CA that passed all checks.
#[derive(Debug)]
pub(super) struct CaMaterial {
    pub(super) bundle: CaBundle,
    pub(super) key: PrivateKey,
    pub(super) crl: CrlBundle,
    /// The lists of infrastructure certificates; none where the CA has none of its own.
    pub(super) infra_crl: Option<CrlBundle>,
    /// What was found in its files and is not part of it.
    pub(super) left_out: Vec<Step>,
}

impl CaMaterial {
    /// Makes a new CA in an empty directory. `spare_keys` further keys are generated in parallel and returned for the
    /// certificates that follow, because generating keys takes most of the time.
    pub(super) fn create(
        directory: &CaDirectory,
        goal: &SetupGoal,
        spare_keys: usize,
        now: DateTime<Utc>,
    ) -> Result<Vec<PrivateKey>, SetupError> {
        let mut keys = generate_keys(goal.key_algorithm, 2 + spare_keys)?.into_iter();
        let (Some(root_key), Some(signing_key)) = (keys.next(), keys.next()) else {
            return Err(SetupError::KeyThread);
        };
        let root_print = root_key.public_key();
        let files = NewAuthority {
            root_key: &root_key,
            signing_key: &signing_key,
            name: &goal.common_name(),
            // Puppet puts seven random bytes here; those of the key are as random.
            root_suffix: root_print.as_str().get(..14).unwrap_or_default(),
            lifetime: goal.lifetime,
            now,
        }
        .create()?;
        directory.stage(&[
            (SERIAL, format!("{}\n", files.next_serial)),
            (INVENTORY, String::new()),
            (INFRA_INVENTORY, String::new()),
            (INFRA_SERIALS, String::new()),
            (INFRA_CRL, files.crl_pem.clone()),
            (CA_PUBLIC_KEY, signing_key.public_key_pem()),
            (CA_CRL, files.crl_pem),
            (ROOT_KEY, root_key.to_pem().to_owned()),
            (CA_KEY, signing_key.to_pem().to_owned()),
            (CA_CERTIFICATES, files.bundle_pem),
        ])?;
        directory.unstage()?;
        Ok(keys.collect())
    }

    /// The lists of infrastructure certificates as Puppet Server keeps them. A CA without gets a copy of the full ones, so
    /// that nothing revoked is forgotten.
    pub(super) fn infra_crl(&self) -> &CrlBundle {
        self.infra_crl.as_ref().unwrap_or(&self.crl)
    }

    /// The highest serial number that certificates of this CA have: those of `issued`, of its revoked ones, and its own.
    /// Random numbers are ignored: they were not assigned by Puppet's counter, and would overflow it.
    pub(super) fn used_serials(&self, issued: impl Iterator<Item = Serial>) -> Option<Serial> {
        let revoked = self.crl.of_signing_ca(&self.bundle).map(|list| list.info().revoked.clone());
        // The CA's own certificate, too, in a CA of one level: it has the same issuer as the leaves.
        let name = &self.bundle.signing().info().subject_name;
        let own =
            self.bundle.certificates().map(Certificate::info).filter(|info| info.issuer_name == *name).map(|info| info.serial.clone());
        issued.chain(revoked.unwrap_or_default()).chain(own).filter(inventory::has_room).max()
    }
}

/// Makes keys, each on a thread of its own: RSA 4096 takes up to a second of one core.
pub(super) fn generate_keys(algorithm: KeyAlgorithm, count: usize) -> Result<Vec<PrivateKey>, SetupError> {
    let threads: Vec<_> = (0..count).map(|_| thread::spawn(move || PrivateKey::generate(algorithm))).collect();
    let keys = threads.into_iter().map(|thread| thread.join().map_err(|_| SetupError::KeyThread));
    keys.map(|key| key?.map_err(|error: KeyError| error.into())).collect()
}
