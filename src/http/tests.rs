//! The three servers over real sockets.

use std::net::SocketAddr;
use std::sync::Arc;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use k8s_openapi::jiff::Timestamp;
use openvox_crds::HistoryEntry;
use serde_json::{Value, json};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::*;
use crate::journal::{JournalUrl, Record, SqliteStore, Store as _};
use crate::telemetry::Metrics;

struct Running {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    server: JoinHandle<io::Result<()>>,
}

async fn start(router: Router) -> Running {
    let address: BindAddress = "127.0.0.1:0".parse().unwrap();
    let listener = address.listen().await.unwrap().unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel();
    let server = tokio::spawn(serve(listener, router, async {
        let _ = stopped.await;
    }));
    Running { address, stop, server }
}

async fn get(running: &Running, path: &str) -> reqwest::Response {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let client = reqwest::Client::builder().tls_certs_only([]).build().unwrap();
    let url = format!("http://{}{path}", running.address);
    client.get(url).send().await.unwrap()
}

async fn json_of(running: &Running, path: &str) -> (u16, Value) {
    let response = get(running, path).await;
    let status = response.status().as_u16();
    let body = response.text().await.unwrap();
    (status, serde_json::from_str(&body).unwrap())
}

fn record(kind: &str, name: &str, seq: i64) -> Record {
    Record {
        uid: format!("uid-{name}"),
        kind: kind.to_owned(),
        namespace: "puppet".to_owned(),
        name: name.to_owned(),
        entry: HistoryEntry {
            seq,
            at: Time(Timestamp::from_second(1_800_000_000 + seq).unwrap()),
            event: "CsrSubmitted".to_owned(),
            version: 1,
            from: "Requested/KeyStored".to_owned(),
            to: "Requested/Submitted".to_owned(),
            phase: "Requested".to_owned(),
            cause: Some("key stored".to_owned()),
            trace_id: Some("0af7651916cd43dd8448eb211c80319c".to_owned()),
            data: Some(json!({ "attempt": seq })),
        },
    }
}

async fn history(records: &[Record]) -> Running {
    let store = SqliteStore::open(&JournalUrl::Memory).await.unwrap();
    store.append(records).await.unwrap();
    start(history::router(Arc::new(store))).await
}

#[tokio::test]
async fn metrics_are_served_as_open_metrics() {
    let metrics = Arc::new(Metrics::new());
    metrics.journal_failure();
    let running = start(metrics::router(metrics)).await;

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
async fn the_history_of_one_object_comes_page_by_page() {
    let mut records: Vec<_> = (1..=3).map(|seq| record("Certificate", "web", seq)).collect();
    records.push(record("Server", "ca", 1));
    let running = history(&records).await;

    let path = "/api/v1/history/certificates/puppet/web?limit=2";
    let (status, first) = json_of(&running, path).await;
    assert_eq!(status, 200);
    let item = &first["items"][0];
    assert_eq!(
        item,
        &json!({
            "kind": "Certificate", "namespace": "puppet", "name": "web", "uid": "uid-web",
            "seq": 3, "at": "2027-01-15T08:00:03Z", "event": "CsrSubmitted", "version": 1,
            "from": "Requested/KeyStored", "to": "Requested/Submitted", "phase": "Requested",
            "cause": "key stored", "traceId": "0af7651916cd43dd8448eb211c80319c",
            "data": { "attempt": 3 },
        })
    );
    assert_eq!(first["items"][1]["seq"], 2);

    let cursor = first["nextCursor"].as_str().unwrap();
    let (_, second) = json_of(&running, &format!("{path}&cursor={cursor}")).await;
    assert_eq!(second["items"].as_array().unwrap().len(), 1);
    assert_eq!(second["items"][0]["seq"], 1);
    assert_eq!(second.get("nextCursor"), None);
}

#[tokio::test]
async fn the_list_is_restricted_by_its_parameters() {
    let running = history(&[record("Certificate", "web", 1), record("Server", "ca", 2)]).await;
    let path = "/api/v1/history?kind=server&namespace=puppet&since=2027-01-15T08:00:02Z&order=asc";
    let (status, body) = json_of(&running, path).await;
    assert_eq!(status, 200);
    assert_eq!(body["items"].as_array().unwrap().len(), 1);
    assert_eq!(body["items"][0]["name"], "ca");
}

#[tokio::test]
async fn a_malformed_parameter_is_explained() {
    let running = history(&[]).await;
    let (status, body) = json_of(&running, "/api/v1/history?limit=1000").await;
    assert_eq!(status, 400);
    assert_eq!(body["parameter"], "limit");
    assert_eq!(body["value"], "1000");
    assert_eq!(body["expected"], "a number from 1 to 500");

    let (status, body) = json_of(&running, "/api/v1/history/pods/puppet/web").await;
    assert_eq!(status, 400);
    assert_eq!(body["parameter"], "kind");
}

#[tokio::test]
async fn a_server_ends_on_the_signal_although_a_connection_is_open() {
    let running = start(health::router(Readiness::waiting_for(["x"]))).await;
    let _idle = tokio::net::TcpStream::connect(running.address).await.unwrap();
    get(&running, "/livez").await;

    running.stop.send(()).unwrap();

    running.server.await.unwrap().unwrap();
}
