//! `/livez`, `/healthz` and `/readyz` for the kubelet.
//!
//! Alive means that the process answers. Ready means that every shared cache has been filled
//! once: before that the operator would judge objects by what it has not seen yet.

use crate::cluster::Readiness;
use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;

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
