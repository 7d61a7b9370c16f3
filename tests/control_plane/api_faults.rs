//! A way to the API server on which requests fail: an API server has no faults to give on demand.

use crate::support::Namespace;
use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use kube::Client;
use serde_json::json;
use std::path::PathBuf;
use std::sync::Arc;
use tempfile::TempDir;

/// What becomes of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    None,
    /// Somebody else was faster.
    Conflict,
    /// Nothing is done.
    Fails,
    /// It is done, and nobody hears of it.
    LosesAnswer,
}

/// What becomes of each request is asked of this.
pub type Choice = Arc<dyn Fn(&Request) -> Fault + Send + Sync>;

/// The way; it is there as long as this is.
pub struct ApiFaults {
    /// Leads there.
    pub kubeconfig: PathBuf,
    _folder: TempDir,
}

impl ApiFaults {
    pub async fn serve(namespace: &Namespace, choice: Choice) -> Self {
        let router = Router::new().fallback(pass).with_state((namespace.client.clone(), choice));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await });
        let folder = TempDir::new().unwrap();
        let config = json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "c",
            "clusters": [{"name": "c", "cluster": {"server": server}}],
            "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
            "users": [{"name": "u", "user": {}}],
        });
        let kubeconfig = folder.path().join("kubeconfig");
        std::fs::write(&kubeconfig, config.to_string()).unwrap();
        Self { kubeconfig, _folder: folder }
    }
}

fn failure(code: StatusCode, reason: &str, message: &str) -> Response {
    let status =
        json!({"apiVersion": "v1", "kind": "Status", "status": "Failure", "reason": reason, "code": code.as_u16(), "message": message});
    (code, axum::Json(status)).into_response()
}

async fn pass(State((client, choice)): State<(Client, Choice)>, request: Request) -> Response {
    let fault = choice(&request);
    let message = "the object has been modified; please apply your changes to the latest version and try again";
    match fault {
        Fault::Conflict => return failure(StatusCode::CONFLICT, "Conflict", message),
        Fault::Fails => return failure(StatusCode::INTERNAL_SERVER_ERROR, "InternalError", "etcdserver: request timed out"),
        Fault::None | Fault::LosesAnswer => {}
    }
    let (mut parts, body) = request.into_parts();
    parts.headers.remove("host");
    let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
    match client.send(axum::http::Request::from_parts(parts, body.to_vec().into())).await {
        Ok(_) if fault == Fault::LosesAnswer => failure(StatusCode::BAD_GATEWAY, "InternalError", "the answer was lost"),
        Ok(answer) => answer.map(Body::new),
        Err(error) => (StatusCode::BAD_GATEWAY, error.to_string()).into_response(),
    }
}
