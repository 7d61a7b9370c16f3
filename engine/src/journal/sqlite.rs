//! The journal in an `SQLite` database: a file beside the operator, or in memory.
//!
//! One connection writes; pages are read by others, which come when somebody asks and go when nobody does, so that
//! a page does not wait for a batch. Their caches are small: the journal must not cost more memory than the operator.
//! Write-ahead logging with `synchronous = NORMAL` keeps the database consistent through any crash. After a power failure
//! the newest records may be missing; they are journaled again as far as the status of their objects still has them, and
//! a gap names the rest.
//!
//! The file is opened when it is first needed and again after every failure, so neither a full disk nor a corrupt file
//! keeps the operator from starting. A corrupt file is moved aside by the next append, and by nothing else: whoever
//! appends has to learn that the journal was begun anew.
//!
//! An open connection goes on with what it has in its cache, whatever becomes of the file. So an append without records
//! looks at the file as a process that opens it now would: it is still the same one, and what an append reads is there.

use super::prune::prune;
use super::record::Record;
use super::statements::{HIGH_WATER, ROWS_OF_AN_INSERT, insert, page, select};
use super::store::{Page, PruneStep, Pruned, Query, Store, Upkeep};
use super::store_error::StoreError;
use super::url::JournalUrl;
use futures::future::{BoxFuture, FutureExt as _};
use identity::Identity;
use sqlx::sqlite::{
    Sqlite, SqliteAutoVacuum, SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{ConnectOptions as _, Connection as _};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::Mutex;

mod corrupt;
mod identity;

/// One entry per schema version, in order. An entry is never changed once it was released.
const MIGRATIONS: &[&str] = &[
    include_str!("migrations/sqlite/0001_history.sql"),
    include_str!("migrations/sqlite/0002_namespace.sql"),
    include_str!("migrations/sqlite/0003_namespace_order.sql"),
    include_str!("migrations/sqlite/0004_policy_digest.sql"),
];
/// In KiB (the minus says so): a batch of 200 records and the upper index pages fit.
const CACHE_SIZE: &str = "-256";
/// In bytes: a write-ahead log that grew while a reader held it shrinks to this again.
const WAL_LIMIT: &str = "1048576";
/// The store's whole vocabulary is a handful of statements and the shapes of one query.
const STATEMENTS: usize = 16;
/// A step of a sweep waits for the batch before it, which takes milliseconds. Longer means that the disk
/// hangs, and a caller should hear of it.
const ACQUIRE: Duration = Duration::from_secs(5);
/// Connections that read pages: each is a thread with a cache, and a page takes a millisecond.
const READERS: u32 = 2;
/// One that nobody has needed for so long is closed.
const READER_IDLE: Duration = Duration::from_mins(1);
/// Lets the positions of a new journal begin behind those of any that was there before: a reader that goes on from a
/// position of the old one finds all of the new one behind it. The time in microseconds, in which nobody journals more
/// than one record each; Unix time begins at the Julian day 2440587.5.
const BEGIN_BEHIND: &str =
    "INSERT INTO sqlite_sequence (name, seq) VALUES ('history', CAST((julianday('now') - 2440587.5) * 86400000000 AS INTEGER))";
/// Reads the pages that the next append goes through: the header, the schema, and the right edge of the table.
const NEWEST: &str = "SELECT id FROM history ORDER BY id DESC LIMIT 1";
/// Pages of 4 KiB that go back to the file system after a step of a sweep: more than a step of 500 records frees.
const VACUUM: &str = "PRAGMA incremental_vacuum(256)";

/// A [`Store`] in `SQLite`.
#[derive(Debug)]
pub struct SqliteStore {
    url: JournalUrl,
    open: Mutex<Option<Open>>,
    /// Whether this process may have the file open.
    begun: AtomicBool,
    /// The file was found to be corrupt.
    corrupt: AtomicBool,
    /// Another file took the place of the one before, and nobody has learnt it yet.
    anew: AtomicBool,
}

/// An open database.
#[derive(Debug)]
struct Open {
    /// Writes.
    pool: SqlitePool,
    /// Reads pages. In memory there is one connection for both.
    pages: SqlitePool,
    /// Which file it is; none in memory.
    file: Option<Identity>,
}

impl Open {
    async fn close(self) {
        self.pages.close().await;
        self.pool.close().await;
    }
}

impl SqliteStore {
    /// A store that is opened after [`Upkeep::begin`], by whoever needs it first.
    #[must_use]
    pub fn new(url: JournalUrl) -> Self {
        Self { url, open: Mutex::default(), begun: AtomicBool::new(false), corrupt: AtomicBool::new(false), anew: AtomicBool::new(false) }
    }

    /// A store that this process works with from now on, opened.
    ///
    /// # Errors
    /// When it cannot be opened, is no database, or was written by a newer operator.
    pub async fn open(url: &JournalUrl) -> Result<Self, StoreError> {
        let store = Self::new(url.clone());
        store.begin();
        store.pool().await?;
        Ok(store)
    }

    /// The connection that writes.
    async fn pool(&self) -> Result<SqlitePool, StoreError> {
        self.opened(|open| open.pool.clone()).await
    }

    /// What of the open database; opens it and brings its schema up to date if it is not.
    async fn opened(&self, what: impl FnOnce(&Open) -> SqlitePool) -> Result<SqlitePool, StoreError> {
        let mut slot = self.open.lock().await;
        if let Some(open) = &*slot {
            return Ok(what(open));
        }
        if !self.begun.load(Ordering::Acquire) {
            return Err(StoreError::StandingBy);
        }
        let open = self.connect().await?;
        Ok(what(slot.insert(open)))
    }

    fn options(&self) -> SqliteConnectOptions {
        let options = match &self.url {
            JournalUrl::File(path) => SqliteConnectOptions::new()
                .filename(path)
                .auto_vacuum(SqliteAutoVacuum::Incremental)
                .journal_mode(SqliteJournalMode::Wal)
                .synchronous(SqliteSynchronous::Normal)
                .pragma("journal_size_limit", WAL_LIMIT),
            _ => SqliteConnectOptions::new().in_memory(true),
        };
        small(options)
    }

    async fn connect(&self) -> Result<Open, StoreError> {
        let failed = |source| StoreError::Open { url: self.url.to_string(), source };
        let pool = SqlitePoolOptions::new()
            .max_connections(1)
            .min_connections(1)
            // A database in memory lives as long as its connection.
            .idle_timeout(None)
            .max_lifetime(None)
            .acquire_timeout(ACQUIRE)
            .connect_with(self.options().create_if_missing(true))
            .await
            .map_err(failed)?;
        let mut connection = pool.acquire().await.map_err(failed)?;
        let found: i64 = sqlx::query_scalar("PRAGMA user_version").fetch_one(&mut *connection).await.map_err(failed)?;
        migrate(&mut connection, found).await?;
        drop(connection);
        Ok(match &self.url {
            JournalUrl::File(path) => {
                let pages = SqlitePoolOptions::new().max_connections(READERS).idle_timeout(READER_IDLE).acquire_timeout(ACQUIRE);
                let reads = small(SqliteConnectOptions::new().filename(path).read_only(true));
                Open { pool, pages: pages.connect_lazy_with(reads), file: Some(Identity::of(path)) }
            }
            _ => Open { pages: pool.clone(), pool, file: None },
        })
    }

    /// Keeps what an error says about the file for the next append, and lets go of a connection whose write failed.
    ///
    /// After some errors, a full disk among them, `SQLite` has ended the transaction by itself; sqlx 0.9.0 counts it as
    /// open still and begins no other one on that connection.
    async fn judged<T>(&self, result: Result<T, StoreError>) -> Result<T, StoreError> {
        if let Err(error) = &result {
            if corrupt::tells(error) {
                self.corrupt.store(true, Ordering::Release);
            } else if matches!(error, StoreError::Append(_) | StoreError::Prune(_)) && matches!(self.url, JournalUrl::File(_)) {
                self.open.lock().await.take();
            }
        }
        result
    }

    /// Looks at the file as whoever opens it now would.
    async fn examine(&self, path: &Path) -> Result<(), StoreError> {
        let mut slot = self.open.lock().await;
        let Some(file) = slot.as_ref().and_then(|open| open.file.clone()) else { return Ok(()) };
        if !file.is_at(path) {
            if let Some(open) = slot.take() {
                open.close().await;
            }
            file.remove_companions(path).map_err(|source| StoreError::SetAside { path: path.to_owned(), source })?;
            tracing::error!(file = %path.display(), "the journal was removed or replaced while it was open; what is there now is opened");
            self.anew.store(true, Ordering::Release);
            return Ok(());
        }
        drop(slot);
        let mut fresh = self.options().connect().await.map_err(StoreError::Read)?;
        let newest = sqlx::query_scalar::<_, i64>(NEWEST).fetch_optional(&mut fresh).await;
        // What it has read is told before what became of the connection.
        newest.map(drop).and(fresh.close().await).map_err(StoreError::Read)
    }

    /// Moves a corrupt file aside, so that the next one who needs it begins a new one.
    async fn set_aside(&self, path: &Path) -> Result<(), StoreError> {
        let mut slot = self.open.lock().await;
        if let Some(open) = slot.take() {
            open.close().await;
        }
        let aside = corrupt::set_aside(path).map_err(|source| StoreError::SetAside { path: path.to_owned(), source })?;
        tracing::error!(
            file = %path.display(),
            aside = %aside.display(),
            "the journal was corrupt; it lies aside now, for `sqlite3 FILE .recover`, and a new one is begun"
        );
        self.anew.store(true, Ordering::Release);
        self.corrupt.store(false, Ordering::Release);
        Ok(())
    }

    async fn write(&self, records: &[Record]) -> Result<usize, StoreError> {
        if let JournalUrl::File(path) = &self.url {
            if self.corrupt.load(Ordering::Acquire) {
                self.set_aside(path).await?;
            } else if records.is_empty() {
                self.examine(path).await?;
            }
        }
        let pool = self.pool().await?;
        if self.anew.swap(false, Ordering::AcqRel) {
            return Err(StoreError::BegunAnew);
        }
        append(&pool, records).await.map_err(StoreError::Append)
    }

    async fn read(&self, query: &Query) -> Result<Page, StoreError> {
        let pages = self.opened(|open| open.pages.clone()).await?;
        let rows = select::<Sqlite>(query).build().fetch_all(&pages).await.map_err(StoreError::Read)?;
        page(query, &rows)
    }

    async fn highest(&self, uid: &str) -> Result<Option<i64>, StoreError> {
        let pool = self.pool().await?;
        sqlx::query_scalar(HIGH_WATER).bind(uid).fetch_one(&pool).await.map_err(StoreError::Read)
    }

    async fn step(&self, step: &PruneStep) -> Result<Pruned, StoreError> {
        let pool = self.pool().await?;
        let mut transaction = pool.begin().await.map_err(StoreError::Prune)?;
        let pruned = prune::<Sqlite>(&mut transaction, step).await.map_err(StoreError::Prune)?;
        transaction.commit().await.map_err(StoreError::Prune)?;
        if pruned.removed > 0 {
            sqlx::raw_sql(VACUUM).execute(&pool).await.map_err(StoreError::Prune)?;
        }
        Ok(pruned)
    }
}

/// What holds for every connection.
fn small(options: SqliteConnectOptions) -> SqliteConnectOptions {
    options
        .pragma("cache_size", CACHE_SIZE)
        // The operator's root file system is read-only; sorts are bounded by the page limit.
        .pragma("temp_store", "MEMORY")
        .statement_cache_capacity(STATEMENTS)
        .busy_timeout(ACQUIRE)
        .disable_statement_logging()
}

async fn migrate(connection: &mut SqliteConnection, found: i64) -> Result<(), StoreError> {
    let known = i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX);
    if found > known {
        return Err(StoreError::Newer { found, known });
    }
    for (version, script) in (1_i64..).zip(MIGRATIONS) {
        if version > found {
            apply(connection, version, script).await.map_err(|source| StoreError::Migrate { version, source })?;
        }
    }
    if found == 0 {
        sqlx::raw_sql(BEGIN_BEHIND).execute(connection).await.map_err(|source| StoreError::Migrate { version: known, source })?;
    }
    Ok(())
}

