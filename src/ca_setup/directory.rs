//! The CA directory and durable changes in it.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use super::error::SetupError;

/// Folders: the owner and group 0 may do everything, and new files inherit the group. A server pod may run under another
/// user id than the set-up, but both are in group 0.
const FOLDER_MODE: u32 = 0o2770;

/// Files that Puppet Server changes.
const SHARED_MODE: u32 = 0o660;

/// Private keys: never changed by the server.
const KEY_MODE: u32 = 0o640;

pub(super) const CA_CERTIFICATES: &str = "ca_crt.pem";
pub(super) const CA_KEY: &str = "ca_key.pem";
pub(super) const CA_CRL: &str = "ca_crl.pem";
pub(super) const CA_PUBLIC_KEY: &str = "ca_pub.pem";
pub(super) const ROOT_KEY: &str = "root_key.pem";
pub(super) const INFRA_CRL: &str = "infra_crl.pem";
pub(super) const INFRA_INVENTORY: &str = "infra_inventory.txt";
pub(super) const INFRA_SERIALS: &str = "infra_serials";
pub(super) const INVENTORY: &str = "inventory.txt";
pub(super) const SERIAL: &str = "serial";

/// Files without which there is no CA.
const REQUIRED: [&str; 3] = [CA_CERTIFICATES, CA_KEY, CA_CRL];

/// All files of a CA, in the order in which a new one is put in place: the certificates come last.
pub(super) const FILES: [&str; 10] =
    [SERIAL, INVENTORY, INFRA_INVENTORY, INFRA_SERIALS, INFRA_CRL, CA_PUBLIC_KEY, CA_CRL, ROOT_KEY, CA_KEY, CA_CERTIFICATES];

/// Folders of a CA: issued certificates, and requests that wait.
pub(super) const FOLDERS: [&str; 2] = ["signed", "requests"];

/// Our own folder for work that is not finished; gone after a complete run.
const WORK: &str = ".setup";

/// What a directory holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Found {
    /// No file of a CA.
    Nothing,
    /// Everything a CA needs.
    Authority,
}

/// A locked CA directory.
#[derive(Debug)]
pub(super) struct CaDirectory {
    root: PathBuf,
    /// Held as long as this value lives; none where nothing is written.
    _lock: Option<File>,
}

impl CaDirectory {
    /// Opens the directory, makes it if it is missing, and locks out other runs.
    pub(super) fn open(root: &Path) -> Result<Self, SetupError> {
        make_folder(root)?;
        let path = root.join(".setup.lock");
        let file = OpenOptions::new().create(true).append(true).mode(SHARED_MODE).open(&path);
        let lock = file.map_err(failed("open", &path))?;
        // The next run may be another user of group 0. Only the owner can set this, and has done so.
        let _ = lock.set_permissions(Permissions::from_mode(SHARED_MODE));
        // A volume without locks (some network file systems) is used without one: the Job runs one pod at a time.
        if let Err(fs::TryLockError::WouldBlock) = lock.try_lock() {
            return Err(SetupError::Locked(root.to_owned()));
        }
        Ok(Self { root: root.to_owned(), _lock: Some(lock) })
    }

    /// The directory as it is, to be looked at only.
    pub(super) fn look_at(root: &Path) -> Self {
        Self { root: root.to_owned(), _lock: None }
    }

    /// An earlier run has made a CA and not put all its files in place yet.
    pub(super) fn is_staged(&self) -> bool {
        self.work("ready").exists()
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
        self.root.join(name).exists()
    }

    pub(super) fn read(&self, name: &str) -> Result<String, SetupError> {
        let path = self.root.join(name);
        fs::read_to_string(&path).map_err(failed("read", &path))
    }

