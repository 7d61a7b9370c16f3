//! Making a Puppet CA and signing with its key.

use super::bundle::{BundleError, CaBundle};
use super::certificate::{Certificate, CertificateError};
use super::csr::{common_name, custom_extensions, san_types};
use super::issuer_name::with_issuer;
use super::key::PrivateKey;
use super::serial::Serial;
use crate::alt_name::AltName;
use crate::certname::Certname;
use crate::extension::ExtensionOid;
use chrono::{DateTime, TimeDelta, Utc};
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyUsagePurpose,
    SerialNumber,
};
use std::time::Duration;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::ParsedExtension;

/// Certificates start a day in the past, as Puppet's do: the clocks of nodes are not exact.
const BACKDATED: TimeDelta = TimeDelta::days(1);

/// Serial number of the root certificate; the intermediate has the next one, leaf certificates follow.
const ROOT_SERIAL: u32 = 1;

/// A new CA as `puppetserver ca setup` makes it: a root, and an intermediate that signs.
#[derive(Debug, Clone, Copy)]
pub struct NewAuthority<'a> {
    /// Key of the root CA. Puppet Server needs RSA.
    pub root_key: &'a PrivateKey,
    /// Key of the signing CA. Puppet Server needs RSA.
    pub signing_key: &'a PrivateKey,
    /// The unique part of the name of this CA: `CN=Puppet CA: <name>`.
    pub name: &'a str,
    /// The unique part of the name of this root: `CN=Puppet Root CA: <root_suffix>`.
    pub root_suffix: &'a str,
    /// How long both certificates and both lists are valid.
    pub lifetime: Duration,
    /// The time of creation.
    pub now: DateTime<Utc>,
}

/// The public part of a new CA.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthorityFiles {
    /// Signing certificate, then root (`ca_crt.pem`).
    pub bundle_pem: String,
    /// List of the signing CA, then of the root, both empty (`ca_crl.pem`).
    pub crl_pem: String,
    /// The serial number for the first leaf certificate.
    pub next_serial: Serial,
}

/// The right to sign: a CA's bundle with the key of its first certificate.
#[derive(Debug)]
pub struct SigningAuthority<'a> {
    bundle: &'a CaBundle,
    key: &'a PrivateKey,
}

/// A leaf certificate to issue.
#[derive(Debug, Clone, Copy)]
pub struct LeafRequest<'a> {
    /// Subject, and always among the host names it is valid for.
    pub certname: &'a Certname,
    /// Further host names and addresses.
    pub alt_names: &'a [AltName],
    /// Extensions and their values. Unlike in a request, `pp_cli_auth` is granted here.
    pub extensions: &'a [(ExtensionOid, String)],
    /// The key to certify.
    pub key: &'a PrivateKey,
    /// Must not have been used by this CA before.
    pub serial: &'a Serial,
    /// How long it is valid; cut where the CA's own validity ends.
    pub lifetime: Duration,
    /// The time of issue.
    pub now: DateTime<Utc>,
}

