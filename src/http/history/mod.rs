//! The history API: what became of every object, where it stands, and what can happen next.
//!
//! [`routes`] is the table of everything there is to ask; the router and the description for programs
//! ([`openapi`]) are both made of it. Every answer shows what its caller may `get` and nothing else.

mod export;
mod graph;
mod list;
mod moment;
mod object;
mod objects;
mod openapi;
mod parameters;
mod routes;
mod tail;
mod watch;

pub use object::{Object, Reference};
pub use objects::Objects;

use self::parameters::Asked;
use self::routes::{Endpoint, Format, ROUTES, Route};
use self::tail::Tail;
use super::access::{AccessControl, Caller, CallerView, target};
use super::page;
use super::problem::Problem;
use crate::journal::{Cursor, Order, Page, Query, Store};
use crate::telemetry::Causes;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query as UrlQuery, RawPathParams, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use std::sync::Arc;
use std::time::Duration;

/// A page takes milliseconds; a client should not hang with a disk that does.
const READ_TIMEOUT: Duration = Duration::from_secs(10);

/// What answers are made of. Clones share it.
#[derive(Clone)]
pub struct Api {
    store: Arc<dyn Store>,
    objects: Arc<dyn Objects>,
    access: AccessControl,
    tail: Arc<Tail>,
}

impl Api {
    /// An API over a journal and the objects as they are now, for the callers that may see them.
    #[must_use]
    pub fn new(store: Arc<dyn Store>, objects: Arc<dyn Objects>, access: AccessControl) -> Self {
        let tail = Tail::new(Arc::clone(&store));
        Self { store, objects, access, tail }
    }

    /// One page of the journal. Read in a task of its own: a caller who hangs up drops this future, and a connection
    /// to the journal whose query was dropped half-way is given up by the pool, with all that lies in memory behind it.
    async fn read(&self, query: &Query) -> Result<Page, Problem> {
        let (store, query) = (Arc::clone(&self.store), query.clone());
        let reading = tokio::spawn(async move { store.query(&query).await });
        match tokio::time::timeout(READ_TIMEOUT, reading).await {
            Ok(Ok(Ok(page))) => Ok(page),
            Ok(Ok(Err(error))) => {
                tracing::warn!(error = %Causes(&error), "failed to answer a history request");
                Err(Problem::unavailable("the journal cannot be read; the operator's log says why"))
            }
            // A task that panicked has said so already.
            Ok(Err(_)) => Err(Problem::unavailable("the journal cannot be read; the operator's log says why")),
            Err(_) => Err(Problem::unavailable("the journal did not answer in time")),
        }
    }

    /// Where the journal ends.
    async fn end(&self) -> Result<Option<Cursor>, Problem> {
        let newest = Query { limit: 1, order: Order::Descending, ..Query::default() };
        Ok(self.read(&newest).await?.positions.first().copied())
    }
}

/// The router of the history server: API, description and web page, and `beside` what else asks for tokens.
pub fn router(api: Api, beside: Router<Api>) -> Router {
    let mut router = Router::new();
    for route in ROUTES {
        let handler = move |State(api): State<Api>, path, query, headers| answer(api, route, path, query, headers);
        router = router.route(route.path, get(handler));
    }
    let not_found = || async { Problem::not_found("no such path; / is the web page, /openapi.json describes the API") };
    router
        .route("/openapi.json", get(|| async { Json(openapi::document()) }))
        .merge(page::router())
        .merge(super::log_level::router(api.access.clone()))
        .merge(beside)
        .method_not_allowed_fallback(|| async { Problem::method() })
        .fallback(not_found)
        .layer(axum::middleware::map_response(harden))
        .with_state(api)
}

/// What holds for every answer: nobody keeps it, guesses its type, or shows it inside another page.
async fn harden(mut response: Response) -> Response {
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
    ] {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    response
}

type Parameters = Result<UrlQuery<Vec<(String, String)>>, QueryRejection>;

async fn answer(api: Api, route: &'static Route, path: RawPathParams, query: Parameters, headers: HeaderMap) -> Response {
    match respond(&api, route, &path, query, &headers).await {
        Ok(response) => response,
        Err(problem) => problem.into_response(),
    }
}

async fn respond(
    api: &Api,
    route: &'static Route,
    path: &RawPathParams,
    query: Parameters,
    headers: &HeaderMap,
) -> Result<Response, Problem> {
    let caller = api.access.authenticate(headers).await?;
    let UrlQuery(pairs) = query.map_err(|_| Problem::parameter("query", "", "name=value pairs, percent-encoded"))?;
    let asked = Asked::read(route, path.iter(), pairs, headers)?;
    let mut view = CallerView::new(&api.access, &caller);
    match (route.endpoint, asked.format) {
        (Endpoint::History, Format::Sse) => watch::stream(api, caller, &asked, headers).await,
        (Endpoint::History, Format::Jsonl) => export::stream(api, caller, &asked).await,
        (Endpoint::History, _) => Ok(Json(list::page(api, &caller, &mut view, &asked).await?).into_response()),
        (Endpoint::Objects, _) => match asked.at {
            None => Ok(Json(objects::page(api, &mut view, &asked).await?).into_response()),
            Some(at) => Ok(Json(moment::of_all(api, &mut view, &asked, at).await?).into_response()),
        },
        (Endpoint::Object, _) => {
            let (kind, namespace, name) = asked.object()?;
            view.require(kind, namespace, name).await?;
            match asked.at {
                None => Ok(Json(objects::one(api, &mut view, kind, namespace, name).await?).into_response()),
                Some(at) => Ok(Json(moment::of_one(api, &mut view, kind, namespace, name, Some(at)).await?).into_response()),
            }
        }
        (Endpoint::Graph, format) => {
            let (kind, namespace, name) = asked.object()?;
            view.require(kind, namespace, name).await?;
            let graph = graph::of_object(api, &mut view, kind, namespace, name, asked.at).await?;
            Ok(match format {
                Format::Mermaid => ([(header::CONTENT_TYPE, Format::Mermaid.media_type())], graph.mermaid()).into_response(),
                _ => Json(graph).into_response(),
            })
        }
    }
}

/// Fails unless the caller may see what a list that names its object, or its kind and namespace, asks for. A list that
/// asks for more shows what the caller may see.
async fn require_scope(view: &mut CallerView<'_>, asked: &Asked, caller: &Caller) -> Result<(), Problem> {
    match (asked.kind, &asked.namespace, &asked.name) {
        (Some(kind), Some(namespace), Some(name)) => view.require(kind, namespace, name).await,
        (Some(kind), Some(namespace), None) if !view.sees(kind, namespace).await? => {
            Err(Problem::forbidden(caller.name(), &target(kind, Some(namespace), None)))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
