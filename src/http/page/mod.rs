//! The web page: static files in the program that use the API as any other client does.
//!
//! The page itself needs no token, because it holds no data. It runs only its own code and connects only to its own server;
//! the content security policy in its headers makes browsers enforce that.

use axum::Router;
use axum::http::header;
use axum::response::IntoResponse as _;
use axum::routing::get;

/// The content security policy of the page. It allows neither inline code nor inline styles, so a name or a message that is
/// taken for markup has no effect.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

struct File {
    path: &'static str,
    media_type: &'static str,
    content: &'static str,
}

macro_rules! files {
    ($($path:literal: $file:literal, $media_type:literal;)+) => {
        const FILES: &[File] = &[$(File { path: $path, media_type: $media_type, content: include_str!($file) },)+];
    };
}

files! {
    "/": "index.html", "text/html; charset=utf-8";
    "/page/style.css": "style.css", "text/css; charset=utf-8";
    "/page/icon.svg": "icon.svg", "image/svg+xml";
    "/page/main.js": "main.js", "text/javascript; charset=utf-8";
    "/page/api.js": "api.js", "text/javascript; charset=utf-8";
    "/page/board.js": "board.js", "text/javascript; charset=utf-8";
    "/page/dom.js": "dom.js", "text/javascript; charset=utf-8";
    "/page/graph.js": "graph.js", "text/javascript; charset=utf-8";
    "/page/layout.js": "layout.js", "text/javascript; charset=utf-8";
    "/page/object.js": "object.js", "text/javascript; charset=utf-8";
    "/page/time.js": "time.js", "text/javascript; charset=utf-8";
    "/page/token.js": "token.js", "text/javascript; charset=utf-8";
}

/// The router of the page.
pub(super) fn router<S: Clone + Send + Sync + 'static>() -> Router<S> {
    FILES.iter().fold(Router::new(), |router, file| {
        let headers = [
            (header::CONTENT_TYPE, file.media_type),
            (header::CONTENT_SECURITY_POLICY, POLICY),
            // Asked for again each time: the files change with the operator, and they are small and near.
            (header::CACHE_CONTROL, "no-cache"),
        ];
        router.route(file.path, get(move || async move { (headers, file.content).into_response() }))
    })
}
