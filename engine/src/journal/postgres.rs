//! The journal in a PostgreSQL database, which several replicas share.
//!
//! Numbers of an identity column are given out before the transactions that use them end, so a reader that pages by
//! them could pass a number that is committed later, and never see it. Therefore whoever appends holds an advisory
//! lock until its commit: ids become visible in their order. Nobody else needs the lock, and nothing but a batch is
//! written under it.
//!
//! Connections are made when they are needed, and all of them anew after any failure: a server that came back, another
//! one behind the same name and a changed password need no further care. Appending has a connection of its own, which
//! a pool would replace in silence: whoever appends has to learn that another server may answer now, one that lacks
//! the newest records.

use super::prune::prune;
use super::record::Record;
use super::statements::{HIGH_WATER, ROWS_OF_AN_INSERT, insert, page, select};
use super::store::{Page, PruneStep, Pruned, Query, Store, Upkeep};
use super::store_error::StoreError;
use super::url::PostgresUrl;
use futures::future::{BoxFuture, FutureExt as _};
use sqlx::postgres::{PgConnectOptions, PgConnection, PgPool, PgPoolOptions, Postgres};
use sqlx::{ConnectOptions as _, Connection as _};
use std::path::PathBuf;
use std::time::Duration;
use tokio::sync::Mutex;

/// One entry per schema version, in order. An entry is never changed once it was released.
const MIGRATIONS: &[&str] = &[
    include_str!("migrations/postgres/0001_history.sql"),
    include_str!("migrations/postgres/0002_namespace.sql"),
    include_str!("migrations/postgres/0003_policy_digest.sql"),
];
/// Holds the number of every migration that was made.
const SCHEMA_TABLE: &str = "CREATE TABLE IF NOT EXISTS history_schema (version BIGINT PRIMARY KEY)";
const VERSION: &str = "SELECT coalesce(max(version), 0) FROM history_schema";
/// Lets the positions of a new journal begin behind those of any that was there before: a reader that goes on from a
/// position of the old one finds all of the new one behind it. The time in microseconds, in which nobody journals more
/// than one record each.
const BEGIN_BEHIND: &str =
    "SELECT setval(pg_get_serial_sequence('history', 'id'), (extract(epoch FROM clock_timestamp()) * 1000000)::bigint)";
/// Key of the advisory lock, a number of our own: other programs in the same database have other keys.
const LOCK: &str = "SELECT pg_advisory_xact_lock(31367303362146168)";
/// For pages of the API, beside the one that appends. A server has about a hundred for everybody.
const CONNECTIONS: u32 = 4;
/// Connections that nobody has used for this long are closed.
const IDLE: Duration = Duration::from_mins(5);
/// Bound of making a connection, handshakes included.
const CONNECT: Duration = Duration::from_secs(5);
/// Bound of everything that is asked: less than the API's own bound, so that its client hears why.
const ANSWER: Duration = Duration::from_secs(8);
/// The server's own bounds for what we have given up: a lock, a statement, an open transaction must not outlive
/// [`ANSWER`] by much. In milliseconds.
const SERVER_BOUNDS: &str = "SET lock_timeout = 5000; SET statement_timeout = 8000; SET idle_in_transaction_session_timeout = 15000";
/// The store's whole vocabulary is a handful of statements and the shapes of one query.
const STATEMENTS: usize = 16;
/// SQLSTATE of a statement that was cancelled, here by its timeout: it says nothing about the connection.
const QUERY_CANCELED: &str = "57014";

/// A [`Store`] in PostgreSQL.
#[derive(Debug)]
pub struct PostgresStore {
    url: PostgresUrl,
    /// File that holds the password; read for every new pool.
    password: Option<PathBuf>,
    slot: Mutex<Slot>,
    /// The connection that appends; none before the first use and after a failure.
    writer: Mutex<Option<PgConnection>>,
}

#[derive(Debug, Default)]
struct Slot {
    pool: Option<PgPool>,
    /// Whether this process has seen the schema before.
    known: bool,
    /// The schema was gone and was made anew, and nobody has learnt it yet.
    anew: bool,
}

