//! `/livez`, `/healthz` and `/readyz` for the kubelet.
//!
//! Alive means that the process answers. Ready means that every shared cache has been filled
//! once: before that the operator would judge objects by what it has not seen yet.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;

/// What still has to happen before the operator is ready. Clones share their state.
#[derive(Debug, Clone)]
pub struct Readiness {
    missing: Arc<Mutex<BTreeSet<String>>>,
}

impl Readiness {
    /// Not ready until [`Readiness::done`] was called for every one of these.
    pub fn waiting_for<T: Into<String>>(names: impl IntoIterator<Item = T>) -> Self {
        let missing = names.into_iter().map(Into::into).collect();
        Self { missing: Arc::new(Mutex::new(missing)) }
    }

    /// Marks one as done. A name that was never waited for changes nothing.
    pub fn done(&self, name: &str) {
        self.missing().remove(name);
    }

    /// What is missing, sorted; empty when ready.
    #[must_use]
    pub fn still_missing(&self) -> Vec<String> {
        self.missing().iter().cloned().collect()
    }

    fn missing(&self) -> MutexGuard<'_, BTreeSet<String>> {
        self.missing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The router of the health server.
pub fn router(readiness: Readiness) -> Router {
    Router::new().route("/livez", get(alive)).route("/healthz", get(alive)).route("/readyz", get(ready)).with_state(readiness)
}

async fn alive() -> &'static str {
    "ok\n"
}

async fn ready(State(readiness): State<Readiness>) -> (StatusCode, String) {
    let missing = readiness.still_missing();
    if missing.is_empty() {
        (StatusCode::OK, "ok\n".to_owned())
    } else {
        let lines = missing.join("\n  ");
        (StatusCode::SERVICE_UNAVAILABLE, format!("not ready, waiting for:\n  {lines}\n"))
    }
}
