//! CA directories as users provide them, made with `openssl`.

use super::error::SetupError;
use super::goal::{DesiredSecret, SetupGoal, StoredSecrets};
use super::prepare;
use super::report::report;
use super::step::Step;
use crate::openssl::openssl;
use chrono::{DateTime, Utc};
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

pub(super) fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(Utc::now().timestamp(), 0).unwrap()
}

pub(super) fn stored(secrets: &[DesiredSecret]) -> StoredSecrets {
    secrets.iter().map(|secret| (secret.name.clone(), secret.data.clone())).collect()
}

/// A CA of one level, as Puppet made it before version 6: a self-signed certificate that signs leaf certificates.
pub(super) struct OldCa {
    folder: TempDir,
}

impl OldCa {
    /// A CA with that subject in the notation of `openssl`, valid for 30 days.
    pub(super) fn new(subject: &str) -> Self {
        let ca = Self { folder: tempfile::tempdir().unwrap() };
        fs::create_dir(ca.path().join("signed")).unwrap();
        openssl(&["genrsa", "-traditional", "-out", &ca.file("ca_key.pem"), "2048"], "");
        ca.put("ca_crt.pem", self_signed(&ca.path().join("ca_key.pem"), subject, 30));
        ca.put("ca_crl.pem", ca.list(30, 1, &[2]));
        ca.put("serial", "0005\n");
        ca.put("inventory.txt", "0x0004 2024-01-02T00:00:00UTC 2029-01-01T00:00:00UTC /CN=web01.example.net\n");
        ca
    }

    pub(super) fn path(&self) -> &Path {
        self.folder.path()
    }

    fn file(&self, name: &str) -> String {
        self.path().join(name).to_str().unwrap().to_owned()
    }

    pub(super) fn put(&self, name: &str, content: impl AsRef<[u8]>) {
        fs::write(self.path().join(name), content).unwrap();
    }

    pub(super) fn read(&self, name: &str) -> String {
        String::from_utf8(fs::read(self.path().join(name)).unwrap()).unwrap()
    }

    /// A revocation list of this CA.
    pub(super) fn list(&self, days: u32, number: u32, revoked: &[u32]) -> String {
        list(&self.path().join("ca_crt.pem"), &self.path().join("ca_key.pem"), days, number, revoked)
    }

    pub(super) fn goal(&self) -> SetupGoal {
        SetupGoal::for_tests(self.path())
    }

    /// Imports it as of `now`, and checks that a dry run reports the same steps beforehand.
    pub(super) fn import_at(&self, now: DateTime<Utc>) -> Result<(Vec<DesiredSecret>, Vec<String>), SetupError> {
        let files = || -> Vec<_> {
            let files = walk(self.path()).into_iter().filter(|path| !path.ends_with(".setup.lock"));
            files.map(|path| (fs::read(&path).unwrap(), path)).collect()
        };
        let before = files();
        let dry = report(&self.goal(), &StoredSecrets::new(), now);
        assert!(files() == before, "a dry run writes nothing");
        match (dry, prepare::run(&self.goal(), &StoredSecrets::new(), now)) {
            (Ok(dry), Ok((secrets, steps))) => {
                let planned: Vec<_> = steps.iter().map(Step::planned).collect();
                assert_eq!(dry[..planned.len()], planned);
                Ok((secrets, planned))
            }
            (Err(dry), Err(error)) => {
                assert_eq!(format!("{dry:?}"), format!("{error:?}"));
                assert!(files() == before, "what is refused is left as it is");
                Err(error)
            }
            (dry, run) => panic!("dry run: {dry:?}, run: {run:?}"),
        }
    }

    pub(super) fn import(&self) -> Result<(Vec<DesiredSecret>, Vec<String>), SetupError> {
        self.import_at(now())
    }

    /// Why it is not imported as of `now`, with all causes.
    pub(super) fn refused_at(&self, now: DateTime<Utc>) -> String {
        super::with_causes(&self.import_at(now).unwrap_err())
    }

    pub(super) fn refused(&self) -> String {
        self.refused_at(now())
    }
}

fn walk(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = entries.flat_map(|path| if path.is_dir() { walk(&path) } else { vec![path] }).collect();
    files.sort();
    files
}

/// A CA certificate for a key, signed with it.
pub(super) fn self_signed(key: &Path, subject: &str, days: u32) -> String {
    let extensions = ["basicConstraints=critical,CA:TRUE", "keyUsage=critical,keyCertSign,cRLSign"];
    let days = days.to_string();
    let mut args = vec!["req", "-x509", "-new", "-utf8", "-key", key.to_str().unwrap(), "-subj", subject, "-days", &days];
    args.extend(extensions.iter().flat_map(|extension| ["-addext", extension]));
    openssl(&args, "")
}

/// A revocation list of the CA with that certificate and key.
pub(super) fn list(certificate: &Path, key: &Path, days: u32, number: u32, revoked: &[u32]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let entry = |serial: &u32| format!("R\t301231235959Z\t240101000000Z\t{serial:08X}\tunknown\t/CN=node{serial}\n");
    fs::write(path("index.txt"), revoked.iter().map(entry).collect::<String>()).unwrap();
    fs::write(path("crlnumber"), format!("{number:04X}\n")).unwrap();
    let config = format!(
        "[ca]\ndefault_ca=d\n[d]\ndatabase={}\ncrlnumber={}\ndefault_md=sha256\ncrl_extensions=e\n[e]\nauthorityKeyIdentifier=keyid\n",
        path("index.txt"),
        path("crlnumber")
    );
    fs::write(path("config"), config).unwrap();
    let (certificate, key, days) = (certificate.to_str().unwrap(), key.to_str().unwrap(), days.to_string());
    openssl(
        &["ca", "-gencrl", "-config", &path("config"), "-cert", certificate, "-keyfile", key, "-crldays", &days, "-out", &path("list")],
        "",
    );
    fs::read_to_string(path("list")).unwrap()
}
