//! Limits of the memory that answers of CAs take up.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Most bytes of an answer that holds no list: a chain of certificates, a request.
pub(super) const SMALL: usize = 256 * 1024;

/// Most bytes of a list: of 100,000 revocations it has 4 MiB.
pub(super) const LARGE: usize = 10 * 1024 * 1024;

/// Answers beyond [`SMALL`] in memory, of all CAs: while one is read, checked and stored, about three times its size is in use.
const ALL: usize = 3;

/// Those of the CAs of one namespace.
const OF_A_NAMESPACE: usize = 1;

/// Longest wait for a permit: each holder has a timeout of its own.
const PERMIT_TIMEOUT: Duration = Duration::from_mins(1);

/// Permits for large answers of all CAs. Clones share them.
#[derive(Debug, Clone)]
pub struct BodyBudget(Arc<Semaphore>);

/// Permits for large answers of the CAs of one namespace. Clones share them.
#[derive(Debug, Clone)]
pub struct NamespaceBudget {
    all: Arc<Semaphore>,
    own: Arc<Semaphore>,
}

/// Held while a large answer is in memory.
#[derive(Debug)]
pub(super) struct BodyPermit {
    _own: OwnedSemaphorePermit,
    _all: OwnedSemaphorePermit,
}

impl Default for BodyBudget {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(ALL)))
    }
}

impl BodyBudget {
    /// The budget of one more namespace.
    #[must_use]
    pub fn for_namespace(&self) -> NamespaceBudget {
        NamespaceBudget { all: Arc::clone(&self.0), own: Arc::new(Semaphore::new(OF_A_NAMESPACE)) }
    }
}

impl NamespaceBudget {
    /// Waits for a permit for one large answer: first for one of the namespace, so that a namespace with many CAs counts as one
    /// to the others.
    pub(super) async fn permit(&self) -> Option<BodyPermit> {
        let taken = async {
            let own = Arc::clone(&self.own).acquire_owned().await.ok()?;
            let all = Arc::clone(&self.all).acquire_owned().await.ok()?;
            Some(BodyPermit { _own: own, _all: all })
        };
        tokio::time::timeout(PERMIT_TIMEOUT, taken).await.ok().flatten()
    }

    /// Whether no client uses this budget any more.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        Arc::strong_count(&self.own) == 1
    }
}

/// Revocation lists from a CA (PEM). A large one holds its permit until it is dropped.
pub struct CrlText {
    pub(super) text: String,
    pub(super) _permit: Option<BodyPermit>,
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
    fn large_answers_are_limited_for_each_namespace_and_for_all() {
        let all = BodyBudget::default();
        let (one, other) = (all.for_namespace(), all.for_namespace());
        let permit = |bodies: &NamespaceBudget| bodies.permit().now_or_never().flatten();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let _inside = runtime.enter();
        let first = permit(&one);
        assert!(first.is_some() && permit(&one).is_none() && permit(&other).is_some());
        drop(first);
        let held: Vec<_> = (0..ALL).map(|_| permit(&all.for_namespace())).collect();
        assert!(held.iter().all(Option::is_some));
        assert!(permit(&one).is_none(), "there are {ALL} permits");
    }
}
