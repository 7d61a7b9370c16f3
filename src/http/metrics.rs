//! `/metrics` for Prometheus, for everybody or for callers that may `get` that path.

use super::access::AccessControl;
use super::problem::Problem;
use crate::telemetry::Metrics;
use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use std::sync::Arc;

/// The path, which is also the one that callers need a permission for.
const PATH: &str = "/metrics";

#[derive(Clone)]
struct Scraped {
    metrics: Arc<Metrics>,
    access: Option<AccessControl>,
}

/// The router of the metrics server; without access control it answers everybody.
pub fn router(metrics: Arc<Metrics>, access: Option<AccessControl>) -> Router {
    Router::new().route(PATH, get(scrape)).with_state(Scraped { metrics, access })
}

async fn scrape(State(Scraped { metrics, access }): State<Scraped>, headers: HeaderMap) -> Result<Response, Problem> {
    if let Some(access) = access {
        access.authorize_path(&headers, "get", PATH).await?;
    }
    Ok(match metrics.encode() {
        Ok(body) => ([(header::CONTENT_TYPE, Metrics::CONTENT_TYPE)], body).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    })
}
