//! Where objects stood at a time, from the journal.

use super::Api;
use super::list::{self, newest};
use super::parameters::{Asked, MAX_LIMIT};
use crate::http::access::CallerView;
use crate::http::kinds::Kind;
use crate::http::problem::Problem;
use crate::journal::{Order, Query, Record};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use k8s_openapi::jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use std::collections::BTreeMap;

/// Pages of the journal that are read to find where all objects stood: 20,000 transitions, read in a fraction of a
/// second.
const MOST_READS: usize = 40;

/// Where an object stood: its last transition until then.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Moment {
    pub(super) kind: String,
    pub(super) namespace: String,
    pub(super) name: String,
    pub(super) uid: String,
    /// The time that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) at: Option<Time>,
    pub(super) phase: String,
    pub(super) state: String,
    /// When it had entered the state.
    pub(super) since: Time,
    pub(super) seq: i64,
    pub(super) event: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) cause: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) trace_id: Option<String>,
}

impl Moment {
    fn new(at: Option<Timestamp>, record: Record) -> Self {
        let Record { uid, kind, namespace, name, entry } = record;
        let openvox_crds::HistoryEntry { seq, at: since, event, version: _, from: _, to, phase, cause, trace_id, data: _ } = entry;
        Self { kind, namespace, name, uid, at: at.map(Time), phase, state: to, since, seq, event, cause, trace_id }
    }
}

/// The journal stores whole seconds and its upper bound is exclusive: what happened within the second of `at` counts.
fn until(at: Timestamp) -> Timestamp {
    at.checked_add(SignedDuration::from_secs(1)).unwrap_or(Timestamp::MAX)
}

/// Where one object stood; without a time, its last transition.
///
/// # Errors
/// 404 when the journal has nothing of it until then.
pub(super) async fn of_one(
    api: &Api,
    view: &mut CallerView<'_>,
    kind: &'static Kind,
    namespace: &str,
    name: &str,
    at: Option<Timestamp>,
) -> Result<Moment, Problem> {
    let since = view.since(kind, namespace).await?;
    let query = Query {
        kind: Some(kind.name.clone()),
        namespace: Some(namespace.to_owned()),
        name: Some(name.to_owned()),
        since: since.map(|since| Timestamp::from_second(since).unwrap_or(Timestamp::MAX)),
        until: at.map(until),
        ..Query::default()
    };
    let Some(record) = newest(api, query).await? else {
        let then = at.map_or_else(String::new, |at| format!(" until {at}"));
        return Err(Problem::not_found(format!("the journal has nothing of {} {name} in namespace {namespace}{then}", kind.name)));
    };
    Ok(Moment::new(at, record))
}

/// The body of a list of moments; it has no pages.
#[derive(Debug, Serialize)]
pub(super) struct Moments {
    items: Vec<Moment>,
}

/// Where all objects stood that the caller sees, by kind, namespace and name.
///
/// # Errors
/// 400 when there is more history before that time than is read for one answer.
pub(super) async fn of_all(api: &Api, view: &mut CallerView<'_>, asked: &Asked, at: Timestamp) -> Result<Moments, Problem> {
    for (given, parameter) in [(asked.limit.is_some(), "limit"), (asked.cursor.is_some(), "cursor")] {
        if given {
            return Err(Problem::parameter(parameter, "", "no pages with at, which has everything"));
        }
    }
    let scope = Query { kind: asked.kind.map(|kind| kind.name.clone()), namespace: asked.namespace.clone(), ..Query::default() };
    let mut query = Query { until: Some(until(at)), limit: MAX_LIMIT, order: Order::Descending, ..scope };
    let mut found = BTreeMap::new();
    for _ in 0..MOST_READS {
        let page = api.read(&query).await?;
        query.cursor = page.next_cursor;
        for (_, record) in list::seen(view, asked, page).await? {
            let place = (record.kind.clone(), record.namespace.clone(), record.name.clone());
            found.entry(place).or_insert_with(|| Moment::new(Some(at), record));
        }
        if query.cursor.is_none() {
            let mut items: Vec<Moment> = found.into_values().collect();
            items.retain(|moment| asked.phase.as_ref().is_none_or(|phase| moment.phase == *phase));
            return Ok(Moments { items });
        }
    }
    let most = MOST_READS * usize::from(MAX_LIMIT);
    Err(Problem::parameter("at", &at.to_string(), format!("at most {most} transitions until then: restrict kind or namespace")))
}
