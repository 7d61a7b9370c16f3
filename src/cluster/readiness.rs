//! Whether everything that is needed to judge objects has been seen once.

use std::collections::BTreeSet;
use tokio::sync::watch;

/// What still has to happen before the operator is ready. Clones share their state.
#[derive(Debug, Clone)]
pub struct Readiness {
    missing: watch::Sender<BTreeSet<String>>,
}

impl Readiness {
    /// Not ready until [`Readiness::done`] was called for every one of these.
    pub fn waiting_for<T: Into<String>>(names: impl IntoIterator<Item = T>) -> Self {
        Self { missing: watch::Sender::new(names.into_iter().map(Into::into).collect()) }
    }

    /// Marks one as done. A name that was never waited for changes nothing.
    pub fn done(&self, name: &str) {
        self.missing.send_if_modified(|missing| missing.remove(name));
    }

    /// What is missing, sorted; empty when ready.
    #[must_use]
    pub fn still_missing(&self) -> Vec<String> {
        self.missing.borrow().iter().cloned().collect()
    }

    /// Resolves when nothing is missing.
    pub async fn reached(&self) {
        // The other end is held by ourselves, so it cannot be gone.
        let _ = self.missing.subscribe().wait_for(BTreeSet::is_empty).await;
    }
}

#[cfg(test)]
mod tests {
    use super::Readiness;
    use futures::FutureExt as _;

    #[test]
    fn who_waits_hears_of_the_last_one_only() {
        let readiness = Readiness::waiting_for(["servers", "certificates"]);
        let other = readiness.clone();
        let mut reached = Box::pin(readiness.reached());
        assert_eq!(reached.as_mut().now_or_never(), None);

        other.done("servers");
        other.done("unheard of");
        assert_eq!(reached.as_mut().now_or_never(), None);

        other.done("certificates");
        assert_eq!(reached.now_or_never(), Some(()));
        assert_eq!(readiness.reached().now_or_never(), Some(()), "also for who comes later");
    }
}
