//! All pages of a query after another, one JSON document per line.

use super::list::{self, Item};
use super::parameters::{Asked, MAX_LIMIT};
use super::routes::Format;
use super::{Api, require_scope};
use crate::http::access::{Caller, CallerView, StreamPermit};
use crate::http::problem::Problem;
use crate::journal::Query;
use axum::body::{Body, Bytes};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use futures::stream;
use std::io;

/// Begins an export. It reads a page when the one before has left, so a slow reader holds one page in memory.
///
/// # Errors
/// What can be said before the first line: bad parameters, no right, no room. Later the connection breaks off, so
/// that half an export is not taken for a whole one.
pub(super) async fn stream(api: &Api, caller: Caller, asked: &Asked) -> Result<Response, Problem> {
    if let Some(limit) = asked.limit {
        return Err(Problem::parameter(
            "limit",
            &limit.to_string(),
            "no limit with format=jsonl, which has all pages; since and until restrict it",
        ));
    }
    require_scope(&mut CallerView::new(&api.access, &caller), asked, &caller).await?;
    let query = Query { limit: MAX_LIMIT, ..asked.query()? };
    let place = api.access.stream(&caller)?;
    let export = Export { api: api.clone(), caller, asked: asked.clone(), query: Some(query), _place: place };
    let body = Body::from_stream(stream::try_unfold(export, Export::next));
    Ok(([(header::CONTENT_TYPE, Format::Jsonl.media_type())], body).into_response())
}

struct Export {
    api: Api,
    caller: Caller,
    asked: Asked,
    /// None once all was read.
    query: Option<Query>,
    _place: StreamPermit,
}

impl Export {
    async fn next(mut self) -> Result<Option<(Bytes, Self)>, io::Error> {
        let Some(query) = self.query.take() else { return Ok(None) };
        let lines = self.lines(query).await.map_err(|problem| io::Error::other(problem.detail))?;
        Ok(Some((lines, self)))
    }

    async fn lines(&mut self, query: Query) -> Result<Bytes, Problem> {
        self.api.access.reauthenticate(&self.caller).await?;
        let page = self.api.read(&query).await?;
        self.query = page.next_cursor.map(|cursor| Query { cursor: Some(cursor), ..query });
        let mut view = CallerView::new(&self.api.access, &self.caller);
        require_scope(&mut view, &self.asked, &self.caller).await?;
        let mut lines = Vec::new();
        for (_, record) in list::seen(&mut view, &self.asked, page).await? {
            // Plain data always serialises.
            lines.extend(serde_json::to_vec(&Item::from(record)).unwrap_or_default());
            lines.push(b'\n');
        }
        Ok(lines.into())
    }
}
