//! Errors as the caller sees them: problem details of RFC 9457.

use super::access::Target;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use std::time::Duration;

/// Longest part of a bad value that is repeated to its sender, in characters.
const LONGEST_VALUE: usize = 200;

/// Why a request was not answered, and what to do about it. The body of every error of the API.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// The status code, repeated.
    pub status: u16,
    /// The type of the problem, a text that never changes.
    pub title: &'static str,
    /// What happened here, in one sentence.
    pub detail: String,
    /// The parameter that cannot be used, if it is about one.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub malformed: Option<Box<Malformed>>,
    /// Seconds until it makes sense to ask again.
    #[serde(skip)]
    pub retry_after: Option<u64>,
}

/// A parameter that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Malformed {
    /// Its name.
    pub parameter: String,
    /// Its value, shortened.
    pub value: String,
    /// What is accepted in its place.
    pub expected: String,
}

impl Problem {
    /// The media type of its body.
    pub const CONTENT_TYPE: &'static str = "application/problem+json";

    fn new(status: StatusCode, title: &'static str, detail: impl Into<String>) -> Self {
        Self { status: status.as_u16(), title, detail: detail.into(), malformed: None, retry_after: None }
    }

    /// 400: a parameter that cannot be used, and what could.
    #[must_use]
    pub fn parameter(name: &str, value: &str, expected: impl Into<String>) -> Self {
        let (value, expected) = (value.chars().take(LONGEST_VALUE).collect::<String>(), expected.into());
        let detail = format!("parameter {name} cannot be {value:?}: expected {expected}");
        let malformed = Malformed { parameter: name.to_owned(), value, expected };
        Self { malformed: Some(Box::new(malformed)), ..Self::new(StatusCode::BAD_REQUEST, "a parameter cannot be used", detail) }
    }

    /// 401: the caller is not authenticated.
    #[must_use]
    pub fn unauthenticated(detail: &str) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "a token is needed", detail)
    }

    /// 403: the right is missing. The answer is the same whether the object exists or not.
    #[must_use]
    pub fn forbidden(user: &str, target: &Target) -> Self {
        let Target { verb, group, resource, namespace, .. } = target;
        let place = namespace.as_ref().map(|namespace| format!(" in namespace {namespace:?}")).unwrap_or_default();
        let detail = format!("{user:?} has no right to {verb} {resource}.{group}{place}: ask for a role with the verb {verb}");
        Self::new(StatusCode::FORBIDDEN, "not allowed", detail)
    }

    /// 403: the right to a path is missing.
    #[must_use]
    pub fn closed(user: &str, verb: &str, path: &str) -> Self {
        let detail = format!(
            "{user:?} has no right to {verb} the path {path}: ask for a ClusterRole with nonResourceURLs [{path}] and the verb {verb}"
        );
        Self::new(StatusCode::FORBIDDEN, "not allowed", detail)
    }

    /// 403: a server without tokens was asked for by a name that is not loopback's.
    #[must_use]
    pub fn foreign_host() -> Self {
        let detail = "without tokens this server answers to localhost and 127.0.0.1 only: open it by one of these names";
        Self::new(StatusCode::FORBIDDEN, "not allowed", detail)
    }

    /// 403: without tokens, the server does not know who decides.
    #[must_use]
    pub fn nameless() -> Self {
        let detail = "whoever signs or denies needs a name: the operator takes decisions with --history-auth=token only";
        Self::new(StatusCode::FORBIDDEN, "not allowed", detail)
    }

    /// 404: it does not exist, and the caller may know that.
    #[must_use]
    pub fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not found", detail)
    }

    /// 405: nearly everything here is for reading.
    #[must_use]
    pub fn method() -> Self {
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "method not allowed", "this path does not take this method")
    }

    /// 409: the current state differs from what the caller expects, or does not allow the action.
    #[must_use]
    pub fn conflict(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, "conflict", detail)
    }

    /// 429: too much at once.
    #[must_use]
    pub fn too_many(detail: impl Into<String>, wait: Duration) -> Self {
        // The header takes whole seconds.
        Self { retry_after: Some(wait.as_secs().max(1)), ..Self::new(StatusCode::TOO_MANY_REQUESTS, "too many requests", detail) }
    }

    /// 400: neither a level of the log nor a filter.
    #[must_use]
    pub fn log_level(why: &str) -> Self {
        let detail = format!("{why}: expected error, warn, info, debug, trace, or a filter such as info,kube=debug");
        Self::new(StatusCode::BAD_REQUEST, "malformed log level", detail)
    }

    /// 503: the journal or the API server cannot be asked now.
    #[must_use]
    pub fn unavailable(detail: impl Into<String>) -> Self {
        Self { retry_after: Some(5), ..Self::new(StatusCode::SERVICE_UNAVAILABLE, "not available now", detail) }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        // Plain data always serialises; an empty body would still carry the status.
        let body = serde_json::to_vec(&self).unwrap_or_default();
        let mut response = (status, [(header::CONTENT_TYPE, Self::CONTENT_TYPE)], body).into_response();
        let headers = response.headers_mut();
        if let Some(seconds) = self.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}
