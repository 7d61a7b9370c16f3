//! The CA directory and durable changes in it.

use super::disk;
use super::error::SetupError;
use openvox_puppet::layout::{
    CA_CERTIFICATES, CA_CRL, CA_KEY, CA_PUBLIC_KEY, INFRA_CRL, INFRA_INVENTORY, INFRA_SERIALS, INVENTORY, REQUESTS, ROOT_KEY, SERIAL,
    SIGNED,
};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Lines of an imported inventory that Puppet Server cannot read.
pub(super) const LEFT_OUT_INVENTORY: &str = "inventory.left-out.txt";

/// Files without which there is no CA.
const REQUIRED: [&str; 3] = [CA_CERTIFICATES, CA_KEY, CA_CRL];

/// All files of a CA, in the order in which a new one is put in place: the certificates come last.
pub(super) const FILES: [&str; 10] =
    [SERIAL, INVENTORY, INFRA_INVENTORY, INFRA_SERIALS, INFRA_CRL, CA_PUBLIC_KEY, CA_CRL, ROOT_KEY, CA_KEY, CA_CERTIFICATES];

/// Folders of a CA.
const FOLDERS: [&str; 2] = [SIGNED, REQUESTS];

/// Folder for unfinished work; a complete run removes it.
const WORK: &str = ".setup";

/// In it: a complete set of files that is to be put in place.
const READY: &str = ".setup/ready";

/// What a directory holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Found {
    /// No file of a CA.
    Nothing,
    /// Everything a CA needs.
    Authority,
}

/// A CA directory.
#[derive(Debug)]
pub(super) struct CaDirectory {
    root: PathBuf,
    writes: Writes,
}

/// Where changes go.
#[derive(Debug)]
enum Writes {
    /// Into the directory, which is locked as long as this value lives.
    Disk { _lock: disk::Lock },
    /// Into memory: files by name. They are read in place of those of the directory, which stays as it is.
    Memory(RefCell<BTreeMap<String, String>>),
}

impl CaDirectory {
    /// Opens the directory, makes it if it is missing, and locks out other runs.
    pub(super) fn open(root: &Path) -> Result<Self, SetupError> {
        disk::make_folder(root)?;
        let lock = disk::lock(&root.join(".setup.lock"))?;
        Ok(Self { root: root.to_owned(), writes: Writes::Disk { _lock: lock } })
    }

    /// The directory for a rehearsal: it can be changed as one that is opened, and nothing of that reaches the disk.
    pub(super) fn rehearse(root: &Path) -> Self {
        Self { root: root.to_owned(), writes: Writes::Memory(RefCell::default()) }
    }

    pub(super) fn path(&self) -> &Path {
        &self.root
    }

    /// What the directory holds.
    pub(super) fn found(&self) -> Result<Found, SetupError> {
        let (present, missing) = FILES.iter().partition::<Vec<&str>, _>(|name| self.has(name));
        let missing: Vec<_> = missing.into_iter().filter(|name| REQUIRED.contains(name)).collect();
        match (present.is_empty(), missing.is_empty()) {
            (true, _) => Ok(Found::Nothing),
            (false, true) => Ok(Found::Authority),
            (false, false) => {
                Err(SetupError::Partial { directory: self.root.clone(), present: present.join(", "), missing: missing.join(", ") })
            }
        }
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.rehearsed(name).is_some() || self.root.join(name).exists()
    }

    /// The text of a file. Bytes that are not UTF-8 can only be outside of the PEM blocks and numbers that are read.
    pub(super) fn read(&self, name: &str) -> Result<String, SetupError> {
        let missing = || disk::failed("read", &self.root.join(name))(std::io::ErrorKind::NotFound.into());
        self.read_optional(name)?.ok_or_else(missing)
    }

