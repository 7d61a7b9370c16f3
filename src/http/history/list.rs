//! Pages of the journal, reduced to what the caller sees.

use super::parameters::Asked;
use super::{Api, require_scope};
use crate::http::access::{Caller, CallerView};
use crate::http::kinds;
use crate::http::problem::Problem;
use crate::journal::{Cursor, Page, Query, Record};
use openvox_crds::HistoryEntry;
use serde::Serialize;

/// Pages of the journal that are read for one answer. Whoever sees little of much gets a short page and a cursor
/// rather than an answer that takes long.
const MOST_READS: usize = 20;

/// The body of a page.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Items {
    items: Vec<Item>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

/// One record: its object and, beside it, the fields of the entry as in `.status.history`.
#[derive(Debug, Serialize)]
pub(super) struct Item {
    kind: String,
    namespace: String,
    name: String,
    uid: String,
    #[serde(flatten)]
    entry: HistoryEntry,
}

impl From<Record> for Item {
    fn from(Record { uid, kind, namespace, name, entry }: Record) -> Self {
        Self { kind, namespace, name, uid, entry }
    }
}

/// One page. It may be shorter than asked for, even empty, while there is a next one.
pub(super) async fn page(api: &Api, caller: &Caller, view: &mut CallerView<'_>, asked: &Asked) -> Result<Items, Problem> {
    require_scope(view, asked, caller).await?;
    let mut query = asked.query()?;
    let mut items = Vec::new();
    for _ in 0..MOST_READS {
        let page = api.read(&query).await?;
        query.cursor = page.next_cursor;
        items.extend(seen(view, asked, page).await?.into_iter().map(|(_, record)| Item::from(record)));
        let missing = usize::from(asked.limit()).saturating_sub(items.len());
        query.limit = u16::try_from(missing).unwrap_or(u16::MAX);
        if missing == 0 || query.cursor.is_none() {
            break;
        }
    }
    Ok(Items { items, next_cursor: query.cursor.map(|cursor| cursor.to_string()) })
}

/// The records of a page that the caller sees, with their positions.
pub(super) async fn seen(view: &mut CallerView<'_>, asked: &Asked, page: Page) -> Result<Vec<(Cursor, Record)>, Problem> {
    let mut seen = Vec::with_capacity(page.records.len());
    // The right to get an object that was asked for by its name was looked at by its name.
    let one = asked.object().is_ok();
    for (position, record) in page.positions.into_iter().zip(page.records) {
        // Records of kinds that this version does not know are nobody's to see.
        let Some(kind) = kinds::named(&record.kind) else { continue };
        if (one || view.sees(kind, &record.namespace).await?)
            && view.since(kind, &record.namespace).await?.is_none_or(|since| record.entry.at.0.as_second() >= since)
        {
            seen.push((position, record));
        }
    }
    Ok(seen)
}

/// The newest record of a query.
pub(super) async fn newest(api: &Api, query: Query) -> Result<Option<Record>, Problem> {
    let query = Query { limit: 1, order: crate::journal::Order::Descending, cursor: None, ..query };
    Ok(api.read(&query).await?.records.into_iter().next())
}
