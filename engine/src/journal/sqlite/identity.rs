//! Which files a path leads to.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// `SQLite` keeps these beside a database; they belong to it.
pub(super) const COMPANIONS: [&str; 2] = ["-wal", "-shm"];

/// The files of an open database, whatever they are called: device and inode of each that can be seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Identity {
    database: Option<(u64, u64)>,
    companions: [Option<(u64, u64)>; 2],
}

impl Identity {
    /// The files at a path.
    pub fn of(path: &Path) -> Self {
        Self { database: identity(path), companions: COMPANIONS.map(|suffix| identity(&with_suffix(path, suffix))) }
    }

    /// The database at the path is still this one.
    pub fn is_at(&self, path: &Path) -> bool {
        self.database.is_some() && self.database == identity(path)
    }

    /// Removes what this database, which is not at the path any more, has left there: `SQLite` would take it for the
    /// newest pages of the one that is.
    pub fn remove_companions(&self, path: &Path) -> io::Result<()> {
        for (suffix, ours) in COMPANIONS.iter().zip(self.companions) {
            let companion = with_suffix(path, suffix);
            if ours.is_some() && ours == identity(&companion) {
                fs::remove_file(companion)?;
            }
        }
        Ok(())
    }
}

fn identity(path: &Path) -> Option<(u64, u64)> {
    let metadata = fs::metadata(path).ok()?;
    Some((metadata.dev(), metadata.ino()))
}

/// A path with something added to its name.
pub(super) fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    name.into()
}
