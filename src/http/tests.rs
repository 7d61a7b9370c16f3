//! The servers over real sockets.

use super::*;
use crate::cluster::Readiness;
use crate::telemetry::Metrics;
use openvox_engine::Telemetry as _;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

pub(super) struct Running {
    pub(super) address: SocketAddr,
    stop: oneshot::Sender<()>,
    server: JoinHandle<io::Result<()>>,
}

pub(super) async fn start(router: Router) -> Running {
    let address: BindAddress = "127.0.0.1:0".parse().unwrap();
    let listener = address.listen().await.unwrap().unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel();
    let server = tokio::spawn(serve(listener, router, async {
        let _ = stopped.await;
    }));
    Running { address, stop, server }
}

pub(super) async fn get(running: &Running, path: &str) -> reqwest::Response {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let client = reqwest::Client::builder().tls_certs_only([]).build().unwrap();
    let url = format!("http://{}{path}", running.address);
    client.get(url).send().await.unwrap()
}

#[tokio::test]
async fn metrics_are_served_as_open_metrics() {
    let metrics = Arc::new(Metrics::new());
    metrics.journal_failure();
    let running = start(metrics::router(metrics, None)).await;

    let response = get(&running, "/metrics").await;

    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["content-type"], Metrics::CONTENT_TYPE);
    let body = response.text().await.unwrap();
    assert!(body.contains("openvox_journal_failures_total 1\n"), "{body}");
    assert!(body.ends_with("# EOF\n"), "{body}");
}

#[tokio::test]
async fn readiness_lists_what_is_missing_until_nothing_is() {
    let readiness = Readiness::waiting_for(["servers", "certificates"]);
    let running = start(health::router(readiness.clone())).await;
    for path in ["/livez", "/healthz"] {
        assert_eq!(get(&running, path).await.status(), 200, "{path}");
    }

    let response = get(&running, "/readyz").await;
    assert_eq!(response.status(), 503);
    assert_eq!(response.text().await.unwrap(), "not ready, waiting for:\n  certificates\n  servers\n");

    readiness.done("servers");
    readiness.done("certificates");
    assert_eq!(get(&running, "/readyz").await.status(), 200);
}

#[tokio::test]
async fn a_server_ends_on_the_signal_although_a_connection_is_open() {
    let running = start(health::router(Readiness::waiting_for(["x"]))).await;
    let _idle = tokio::net::TcpStream::connect(running.address).await.unwrap();
    get(&running, "/livez").await;

    running.stop.send(()).unwrap();

    running.server.await.unwrap().unwrap();
}

#[tokio::test]
async fn who_sends_a_byte_now_and_then_is_hung_up_on() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    let (mut client, server) = tokio::io::duplex(1024);
    let (_stopping, stopped) = watch::channel(false);
    let head = Duration::from_millis(300);
    let serving = tokio::spawn(connection(server, health::router(Readiness::waiting_for(["x"])), head, stopped));
    client.write_all(b"GET /livez HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    let mut answer = [0; 12];
    client.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 200");
    let dripping = async {
        while client.write_all(b"G").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(10 * head, dripping).await.expect("the connection ends although bytes come");
    serving.await.unwrap();
}
