//! The level of the log, to be read and changed while the operator runs by who may `get` and `put` its path.

use axum::Router;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::routing::get;

use super::access::Gate;
use super::problem::Problem;
use crate::telemetry::{LogLevel, LogLevelError};

const PATH: &str = "/log-level";

/// The router; it is part of the history server's, which has TLS and asks for tokens.
pub fn router<S: Clone + Send + Sync + 'static>(gate: Gate) -> Router<S> {
    Router::new().route(PATH, get(read).put(write)).with_state(gate)
}

async fn read(State(gate): State<Gate>, headers: HeaderMap) -> Result<String, Problem> {
    gate.admit_to(&headers, "get", PATH).await?;
    Ok(level()?.now() + "\n")
}

/// The body is a level or a filter as in `--log-level`; an empty one stands for what the operator was started with.
async fn write(State(gate): State<Gate>, headers: HeaderMap, wanted: String) -> Result<String, Problem> {
    let caller = gate.admit_to(&headers, "put", PATH).await?;
    let level = level()?;
    level.set(&wanted).map_err(|error| match error {
        LogLevelError::Filter(error) => Problem::log_level(&error.to_string()),
        LogLevelError::Reload(error) => Problem::unavailable(error.to_string()),
    })?;
    let now = level.now();
    tracing::warn!(caller = caller.name(), level = now, "the log level was changed");
    Ok(now + "\n")
}

fn level() -> Result<&'static LogLevel, Problem> {
    LogLevel::of_process().ok_or_else(|| Problem::unavailable("this process has no log"))
}
