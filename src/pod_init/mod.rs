//! `openvox-operator pod-init`: the program of the init container of a Server pod.
//!
//! It puts certificate, key and CA where Puppet Server reads them, and copies the programs that run beside it.
//! A certificate that does not belong to its key stops the pod here, with a sentence in its status, and not later in a
//! stack trace of a Java VM.

mod authority;
mod error;
mod files;
mod key_pair;
mod options;

use openvox_crds::vocabulary::secret_key;
use openvox_puppet::layout;
use std::error::Error;
use std::path::Path;
use std::process::ExitCode;

pub use error::PodInitError;
pub use options::PodInit;

/// The file from which Kubernetes takes the termination message of a container.
const TERMINATION_LOG: &str = "/dev/termination-log";

/// Runs the program. An error goes to standard error and into the container's status.
#[must_use]
pub fn run(options: &PodInit) -> ExitCode {
    match lay_out(options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let message = with_causes(&error);
            eprintln!("{message}");
            // Outside a cluster there is no such file, and the message is on standard error anyway.
            if Path::new(TERMINATION_LOG).exists() {
                drop(std::fs::write(TERMINATION_LOG, &message));
            }
            ExitCode::FAILURE
        }
    }
}

/// Checks the key pair, then writes everything; the first error ends it.
///
/// # Errors
/// When a file is missing, unreadable or no valid PEM, when certificate and key do not belong together, or when
/// something cannot be written.
pub fn lay_out(options: &PodInit) -> Result<(), PodInitError> {
    let certificate = files::read(&options.cert_dir.join(secret_key::CERTIFICATE))?;
    let key = files::read(&options.cert_dir.join(secret_key::KEY))?;
    let authority = files::read(&options.ca_dir.join(layout::CA_CERTIFICATES))?;
    key_pair::check(&certificate, &key)?;
    if let Some(directory) = &options.authority_dir {
        authority::check(directory, &authority)?;
    }

    let ssl = &options.ssl_dir;
    for directory in ["certs", "private_keys", "public_keys", "certificate_requests", "private"] {
        files::make_directory(&ssl.join(directory))?;
    }
    let in_ssl_dir = |file: &str| ssl.join(file.trim_start_matches(layout::SSL_DIR).trim_start_matches('/'));
    files::write(&in_ssl_dir(layout::CERT_FILE), &certificate, 0o644)?;
    files::write(&in_ssl_dir(layout::KEY_FILE), &key, 0o640)?;
    files::write(&in_ssl_dir(layout::CA_CERT_FILE), &authority, 0o644)?;

    if let (Some(source), Some(directory)) = (&options.crl_source, &options.crl_dir) {
        files::write(&directory.join(layout::CA_CRL), &files::read(&source.join(layout::CA_CRL))?, 0o644)?;
    }
    if let (Some(source), Some(directory)) = (&options.authority_dir, &options.crl_dir) {
        files::link(&directory.join(layout::CA_CRL), &source.join(layout::CA_CRL))?;
    }
    if let Some(directory) = &options.program_dir {
        for program in &options.programs {
            let content = files::read(&options.program_source.join(program))?;
            files::write(&directory.join(program), &content, 0o755)?;
        }
    }
    Ok(())
}

/// An error with all its causes in one line.
fn with_causes(error: &PodInitError) -> String {
    let mut message = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        message.push_str(": ");
        message.push_str(&error.to_string());
        cause = error.source();
    }
    message
}

#[cfg(test)]
mod tests;
