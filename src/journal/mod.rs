//! The journal: every transition of every object, for longer than its status can hold it.
//!
//! The newest transitions stand in `.status.history` of their object, because the status write
//! is the commit. From there the [`Outbox`] copies them into a [`Store`], and [`ring`] lets go
//! of them once they are there. The store may be down or lost: no state depends on it, and what
//! could not be kept is named by an explicit [`Gap`].

mod gap;
mod outbox;
mod record;
pub mod ring;
mod sqlite;
mod store;
mod url;

pub use gap::{Gap, HISTORY_GAP};
pub use outbox::{Offer, Outbox};
pub use record::Record;
pub use sqlite::SqliteStore;
pub use store::{Cursor, MalformedCursor, Order, Page, Query, Store, StoreError};
pub use url::{JournalUrl, JournalUrlError};

use std::sync::Arc;

/// Opens the store that the URL names.
///
/// # Errors
/// When the database cannot be opened or has a schema of a newer operator.
pub async fn open(url: &JournalUrl) -> Result<Arc<dyn Store>, StoreError> {
    Ok(Arc::new(SqliteStore::open(url).await?))
}
