//! The SQL that both databases speak, and how rows and records become each other.

use super::record::Record;
use super::store::{Cursor, Order, Page, Query};
use super::store_error::StoreError;
use crate::lifecycle::HistoryEntry;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use k8s_openapi::jiff::Timestamp;
use sqlx::{ColumnIndex, Database, Decode, Encode, QueryBuilder, Row, Type};

/// Rows of one INSERT: with 14 parameters each far below the 32,766 that `SQLite` takes and the 65,535 of
/// PostgreSQL.
pub(super) const ROWS_OF_AN_INSERT: usize = 200;

pub(super) const HIGH_WATER: &str = "SELECT max(seq) FROM history WHERE uid = $1";
/// The objects after one, in the order of a sweep.
pub(super) const NEXT_OBJECT: &str = "SELECT min(uid) FROM history WHERE uid > $1";
/// The oldest records of an object.
pub(super) const OLDEST: &str = "SELECT seq, at FROM history WHERE uid = $1 ORDER BY seq LIMIT $2";
pub(super) const REMOVE: &str = "DELETE FROM history WHERE uid = $1 AND seq <= $2";

/// Longest text of a column, in characters. Ours are names and sentences; what is longer somebody else has put into a
/// status, and an index of PostgreSQL refuses it.
const LONGEST_TEXT: usize = 1024;

/// A text that every database takes: PostgreSQL has no NUL in texts, and one record that is refused would hold up all
/// that follow.
fn clean(text: &str) -> String {
    text.chars().take(LONGEST_TEXT).map(|character| if character == '\0' { char::REPLACEMENT_CHARACTER } else { character }).collect()
}

/// Writes records; one whose (uid, seq) is there already is left out.
pub(super) fn insert<DB>(records: &[Record]) -> QueryBuilder<DB>
where
    DB: Database,
    for<'q> String: Encode<'q, DB> + Type<DB>,
    for<'q> Option<String>: Encode<'q, DB> + Type<DB>,
    for<'q> i64: Encode<'q, DB> + Type<DB>,
{
    let mut sql = QueryBuilder::new(
        "INSERT INTO history (uid, seq, kind, namespace, name, at, event, version, \
         from_state, to_state, phase, cause, trace_id, data) ",
    );
    sql.push_values(records, |mut row, Record { uid, kind, namespace, name, entry }| {
        let HistoryEntry { seq, at, event, version, from, to, phase, cause, trace_id, data } = entry;
        row.push_bind(clean(uid))
            .push_bind(*seq)
            .push_bind(clean(kind))
            .push_bind(clean(namespace))
            .push_bind(clean(name))
            .push_bind(at.0.as_second())
            .push_bind(clean(event))
            .push_bind(i64::from(*version))
            .push_bind(clean(from))
            .push_bind(clean(to))
            .push_bind(clean(phase))
            .push_bind(cause.as_deref().map(clean))
            .push_bind(trace_id.as_deref().map(clean))
            // JSON escapes NUL.
            .push_bind(data.as_ref().map(ToString::to_string));
    });
    sql.push(" ON CONFLICT (uid, seq) DO NOTHING");
    sql
}

/// Reads a page, and one row more than asked for, which tells whether there is a next one.
pub(super) fn select<DB>(query: &Query) -> QueryBuilder<DB>
where
    DB: Database,
    for<'q> String: Encode<'q, DB> + Type<DB>,
    for<'q> i64: Encode<'q, DB> + Type<DB>,
{
    let Query { kind, namespace, name, phase, event, cause, uid, since, until, cursor, limit, order } = query;
    let mut sql = QueryBuilder::new(
        "SELECT id, uid, seq, kind, namespace, name, at, event, version, from_state, to_state, \
         phase, cause, trace_id, data FROM history WHERE true",
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

/// The page that the rows of [`select`] make.
pub(super) fn page<R>(query: &Query, rows: &[R]) -> Result<Page, StoreError>
where
    R: Row,
    for<'r> String: Decode<'r, R::Database> + Type<R::Database>,
    for<'r> Option<String>: Decode<'r, R::Database> + Type<R::Database>,
    for<'r> i64: Decode<'r, R::Database> + Type<R::Database>,
    for<'c> &'c str: ColumnIndex<R>,
{
    let limit = usize::from(query.limit);
    let mut records = Vec::with_capacity(rows.len().min(limit));
    let mut positions = Vec::with_capacity(rows.len().min(limit));
    for row in rows.iter().take(limit) {
        positions.push(Cursor(row.try_get("id").map_err(StoreError::Read)?));
        records.push(record(row)?);
    }
    let next_cursor = positions.last().copied().filter(|_| rows.len() > limit);
    Ok(Page { records, positions, next_cursor })
}

fn record<R>(row: &R) -> Result<Record, StoreError>
where
    R: Row,
    for<'r> String: Decode<'r, R::Database> + Type<R::Database>,
    for<'r> Option<String>: Decode<'r, R::Database> + Type<R::Database>,
    for<'r> i64: Decode<'r, R::Database> + Type<R::Database>,
    for<'c> &'c str: ColumnIndex<R>,
{
    let text = |column| row.try_get::<String, _>(column).map_err(StoreError::Read);
    let optional = |column| row.try_get::<Option<String>, _>(column).map_err(StoreError::Read);
    let number = |column| row.try_get::<i64, _>(column).map_err(StoreError::Read);
    let at = Timestamp::from_second(number("at")?).map_err(|error| StoreError::Decode(error.to_string()))?;
    let version = u32::try_from(number("version")?).map_err(|error| StoreError::Decode(error.to_string()))?;
    let data = optional("data")?
        .map(|data: String| serde_json::from_str(&data))
        .transpose()
        .map_err(|error| StoreError::Decode(error.to_string()))?;
    Ok(Record {
        uid: text("uid")?,
        kind: text("kind")?,
        namespace: text("namespace")?,
        name: text("name")?,
        entry: HistoryEntry {
            seq: number("seq")?,
            at: Time(at),
            event: text("event")?,
            version,
            from: text("from_state")?,
            to: text("to_state")?,
            phase: text("phase")?,
            cause: optional("cause")?,
            trace_id: optional("trace_id")?,
            data,
        },
    })
}
