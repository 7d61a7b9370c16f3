//! Why a journal store could not do what it was asked to.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

/// The store could not do what it was asked to.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database cannot be opened.
    #[error("failed to open the journal {url}")]
    Open {
        /// Which one.
        url: String,
        /// Why.
        source: sqlx::Error,
    },
    /// The schema could not be brought up to date.
    #[error("failed to bring the journal to schema version {version}")]
    Migrate {
        /// The version that was not reached.
        version: i64,
        /// Why.
        source: sqlx::Error,
    },
    /// A newer operator has written this journal.
    #[error("failed to open the journal: its schema version {found} is newer than {known}, the newest this operator knows")]
    Newer {
        /// Version of the database.
        found: i64,
        /// Version of this program.
        known: i64,
    },
    /// Another process has the journal.
    #[error("failed to open the journal: this replica stands by, and a journal in SQLite is open only in the one that holds the Lease")]
    StandingBy,
    /// The password cannot be read.
    #[error("failed to read the password of the journal from {}", path.display())]
    Password {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A corrupt file could not be moved out of the way.
    #[error("failed to move the corrupt journal {} aside", path.display())]
    SetAside {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The journal is empty: it was lost or corrupt, and a new one was begun.
    #[error("the journal was begun anew")]
    BegunAnew,
    /// No answer in time.
    #[error("failed to reach the journal: no answer for {} s", .0.as_secs())]
    TimedOut(Duration),
    /// The last attempt to write has failed, so nothing else is tried before the next.
    #[error("failed to ask the journal: it is down")]
    Down,
    /// Records could not be removed.
    #[error("failed to remove old records from the journal")]
    Prune(#[source] sqlx::Error),
    /// Records could not be written.
    #[error("failed to write to the journal")]
    Append(#[source] sqlx::Error),
    /// Records could not be read.
    #[error("failed to read from the journal")]
    Read(#[source] sqlx::Error),
    /// A stored row is not what was written.
    #[error("failed to decode a journal record: {0}")]
    Decode(String),
}

impl StoreError {
    /// The database refuses what a record holds: another one may be written all the same.
    #[must_use]
    pub fn refuses_record(&self) -> bool {
        let Self::Append(source) = self else { return false };
        let Some(code) = source.as_database_error().and_then(sqlx::error::DatabaseError::code) else { return false };
        match code.parse::<u32>() {
            // SQLite's extended result codes end with the primary one: TOOBIG, CONSTRAINT, MISMATCH.
            Ok(number) if code.len() < SQLSTATE => matches!(number & 0xff, 18..=20),
            // SQLSTATE classes: data exception, integrity constraint violation, program limit exceeded.
            _ => ["22", "23", "54"].iter().any(|class| code.len() == SQLSTATE && code.starts_with(class)),
        }
    }
}

/// Length of an SQLSTATE, which PostgreSQL answers with.
const SQLSTATE: usize = 5;