impl PostgresStore {
    /// A store whose first connection is made by whoever needs it first.
    #[must_use]
    pub fn new(url: PostgresUrl, password: Option<PathBuf>) -> Self {
        Self { url, password, slot: Mutex::default(), writer: Mutex::default() }
    }

    async fn pool(&self) -> Result<PgPool, StoreError> {
        let mut slot = self.slot.lock().await;
        if let Some(pool) = &slot.pool {
            return Ok(pool.clone());
        }
        let (pool, found) = self.connect().await?;
        slot.anew |= slot.known && found == 0;
        slot.known = true;
        Ok(slot.pool.insert(pool).clone())
    }

    /// A pool over a schema that is up to date, and the version that was found.
    async fn connect(&self) -> Result<(PgPool, i64), StoreError> {
        let failed = |source| StoreError::Open { url: self.url.to_string(), source };
        let pool = PgPoolOptions::new()
            .max_connections(CONNECTIONS)
            .idle_timeout(IDLE)
            .acquire_timeout(CONNECT)
            .after_connect(|connection, _| async move { sqlx::raw_sql(SERVER_BOUNDS).execute(connection).await.map(drop) }.boxed())
            .connect_with(self.options()?)
            .await
            .map_err(failed)?;
        let mut connection = pool.acquire().await.map_err(failed)?;
        let found = migrate(&mut connection, failed).await?;
        drop(connection);
        Ok((pool, found))
    }

    fn options(&self) -> Result<PgConnectOptions, StoreError> {
        let options = self.url.options().clone().statement_cache_capacity(STATEMENTS).disable_statement_logging();
        match &self.password {
            None => Ok(options),
            Some(path) => {
                let password = std::fs::read_to_string(path).map_err(|source| StoreError::Password { path: path.clone(), source })?;
                // Files made by hand end with a line feed.
                Ok(options.password(password.trim_end_matches(['\r', '\n'])))
            }
        }
    }

    /// Bounds a request, and drops all connections after one that failed.
    async fn bounded<T>(&self, request: impl Future<Output = Result<T, StoreError>> + Send) -> Result<T, StoreError> {
        let answer = match tokio::time::timeout(ANSWER, request).await {
            Ok(answer) => answer,
            Err(_) => Err(StoreError::TimedOut(ANSWER)),
        };
        if answer.as_ref().is_err_and(concerns_connections)
            // Held while somebody else connects anew: then there is nothing to drop.
            && let Ok(mut slot) = self.slot.try_lock()
        {
            // Dropped, not closed: closing waits for answers that may never come.
            slot.pool = None;
        }
        answer
    }

    async fn write(&self, records: &[Record]) -> Result<usize, StoreError> {
        let pool = self.pool().await?;
        if std::mem::take(&mut self.slot.lock().await.anew) {
            tracing::error!(journal = %self.url, "the journal's tables were gone; they are made anew");
            return Err(StoreError::BegunAnew);
        }
        let mut writer = self.writer.lock().await;
        // Out of its place while it is used: one that fails or is given up does not come back.
        let mut connection = match writer.take() {
            Some(connection) => connection,
            None => pool.acquire().await.map_err(StoreError::Append)?.detach(),
        };
        let inserted = append(&mut connection, records).await.map_err(StoreError::Append)?;
        *writer = Some(connection);
        Ok(inserted)
    }

    async fn read(&self, query: &Query) -> Result<Page, StoreError> {
        let pool = self.pool().await?;
        let rows = select::<Postgres>(query).build().fetch_all(&pool).await.map_err(StoreError::Read)?;
        page(query, &rows)
    }

    async fn highest(&self, uid: &str) -> Result<Option<i64>, StoreError> {
        let pool = self.pool().await?;
        sqlx::query_scalar(HIGH_WATER).bind(uid).fetch_one(&pool).await.map_err(StoreError::Read)
    }

    async fn step(&self, step: &PruneStep) -> Result<Pruned, StoreError> {
        let pool = self.pool().await?;
        let mut transaction = pool.begin().await.map_err(StoreError::Prune)?;
        let pruned = prune::<Postgres>(&mut transaction, step).await.map_err(StoreError::Prune)?;
        transaction.commit().await.map_err(StoreError::Prune)?;
        Ok(pruned)
    }
}

