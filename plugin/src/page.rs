//! `page`: the operator's web page, for a browser on this machine.
//!
//! A listener on loopback hands each request on through the API server's proxy, with the rights of the kubeconfig's user.
//! Other users and programs of this machine reach it as well, and so does every page in the browser. So it answers only to
//! who shows a random key, which is in the address that is printed, behind `#`: there it reaches no log and no other site.

use crate::connection::Connection;
use crate::history::{FRESH, Service};
use crate::outcome::Outcome;
use anyhow::Context as _;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use axum::{Json, Router};
use futures::StreamExt as _;
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, RETRY_AFTER, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderMap, Method, StatusCode};
use openvox_operator::http::access::TOKEN_HEADER;
use std::fmt::Write as _;
use std::net::Ipv4Addr;
use std::sync::Arc;
use tokio::net::TcpListener;

/// Length of the key in bytes: nobody guesses it.
const KEY_BYTES: usize = 32;
/// Headers of an answer that the browser needs.
const KEPT: [http::HeaderName; 6] =
    [CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, RETRY_AFTER, X_CONTENT_TYPE_OPTIONS];

struct Page {
    service: Arc<Service>,
    /// What the browser has to send as `Openvox-Authorization`.
    expected: String,
}

/// Serves the page until Ctrl-C.
///
/// # Errors
/// If the operator does not answer, or the port is taken.
pub async fn run(connection: &Connection, port: u16) -> anyhow::Result<Outcome> {
    Service::with(connection, async |service| {
        service.answers().await?;
        let key = key()?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await;
        let listener = listener.with_context(|| format!("failed to listen on 127.0.0.1:{port}; --port names another port"))?;
        println!("http://{}/#token={key}", listener.local_addr()?);
        eprintln!("Open this address in a browser of this machine. Whoever has it sees what you may see. Ctrl-C ends it.");
        let page = Arc::new(Page { service: Arc::clone(service), expected: format!("Bearer {key}") });
        axum::serve(listener, Router::new().fallback(answer).with_state(page)).await?;
        Ok(Outcome::Fine)
    })
    .await
}

fn key() -> anyhow::Result<String> {
    let mut bytes = [0; KEY_BYTES];
    let random = rustls::crypto::aws_lc_rs::default_provider().secure_random;
    random.fill(&mut bytes).map_err(|_| anyhow::anyhow!("failed to get random bytes from the system"))?;
    Ok(bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    }))
}

async fn answer(State(page): State<Arc<Page>>, request: Request) -> Response {
    let (path, headers) = (request.uri().path(), request.headers());
    if request.method() != Method::GET {
        return problem(StatusCode::METHOD_NOT_ALLOWED, "the page only reads");
    }
    let file = is_file(path);
    if !file && !page.knows(headers) {
        let detail = "open the address that kubectl openvox page has printed, with all that stands behind its #";
        return problem(StatusCode::UNAUTHORIZED, detail);
    }
    if !file && !is_question(path) {
        return problem(StatusCode::NOT_FOUND, "the page has no such path");
    }
    let path = request.uri().path_and_query().map_or(path, http::uri::PathAndQuery::as_str);
    match page.service.fetch(path, headers, !file).await {
        Ok(response) => handed_on(response),
        Err(error) => problem(StatusCode::BAD_GATEWAY, &format!("the operator cannot be reached: {error:#}")),
    }
}

impl Page {
    fn knows(&self, headers: &HeaderMap) -> bool {
        headers.get(TOKEN_HEADER).is_some_and(|shown| shown.as_bytes() == self.expected.as_bytes())
    }
}

/// A file of the page, which holds nothing that anybody may not see.
fn is_file(path: &str) -> bool {
    let name = path.strip_prefix("/page/");
    path == "/"
        || name.is_some_and(|name| !name.is_empty() && !name.contains("..") && name.chars().all(|c| c.is_ascii_lowercase() || c == '.'))
}

/// A path of the history API. What is joined to the path of the operator's Service must not lead out of it.
fn is_question(path: &str) -> bool {
    let within = |segment: &str| !segment.is_empty() && segment != "." && segment != ".." && !segment.to_ascii_lowercase().contains("%2");
    path.strip_prefix("/api/v1/").is_some_and(|rest| rest.split('/').all(within))
}

fn handed_on(response: Response<kube::client::Body>) -> Response {
    let (head, body) = response.into_parts();
    let mut headers = HeaderMap::new();
    for name in KEPT {
        headers.extend(head.headers.get(&name).map(|value| (name, value.clone())));
    }
    let streams = headers.get(CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"text/event-stream"));
    let body = Body::new(body);
    // A stream ends before the operator would end it, and the page goes on with another credential where this one was.
    let body = if streams { Body::from_stream(body.into_data_stream().take_until(Box::pin(tokio::time::sleep(FRESH)))) } else { body };
    (head.status, headers, body).into_response()
}

/// As the history API says what is wrong (RFC 9457).
fn problem(status: StatusCode, detail: &str) -> Response {
    let body = serde_json::json!({"status": status.as_u16(), "title": status.canonical_reason(), "detail": detail});
    (status, [(CONTENT_TYPE, "application/problem+json")], Json(body)).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_files_of_the_page_are_for_everybody() {
        for path in ["/", "/page/main.js", "/page/style.css"] {
            assert!(is_file(path), "{path}");
        }
        for path in ["/page/", "/page/../api/v1/objects", "/page/a/b", "/page/%2e%2e/api", "/api/v1/objects", "//", ""] {
            assert!(!is_file(path), "{path}");
        }
    }

    #[test]
    fn no_path_leads_out_of_the_history_api() {
        for path in ["/api/v1/objects", "/api/v1/objects/pools/a/b/graph", "/api/v1/signing-requests/a/b"] {
            assert!(is_question(path), "{path}");
        }
        for path in ["/api/v1/", "/api/v1/../../secrets", "/api/v1/%2e%2e/x", "/api/v1/a%2Fb", "/api/v1//x", "/log-level", "/openapi.json"]
        {
            assert!(!is_question(path), "{path}");
        }
    }

    #[test]
    fn every_key_is_another_one() {
        let keys = [key().unwrap(), key().unwrap()];
        assert!(keys[0] != keys[1] && keys[0].len() == 2 * KEY_BYTES, "{keys:?}");
    }
}
