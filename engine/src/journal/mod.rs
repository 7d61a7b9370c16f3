//! The journal: every transition of every object, for longer than its status can hold it.
//!
//! The newest transitions stand in `.status.history` of their object, because the status write
//! is the commit. From there the [`Outbox`] copies them into a [`Store`], and [`ring`] lets go
//! of them once they are there. The store may be down or lost: no state depends on it, and what
//! could not be kept is named by an explicit [`Gap`].

mod gap;
mod outbox;
mod postgres;
mod prune;
mod record;
pub mod retention;
pub mod ring;
mod sqlite;
mod statements;
mod store;
mod store_error;
mod url;

pub use gap::{Gap, HISTORY_GAP};
pub use outbox::{Offer, Outbox};
pub use postgres::PostgresStore;
pub use record::Record;
pub use retention::{CountError, Limit, Retention};
pub use sqlite::SqliteStore;
pub use store::{Cursor, MalformedCursor, Order, Page, PruneStep, Pruned, Query, Store, Upkeep};
pub use store_error::StoreError;
pub use url::{JournalUrl, JournalUrlError, PostgresUrl};

use std::path::Path;
use std::sync::Arc;

/// The store that the URL names, with the file of its password if it takes one. Nothing is opened yet: a store that is
/// down keeps nobody from working.
#[must_use]
pub fn store(url: &JournalUrl, password: Option<&Path>) -> Arc<dyn Upkeep> {
    match url {
        JournalUrl::Postgres(url) => Arc::new(PostgresStore::new((**url).clone(), password.map(Path::to_owned))),
        JournalUrl::File(_) | JournalUrl::Memory => Arc::new(SqliteStore::new(url.clone())),
    }
}
