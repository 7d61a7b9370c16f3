//! `openvox-operator crl-sync`: the sidecar that brings a new CRL to a running Puppet Server.
//!
//! Puppet Server reloads a CRL that is replaced by a rename, but not one that changes in a Secret volume: there kubelet
//! swaps a link above the file, and the file watcher compares the path it resolved when it started (trapperkeeper's
//! filesystem-watch-service). So the file is copied from the volume into a plain directory whenever it differs.

use clap::Args;
use openvox_puppet::layout::CA_CRL as FILE;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};

/// Interval of the comparison. Kubelet itself takes up to about a minute to update a Secret volume, so a shorter one gains
/// nothing, and a comparison costs two reads of a small file.
const INTERVAL: Duration = Duration::from_secs(10);

/// Copies the CRL from a Secret volume to a plain directory whenever it changes.
#[derive(Debug, Clone, Args)]
pub struct CrlSync {
    /// Directory of the Secret volume.
    #[arg(long)]
    pub from: PathBuf,
    /// Directory that Puppet Server reads.
    #[arg(long)]
    pub to: PathBuf,
}

/// Runs until it is asked to end. A copy that fails is reported and tried again; the server keeps the CRL it has.
pub async fn run(options: &CrlSync) -> ExitCode {
    // As the first process of its container it gets no signal that it does not ask for.
    let mut terminate = match signal(SignalKind::terminate()) {
        Ok(terminate) => terminate,
        Err(error) => {
            eprintln!("failed to listen for signals: {error}");
            return ExitCode::FAILURE;
        }
    };
    loop {
        match copy_if_changed(&options.from, &options.to) {
            Ok(true) => println!("copied a new {FILE}"),
            Ok(false) => {}
            Err(error) => eprintln!("failed to copy {FILE}: {error}"),
        }
        tokio::select! {
            () = tokio::time::sleep(INTERVAL) => {}
            _ = terminate.recv() => return ExitCode::SUCCESS,
        }
    }
}

/// Copies the CRL when it differs, and returns whether it did. The new file replaces the old one atomically, so the
/// server never reads half of it.
///
/// # Errors
/// When one of the two files cannot be read, or the new one not be written.
pub fn copy_if_changed(from: &Path, to: &Path) -> io::Result<bool> {
    let new = fs::read(from.join(FILE))?;
    let target = to.join(FILE);
    match fs::read(&target) {
        Ok(old) if old == new => return Ok(false),
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let half_way = to.join(format!(".{FILE}.new"));
    fs::write(&half_way, new)?;
    fs::rename(half_way, target)?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{MetadataExt, symlink};
    use tempfile::TempDir;

    /// A Secret volume as kubelet lays it out, and the directory that the server reads.
    struct Volumes {
        root: TempDir,
    }

    impl Volumes {
        fn new() -> Self {
            let volumes = Self { root: TempDir::new().unwrap() };
            fs::create_dir(volumes.to()).unwrap();
            fs::create_dir(volumes.from()).unwrap();
            symlink("..data/ca_crl.pem", volumes.from().join(FILE)).unwrap();
            volumes
        }

        fn from(&self) -> PathBuf {
            self.root.path().join("from")
        }

        fn to(&self) -> PathBuf {
            self.root.path().join("to")
        }

        /// Swaps the link as kubelet does when the Secret changes.
        fn publish(&self, generation: &str, content: &str) {
            let from = self.from();
            fs::create_dir(from.join(generation)).unwrap();
            fs::write(from.join(generation).join(FILE), content).unwrap();
            symlink(generation, from.join("..data_tmp")).unwrap();
            fs::rename(from.join("..data_tmp"), from.join("..data")).unwrap();
        }
    }

    #[test]
    fn a_crl_that_changes_by_a_swap_of_links_reaches_the_plain_directory_as_a_file() {
        let volumes = Volumes::new();
        for (generation, content) in [("..1", "old"), ("..2", "new")] {
            volumes.publish(generation, content);
            assert!(copy_if_changed(&volumes.from(), &volumes.to()).unwrap());
            assert_eq!(fs::read_to_string(volumes.to().join(FILE)).unwrap(), content);
            assert!(!volumes.to().join(FILE).is_symlink());
        }
    }

    #[test]
    fn an_unchanged_crl_is_left_alone_so_that_the_server_does_not_reload() {
        let volumes = Volumes::new();
        volumes.publish("..1", "same");
        copy_if_changed(&volumes.from(), &volumes.to()).unwrap();
        let file = fs::metadata(volumes.to().join(FILE)).unwrap().ino();
        volumes.publish("..2", "same");
        assert!(!copy_if_changed(&volumes.from(), &volumes.to()).unwrap());
        assert_eq!(fs::metadata(volumes.to().join(FILE)).unwrap().ino(), file);
    }

    #[test]
    fn a_missing_crl_is_an_error_and_the_server_keeps_the_one_it_has() {
        let volumes = Volumes::new();
        fs::write(volumes.to().join(FILE), "kept").unwrap();
        assert!(copy_if_changed(&volumes.from(), &volumes.to()).is_err());
        assert_eq!(fs::read_to_string(volumes.to().join(FILE)).unwrap(), "kept");
    }
}
