use super::*;
use opentelemetry_otlp::WithExportConfig as _;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use tracing_subscriber::layer::SubscriberExt as _;

fn endpoint_of(vars: &[(&str, &str)]) -> Result<Option<String>, TracesError> {
    endpoint(|name| vars.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned()))
}

#[test]
fn nothing_is_exported_without_an_endpoint() {
    assert_eq!(endpoint_of(&[]).unwrap(), None);
    assert_eq!(endpoint_of(&[(ENDPOINTS[1], " ")]).unwrap(), None);
}

#[test]
fn the_endpoint_for_traces_beats_the_general_one() {
    let vars = [(ENDPOINTS[1], "http://a:4318"), (ENDPOINTS[0], "http://b")];
    assert_eq!(endpoint_of(&vars).unwrap().as_deref(), Some("http://b"));
}

#[test]
fn the_standard_switches_turn_the_export_off() {
    for switch in [("OTEL_SDK_DISABLED", "true"), ("OTEL_TRACES_EXPORTER", "none")] {
        let vars = [(ENDPOINTS[1], "http://a:4318"), switch];
        assert_eq!(endpoint_of(&vars).unwrap(), None, "{switch:?}");
    }
}

#[test]
fn another_protocol_is_refused_instead_of_spoken_wrongly() {
    let vars = [(ENDPOINTS[1], "http://a:4317"), (PROTOCOLS[1], "grpc")];
    let error = endpoint_of(&vars).unwrap_err();
    assert_eq!(error.to_string(), "failed to set up trace export: OTLP protocol \"grpc\" is not available, set http/protobuf");
}

#[test]
fn debug_spans_have_a_trace_id_without_any_exporter() {
    let traces = Traces::with_exporter(None);
    assert!(!traces.exports());
    let subscriber = tracing_subscriber::registry().with(traces.layer());
    tracing::subscriber::with_default(subscriber, || {
        assert_eq!(TraceId::current(), None);
        let outer = tracing::debug_span!("reconcile").entered();
        let id = TraceId::current().unwrap();
        assert_eq!(id.to_string().len(), 32);
        {
            let _inner = tracing::debug_span!("effect").entered();
            assert_eq!(TraceId::current(), Some(id));
        }
        drop(outer);
        let _next = tracing::debug_span!("reconcile").entered();
        assert_ne!(TraceId::current(), Some(id));
    });
}

#[test]
fn spans_of_libraries_are_left_out() {
    let traces = Traces::with_exporter(None);
    let subscriber = tracing_subscriber::registry().with(traces.layer());
    tracing::subscriber::with_default(subscriber, || {
        let _span = tracing::info_span!(target: "kube_runtime::controller", "reconciling").entered();
        assert_eq!(TraceId::current(), None);
    });
}

#[test]
fn a_call_of_the_api_server_counts_within_a_reconcile_only() {
    let traces = Traces::with_exporter(None);
    let subscriber = tracing_subscriber::registry().with(traces.layer());
    let call = || tracing::debug_span!(target: "kube_client::client::builder", "HTTP").entered();
    tracing::subscriber::with_default(subscriber, || {
        let watch = call();
        assert_eq!(traceparent(), None);
        drop(watch);
        let _reconcile = tracing::debug_span!("reconcile").entered();
        let (trace, outside) = (TraceId::current().unwrap().to_string(), traceparent().unwrap());
        let _get = call();
        let inside = traceparent().unwrap();
        assert!(inside.starts_with(&format!("00-{trace}-")) && inside.ends_with("-01"), "{inside}");
        assert_ne!(inside, outside, "the span is the call's own");
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn spans_reach_the_collector_at_the_latest_at_shutdown() {
    let collector = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/v1/traces", collector.local_addr().unwrap());
    let received = std::thread::spawn(move || {
        let (mut stream, _) = collector.accept().unwrap();
        let mut request = Vec::new();
        let mut chunk = [0; 4096];
        // The names are at the end of the body, which comes in one or several reads.
        while !request.windows(14).any(|part| part == b"sign_something") {
            let read = stream.read(&mut chunk).unwrap();
            assert_ne!(read, 0, "closed early: {}", String::from_utf8_lossy(&request));
            request.extend_from_slice(&chunk[..read]);
        }
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").unwrap();
        String::from_utf8_lossy(&request).into_owned()
    });

    let exporter = SpanExporter::builder().with_http().with_http_client(http_client(&url).unwrap()).with_endpoint(&url).build().unwrap();
    let traces = Traces::with_exporter(Some(exporter));
    let subscriber = tracing_subscriber::registry().with(traces.layer());
    tracing::subscriber::with_default(subscriber, || {
        tracing::debug_span!("sign_something").in_scope(|| {});
    });
    traces.shutdown().await;

    let request = received.join().unwrap();
    assert!(request.starts_with("POST /v1/traces HTTP/1.1\r\n"), "{request}");
    assert!(request.contains("openvox-operator"), "{request}");
}
