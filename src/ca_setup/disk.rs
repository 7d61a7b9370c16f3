//! Durable changes of files.

use super::error::SetupError;
use openvox_crds::vocabulary::secret_key;
use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

/// Folders: the owner and group 0 may do everything, and new files inherit the group. A server pod may run under another
/// user id than the set-up, but both are in group 0.
const FOLDER_MODE: u32 = 0o2770;

/// Files that Puppet Server changes.
const SHARED_MODE: u32 = 0o660;

/// Private keys: never changed by the server.
const KEY_MODE: u32 = 0o640;

/// The error for a failed action on a file.
pub(super) fn failed(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> SetupError {
    let path = path.to_owned();
    move |source| SetupError::File { action, path, source }
}

/// The lock of a CA directory.
#[derive(Debug)]
pub(super) struct Lock(File);

impl Drop for Lock {
    /// A process that is being started holds a copy of the file until it runs its program; closing the file alone would
    /// leave the lock to it.
    fn drop(&mut self) {
        // Without effect on a volume without locks.
        let _ = self.0.unlock();
    }
}

/// Takes the lock in the file, which is made if it is missing.
pub(super) fn lock(path: &Path) -> Result<Lock, SetupError> {
    let file = OpenOptions::new().create(true).append(true).mode(SHARED_MODE).open(path);
    let lock = file.map_err(failed("open", path))?;
    // The next run may be another user of group 0. Only the owner can set this, and has done so.
    let _ = lock.set_permissions(Permissions::from_mode(SHARED_MODE));
    // A volume without locks (some network file systems) is used without one: the Job runs one pod at a time.
    if let Err(fs::TryLockError::WouldBlock) = lock.try_lock() {
        return Err(SetupError::Locked(path.parent().unwrap_or(path).to_owned()));
    }
    Ok(Lock(lock))
}

/// What a file holds, if it exists.
pub(super) fn read(path: &Path) -> Result<Option<Vec<u8>>, SetupError> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(failed("read", path)(error)),
    }
}

/// Names of the files in a folder; none where there is no folder.
pub(super) fn names(folder: &Path) -> Result<Vec<String>, SetupError> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(failed("read the folder", folder))?,
    };
    let name = |entry: io::Result<fs::DirEntry>| {
        let entry = entry.map_err(failed("read the folder", folder))?;
        Ok(entry.file_name().to_string_lossy().into_owned())
    };
    entries.map(name).collect()
}

pub(super) fn make_folder(path: &Path) -> Result<(), SetupError> {
    if path.is_dir() {
        return Ok(());
    }
    let made = DirBuilder::new().recursive(true).mode(FOLDER_MODE).create(path);
    // Again, because the process's umask may have taken the group's rights away.
    made.and_then(|()| fs::set_permissions(path, Permissions::from_mode(FOLDER_MODE))).map_err(failed("make the folder", path))
}

pub(super) fn remove_folder(path: &Path) -> Result<(), SetupError> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failed("remove the folder", path)(error)),
        _ => Ok(()),
    }
}

/// Writes a file so that a crash leaves the old or the new text, never a part.
pub(super) fn write(path: &Path, text: &str) -> Result<(), SetupError> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let mode = if name.ends_with(secret_key::KEY) { KEY_MODE } else { SHARED_MODE };
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
pub(super) fn rename(from: &Path, to: &Path) -> Result<(), SetupError> {
    let sync = |path: &Path| File::open(path.parent().unwrap_or(path))?.sync_all();
    fs::rename(from, to).and_then(|()| sync(to)).map_err(failed("put in place", to))
}
