//! `openvox-operator ca-setup`: the program of a CA's setup Job.
//!
//! It makes a CA directory as `puppetserver ca setup` would (or checks an existing one), issues the CA server's and the
//! operator's certificates, and publishes everything as Secrets. It can be killed at any point: the next run continues from
//! there with the same keys.

mod completion;
mod directory;
mod disk;
mod error;
#[cfg(test)]
mod fixture;
mod given;
mod goal;
mod inventory;
mod inventory_text;
mod leaf;
mod material;
mod options;
mod parts;
mod prepare;
mod report;
mod secrets;
mod step;

use chrono::{DateTime, Utc};
use directory::CaDirectory;
pub use error::{PreflightError, SetupError};
pub use options::CaSetup;
use secrets::SecretStore;
use std::error::Error;
use std::process::ExitCode;
use step::Step;

/// The file from which Kubernetes takes the termination message of a container.
const TERMINATION_LOG: &str = "/dev/termination-log";

/// Runs the set-up. Progress goes to standard output, an error to standard error and into the container's status.
pub async fn run(options: &CaSetup) -> ExitCode {
    match set_up(options).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let message = with_causes(&error);
            eprintln!("{message}");
            // Outside a cluster there is no such file.
            let _ = std::fs::write(TERMINATION_LOG, &message);
            ExitCode::FAILURE
        }
    }
}

async fn set_up(options: &CaSetup) -> Result<(), SetupError> {
    let goal = options.goal()?;
    // The provider of the process can be set once; it fails if one is set already, which does no harm.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let client = kube::Client::try_default().await.map_err(|error| SetupError::Client(Box::new(error)))?;
    let store = SecretStore::new(client, &goal.namespace, &goal.ca_name);
    if options.dry_run { preview(goal, &store).await } else { publish(goal, &store).await }
}

/// X.509 has whole seconds.
fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(Utc::now().timestamp(), 0).unwrap_or_default()
}

/// Reports what would be done.
async fn preview(goal: goal::SetupGoal, store: &SecretStore) -> Result<(), SetupError> {
    let stored = store.read(&goal).await?;
    let now = now();
    let work = tokio::task::spawn_blocking(move || report::report(&goal, &stored, now));
    for line in work.await.map_err(|_| SetupError::Interrupted)?? {
        println!("{line}");
    }
    Ok(())
}

/// Brings files and Secrets to the planned state.
async fn publish(goal: goal::SetupGoal, store: &SecretStore) -> Result<(), SetupError> {
    let stored = store.read(&goal).await?;
    let now = now();
    let work = tokio::task::spawn_blocking(move || {
        let directory = CaDirectory::open(&goal.directory)?;
        prepare::prepare(&goal, &stored, directory, now, &mut |step| println!("{}", step.done()))
    });
    let prepared = work.await.map_err(|_| SetupError::Interrupted)??;
    for secret in &prepared.secrets {
        let written = store.write(secret).await?;
        println!("{}", Step::Write { secret: secret.name.clone(), written }.done());
    }
    prepared.directory.finish()
}

/// An error with all its causes in one line. A cause that the error names already is not repeated.
fn with_causes(error: &SetupError) -> String {
    let mut message = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let text = error.to_string();
        if !message.contains(&text) {
            message.push_str(": ");
            message.push_str(&text);
        }
        cause = error.source();
    }
    message
}

#[cfg(test)]
mod tests {
    use super::*;
    use openvox_puppet::{BundleError, CertificateError};

    #[test]
    fn the_last_words_name_the_file_and_the_cause() {
        let source = Box::new(PreflightError::Bundle(BundleError::Read(CertificateError::NoPem)));
        let error = SetupError::Preflight { file: "ca_crt.pem of the existing CA".to_owned(), source };
        assert_eq!(
            with_causes(&error),
            "failed to check ca_crt.pem of the existing CA: failed to read the CA bundle: \
             failed to read the certificate: no PEM block `CERTIFICATE` found"
        );
    }
}
