//! What becomes of a database file that `SQLite` cannot use any more.

use super::identity::{COMPANIONS, with_suffix};
use crate::journal::store_error::StoreError;
use k8s_openapi::jiff::Timestamp;
use std::path::{Path, PathBuf};
use std::{fs, io};

/// What a file is called that lies aside, after the name of the journal and before the time.
const ASIDE: &str = ".corrupt-";
/// Files that stay aside. A disk that damages one file after another must not be filled by them.
const MOST_ASIDE: usize = 3;

/// Whether an error says that the file is damaged, or no database at all: `SQLITE_CORRUPT` (11) and `SQLITE_NOTADB`
/// (26) with all their extended codes, whose lower eight bits they are.
pub(super) fn tells(error: &StoreError) -> bool {
    let (StoreError::Open { source, .. }
    | StoreError::Migrate { source, .. }
    | StoreError::Append(source)
    | StoreError::Read(source)
    | StoreError::Prune(source)) = error
    else {
        return false;
    };
    let code = source.as_database_error().and_then(sqlx::error::DatabaseError::code).and_then(|code| code.parse::<i32>().ok());
    code.is_some_and(|code| matches!(code & 0xff, 11 | 26))
}

/// Moves a database with its companions aside and answers with its new path. Of earlier ones only the newest stay.
pub(super) fn set_aside(path: &Path) -> io::Result<PathBuf> {
    let time = Timestamp::now().strftime("%Y%m%dT%H%M%S%3fZ").to_string();
    let aside = with_suffix(path, &format!("{ASIDE}{time}"));
    for companion in COMPANIONS {
        match fs::rename(with_suffix(path, companion), with_suffix(&aside, companion)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    fs::rename(path, &aside)?;
    for old in aside_of(path)?.iter().rev().skip(MOST_ASIDE) {
        for suffix in ["", COMPANIONS[0], COMPANIONS[1]] {
            let _ = fs::remove_file(with_suffix(old, suffix));
        }
    }
    Ok(aside)
}

/// The databases that lie aside, the oldest first.
fn aside_of(path: &Path) -> io::Result<Vec<PathBuf>> {
    let folder = path.parent().unwrap_or(Path::new("/"));
    let mut prefix = path.file_name().unwrap_or_default().to_owned();
    prefix.push(ASIDE);
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        let ours = name.as_encoded_bytes().starts_with(prefix.as_encoded_bytes());
        let companion = COMPANIONS.iter().any(|suffix| name.as_encoded_bytes().ends_with(suffix.as_bytes()));
        if ours && !companion {
            found.push(entry.path());
        }
    }
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_moved_with_its_companions_and_only_the_newest_stay() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal.db");
        let mut moved = Vec::new();
        for round in 0..5 {
            fs::write(&path, format!("database {round}")).unwrap();
            fs::write(with_suffix(&path, "-wal"), format!("log {round}")).unwrap();
            moved.push(set_aside(&path).unwrap());
            assert!(!path.exists());
            // The time in the name has to move on.
            std::thread::sleep(std::time::Duration::from_millis(2));
        }
        let left: Vec<String> = moved.iter().filter_map(|path| fs::read_to_string(path).ok()).collect();
        assert_eq!(left, ["database 2", "database 3", "database 4"]);
        assert_eq!(fs::read_to_string(with_suffix(&moved[4], "-wal")).unwrap(), "log 4");
        assert!(!with_suffix(&moved[0], "-wal").exists());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 6);
    }
}
