//! Live following as server-sent events (WHATWG HTML, section 9.2).
//!
//! Every event carries its position in the journal as `id`, so whoever was cut off goes on with `Last-Event-ID` and
//! misses nothing. A stream reads the journal when its reader has taken what it was given; nothing piles up.

use super::list::{self, Item};
use super::parameters::{Asked, cursor};
use super::{Api, require_scope};
use crate::http::access::{Caller, CallerView, StreamPermit};
use crate::http::problem::Problem;
use crate::journal::{Cursor, Order, Query};
use axum::http::HeaderMap;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures::stream;
use std::collections::VecDeque;
use std::convert::Infallible;
use std::time::Duration;
use tokio::sync::watch;

/// A comment goes out this often when nothing happens: proxies close what is silent for half a minute or more.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// How often a stream that nothing happens on looks whether its token is still accepted.
const LOOK_AGAIN: Duration = Duration::from_secs(10);
/// Records of one step: about 40 KiB wait for the reader of a stream.
const STEP: u16 = 100;

/// Begins a stream at `Last-Event-ID`, at `cursor`, or now.
///
/// # Errors
/// What can be said before the first event; later problems are an event `problem`, after which the stream ends.
pub(super) async fn stream(api: &Api, caller: Caller, asked: &Asked, headers: &HeaderMap) -> Result<Response, Problem> {
    for (given, parameter, expected) in [
        (asked.order.is_some(), "order", "no order with format=sse, which goes on in time"),
        (asked.limit.is_some(), "limit", "no limit with format=sse, which has no pages"),
        (asked.until.is_some(), "until", "no end with format=sse, which has none"),
    ] {
        if given {
            return Err(Problem::parameter(parameter, "", expected));
        }
    }
    require_scope(&mut CallerView::new(&api.access, &caller), asked, &caller).await?;
    let place = api.access.stream(&caller)?;
    let end = api.tail.follow();
    let resumed = headers.get("last-event-id").map(|id| cursor("Last-Event-ID", id.to_str().unwrap_or_default())).transpose()?;
    let query = asked.query()?;
    let mut ready = VecDeque::new();
    let mut position = resumed.or(query.cursor);
    if position.is_none() {
        position = api.end().await?;
        // The first thing a reader learns is where it stands, so that it can resume before anything happened.
        ready.extend(position.map(|position| Event::default().id(position.to_string())));
    }
    let query = Query { cursor: position, order: Order::Ascending, limit: STEP, ..query };
    let follower = Follower { api: api.clone(), caller, asked: asked.clone(), query, end, ready, ended: false, _place: place };
    let events = stream::unfold(follower, Follower::next);
    // Buffering proxies would keep events until they have enough.
    Ok(([("x-accel-buffering", "no")], Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE))).into_response())
}

struct Follower {
    api: Api,
    caller: Caller,
    asked: Asked,
    query: Query,
    end: watch::Receiver<Option<Cursor>>,
    ready: VecDeque<Event>,
    ended: bool,
    _place: StreamPermit,
}

impl Follower {
    async fn next(mut self) -> Option<(Result<Event, Infallible>, Self)> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Some((Ok(event), self));
            }
            if self.ended {
                return None;
            }
            if let Err(problem) = self.step().await {
                self.ended = true;
                let event = Event::default().event("problem").json_data(problem);
                self.ready.extend(event.ok());
            }
        }
    }

    /// Reads what is new, or waits for it.
    async fn step(&mut self) -> Result<(), Problem> {
        self.api.access.reauthenticate(&self.caller).await?;
        self.end.borrow_and_update();
        let page = self.api.read(&self.query).await?;
        let Some(last) = page.positions.last().copied() else {
            // A change, or the time to look again; the sender lives as long as this.
            let _ = tokio::time::timeout(LOOK_AGAIN, self.end.changed()).await;
            return Ok(());
        };
        let mut view = CallerView::new(&self.api.access, &self.caller);
        require_scope(&mut view, &self.asked, &self.caller).await?;
        for (position, record) in list::seen(&mut view, &self.asked, page).await? {
            let event = Event::default().id(position.to_string()).event("transition").json_data(Item::from(record));
            self.ready.extend(event.ok());
        }
        self.query.cursor = Some(last);
        Ok(())
    }
}
