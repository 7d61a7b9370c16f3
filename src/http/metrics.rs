//! `/metrics` for Prometheus: to everybody, or to who may `get` that path.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use super::access::Gate;
use super::problem::Problem;
use crate::telemetry::Metrics;

/// Where they are, and the path that a right is to be had to.
const PATH: &str = "/metrics";

#[derive(Clone)]
struct Scraped {
    metrics: Arc<Metrics>,
    gate: Option<Gate>,
}

/// The router of the metrics server; without a gate it answers everybody.
pub fn router(metrics: Arc<Metrics>, gate: Option<Gate>) -> Router {
    Router::new().route(PATH, get(scrape)).with_state(Scraped { metrics, gate })
}

async fn scrape(State(Scraped { metrics, gate }): State<Scraped>, headers: HeaderMap) -> Result<Response, Problem> {
    if let Some(gate) = gate {
        gate.admit_to(&headers, "get", PATH).await?;
    }
    Ok(match metrics.encode() {
        Ok(body) => ([(header::CONTENT_TYPE, Metrics::CONTENT_TYPE)], body).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    })
}
