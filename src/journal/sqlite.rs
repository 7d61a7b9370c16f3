//! The journal in an `SQLite` database: a file beside the operator, or in memory.
//!
//! One connection does everything, and its caches are small: the journal must not cost more
//! memory than the operator. Write-ahead logging with `synchronous = NORMAL` keeps the database
//! consistent through any crash. After a power failure the newest records may be missing; they
//! are journaled again as far as the status of their objects still has them, and a gap names the
//! rest.

use std::time::Duration;

use futures::future::{BoxFuture, FutureExt as _};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use k8s_openapi::jiff::Timestamp;
use openvox_crds::HistoryEntry;
use sqlx::sqlite::{Sqlite, SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteRow, SqliteSynchronous};
use sqlx::{ConnectOptions as _, QueryBuilder, Row as _};

use super::record::Record;
use super::store::{Cursor, Order, Page, Query, Store, StoreError};
use super::url::JournalUrl;

/// One entry per schema version, in order. An entry is never changed once it was released.
const MIGRATIONS: &[&str] = &[include_str!("migrations/0001_history.sql")];
/// In KiB (the minus says so): a batch of 200 records and the upper index pages fit.
const CACHE_SIZE: &str = "-256";
/// In bytes: a write-ahead log that grew while a reader held it shrinks to this again.
const WAL_LIMIT: &str = "1048576";
/// The store's whole vocabulary is a handful of statements and the shapes of one query.
const STATEMENTS: usize = 16;
/// A page waits for the batch before it, which takes milliseconds. Longer means that the disk
/// hangs, and a caller should hear of it.
const ACQUIRE: Duration = Duration::from_secs(5);

/// A [`Store`] in `SQLite`.
#[derive(Debug, Clone)]
pub struct SqliteStore {
    pool: SqlitePool,
}

impl SqliteStore {
    /// Opens or makes the database and brings its schema up to date.
    ///
    /// # Errors
    /// When it cannot be opened, is no database, or was written by a newer operator.
    pub async fn open(url: &JournalUrl) -> Result<Self, StoreError> {
        let options = match url {
            JournalUrl::File(path) => SqliteConnectOptions::new()
                .filename(path)
                .create_if_missing(true)
                .journal_mode(SqliteJournalMode::Wal)
                .synchronous(SqliteSynchronous::Normal)
                .pragma("journal_size_limit", WAL_LIMIT),
            JournalUrl::Memory => SqliteConnectOptions::new().in_memory(true),
        };
        let options = options
            .pragma("cache_size", CACHE_SIZE)
            // The operator's root file system is read-only; sorts are bounded by the page limit.
            .pragma("temp_store", "MEMORY")
            .statement_cache_capacity(STATEMENTS)
            .busy_timeout(ACQUIRE)
            .disable_statement_logging();
        let pool = SqlitePoolOptions::new()
            .max_connections(1)
            .min_connections(1)
            // A database in memory lives as long as its connection.
            .idle_timeout(None)
            .max_lifetime(None)
            .acquire_timeout(ACQUIRE)
            .connect_with(options)
            .await
            .map_err(|source| StoreError::Open { url: url.to_string(), source })?;
        let store = Self { pool };
        store.migrate(url).await?;
        Ok(store)
    }

    async fn migrate(&self, url: &JournalUrl) -> Result<(), StoreError> {
        let found: i64 = sqlx::query_scalar("PRAGMA user_version")
            .fetch_one(&self.pool)
            .await
            .map_err(|source| StoreError::Open { url: url.to_string(), source })?;
        let versions = 1_i64..;
        let known = i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX);
        if found > known {
            return Err(StoreError::Newer { found, known });
        }
        for (version, script) in versions.zip(MIGRATIONS) {
            if version > found {
                self.apply(version, script).await.map_err(|source| StoreError::Migrate { version, source })?;
            }
        }
        Ok(())
    }

    async fn apply(&self, version: i64, script: &'static str) -> Result<(), sqlx::Error> {
        let mut transaction = self.pool.begin().await?;
        sqlx::raw_sql(script).execute(&mut *transaction).await?;
        // A pragma takes no parameters; the number comes from the length of our own list.
        let mark = sqlx::AssertSqlSafe(format!("PRAGMA user_version = {version}"));
        sqlx::raw_sql(mark).execute(&mut *transaction).await?;
        transaction.commit().await
    }

    async fn insert(&self, records: &[Record]) -> Result<usize, sqlx::Error> {
        let mut transaction = self.pool.begin().await?;
        let mut inserted = 0;
        for Record { uid, kind, namespace, name, entry } in records {
            let data = entry.data.as_ref().map(ToString::to_string);
            let result = sqlx::query(
                "INSERT INTO history (uid, seq, kind, namespace, name, at, event, version, \
                 from_state, to_state, phase, cause, trace_id, data) \
                 VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) \
                 ON CONFLICT (uid, seq) DO NOTHING",
            )
            .bind(uid)
            .bind(entry.seq)
            .bind(kind)
            .bind(namespace)
            .bind(name)
            .bind(entry.at.0.as_second())
            .bind(&entry.event)
            .bind(entry.version)
            .bind(&entry.from)
            .bind(&entry.to)
            .bind(&entry.phase)
            .bind(&entry.cause)
            .bind(&entry.trace_id)
            .bind(data)
            .execute(&mut *transaction)
            .await?;
            inserted += usize::try_from(result.rows_affected()).unwrap_or(usize::MAX);
        }
        transaction.commit().await?;
        Ok(inserted)
    }

    async fn page(&self, query: &Query) -> Result<Page, StoreError> {
        let limit = usize::from(query.limit);
        let rows = select(query).build().fetch_all(&self.pool).await.map_err(StoreError::Read)?;
        let more = rows.len() > limit;
        let mut records = Vec::with_capacity(rows.len().min(limit));
        let mut positions = Vec::with_capacity(rows.len().min(limit));
        for row in rows.iter().take(limit) {
            positions.push(Cursor(row.try_get("id").map_err(StoreError::Read)?));
            records.push(record(row)?);
        }
        let next_cursor = positions.last().copied().filter(|_| more);
        Ok(Page { records, positions, next_cursor })
    }
}

