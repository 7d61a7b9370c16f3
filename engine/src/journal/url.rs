//! Where the journal is kept.

use sqlx::postgres::PgConnectOptions;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// `sqlite:///path/to/journal.db`, `sqlite::memory:` for a journal that ends with the process, or
/// `postgres://user@host:5432/database?sslmode=verify-full` in the notation of libpq.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JournalUrl {
    /// An `SQLite` database file, made when missing; its directory has to exist.
    File(PathBuf),
    /// `SQLite` without a file.
    Memory,
    /// A PostgreSQL database.
    Postgres(Box<PostgresUrl>),
}

/// A PostgreSQL database, without a password.
#[derive(Clone)]
pub struct PostgresUrl {
    /// As it was given; it holds no secret.
    text: String,
    options: Box<PgConnectOptions>,
}

/// Parameters of a PostgreSQL URL. Whatever else is written there is refused: a misspelt `sslmode` would silently
/// mean no encryption.
const PARAMETERS: [&str; 11] =
    ["application_name", "dbname", "host", "hostaddr", "options", "port", "sslcert", "sslkey", "sslmode", "sslrootcert", "user"];

/// The text does not name a journal store. No variant shows the text: it may hold a password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JournalUrlError {
    /// Of none of the known forms.
    #[error("expected sqlite:///absolute/path, sqlite::memory: or postgres://user@host:5432/database?sslmode=verify-full")]
    Form,
    /// Whoever can list processes or read the Deployment would read the password.
    #[error("a password does not belong into the URL: name its file in --journal-password-file, or set PGPASSWORD from a Secret")]
    Password,
    /// An unknown parameter.
    #[error("unknown parameter {name:?} of a postgres URL: expected one of {}", PARAMETERS.join(", "))]
    Parameter {
        /// Its name.
        name: String,
    },
    /// A parameter's value, or a part of the URL.
    #[error("expected postgres://user@host:5432/database with percent-encoded parts: {0}")]
    Postgres(String),
}

impl FromStr for JournalUrl {
    type Err = JournalUrlError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "sqlite::memory:" {
            return Ok(Self::Memory);
        }
        if text.starts_with("postgres://") || text.starts_with("postgresql://") {
            return text.parse().map(|url| Self::Postgres(Box::new(url)));
        }
        match text.strip_prefix("sqlite://").map(PathBuf::from) {
            Some(path) if path.is_absolute() && path.file_name().is_some() => Ok(Self::File(path)),
            _ => Err(JournalUrlError::Form),
        }
    }
}

impl FromStr for PostgresUrl {
    type Err = JournalUrlError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (_, rest) = text.split_once("://").ok_or(JournalUrlError::Form)?;
        // The last @, because a password that was not encoded may contain anything.
        if let Some((user, _)) = rest.rsplit_once('@')
            && user.contains(':')
        {
            return Err(JournalUrlError::Password);
        }
        let (_, parameters) = rest.split_once('?').unwrap_or((rest, ""));
        for parameter in parameters.split('&').filter(|parameter| !parameter.is_empty()) {
            let name = parameter.split('=').next().unwrap_or(parameter);
            if name == "password" {
                return Err(JournalUrlError::Password);
            }
            if !PARAMETERS.contains(&name) {
                return Err(JournalUrlError::Parameter { name: name.to_owned() });
            }
        }
        let options = text.parse().map_err(|error: sqlx::Error| JournalUrlError::Postgres(error.to_string()))?;
        Ok(Self { text: text.to_owned(), options: Box::new(options) })
    }
}

impl PostgresUrl {
    /// How to connect: the URL over libpq's environment variables.
    pub(super) fn options(&self) -> &PgConnectOptions {
        &self.options
    }
}

impl PartialEq for PostgresUrl {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for PostgresUrl {}

/// Not that of the options: they may hold the password of the environment.
impl fmt::Debug for PostgresUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PostgresUrl").field(&self.text).finish()
    }
}

impl fmt::Display for PostgresUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Display for JournalUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "sqlite://{}", path.display()),
            Self::Memory => f.write_str("sqlite::memory:"),
            Self::Postgres(url) => url.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_written_as_they_were_read() {
        for text in [
            "sqlite::memory:",
            "sqlite:///var/lib/openvox-operator/journal.db",
            "postgres://journal@pg-rw.databases:5432/openvox?sslmode=verify-full",
            "postgresql://journal@%2Frun%2Fpostgresql/openvox",
            "postgres:///openvox?host=/run/postgresql&user=journal",
        ] {
            assert_eq!(text.parse::<JournalUrl>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn other_stores_and_relative_paths_are_refused() {
        for text in ["", "sqlite:", "sqlite://", "sqlite:///", "sqlite://a.db", "mysql://h/db", "postgres:h"] {
            assert_eq!(text.parse::<JournalUrl>(), Err(JournalUrlError::Form), "{text:?}");
        }
    }

    #[test]
    fn a_password_is_refused_and_never_repeated() {
        for text in [
            "postgres://u:hunter2@h/db",
            "postgres://u:@h/db",
            "postgres://u@h/db?password=hunter2",
            "postgres://u:hunter2@",
            "postgres://u:h?hunter2@h",
        ] {
            let error = text.parse::<JournalUrl>().unwrap_err();
            assert_eq!(error, JournalUrlError::Password, "{text:?}");
            assert!(!error.to_string().contains("hunter2"));
        }
    }

    #[test]
    fn a_misspelt_parameter_does_not_mean_no_encryption() {
        let error = "postgres://u@h/db?ssl_mode=verify-full".parse::<JournalUrl>().unwrap_err();
        assert_eq!(error, JournalUrlError::Parameter { name: "ssl_mode".to_owned() });
        assert!(matches!("postgres://u@h/db?sslmode=strict".parse::<JournalUrl>(), Err(JournalUrlError::Postgres(_))));
        assert!(matches!("postgres://u@h:port/db".parse::<JournalUrl>(), Err(JournalUrlError::Postgres(_))));
    }
}
