//! How much of the CAs' answers lies in memory at one time.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Most bytes of an answer that holds no list: a chain of certificates, a request.
pub(super) const SMALL: usize = 256 * 1024;

/// Most bytes of a list: of 100,000 revocations it has 4 MiB.
pub(super) const LARGE: usize = 10 * 1024 * 1024;

/// Answers beyond [`SMALL`] at one time, of all CAs: while one is read, checked and stored, about three times its size is in
/// use.
const ALL: usize = 3;

/// Those of the CAs of one namespace.
const OF_A_NAMESPACE: usize = 1;

/// Longest wait for the others to be done: each has an end of its own.
const PATIENCE: Duration = Duration::from_mins(1);

/// Where the CAs of all namespaces take turns with large answers. Clones share it.
#[derive(Debug, Clone)]
pub struct AllBodies(Arc<Semaphore>);

/// Where the CAs of one namespace do. Clones share it.
#[derive(Debug, Clone)]
pub struct Bodies {
    all: Arc<Semaphore>,
    own: Arc<Semaphore>,
}

/// Held while a large answer is in memory.
#[derive(Debug)]
pub(super) struct Room {
    _own: OwnedSemaphorePermit,
    _all: OwnedSemaphorePermit,
}

impl Default for AllBodies {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(ALL)))
    }
}

impl AllBodies {
    /// The turns of another namespace.
    #[must_use]
    pub fn of_a_namespace(&self) -> Bodies {
        Bodies { all: Arc::clone(&self.0), own: Arc::new(Semaphore::new(OF_A_NAMESPACE)) }
    }
}

impl Bodies {
    /// Waits for room for one large answer: first among those of the namespace, so that many of them are one to all others.
    pub(super) async fn room(&self) -> Option<Room> {
        let taken = async {
            let own = Arc::clone(&self.own).acquire_owned().await.ok()?;
            let all = Arc::clone(&self.all).acquire_owned().await.ok()?;
            Some(Room { _own: own, _all: all })
        };
        tokio::time::timeout(PATIENCE, taken).await.ok().flatten()
    }

    /// Nobody holds them but the one who asks.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        Arc::strong_count(&self.own) == 1
    }
}

/// Revocation lists as a CA shows them (PEM). While it lives, it takes up room that others wait for.
pub struct CrlText {
    pub(super) text: String,
    pub(super) _room: Option<Room>,
}

impl Deref for CrlText {
    type Target = str;

    fn deref(&self) -> &str {
        &self.text
    }
}

impl fmt::Debug for CrlText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CrlText({} bytes)", self.text.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt as _;

    #[test]
    fn the_cas_of_one_namespace_take_turns_and_others_have_theirs() {
        let all = AllBodies::default();
        let (one, other) = (all.of_a_namespace(), all.of_a_namespace());
        let room = |bodies: &Bodies| bodies.room().now_or_never().flatten();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let _inside = runtime.enter();
        let first = room(&one);
        assert!(first.is_some() && room(&one).is_none() && room(&other).is_some());
        drop(first);
        let held: Vec<_> = (0..ALL).map(|_| room(&all.of_a_namespace())).collect();
        assert!(held.iter().all(Option::is_some));
        assert!(room(&one).is_none(), "there is room for {ALL}");
    }
}
