//! Why a CA could not be set up.

use crate::cluster::Foreign;
use chrono::{DateTime, Utc};
use openvox_puppet::{AltNameError, AuthorityError, BundleError, CertificateError, CertnameError, CrlError, KeyError, Serial, SerialError};
use std::path::PathBuf;

/// Why the set-up failed. Nothing was overwritten; once the cause is removed, the program can be run again.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// A flag is missing whose partner was given.
    #[error("failed to read the options: {0} is missing; give the server's certname and its Secret together")]
    Incomplete(&'static str),
    /// A certname is invalid.
    #[error(transparent)]
    Certname(#[from] CertnameError),
    /// An alternative name is invalid.
    #[error(transparent)]
    AltName(#[from] AltNameError),
    /// A file could not be read or written.
    #[error("failed to {action} {path}")]
    File {
        /// What was tried.
        action: &'static str,
        /// With which file.
        path: PathBuf,
        /// The error of the system.
        source: std::io::Error,
    },
    /// Another run holds the directory.
    #[error("failed to lock {0}: another set-up of this CA is running; wait until it ends")]
    Locked(PathBuf),
    /// The directory holds parts of a CA.
    #[error(
        "failed to use the CA in {directory}: it is incomplete, {missing} is missing while {present} is there; \
         copy the missing files there, or empty the directory to make a new CA"
    )]
    Partial {
        /// The CA directory.
        directory: PathBuf,
        /// The files that are there.
        present: String,
        /// The files that are not.
        missing: String,
    },
    /// A file appeared while a new CA was being put in place.
    #[error(
        "failed to finish the new CA in {directory}: somebody else put {file} there meanwhile; \
         remove it, or remove the folder .setup to use the files that were put there"
    )]
    Intruder {
        /// The CA directory.
        directory: PathBuf,
        /// The file.
        file: &'static str,
    },
    /// The CA exists in the cluster, but its files do not.
    #[error(
        "failed to set up the CA: Secret {secret} of an existing CA is there, but {directory} is empty: its volume was \
         lost; restore the volume from a backup, or those of the three CA Secrets that are missing, from which it is filled \
         again, or, to start over with a CA that no node trusts yet, delete the Secrets \
         of the old one"
    )]
    VolumeLost {
        /// The Secret.
        secret: String,
        /// The CA directory.
        directory: PathBuf,
    },
    /// A Secret belongs to another CA.
    #[error(
        "failed to publish the CA: Secret {secret} holds {what} of another CA than the one in {directory}; \
         delete the Secret if the files are right, or restore the files that belong to it"
    )]
    ForeignSecret {
        /// The Secret.
        secret: String,
        /// What it holds.
        what: &'static str,
        /// The CA directory.
        directory: PathBuf,
    },
    /// The revocation lists, or another part, are longer than a Secret may be.
    #[error(
        "failed to publish the CA: Secret {secret} would hold {bytes} bytes, and the Kubernetes API takes {max} at most; \
         the revocation list of the CA names {revoked} certificates: shorten it with `puppetserver ca prune` (with \
         --remove-expired, where it knows that) on the server that the CA comes from, and copy ca_crl.pem again"
    )]
    TooLarge {
        /// The Secret.
        secret: String,
        /// Its size.
        bytes: usize,
        /// The size that is allowed.
        max: usize,
        /// Certificates in the list.
        revoked: usize,
    },
    /// A Secret that has to be changed cannot be.
    #[error(
        "failed to update Secret {0}: it is immutable, and its content has to change; save it, delete it, and create it again \
         without the line `immutable: true`"
    )]
    Immutable(String),
    /// There is no serial number left that Puppet Server can count on from.
    #[error(
        "failed to find the next serial number: it would be {0}, and Puppet Server counts to 7FFFFFFF; \
         set up a new CA, because this one cannot issue many more certificates"
    )]
    SerialsExhausted(Serial),
    /// A Secret is not the operator's.
    #[error(
        "failed to publish the CA: Secret {secret} {owner}; nothing was made or written; rename it, or, if it is this CA's, \
         label it: kubectl label secret {secret} --overwrite {labels}"
    )]
    NotOurs {
        /// The Secret.
        secret: String,
        /// Whose it is.
        owner: Foreign,
        /// The labels that would make it this CA's.
        labels: String,
    },
    /// A part of a CA that exists is not usable.
    #[error("failed to check {file}")]
    Preflight {
        /// The file, and where it is from.
        file: String,
        /// What is wrong with it.
        source: Box<PreflightError>,
    },
    /// A part of the intermediate CA that is to be taken is missing.
    #[error(
        "failed to take the intermediate CA: {directory} has no {file}; put ca.pem (certificates from the signing CA to the \
         root), key.pem and crl.pem (a revocation list of each CA) into the Secret of spec.intermediateCA"
    )]
    NotGiven {
        /// Where it was looked for.
        directory: PathBuf,
        /// The file.
        file: &'static str,
    },
    /// A key could not be made.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// A thread that makes a key died.
    #[error("failed to generate a key: its thread ended early")]
    KeyThread,
    /// A certificate or list could not be made.
    #[error(transparent)]
    Authority(#[from] AuthorityError),
    /// A file that was just made cannot be read back.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// The cluster cannot be reached or refused.
    #[error("failed to {action} Secret {secret}")]
    Kubernetes {
        /// What was tried.
        action: &'static str,
        /// With which Secret.
        secret: String,
        /// The error of the client.
        source: Box<kube::Error>,
    },
    /// There is no usable configuration of the cluster.
    #[error("failed to set up the Kubernetes client")]
    Client(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The blocking part of the work died.
    #[error("failed to finish the work on the CA directory: its thread ended early")]
    Interrupted,
}

/// What is wrong with a file of an existing CA.
#[derive(Debug, thiserror::Error)]
pub enum PreflightError {
    /// The certificates.
    #[error(transparent)]
    Bundle(#[from] BundleError),
    /// The key.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// Certificates and key together.
    #[error(transparent)]
    Authority(#[from] AuthorityError),
    /// The revocation lists.
    #[error(transparent)]
    Crl(#[from] CrlError),
    /// The next serial number.
    #[error("{0}; write the next number there, or remove the file, and it is made again from the inventory")]
    Serial(#[from] SerialError),
    /// A certificate of the chain has run out.
    #[error("the certificate of {subject} ended at {not_after}; bring a chain that is valid")]
    Expired {
        /// Its subject.
        subject: String,
        /// When it ended.
        not_after: DateTime<Utc>,
    },
    /// A certificate of the chain is not valid yet.
    #[error(
        "the certificate of {subject} is valid from {not_before}, and it is {now}; wait, or bring a chain that is valid, \
         and check the clocks of this cluster and of the host where it was made"
    )]
    NotYetValid {
        /// Its subject.
        subject: String,
        /// When it begins.
        not_before: DateTime<Utc>,
        /// The time here.
        now: DateTime<Utc>,
    },
    /// The key has a passphrase, and a file of Puppet under Ruby holds it.
    #[error(
        "it is encrypted, and Puppet Server reads no encrypted keys; its passphrase is in {file}: write the key without it, \
         with `openssl rsa -in ca_key.pem -passin file:{file} -out ca_key.pem`, and remove {file}"
    )]
    Encrypted {
        /// The file, in the CA directory.
        file: &'static str,
    },
    /// A list is from the future.
    #[error("the CRL of {issuer} is issued at {this_update}, and it is {now}; check the clocks, or bring another one")]
    CrlFromTheFuture {
        /// Issuer of the list.
        issuer: String,
        /// When it was issued, by its own account.
        this_update: DateTime<Utc>,
        /// The time here.
        now: DateTime<Utc>,
    },
    /// A list has run out.
    #[error("the CRL of {issuer} had to be renewed by {next_update}; bring a current one")]
    CrlEnded {
        /// Issuer of the list.
        issuer: String,
        /// When the next one was due.
        next_update: DateTime<Utc>,
    },
    /// A CA of the chain has no list.
    #[error("there is no CRL of {subject}; bring one list for each CA of the chain, because TLS checks them all")]
    NoList {
        /// Subject of the CA.
        subject: String,
    },
}
