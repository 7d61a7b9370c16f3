//! Where the journal is kept.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// `sqlite:///path/to/journal.db`, or `sqlite::memory:` for a journal that ends with the
/// process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JournalUrl {
    /// A database file, made when missing; its directory has to exist.
    File(PathBuf),
    /// No file.
    Memory,
}

/// The text does not name a journal store.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected sqlite:///absolute/path or sqlite::memory:")]
pub struct JournalUrlError;

impl FromStr for JournalUrl {
    type Err = JournalUrlError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "sqlite::memory:" {
            return Ok(Self::Memory);
        }
        match text.strip_prefix("sqlite://").map(PathBuf::from) {
            Some(path) if path.is_absolute() && path.file_name().is_some() => Ok(Self::File(path)),
            _ => Err(JournalUrlError),
        }
    }
}

impl fmt::Display for JournalUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "sqlite://{}", path.display()),
            Self::Memory => f.write_str("sqlite::memory:"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_written_as_they_were_read() {
        for text in ["sqlite::memory:", "sqlite:///var/lib/openvox-operator/journal.db"] {
            assert_eq!(text.parse::<JournalUrl>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn other_stores_and_relative_paths_are_refused() {
        for text in ["", "sqlite:", "sqlite://", "sqlite:///", "sqlite://a.db", "postgres://h/db"] {
            assert_eq!(text.parse::<JournalUrl>(), Err(JournalUrlError), "{text:?}");
        }
    }
}
