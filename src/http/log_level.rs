//! Reads and changes the log level at run time, for callers that may `get` or `put` its path.

use super::access::AccessControl;
use super::problem::Problem;
use crate::telemetry::{LogLevel, LogLevelError};
use axum::Router;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::routing::get;

const PATH: &str = "/log-level";

/// The router; it is part of the history server's, which has TLS and asks for tokens.
pub fn router<S: Clone + Send + Sync + 'static>(access: AccessControl) -> Router<S> {
    Router::new().route(PATH, get(read).put(write)).with_state(access)
}

async fn read(State(access): State<AccessControl>, headers: HeaderMap) -> Result<String, Problem> {
    access.authorize_path(&headers, "get", PATH).await?;
    Ok(level()?.now() + "\n")
}

/// The body is a level or a filter as in `--log-level`; an empty one restores the level of the start.
async fn write(State(access): State<AccessControl>, headers: HeaderMap, wanted: String) -> Result<String, Problem> {
    let caller = access.authorize_path(&headers, "put", PATH).await?;
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