fn concerns_connections(error: &StoreError) -> bool {
    match error {
        StoreError::Append(_) if error.refuses_record() => false,
        StoreError::Append(source) | StoreError::Read(source) | StoreError::Prune(source) => {
            source.as_database_error().and_then(sqlx::error::DatabaseError::code).as_deref() != Some(QUERY_CANCELED)
        }
        StoreError::TimedOut(_) => true,
        _ => false,
    }
}

/// Brings the schema up to date, one process after the other, and answers with the version before.
async fn migrate(connection: &mut PgConnection, failed: impl Fn(sqlx::Error) -> StoreError) -> Result<i64, StoreError> {
    let known = i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX);
    let found = version(connection).await.map_err(&failed)?;
    if found == known {
        return Ok(found);
    }
    if found > known {
        return Err(StoreError::Newer { found, known });
    }
    let mut transaction = connection.begin().await.map_err(&failed)?;
    sqlx::raw_sql(LOCK).execute(&mut *transaction).await.map_err(&failed)?;
    // Somebody else may have done it meanwhile, and the look of before is cached: only this statement looks anew.
    sqlx::raw_sql(SCHEMA_TABLE).execute(&mut *transaction).await.map_err(&failed)?;
    let found: i64 = sqlx::query_scalar(VERSION).fetch_one(&mut *transaction).await.map_err(&failed)?;
    for (version, script) in (1_i64..).zip(MIGRATIONS) {
        if version > found {
            apply(&mut transaction, version, script).await.map_err(|source| StoreError::Migrate { version, source })?;
        }
    }
    if found == 0 {
        sqlx::raw_sql(BEGIN_BEHIND).execute(&mut *transaction).await.map_err(|source| StoreError::Migrate { version: known, source })?;
    }
    transaction.commit().await.map_err(&failed)?;
    Ok(found)
}

/// The schema's version; 0 when there is none.
async fn version(connection: &mut PgConnection) -> Result<i64, sqlx::Error> {
    let there: bool = sqlx::query_scalar("SELECT to_regclass('history_schema') IS NOT NULL").fetch_one(&mut *connection).await?;
    if !there {
        return Ok(0);
    }
    sqlx::query_scalar(VERSION).fetch_one(connection).await
}

async fn apply(connection: &mut PgConnection, version: i64, script: &'static str) -> Result<(), sqlx::Error> {
    sqlx::raw_sql(script).execute(&mut *connection).await?;
    sqlx::query("INSERT INTO history_schema VALUES ($1)").bind(version).execute(connection).await.map(drop)
}

async fn append(connection: &mut PgConnection, records: &[Record]) -> Result<usize, sqlx::Error> {
    let mut transaction = connection.begin().await?;
    sqlx::raw_sql(LOCK).execute(&mut *transaction).await?;
    let mut inserted = 0;
    for rows in records.chunks(ROWS_OF_AN_INSERT) {
        let result = insert::<Postgres>(rows).build().persistent(false).execute(&mut *transaction).await?;
        inserted += usize::try_from(result.rows_affected()).unwrap_or(usize::MAX);
    }
    transaction.commit().await?;
    Ok(inserted)
}

impl Store for PostgresStore {
    fn append<'a>(&'a self, records: &'a [Record]) -> BoxFuture<'a, Result<usize, StoreError>> {
        self.bounded(self.write(records)).boxed()
    }

    fn high_water<'a>(&'a self, uid: &'a str) -> BoxFuture<'a, Result<Option<i64>, StoreError>> {
        self.bounded(self.highest(uid)).boxed()
    }

    fn query<'a>(&'a self, query: &'a Query) -> BoxFuture<'a, Result<Page, StoreError>> {
        self.bounded(self.read(query)).boxed()
    }
}

impl Upkeep for PostgresStore {
    /// Replicas that stand by read too.
    fn begin(&self) {}

    fn prune<'a>(&'a self, step: &'a PruneStep) -> BoxFuture<'a, Result<Pruned, StoreError>> {
        self.bounded(self.step(step)).boxed()
    }
}