/// One more row than asked for tells whether there is a next page.
fn select(query: &Query) -> QueryBuilder<Sqlite> {
    let Query { kind, namespace, name, phase, event, cause, uid, since, until, cursor, limit, order } = query;
    let mut sql = QueryBuilder::new(
        "SELECT id, uid, seq, kind, namespace, name, at, event, version, from_state, to_state, \
         phase, cause, trace_id, data FROM history WHERE 1",
    );
    let equal = [
        (" AND kind = ", kind),
        (" AND namespace = ", namespace),
        (" AND name = ", name),
        (" AND phase = ", phase),
        (" AND event = ", event),
        (" AND uid = ", uid),
    ];
    for (column, value) in equal {
        if let Some(value) = value {
            sql.push(column).push_bind(value.clone());
        }
    }
    if let Some(part) = cause {
        sql.push(" AND lower(cause) LIKE lower(").push_bind(contains(part)).push(r") ESCAPE '\'");
    }
    for (comparison, value) in [(" AND at >= ", since), (" AND at < ", until)] {
        if let Some(value) = value {
            sql.push(comparison).push_bind(value.as_second());
        }
    }
    let (beyond, direction) = match order {
        Order::Ascending => (" AND id > ", " ORDER BY id ASC LIMIT "),
        Order::Descending => (" AND id < ", " ORDER BY id DESC LIMIT "),
    };
    if let Some(Cursor(position)) = cursor {
        sql.push(beyond).push_bind(*position);
    }
    sql.push(direction).push_bind(i64::from(*limit) + 1);
    sql
}

/// The LIKE pattern of texts that contain this one.
fn contains(part: &str) -> String {
    let mut pattern = String::from("%");
    for character in part.chars() {
        if matches!(character, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(character);
    }
    pattern.push('%');
    pattern
}

fn record(row: &SqliteRow) -> Result<Record, StoreError> {
    let text = |column| row.try_get::<String, _>(column).map_err(StoreError::Read);
    let optional = |column| row.try_get::<Option<String>, _>(column).map_err(StoreError::Read);
    let at = row.try_get("at").map_err(StoreError::Read)?;
    let at = Timestamp::from_second(at).map_err(|error| StoreError::Decode(error.to_string()))?;
    let data =
        optional("data")?.map(|data| serde_json::from_str(&data)).transpose().map_err(|error| StoreError::Decode(error.to_string()))?;
    Ok(Record {
        uid: text("uid")?,
        kind: text("kind")?,
        namespace: text("namespace")?,
        name: text("name")?,
        entry: HistoryEntry {
            seq: row.try_get("seq").map_err(StoreError::Read)?,
            at: Time(at),
            event: text("event")?,
            version: row.try_get("version").map_err(StoreError::Read)?,
            from: text("from_state")?,
            to: text("to_state")?,
            phase: text("phase")?,
            cause: optional("cause")?,
            trace_id: optional("trace_id")?,
            data,
        },
    })
}

impl Store for SqliteStore {
    fn append<'a>(&'a self, records: &'a [Record]) -> BoxFuture<'a, Result<usize, StoreError>> {
        async move { self.insert(records).await.map_err(StoreError::Append) }.boxed()
    }

    fn high_water<'a>(&'a self, uid: &'a str) -> BoxFuture<'a, Result<Option<i64>, StoreError>> {
        async move {
            sqlx::query_scalar("SELECT max(seq) FROM history WHERE uid = ?").bind(uid).fetch_one(&self.pool).await.map_err(StoreError::Read)
        }
        .boxed()
    }

    fn query<'a>(&'a self, query: &'a Query) -> BoxFuture<'a, Result<Page, StoreError>> {
        self.page(query).boxed()
    }
}

#[cfg(test)]
mod tests;