async fn apply(connection: &mut SqliteConnection, version: i64, script: &'static str) -> Result<(), sqlx::Error> {
    let mut transaction = connection.begin().await?;
    sqlx::raw_sql(script).execute(&mut *transaction).await?;
    // A pragma takes no parameters; the number comes from the length of our own list.
    let mark = sqlx::AssertSqlSafe(format!("PRAGMA user_version = {version}"));
    sqlx::raw_sql(mark).execute(&mut *transaction).await?;
    transaction.commit().await
}

async fn append(pool: &SqlitePool, records: &[Record]) -> Result<usize, sqlx::Error> {
    // Takes the write lock at once, also when there is nothing to write: then it shows whether it could be taken.
    let mut transaction = pool.begin_with("BEGIN IMMEDIATE").await?;
    let mut inserted = 0;
    for rows in records.chunks(ROWS_OF_AN_INSERT) {
        let result = insert::<Sqlite>(rows).build().persistent(false).execute(&mut *transaction).await?;
        inserted += usize::try_from(result.rows_affected()).unwrap_or(usize::MAX);
    }
    transaction.commit().await?;
    Ok(inserted)
}

impl Store for SqliteStore {
    fn append<'a>(&'a self, records: &'a [Record]) -> BoxFuture<'a, Result<usize, StoreError>> {
        async move { self.judged(self.write(records).await).await }.boxed()
    }

    fn high_water<'a>(&'a self, uid: &'a str) -> BoxFuture<'a, Result<Option<i64>, StoreError>> {
        async move { self.judged(self.highest(uid).await).await }.boxed()
    }

    fn query<'a>(&'a self, query: &'a Query) -> BoxFuture<'a, Result<Page, StoreError>> {
        async move { self.judged(self.read(query).await).await }.boxed()
    }
}

impl Upkeep for SqliteStore {
    fn begin(&self) {
        self.begun.store(true, Ordering::Release);
    }

    fn prune<'a>(&'a self, step: &'a PruneStep) -> BoxFuture<'a, Result<Pruned, StoreError>> {
        async move { self.judged(self.step(step).await).await }.boxed()
    }
}

#[cfg(test)]
mod tests;
