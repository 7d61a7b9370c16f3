//! The files of a CA as they were found, and what of them is used.

use super::directory::CaDirectory;
use super::error::{PreflightError, SetupError};
use super::material::CaMaterial;
use super::step::Step;
use chrono::{DateTime, Utc};
use openvox_puppet::layout::{CA_CERTIFICATES, CA_CRL, CA_KEY, INFRA_CRL, PASSPHRASE};
use openvox_puppet::{CaBundle, Certificate, Crl, CrlBundle, KeyError, PrivateKey, SigningAuthority, pem_labels};

/// A file of a CA: what it is called in messages, and its text.
#[derive(Debug, Clone)]
pub(super) struct Part {
    pub(super) name: String,
    pub(super) text: String,
}

/// The files of a CA.
#[derive(Debug)]
pub(super) struct Parts {
    pub(super) bundle: Part,
    pub(super) key: Part,
    pub(super) crl: Part,
    pub(super) infra_crl: Option<Part>,
    /// The file that holds the passphrase of the key, if there is one.
    pub(super) passphrase: Option<&'static str>,
}

impl Part {
    fn wrong(&self, source: impl Into<PreflightError>) -> SetupError {
        SetupError::Preflight { file: self.name.clone(), source: Box::new(source.into()) }
    }

    /// The blocks that are none of `kept`, or more of them than `count`.
    fn left_out(&self, kept: fn(&str) -> bool, count: usize) -> Vec<Step> {
        let (known, strange) = pem_labels(&self.text).into_iter().partition::<Vec<_>, _>(|label| kept(label));
        let say = |what: String| Step::LeaveOut { file: self.name.clone(), what };
        let mut said: Vec<_> = strange.into_iter().map(|label| say(format!("a block {label}"))).collect();
        let again = known.len().saturating_sub(count);
        said.extend((again > 0).then(|| say(format!("{again} repeated or further blocks"))));
        said
    }
}

impl Parts {
    /// Those of the directory.
    ///
    /// # Errors
    /// If a file is missing, or cannot be read.
    pub(super) fn of_directory(directory: &CaDirectory) -> Result<Self, SetupError> {
        let part = |file: &str, text: String| Part { name: format!("{file} of the existing CA"), text };
        Ok(Self {
            bundle: part(CA_CERTIFICATES, directory.read(CA_CERTIFICATES)?),
            key: part(CA_KEY, directory.read(CA_KEY)?),
            crl: part(CA_CRL, directory.read(CA_CRL)?),
            infra_crl: directory.read_optional(INFRA_CRL)?.map(|text| part(INFRA_CRL, text)),
            passphrase: directory.has(PASSPHRASE).then_some(PASSPHRASE),
        })
    }

    /// Checks that the parts belong together and that Puppet Server can use them. Everything that is written afterwards is
    /// built from the parsed form that this returns.
    ///
    /// # Errors
    /// Names the file, and what is wrong with it.
    pub(super) fn check(&self) -> Result<CaMaterial, SetupError> {
        let bundle = CaBundle::from_pem(&self.bundle.text)
            .and_then(|bundle| bundle.verify_chain().map(|()| bundle))
            .map_err(|error| self.bundle.wrong(error))?;
        let key = self.key()?;
        SigningAuthority::new(&bundle, &key).map_err(|error| self.key.wrong(error))?;
        let mut left_out = self.bundle.left_out(|label| label.ends_with("CERTIFICATE"), bundle.certificates().count());
        left_out.extend(self.key.left_out(|label| label.ends_with("PRIVATE KEY"), 1));
        let crl = lists(&self.crl, &bundle, &mut left_out)?;
        let infra_crl = self.infra_crl.as_ref().map(|part| lists(part, &bundle, &mut left_out)).transpose()?;
        Ok(CaMaterial { bundle, key, crl, infra_crl, left_out })
    }

    fn key(&self) -> Result<PrivateKey, SetupError> {
        PrivateKey::from_pem(&self.key.text).map_err(|error| match (error, self.passphrase) {
            (KeyError::Encrypted, Some(file)) => self.key.wrong(PreflightError::Encrypted { file }),
            (error, _) => self.key.wrong(error),
        })
    }

    /// Checks what makes a CA of use today: the path lengths, the dates of its certificates, and a list of each CA with
    /// its dates. TLS refuses everybody where one of them is wrong.
    ///
    /// # Errors
    /// Names the file, and what is wrong with it.
    pub(super) fn check_use(&self, ca: &CaMaterial, now: DateTime<Utc>) -> Result<(), SetupError> {
        ca.bundle.verify_path_lengths().map_err(|error| self.bundle.wrong(error))?;
        for certificate in ca.bundle.certificates().filter(|certificate| !is_superseded(certificate, &ca.bundle, now)) {
            let info = certificate.info();
            let subject = info.subject.clone();
            if info.not_after <= now {
                return Err(self.bundle.wrong(PreflightError::Expired { subject, not_after: info.not_after }));
            }
            if now < info.not_before {
                return Err(self.bundle.wrong(PreflightError::NotYetValid { subject, not_before: info.not_before, now }));
            }
        }
        for (part, lists) in [(Some(&self.crl), Some(&ca.crl)), (self.infra_crl.as_ref(), ca.infra_crl.as_ref())] {
            let (Some(part), Some(lists)) = (part, lists) else { continue };
            for certificate in ca.bundle.certificates() {
                check_list(certificate, lists, now).map_err(|error| part.wrong(error))?;
            }
        }
        Ok(())
    }
}

/// The lists of the chain in a file: the newest of each CA, in the order of the certificates, because Puppet Server takes
/// the first one for its own (`certificate_authority.clj`, `maybe-update-crls`).
fn lists(part: &Part, bundle: &CaBundle, left_out: &mut Vec<Step>) -> Result<CrlBundle, SetupError> {
    let all = CrlBundle::from_pem(&part.text).map_err(|error| part.wrong(error))?;
    let (lists, others) = all.of_chain(bundle).map_err(|error| part.wrong(error))?;
    left_out.extend(part.left_out(|label| label == "X509 CRL", usize::MAX));
    left_out.extend(others.into_iter().map(|other| Step::LeaveOut { file: part.name.clone(), what: other.to_string() }));
    Ok(lists)
}

/// The same CA has another certificate for the same key that is valid now: agents that know only the old one are not lost.
/// The certificate that signs is the first, and has to be valid itself.
fn is_superseded(certificate: &Certificate, bundle: &CaBundle, now: DateTime<Utc>) -> bool {
    let old = certificate.info();
    let replaces = |info: &openvox_puppet::CertificateInfo| {
        info.subject_name == old.subject_name && info.public_key == old.public_key && info.not_before <= now && now < info.not_after
    };
    certificate != bundle.signing() && bundle.certificates().any(|other| other != certificate && replaces(other.info()))
}

fn check_list(certificate: &Certificate, lists: &CrlBundle, now: DateTime<Utc>) -> Result<(), PreflightError> {
    let subject = certificate.info().subject.clone();
    // One of each CA is left.
    let list = lists.lists().find(|list| list.info().issuer_name == certificate.info().subject_name);
    let Some(info) = list.map(Crl::info) else { return Err(PreflightError::NoList { subject }) };
    if let Some(next_update) = info.next_update.filter(|next_update| *next_update <= now) {
        return Err(PreflightError::CrlEnded { issuer: subject, next_update });
    }
    if now < info.this_update {
        return Err(PreflightError::CrlFromTheFuture { issuer: subject, this_update: info.this_update, now });
    }
    Ok(())
}

#[cfg(test)]
mod tests;