/// Why a CA could not be made, or would not sign.
#[derive(Debug, thiserror::Error)]
pub enum AuthorityError {
    /// The CA key is not RSA.
    #[error("failed to use the CA key: it is not an RSA key, and Puppet Server cannot sign with any other kind")]
    NotRsa,
    /// The key is not the one of the first certificate of the bundle.
    #[error("failed to use the CA key: it does not belong to {subject}, the first certificate of the CA bundle")]
    KeyMismatch {
        /// Subject of that certificate.
        subject: String,
    },
    /// The lifetime is zero or ends outside the years X.509 can write.
    #[error("failed to compute the validity: a lifetime of {seconds} seconds from {now} is out of range")]
    Lifetime {
        /// Seconds asked for.
        seconds: u64,
        /// Start.
        now: DateTime<Utc>,
    },
    /// The CA itself is no longer valid.
    #[error("failed to issue a certificate: the CA certificate expired at {0}")]
    Expired(DateTime<Utc>),
    /// The certificate library refused.
    #[error("failed to build {what}")]
    Build {
        /// What was to be made.
        what: String,
        /// The error of the library.
        source: rcgen::Error,
    },
    /// What was made cannot be read back.
    #[error("failed to read back a certificate just made")]
    ReadBack(#[from] CertificateError),
    /// What was made does not verify: the constraints of the CA exclude it.
    #[error("failed to use a certificate just made: {0}")]
    Verify(#[from] BundleError),
}

impl NewAuthority<'_> {
    /// Signs both certificates and both lists.
    ///
    /// # Errors
    /// If a key is not RSA, the lifetime is out of range, or a part cannot be encoded.
    pub fn create(&self) -> Result<AuthorityFiles, AuthorityError> {
        if !(self.root_key.is_rsa() && self.signing_key.is_rsa()) {
            return Err(AuthorityError::NotRsa);
        }
        let until = end(self.now, self.lifetime)?;
        let build = |what: &str| {
            let what = what.to_owned();
            move |source| AuthorityError::Build { what, source }
        };
        let root_serial = Serial::from(ROOT_SERIAL);
        let signing_serial = root_serial.next();
        let root_name = format!("Puppet Root CA: {}", self.root_suffix);
        let root_params = self.ca_params(&root_name, &root_serial, until);
        let root = root_params.self_signed(self.root_key.pair()).map_err(build("the root certificate"))?;
        let root_issuer = Issuer::from_params(&root_params, self.root_key.pair());
        let signing_name = format!("Puppet CA: {}", self.name);
        let signing_params = self.ca_params(&signing_name, &signing_serial, until);
        let signing = signing_params.signed_by(self.signing_key.pair(), &root_issuer).map_err(build("the signing certificate"))?;
        let signing_issuer = Issuer::from_params(&signing_params, self.signing_key.pair());

        let crl = CertificateRevocationListParams {
            this_update: rcgen::date_time_ymd(1970, 1, 1) + since_1970(self.now - BACKDATED),
            next_update: rcgen::date_time_ymd(1970, 1, 1) + since_1970(until),
            crl_number: SerialNumber::from(0),
            issuing_distribution_point: None,
            revoked_certs: Vec::new(),
            key_identifier_method: rcgen::KeyIdMethod::Sha256,
        };
        let list = |issuer: &Issuer<'_, &rcgen::KeyPair>| crl.signed_by(issuer)?.pem();
        let signing_crl = list(&signing_issuer).map_err(build("the CRL of the signing CA"))?;
        let root_crl = list(&root_issuer).map_err(build("the CRL of the root CA"))?;
        Ok(AuthorityFiles {
            bundle_pem: unix_lines(&(signing.pem() + &root.pem())),
            crl_pem: unix_lines(&(signing_crl + &root_crl)),
            next_serial: signing_serial.next(),
        })
    }

    fn ca_params(&self, name: &str, serial: &Serial, until: DateTime<Utc>) -> CertificateParams {
        let mut params = CertificateParams::default();
        params.distinguished_name = common_name(name);
        params.serial_number = Some(SerialNumber::from(serial.to_bytes()));
        params.not_before = rcgen::date_time_ymd(1970, 1, 1) + since_1970(self.now - BACKDATED);
        params.not_after = rcgen::date_time_ymd(1970, 1, 1) + since_1970(until);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.use_authority_key_identifier_extension = true;
        params
    }
}

impl<'a> SigningAuthority<'a> {
    /// Joins a bundle with the key of its first certificate.
    ///
    /// # Errors
    /// If the key is another one, or is not RSA.
    pub fn new(bundle: &'a CaBundle, key: &'a PrivateKey) -> Result<Self, AuthorityError> {
        if !key.is_rsa() {
            return Err(AuthorityError::NotRsa);
        }
        if !bundle.signing().matches(key) {
            let subject = bundle.signing().info().subject.clone();
            return Err(AuthorityError::KeyMismatch { subject });
        }
        Ok(Self { bundle, key })
    }

