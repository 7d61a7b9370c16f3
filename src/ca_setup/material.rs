//! The CA in the directory: made new, or read and checked.

use std::thread;

use chrono::{DateTime, Utc};

use super::directory::{
    CA_CERTIFICATES, CA_CRL, CA_KEY, CA_PUBLIC_KEY, CaDirectory, INFRA_CRL, INFRA_INVENTORY, INFRA_SERIALS, INVENTORY, ROOT_KEY, SERIAL,
};
use super::error::{PreflightError, SetupError};
use super::plan::SetupPlan;
use crate::puppetca::{CaBundle, CrlBundle, KeyAlgorithm, KeyError, NewAuthority, PrivateKey, Serial, SigningAuthority};

/// A CA that passed all checks.
#[derive(Debug)]
pub(super) struct CaMaterial {
    pub(super) bundle_pem: String,
    pub(super) bundle: CaBundle,
    pub(super) key: PrivateKey,
    pub(super) crl_pem: String,
    pub(super) crl: CrlBundle,
    pub(super) infra_crl_pem: String,
}

impl CaMaterial {
    /// Makes a new CA in an empty directory. `spare_keys` further keys are made at the same time and handed back: the
    /// certificates that follow need them, and making keys is what takes the time.
    pub(super) fn create(
        directory: &CaDirectory,
        plan: &SetupPlan,
        spare_keys: usize,
        now: DateTime<Utc>,
    ) -> Result<Vec<PrivateKey>, SetupError> {
        let mut keys = generate_keys(plan.key_algorithm, 2 + spare_keys)?.into_iter();
        let (Some(root_key), Some(signing_key)) = (keys.next(), keys.next()) else {
            return Err(SetupError::KeyThread);
        };
        let root_print = root_key.public_key();
        let files = NewAuthority {
            root_key: &root_key,
            signing_key: &signing_key,
            name: &plan.common_name(),
            // Puppet puts seven random bytes here; those of the key are as random.
            root_suffix: root_print.as_str().get(..14).unwrap_or_default(),
            lifetime: plan.lifetime,
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

    /// Reads the CA of the directory and checks that its parts belong together and that Puppet Server can use them.
    pub(super) fn load(directory: &CaDirectory) -> Result<Self, SetupError> {
        let named = |file: &str, text: String| (format!("{file} of the existing CA"), text);
        let parts = Parts {
            bundle: named(CA_CERTIFICATES, directory.read(CA_CERTIFICATES)?),
            key: named(CA_KEY, directory.read(CA_KEY)?),
            crl: named(CA_CRL, directory.read(CA_CRL)?),
            infra_crl: directory.read_optional(INFRA_CRL)?.map(|text| named(INFRA_CRL, text)),
        };
        if let Some(text) = directory.read_optional(SERIAL)? {
            text.parse::<Serial>().map_err(|error| SetupError::Preflight { file: named(SERIAL, text).0, source: error.into() })?;
        }
        parts.check()
    }

    /// Serial numbers that certificates of this CA have: those of `issued`, of its revoked ones, and its own. Random numbers
    /// did not come from Puppet's counter, and counting on from them would overflow it, so they are left out.
    pub(super) fn used_serials(&self, issued: impl Iterator<Item = Serial>) -> Option<Serial> {
        let revoked = self.crl.of_signing_ca(&self.bundle).map(|list| list.info().revoked.clone());
        // The CA's own certificate, too: in a CA of one level it has the same issuer as the leaves.
        let own = self.bundle.certificates().map(|certificate| certificate.info().serial.clone());
        issued.chain(revoked.unwrap_or_default()).chain(own).filter(Serial::fits_counter).max()
    }
}

/// The parts of a CA as they were found: what each is called in messages, and its text.
#[derive(Debug)]
pub(super) struct Parts {
    pub(super) bundle: (String, String),
    pub(super) key: (String, String),
    pub(super) crl: (String, String),
    pub(super) infra_crl: Option<(String, String)>,
}

impl Parts {
    /// Checks that they belong together and that Puppet Server can use them.
    pub(super) fn check(&self) -> Result<CaMaterial, SetupError> {
        let wrong = |part: &(String, String)| {
            let file = part.0.clone();
            move |source: PreflightError| SetupError::Preflight { file, source }
        };
        let bundle = CaBundle::from_pem(&self.bundle.1)
            .and_then(|bundle| bundle.verify_chain().map(|()| bundle))
            .map_err(|error| wrong(&self.bundle)(error.into()))?;
        let key = PrivateKey::from_pem(&self.key.1).map_err(|error| wrong(&self.key)(error.into()))?;
        SigningAuthority::new(&bundle, &key).map_err(|error| wrong(&self.key)(error.into()))?;
        let lists = |part: &(String, String)| {
            CrlBundle::from_pem(&part.1).and_then(|crl| crl.verify(&bundle).map(|()| crl)).map_err(|error| wrong(part)(error.into()))
        };
        let crl = lists(&self.crl)?;
        // A CA without an infrastructure list gets a copy of the full one: nothing revoked is forgotten.
        let infra_crl_pem = match &self.infra_crl {
            Some(part) => lists(part).map(|_| part.1.clone())?,
            None => self.crl.1.clone(),
        };
        Ok(CaMaterial { bundle_pem: self.bundle.1.clone(), bundle, key, crl_pem: self.crl.1.clone(), crl, infra_crl_pem })
    }
}

/// Makes keys, each on a thread of its own: RSA 4096 takes up to a second of one core.
pub(super) fn generate_keys(algorithm: KeyAlgorithm, count: usize) -> Result<Vec<PrivateKey>, SetupError> {
    let threads: Vec<_> = (0..count).map(|_| thread::spawn(move || PrivateKey::generate(algorithm))).collect();
    let keys = threads.into_iter().map(|thread| thread.join().map_err(|_| SetupError::KeyThread));
    keys.map(|key| key?.map_err(|error: KeyError| error.into())).collect()
}