    /// The text of a file, if it exists.
    pub(super) fn read_optional(&self, name: &str) -> Result<Option<String>, SetupError> {
        let path = self.root.join(name);
        match fs::read_to_string(&path) {
            Ok(text) => Ok(Some(text)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(failed("read", &path)(error)),
        }
    }

    /// Writes a file so that a crash leaves the old or the new text, never a part.
    pub(super) fn write(&self, name: &str, text: &str) -> Result<(), SetupError> {
        write_durably(&self.root.join(name), text)
    }

    /// Makes the folders of a CA where they are missing.
    pub(super) fn make_folders(&self) -> Result<(), SetupError> {
        FOLDERS.iter().try_for_each(|name| make_folder(&self.root.join(name)))
    }

    /// Writes a complete new set of files; once this returns, the CA exists, even if its files are not in place yet.
    pub(super) fn stage(&self, files: &[(&str, String)]) -> Result<(), SetupError> {
        let building = self.work("building");
        remove_folder(&building)?;
        make_folder(&self.root.join(WORK))?;
        make_folder(&building)?;
        for (name, text) in files {
            write_durably(&building.join(name), text)?;
        }
        rename(&building, &self.work("ready"))
    }

    /// Puts a staged set of files in place, if there is one. Tells whether there was.
    pub(super) fn unstage(&self) -> Result<bool, SetupError> {
        let ready = self.work("ready");
        if !ready.exists() {
            return Ok(false);
        }
        for file in FILES {
            let staged = ready.join(file);
            if staged.exists() {
                if self.has(file) {
                    let directory = self.root.clone();
                    return Err(SetupError::Intruder { directory, file });
                }
                rename(&staged, &self.root.join(file))?;
            }
        }
        remove_folder(&ready)?;
        Ok(true)
    }

    /// Keeps the key of a certificate until its Secret is written.
    pub(super) fn keep_key(&self, certname: &str, pem: &str) -> Result<(), SetupError> {
        make_folder(&self.root.join(WORK))?;
        write_durably(&self.work(&format!("{certname}.key.pem")), pem)
    }

    /// A key kept by an earlier run.
    pub(super) fn kept_key(&self, certname: &str) -> Result<Option<String>, SetupError> {
        self.read_optional(&format!("{WORK}/{certname}.key.pem"))
    }

    /// Ends the work: nothing is left of it but the CA.
    pub(super) fn finish(self) -> Result<(), SetupError> {
        remove_folder(&self.root.join(WORK))
    }

    fn work(&self, name: &str) -> PathBuf {
        self.root.join(WORK).join(name)
    }
}

/// The error for a failed action on a file.
fn failed(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> SetupError {
    let path = path.to_owned();
    move |source| SetupError::File { action, path, source }
}

fn make_folder(path: &Path) -> Result<(), SetupError> {
    if path.is_dir() {
        return Ok(());
    }
    let made = DirBuilder::new().recursive(true).mode(FOLDER_MODE).create(path);
    // Again, because the process's umask may have taken the group's rights away.
    made.and_then(|()| fs::set_permissions(path, Permissions::from_mode(FOLDER_MODE))).map_err(failed("make the folder", path))
}

fn remove_folder(path: &Path) -> Result<(), SetupError> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failed("remove the folder", path)(error)),
        _ => Ok(()),
    }
}

fn write_durably(path: &Path, text: &str) -> Result<(), SetupError> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let mode = if name.ends_with("key.pem") { KEY_MODE } else { SHARED_MODE };
    let temporary = path.with_file_name(format!(".{name}.new"));
    let write = || {
        let mut file = OpenOptions::new().create(true).write(true).truncate(true).mode(mode).open(&temporary)?;
        file.set_permissions(Permissions::from_mode(mode))?;
        file.write_all(text.as_bytes())?;
        file.sync_all()
    };
    write().map_err(failed("write", path))?;
    rename(&temporary, path)
}

/// Renames, and makes the new name survive a power cut.
fn rename(from: &Path, to: &Path) -> Result<(), SetupError> {
    let sync = |path: &Path| File::open(path.parent().unwrap_or(path))?.sync_all();
    fs::rename(from, to).and_then(|()| sync(to)).map_err(failed("put in place", to))
}

#[cfg(test)]
mod tests {
    use super::*;

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
