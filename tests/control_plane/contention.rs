//! Others at work on the same objects: conflicts without end, and two operators at once.

use crate::crashes::assert_history_is_whole;
use crate::fake_ca::{Behaviour, FakeCa};
use crate::issuing::{WEB, assert_issued_once, outside};
use crate::support::operator::Options;
use crate::support::{Cluster, Namespace, wait};
use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use kube::Client;
use openvox_crds::Certificate;
use serde_json::json;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use tempfile::TempDir;

/// A way to the API server on which the first writes of a Certificate's status meet a conflict: an API server has none
/// to give on demand.
struct Conflicts {
    client: Client,
    left: AtomicU32,
}

impl Conflicts {
    /// Serves it, and answers with a kubeconfig that leads there.
    async fn serve(namespace: &Namespace, count: u32) -> (Arc<Self>, PathBuf, TempDir) {
        let conflicts = Arc::new(Self { client: namespace.client.clone(), left: AtomicU32::new(count) });
        let router = Router::new().fallback(Self::pass).with_state(Arc::clone(&conflicts));
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
        let path = folder.path().join("kubeconfig");
        std::fs::write(&path, config.to_string()).unwrap();
        (conflicts, path, folder)
    }

    async fn pass(State(conflicts): State<Arc<Self>>, request: Request) -> Response {
        let one_less = |left: u32| left.checked_sub(1);
        let of_a_status = request.method() == "PUT" && request.uri().path().ends_with("/certificates/web/status");
        if of_a_status && conflicts.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, one_less).is_ok() {
            let status = json!({
                "apiVersion": "v1", "kind": "Status", "status": "Failure", "reason": "Conflict", "code": 409,
                "message": "the object has been modified; please apply your changes to the latest version and try again",
            });
            return (axum::http::StatusCode::CONFLICT, axum::Json(status)).into_response();
        }
        let (mut parts, body) = request.into_parts();
        parts.headers.remove("host");
        let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
        match conflicts.client.send(axum::http::Request::from_parts(parts, body.to_vec().into())).await {
            Ok(answer) => answer.map(Body::new),
            Err(error) => (axum::http::StatusCode::BAD_GATEWAY, error.to_string()).into_response(),
        }
    }
}

#[tokio::test]
async fn fifty_conflicts_in_a_row_change_nothing_about_the_end() {
    let namespace = Cluster::shared().namespace().await;
    let ca = FakeCa::start(Behaviour::Signs);
    outside(&namespace, &ca).await;
    let (conflicts, kubeconfig, _folder) = Conflicts::serve(&namespace, 50).await;
    let operator = Options::new(&namespace).kubeconfig(kubeconfig).start();
    operator.ready().await;
    namespace.create_all(WEB).await;
    namespace.reaches::<Certificate>("web", "Signed/Valid").await;
    assert_eq!(conflicts.left.load(Ordering::SeqCst), 0, "all conflicts were met");
    assert_issued_once(&namespace, &ca).await;
    assert_history_is_whole(&namespace, &operator).await;
    assert_eq!(operator.errors(), Vec::<String>::new());
}

#[tokio::test]
async fn a_lease_that_is_lost_in_the_middle_of_a_renewal_leads_to_one_renewal() {
    let namespace = Cluster::shared().namespace().await;
    let ca = FakeCa::start(Behaviour::Signs);
    outside(&namespace, &ca).await;
    namespace.create_all(WEB).await;
    let options = Options::new(&namespace).argument("--leader-elect");
    let mut first = options.start_with("POD_NAME", "first");
    namespace.reaches::<Certificate>("web", "Signed/Valid").await;
    let second = options.start_with("POD_NAME", "second");
    second.ready().await;

    ca.becomes(Behaviour::HoldsRenewals);
    let wish = json!({"metadata": {"annotations": {"openvox.voxpupuli.org/renew": "now"}}});
    namespace.merge::<Certificate>("web", wish).await;
    wait::until_some("the CA to renew", async || (ca.renewals() == 1).then_some(())).await;
    // The CA has renewed, and the answer never reaches whoever asked in time.
    first.freeze(true);
    ca.becomes(Behaviour::Signs);
    let last = |certificate: &Certificate| crate::support::namespace::events(certificate).last().cloned();
    let renewed = |certificate: &Certificate| last(certificate).as_deref() == Some("CertificateRenewed");
    wait::until(&namespace.api::<Certificate>(), "web", "to be renewed by the second operator", renewed).await;
    // The first one wakes up with the answer in its hands and the lease in another's.
    first.freeze(false);
    first.ended().await;
    assert_eq!(ca.renewals(), 1);
    assert_issued_once(&namespace, &ca).await;
    assert_history_is_whole(&namespace, &second).await;
}
