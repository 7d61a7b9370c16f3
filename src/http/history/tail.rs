//! The end of the journal, watched for all streams together.

use crate::journal::{Cursor, Order, Query, Store};
use crate::telemetry::Causes;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::watch;

/// How often the journal is asked for its end while somebody follows it. It is asked rather than told, because with
/// `PostgreSQL` another replica may write it; one indexed row twice a second costs nothing beside a person who waits.
const PERIOD: Duration = Duration::from_millis(500);
/// The same while it cannot be read.
const PERIOD_DOWN: Duration = Duration::from_secs(5);

/// Tells everybody who follows where the journal ends. Works only while somebody does.
pub(super) struct Tail {
    store: Arc<dyn Store>,
    end: watch::Sender<Option<Cursor>>,
    works: Mutex<bool>,
}

impl Tail {
    pub(super) fn new(store: Arc<dyn Store>) -> Arc<Self> {
        Arc::new(Self { store, end: watch::Sender::new(None), works: Mutex::new(false) })
    }

    /// The end of the journal from now on.
    pub(super) fn follow(self: &Arc<Self>) -> watch::Receiver<Option<Cursor>> {
        // Before the look at `works`: the task counts receivers after it.
        let receiver = self.end.subscribe();
        let mut works = self.works.lock().unwrap_or_else(PoisonError::into_inner);
        if !*works {
            *works = true;
            tokio::spawn(Arc::clone(self).work());
        }
        receiver
    }

    async fn work(self: Arc<Self>) {
        while self.wanted() {
            let pause = match newest(&*self.store).await {
                Ok(end) => {
                    self.end.send_if_modified(|before| std::mem::replace(before, end) != end);
                    PERIOD
                }
                Err(error) => {
                    tracing::debug!(error = %Causes(&error), "the end of the journal is not known now");
                    PERIOD_DOWN
                }
            };
            tokio::time::sleep(pause).await;
        }
    }

    /// Ends the work when nobody follows any more.
    fn wanted(&self) -> bool {
        let mut works = self.works.lock().unwrap_or_else(PoisonError::into_inner);
        *works = self.end.receiver_count() > 0;
        *works
    }
}

/// Where the journal ends; `None` while it is empty.
async fn newest(store: &dyn Store) -> Result<Option<Cursor>, crate::journal::StoreError> {
    let query = Query { limit: 1, order: Order::Descending, ..Query::default() };
    Ok(store.query(&query).await?.positions.first().copied())
}
