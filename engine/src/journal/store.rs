//! What a journal store has to do.

use super::record::Record;
use super::store_error::StoreError;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures::future::BoxFuture;
use k8s_openapi::jiff::Timestamp;
use std::fmt;

/// Keeps records in the order in which they were appended: whoever has read up to a position finds all that is new
/// behind it, also when several write at once.
pub trait Store: fmt::Debug + Send + Sync {
    /// Writes records, all or none; one whose (uid, seq) is there already is left out. Returns
    /// how many were new. Without records it only tries whether it could.
    ///
    /// # Errors
    /// [`StoreError::BegunAnew`] when nothing of what was journaled before is there any more.
    fn append<'a>(&'a self, records: &'a [Record]) -> BoxFuture<'a, Result<usize, StoreError>>;

    /// The highest sequence number of an object, if it has any record.
    fn high_water<'a>(&'a self, uid: &'a str) -> BoxFuture<'a, Result<Option<i64>, StoreError>>;

    /// One page of the records that match.
    fn query<'a>(&'a self, query: &'a Query) -> BoxFuture<'a, Result<Page, StoreError>>;
}

/// What the operator does with its journal beside reading and appending.
pub trait Upkeep: Store {
    /// This process works from now on, and no other one does. A store that only one process may have open is not
    /// opened before.
    fn begin(&self);

    /// One bounded step of a sweep over all objects: removes what is not to be kept of some of them.
    fn prune<'a>(&'a self, step: &'a PruneStep) -> BoxFuture<'a, Result<Pruned, StoreError>>;
}

/// One step of a sweep.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PruneStep {
    /// Records before this time may go.
    pub before: Option<Timestamp>,
    /// Records of an object beyond this many of the newest may go.
    pub newest: Option<u32>,
    /// Where the step before it ended; empty at the beginning.
    pub position: String,
}

/// What a step has done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pruned {
    /// Records that were removed.
    pub removed: u64,
    /// The position of the next step; none when all objects were looked at.
    pub position: Option<String>,
}

/// Which records to read. What is not set does not restrict.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Query {
    /// Kind as in manifests.
    pub kind: Option<String>,
    /// Namespace.
    pub namespace: Option<String>,
    /// Name.
    pub name: Option<String>,
    /// Phase after the transition.
    pub phase: Option<String>,
    /// Name of the event.
    pub event: Option<String>,
    /// Part of the cause; ASCII letters in upper or lower case.
    pub cause: Option<String>,
    /// One incarnation of an object.
    pub uid: Option<String>,
    /// Not before this time.
    pub since: Option<Timestamp>,
    /// Before this time.
    pub until: Option<Timestamp>,
    /// Where the previous page of the same query ended.
    pub cursor: Option<Cursor>,
    /// Number of records of a page, at least 1.
    pub limit: u16,
    /// Direction.
    pub order: Order,
}

/// The order of journaling, which for one object is the order of its sequence numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Order {
    /// Oldest first.
    Ascending,
    /// Newest first.
    #[default]
    Descending,
}

/// Records that match a query, and how to go on.
#[derive(Debug, Clone, PartialEq)]
pub struct Page {
    /// At most as many as the query's limit.
    pub records: Vec<Record>,
    /// Where each record stands, in their order: what was read up to one of them goes on from there, also when
    /// nothing stands behind it yet.
    pub positions: Vec<Cursor>,
    /// Set when more records match.
    pub next_cursor: Option<Cursor>,
}

/// A position in the journal, opaque to clients. It stays valid while records are appended or
/// removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor(pub(super) i64);

/// First byte of an encoded cursor, so that a later layout can be told from this one.
const CURSOR_VERSION: u8 = 1;

/// The text is not a cursor that this journal gave out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("failed to read the cursor: it is not the nextCursor of an earlier page")]
pub struct MalformedCursor;

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bytes = vec![CURSOR_VERSION];
        bytes.extend_from_slice(&self.0.to_be_bytes());
        f.write_str(&URL_SAFE_NO_PAD.encode(bytes))
    }
}

impl std::str::FromStr for Cursor {
    type Err = MalformedCursor;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| MalformedCursor)?;
        let (version, position) = bytes.split_first().ok_or(MalformedCursor)?;
        let position = position.try_into().map_err(|_| MalformedCursor)?;
        match (*version, i64::from_be_bytes(position)) {
            (CURSOR_VERSION, position) if position > 0 => Ok(Self(position)),
            _ => Err(MalformedCursor),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_read_back_as_it_was_given_out() {
        for position in [1, 77, i64::MAX] {
            let cursor = Cursor(position);
            assert_eq!(cursor.to_string().parse(), Ok(cursor));
        }
    }

    #[test]
    fn what_was_never_given_out_is_no_cursor() {
        let other_version = URL_SAFE_NO_PAD.encode([9, 0, 0, 0, 0, 0, 0, 0, 1]);
        for text in ["", "x", "AQ", "1", "AQAAAAAAAAAA", "AQAAAAAAAAAB=", &other_version] {
            assert_eq!(text.parse::<Cursor>(), Err(MalformedCursor), "{text:?}");
        }
    }
}
