//! The history API: pages of the journal as JSON.
//!
//! ```text
//! GET /api/v1/history?kind=&namespace=&name=&uid=&since=&until=&order=&limit=&cursor=
//! GET /api/v1/history/{kind}/{namespace}/{name}?…
//! ```
//!
//! Nobody is asked for credentials in this version, so the server listens on loopback by
//! default and is reached with `kubectl port-forward`, which Kubernetes authorizes.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query as UrlQuery, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use k8s_openapi::jiff::Timestamp;
use openvox_crds::HistoryEntry;
use serde::Serialize;

use super::kinds;
use crate::journal::{Cursor, Order, Page, Query, Record, Store};
use crate::telemetry::Causes;

/// Records of a page when the request does not say.
const DEFAULT_LIMIT: u16 = 100;
/// Most records of a page: about 200 KiB of JSON, built in memory.
const MAX_LIMIT: u16 = 500;
/// A page takes milliseconds; a client should not hang with a disk that does.
const READ_TIMEOUT: Duration = Duration::from_secs(10);

/// The router of the history server.
pub fn router(store: Arc<dyn Store>) -> Router {
    Router::new().route("/api/v1/history", get(list)).route("/api/v1/history/{kind}/{namespace}/{name}", get(of_object)).with_state(store)
}

type Parameters = Result<UrlQuery<Vec<(String, String)>>, QueryRejection>;

async fn list(State(store): State<Arc<dyn Store>>, parameters: Parameters) -> Response {
    answer(store, parameters, &[]).await
}

async fn of_object(
    State(store): State<Arc<dyn Store>>,
    Path((kind, namespace, name)): Path<(String, String, String)>,
    parameters: Parameters,
) -> Response {
    let object = [("kind", kind), ("namespace", namespace), ("name", name)];
    answer(store, parameters, &object).await
}

async fn answer(store: Arc<dyn Store>, parameters: Parameters, path: &[(&'static str, String)]) -> Response {
    let query = match parameters {
        Ok(UrlQuery(pairs)) => parse(path, pairs),
        Err(_) => {
            Err(Malformed { parameter: "query".to_owned(), value: String::new(), expected: "name=value pairs, percent-encoded".to_owned() })
        }
    };
    let query = match query {
        Ok(query) => query,
        Err(malformed) => return (StatusCode::BAD_REQUEST, Json(malformed.body())).into_response(),
    };
    match tokio::time::timeout(READ_TIMEOUT, store.query(&query)).await {
        Ok(Ok(page)) => Json(Items::from(page)).into_response(),
        Ok(Err(error)) => {
            tracing::warn!(error = %Causes(&error), "failed to answer a history request");
            unavailable("the journal cannot be read; the operator's log says why")
        }
        Err(_) => unavailable("the journal did not answer in time"),
    }
}

fn unavailable(message: &str) -> Response {
    let body = Failure { error: message.to_owned(), malformed: None };
    (StatusCode::SERVICE_UNAVAILABLE, Json(body)).into_response()
}

/// A parameter that cannot be used, and what could.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Malformed {
    parameter: String,
    value: String,
    expected: String,
}

impl Malformed {
    fn body(self) -> Failure {
        let Self { parameter, value, expected } = &self;
        Failure { error: format!("parameter {parameter} cannot be {value:?}: expected {expected}"), malformed: Some(self) }
    }
}

#[derive(Debug, Serialize)]
struct Failure {
    error: String,
    #[serde(flatten)]
    malformed: Option<Malformed>,
}

/// Every parameter, for the answer to one that does not exist.
const PARAMETERS: &str = "kind, namespace, name, uid, since, until, order, limit, cursor";

/// Builds the query from the path and the parameters. Empty values do not restrict.
fn parse(path: &[(&'static str, String)], pairs: Vec<(String, String)>) -> Result<Query, Malformed> {
    let mut given: BTreeMap<String, String> = path.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
    for (parameter, value) in pairs {
        if given.contains_key(&parameter) {
            return Err(Malformed { parameter, value, expected: "to be given once".to_owned() });
        }
        given.insert(parameter, value);
    }
    let mut take = |name: &str| given.remove(name).filter(|value| !value.is_empty());
    let query = Query {
        kind: parsed("kind", take("kind"), &kinds::known(), |text| kinds::canonical(text).map(ToOwned::to_owned))?,
        namespace: take("namespace"),
        name: take("name"),
        uid: take("uid"),
        since: time("since", take("since"))?,
        until: time("until", take("until"))?,
        order: parsed("order", take("order"), "asc or desc", |text| match text {
            "asc" => Some(Order::Ascending),
            "desc" => Some(Order::Descending),
            _ => None,
        })?
        .unwrap_or_default(),
        limit: parsed("limit", take("limit"), &format!("a number from 1 to {MAX_LIMIT}"), |text| {
            text.parse().ok().filter(|n| (1..=MAX_LIMIT).contains(n))
        })?
        .unwrap_or(DEFAULT_LIMIT),
        cursor: parsed("cursor", take("cursor"), "the nextCursor of an earlier page", |text| text.parse::<Cursor>().ok())?,
    };
    match given.into_iter().next() {
        None => Ok(query),
        Some((parameter, value)) => Err(Malformed { parameter, value, expected: format!("one of the parameters {PARAMETERS}") }),
    }
}

fn time(name: &str, value: Option<String>) -> Result<Option<Timestamp>, Malformed> {
    let expected = "a time of RFC 3339 such as 2026-01-31T12:00:00Z";
    parsed(name, value, expected, |text| text.parse().ok())
}

fn parsed<T>(
    parameter: &str,
    value: Option<String>,
    expected: &str,
    parse: impl FnOnce(&str) -> Option<T>,
) -> Result<Option<T>, Malformed> {
    let Some(value) = value else {
        return Ok(None);
    };
    match parse(&value) {
        Some(parsed) => Ok(Some(parsed)),
        None => Err(Malformed { parameter: parameter.to_owned(), value, expected: expected.to_owned() }),
    }
}

/// The body of a page.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Items {
    items: Vec<Item>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

/// One record: its object and, beside it, the fields of the entry as in `.status.history`.
#[derive(Debug, Serialize)]
struct Item {
    kind: String,
    namespace: String,
    name: String,
    uid: String,
    #[serde(flatten)]
    entry: HistoryEntry,
}

impl From<Page> for Items {
    fn from(page: Page) -> Self {
        let item = |record: Record| {
            let Record { uid, kind, namespace, name, entry } = record;
            Item { kind, namespace, name, uid, entry }
        };
        Self { items: page.records.into_iter().map(item).collect(), next_cursor: page.next_cursor.map(|cursor| cursor.to_string()) }
    }
}

#[cfg(test)]
mod tests;