    /// Issues a leaf certificate for TLS servers and clients: PEM `CERTIFICATE`.
    ///
    /// # Errors
    /// If the CA has expired, a part cannot be encoded, or the result does not verify against the bundle.
    pub fn issue(&self, leaf: &LeafRequest<'_>) -> Result<String, AuthorityError> {
        let ca_end = self.bundle.signing().info().not_after;
        if ca_end <= leaf.now {
            return Err(AuthorityError::Expired(ca_end));
        }
        let own_name = AltName::Dns(leaf.certname.as_str().to_owned());
        let mut names = vec![own_name];
        for name in leaf.alt_names {
            if !names.contains(name) {
                names.push(name.clone());
            }
        }
        let until = end(leaf.now, leaf.lifetime)?.min(ca_end);
        let ca = self.bundle.signing().parsed()?;
        let build = || {
            let mut params = CertificateParams::default();
            params.distinguished_name = common_name(leaf.certname.as_str());
            params.serial_number = Some(SerialNumber::from(leaf.serial.to_bytes()));
            params.not_before = rcgen::date_time_ymd(1970, 1, 1) + since_1970(leaf.now - BACKDATED);
            params.not_after = rcgen::date_time_ymd(1970, 1, 1) + since_1970(until);
            params.is_ca = IsCa::ExplicitNoCa;
            params.subject_alt_names = san_types(&names)?;
            params.key_usages = vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyEncipherment];
            params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
            params.custom_extensions = custom_extensions(leaf.extensions);
            let key_identifier = subject_key_identifier(&ca);
            params.use_authority_key_identifier_extension = key_identifier.is_some();
            let mut issuer = CertificateParams::default();
            issuer.key_identifier_method = rcgen::KeyIdMethod::PreSpecified(key_identifier.unwrap_or_default());
            let made = params.signed_by(leaf.key.pair(), &Issuer::from_params(&issuer, self.key.pair()))?;
            with_issuer(made.der(), ca.subject().as_raw(), self.key.pair())
        };
        let der = build().map_err(|source| AuthorityError::Build { what: format!("the certificate of {}", leaf.certname), source })?;
        let certificate = Certificate::from_der(&der)?;
        // An imported CA may have constraints that no TLS peer gets past.
        self.bundle.verify_as_peer(&certificate)?;
        Ok(certificate.to_pem())
    }
}

/// A line of Puppet's `inventory.txt` for an issued certificate, with its line feed.
#[must_use]
pub fn inventory_line(certificate: &Certificate) -> String {
    let info = certificate.info();
    format!("0x{} {} {} /{}\n", info.serial, inventory_time(info.not_before), inventory_time(info.not_after), info.subject)
}

/// A time in the format of `inventory.txt`.
#[must_use]
pub fn inventory_time(time: DateTime<Utc>) -> String {
    time.format("%Y-%m-%dT%H:%M:%SUTC").to_string()
}

/// The identifier that a CA gives to its key, if it gives one (RFC 5280 section 4.2.1.2).
fn subject_key_identifier(ca: &X509Certificate<'_>) -> Option<Vec<u8>> {
    ca.iter_extensions().find_map(|extension| match extension.parsed_extension() {
        ParsedExtension::SubjectKeyIdentifier(identifier) => Some(identifier.0.to_vec()),
        _ => None,
    })
}

/// Where a validity of `lifetime` from `now` ends.
fn end(now: DateTime<Utc>, lifetime: Duration) -> Result<DateTime<Utc>, AuthorityError> {
    /// RFC 5280 section 4.1.2.5: times are written with four digits of year.
    const LAST_YEAR: i32 = 9999;
    let until = TimeDelta::from_std(lifetime)
        .ok()
        .filter(|lifetime| !lifetime.is_zero())
        .and_then(|lifetime| now.checked_add_signed(lifetime))
        .filter(|until| chrono::Datelike::year(until) <= LAST_YEAR);
    until.ok_or(AuthorityError::Lifetime { seconds: lifetime.as_secs(), now })
}

/// Whole seconds since 1970. The certificate library uses another crate for time: its epoch plus these seconds is the same
/// instant, without a dependency on that crate.
fn since_1970(time: DateTime<Utc>) -> Duration {
    Duration::from_secs(time.timestamp().try_into().unwrap_or(0))
}

fn unix_lines(pem: &str) -> String {
    pem.replace("\r\n", "\n")
}

#[cfg(test)]
mod tests;