    /// The text of a file, if it exists.
    pub(super) fn read_optional(&self, name: &str) -> Result<Option<String>, SetupError> {
        let bytes = self.read_bytes(name)?;
        Ok(bytes.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()))
    }

    /// What a file holds, if it exists.
    pub(super) fn read_bytes(&self, name: &str) -> Result<Option<Vec<u8>>, SetupError> {
        match self.rehearsed(name) {
            Some(text) => Ok(Some(text.into_bytes())),
            None => disk::read(&self.root.join(name)),
        }
    }

    /// Names of the files in a folder.
    pub(super) fn names(&self, folder: &str) -> Result<Vec<String>, SetupError> {
        let mut names = disk::names(&self.root.join(folder))?;
        if let Writes::Memory(files) = &self.writes {
            let files = files.borrow();
            let written = files.keys().filter_map(|name| name.strip_prefix(folder)?.strip_prefix('/'));
            names.extend(written.map(str::to_owned));
        }
        names.sort();
        names.dedup();
        Ok(names)
    }

    /// Writes a file so that a crash leaves the old or the new text, never a part.
    pub(super) fn write(&self, name: &str, text: &str) -> Result<(), SetupError> {
        match &self.writes {
            Writes::Disk { .. } => disk::write(&self.root.join(name), text),
            Writes::Memory(files) => {
                files.borrow_mut().insert(name.to_owned(), text.to_owned());
                Ok(())
            }
        }
    }

    /// Makes the folders of a CA where they are missing.
    pub(super) fn make_folders(&self) -> Result<(), SetupError> {
        FOLDERS.iter().try_for_each(|name| self.make_folder(name))
    }

    /// Writes a complete new set of files; once this returns, the CA exists, even if its files are not in place yet.
    pub(super) fn stage(&self, files: &[(&str, String)]) -> Result<(), SetupError> {
        if let Writes::Memory(_) = &self.writes {
            return files.iter().try_for_each(|(name, text)| self.write(&format!("{READY}/{name}"), text));
        }
        let building = self.work("building");
        disk::remove_folder(&building)?;
        self.make_folder(WORK)?;
        disk::make_folder(&building)?;
        for (name, text) in files {
            disk::write(&building.join(name), text)?;
        }
        disk::rename(&building, &self.root.join(READY))
    }

    /// Puts a staged set of files in place. Returns whether there was one.
    pub(super) fn unstage(&self) -> Result<bool, SetupError> {
        let staged = |file: &str| format!("{READY}/{file}");
        if !(self.root.join(READY).exists() || FILES.iter().any(|file| self.has(&staged(file)))) {
            return Ok(false);
        }
        for file in FILES.into_iter().filter(|file| self.has(&staged(file))) {
            if self.has(file) {
                return Err(SetupError::Intruder { directory: self.root.clone(), file });
            }
            match &self.writes {
                Writes::Disk { .. } => disk::rename(&self.root.join(staged(file)), &self.root.join(file))?,
                Writes::Memory(_) => self.write(file, &self.read(&staged(file))?)?,
            }
        }
        if let Writes::Disk { .. } = &self.writes {
            disk::remove_folder(&self.root.join(READY))?;
        }
        Ok(true)
    }

    /// Keeps the key of a certificate until its Secret is written.
    pub(super) fn keep_key(&self, certname: &str, pem: &str) -> Result<(), SetupError> {
        self.make_folder(WORK)?;
        self.write(&format!("{WORK}/{certname}.key.pem"), pem)
    }

    /// A key kept by an earlier run.
    pub(super) fn kept_key(&self, certname: &str) -> Result<Option<String>, SetupError> {
        self.read_optional(&format!("{WORK}/{certname}.key.pem"))
    }

    /// Ends the work: nothing is left of it but the CA.
    pub(super) fn finish(self) -> Result<(), SetupError> {
        match self.writes {
            Writes::Disk { .. } => disk::remove_folder(&self.root.join(WORK)),
            Writes::Memory(_) => Ok(()),
        }
    }

    fn make_folder(&self, name: &str) -> Result<(), SetupError> {
        match self.writes {
            Writes::Disk { .. } => disk::make_folder(&self.root.join(name)),
            Writes::Memory(_) => Ok(()),
        }
    }

    fn work(&self, name: &str) -> PathBuf {
        self.root.join(WORK).join(name)
    }

    /// What a rehearsal has written.
    fn rehearsed(&self, name: &str) -> Option<String> {
        match &self.writes {
            Writes::Disk { .. } => None,
            Writes::Memory(files) => files.borrow().get(name).cloned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    fn new_set() -> Vec<(&'static str, String)> {
        FILES.map(|name| (name, format!("text of {name}"))).to_vec()
    }

    #[test]
    fn a_set_of_files_is_complete_at_whatever_point_the_process_dies_while_placing_it() {
        for placed in 0..=FILES.len() {
            let root = tempfile::tempdir().unwrap();
            let directory = CaDirectory::open(root.path()).unwrap();
            directory.stage(&new_set()).unwrap();
            for file in &FILES[..placed] {
                fs::rename(directory.work("ready").join(file), root.path().join(file)).unwrap();
            }
            drop(directory);

            let directory = CaDirectory::open(root.path()).unwrap();
            assert!(directory.unstage().unwrap());
            assert_eq!(directory.found().unwrap(), Found::Authority);
            for (name, text) in new_set() {
                assert_eq!(directory.read(name).unwrap(), text);
            }
            assert!(!directory.unstage().unwrap());
        }
    }

    #[test]
    fn a_set_of_files_that_was_not_finished_is_started_over() {
        let root = tempfile::tempdir().unwrap();
        let directory = CaDirectory::open(root.path()).unwrap();
        fs::create_dir_all(directory.work("building")).unwrap();
        fs::write(directory.work("building").join("left over"), "x").unwrap();
        assert!(!directory.unstage().unwrap());
        assert_eq!(directory.found().unwrap(), Found::Nothing);
        directory.stage(&new_set()).unwrap();
        assert!(directory.unstage().unwrap());
        assert!(!root.path().join("left over").exists());
    }

    #[test]
    fn a_rehearsal_reads_back_what_it_writes_and_leaves_the_disk_as_it_is() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir(root.path().join(SIGNED)).unwrap();
        fs::write(root.path().join("signed/a.pem"), "old").unwrap();
        let directory = CaDirectory::rehearse(root.path());
        directory.make_folders().unwrap();
        directory.stage(&new_set()).unwrap();
        assert!(directory.unstage().unwrap());
        assert_eq!(directory.found().unwrap(), Found::Authority);
        directory.write("signed/a.pem", "new").unwrap();
        directory.write("signed/b.pem", "b").unwrap();
        assert_eq!(directory.read("signed/a.pem").unwrap(), "new");
        assert_eq!(directory.names(SIGNED).unwrap(), ["a.pem", "b.pem"]);
        directory.keep_key("a", "key").unwrap();
        assert_eq!(directory.kept_key("a").unwrap().as_deref(), Some("key"));
        directory.finish().unwrap();
        assert_eq!(fs::read_dir(root.path()).unwrap().count(), 1);
        assert_eq!(fs::read_to_string(root.path().join("signed/a.pem")).unwrap(), "old");
    }

    #[test]
    fn a_rehearsal_finishes_the_set_of_files_of_an_earlier_run_without_touching_it() {
        let root = tempfile::tempdir().unwrap();
        CaDirectory::open(root.path()).unwrap().stage(&new_set()).unwrap();
        let directory = CaDirectory::rehearse(root.path());
        assert!(directory.unstage().unwrap());
        assert_eq!(directory.found().unwrap(), Found::Authority);
        assert!(root.path().join(READY).join(CA_KEY).exists() && !root.path().join(CA_KEY).exists());
    }

    #[test]
    fn files_somebody_puts_there_meanwhile_are_not_overwritten() {
        let root = tempfile::tempdir().unwrap();
        let directory = CaDirectory::open(root.path()).unwrap();
        directory.stage(&new_set()).unwrap();
        fs::write(root.path().join(CA_KEY), "theirs").unwrap();
        assert!(matches!(directory.unstage(), Err(SetupError::Intruder { file: CA_KEY, .. })));
        assert_eq!(directory.read(CA_KEY).unwrap(), "theirs");
    }

    #[test]
    fn an_incomplete_ca_is_told_what_is_missing() {
        let root = tempfile::tempdir().unwrap();
        let directory = CaDirectory::open(root.path()).unwrap();
        fs::write(root.path().join(CA_CERTIFICATES), "x").unwrap();
        let error = directory.found().unwrap_err().to_string();
        assert!(error.contains("ca_key.pem, ca_crl.pem is missing") || error.contains("ca_crl.pem, ca_key.pem is missing"), "{error}");
    }

    #[test]
    fn a_second_run_at_the_same_time_is_locked_out() {
        let root = tempfile::tempdir().unwrap();
        let first = CaDirectory::open(root.path()).unwrap();
        assert!(matches!(CaDirectory::open(root.path()), Err(SetupError::Locked(_))));
        drop(first);
        CaDirectory::open(root.path()).unwrap();
    }

    #[test]
    fn group_0_may_write_what_the_server_changes_and_nobody_else_may_read() {
        let root = tempfile::tempdir().unwrap();
        let directory = CaDirectory::open(root.path()).unwrap();
        directory.stage(&new_set()).unwrap();
        directory.unstage().unwrap();
        directory.make_folders().unwrap();
        let mode = |name: &str| fs::metadata(root.path().join(name)).unwrap().permissions().mode() & 0o7777;
        assert_eq!((mode(SERIAL), mode(CA_CRL), mode(INVENTORY)), (0o660, 0o660, 0o660));
        assert_eq!((mode(CA_KEY), mode(ROOT_KEY)), (0o640, 0o640));
        assert_eq!((mode("signed"), mode("requests")), (0o2770, 0o2770));
    }
}
