//! What a tracing backend sees of a reconcile.

use crate::collector::{Collector, Span};
use crate::fake_ca::{Behaviour, FakeCa};
use crate::issuing::{WEB, outside};
use crate::support::namespace::HasLifecycle as _;
use crate::support::operator::Options;
use crate::support::{Cluster, wait};
use openvox_crds::Certificate;
use std::collections::{BTreeSet, HashMap};

#[tokio::test]
async fn a_transition_leads_to_its_trace_and_a_reconcile_is_one_tree_of_spans() {
    let namespace = Cluster::shared().namespace().await;
    let ca = FakeCa::start(Behaviour::Signs);
    let collector = Collector::start().await;
    let operator = Options::new(&namespace)
        .variable("OTEL_EXPORTER_OTLP_ENDPOINT", &collector.endpoint)
        .variable("OTEL_BSP_SCHEDULE_DELAY", "200")
        .start();
    outside(&namespace, &ca).await;
    namespace.create_all(WEB).await;
    let certificate: Certificate = namespace.reaches("web", "Signed/Valid").await;
    let history = certificate.lifecycle().unwrap().history.clone();
    // A transition is logged once it is stored.
    let newest = history.last().unwrap().trace_id.clone().unwrap();
    let log = wait::until_some("the newest transition in the log", async || Some(operator.log()).filter(|log| log.contains(&newest))).await;
    assert!(operator.terminate().await.success());

    let spans = collector.spans();
    let mut by_trace: HashMap<&str, Vec<&Span>> = HashMap::new();
    for span in &spans {
        by_trace.entry(&span.trace).or_default().push(span);
    }
    for entry in &history {
        let trace = entry.trace_id.as_deref().expect("a transition knows its trace");
        assert!(log.contains(trace), "the log has the id of the trace of {}", entry.event);
        let tree = by_trace.get(trace).unwrap_or_else(|| panic!("the trace of {} was exported", entry.event));
        let ids: BTreeSet<&str> = tree.iter().map(|span| span.id.as_str()).collect();
        let roots: Vec<&&Span> = tree.iter().filter(|span| !ids.contains(span.parent.as_str())).collect();
        assert_eq!(roots.len(), 1, "one tree: {tree:?}");
        assert_eq!(roots[0].name, "reconcile Certificate");
        let root = |name: &str| roots[0].attributes.get(name).map_or("none", String::as_str);
        assert_eq!((root("k8s.kind"), root("k8s.name"), root("generation")), ("Str(Certificate)", "Str(web)", "Int(1)"));
        assert_eq!(root("trace_id"), format!("Str({trace})"));
        assert!(root("state.from").starts_with("Str(") && root("state.to").starts_with("Str("), "{tree:?}");
        for name in ["observe", "decide", "commit"] {
            let of_root = tree.iter().filter(|span| span.name == name && span.parent == roots[0].id);
            assert!(of_root.count() > 0, "{name} is a child of the reconcile: {tree:?}");
        }
    }
    let named = |name: &str| spans.iter().find(|span| span.name == name).unwrap_or_else(|| panic!("a span {name:?}"));
    let submit = named("effect SubmitCsr");
    assert!(spans.iter().any(|span| span.name == "submit" && span.parent == submit.id), "the call is a child of its effect");
    assert_eq!(spans.iter().filter(|span| span.name == "generate key").count(), 1);

    let call = spans.iter().find(|span| span.name == "submit").unwrap();
    let header = format!("00-{}-{}-01", call.trace, call.id);
    assert!(ca.traced().contains(&header), "the CA is told who calls: {header} in {:?}", ca.traced());
    let written = spans.iter().filter(|span| span.attributes.contains_key("http.method"));
    let written: Vec<&str> =
        written.map(|span| spans.iter().find(|parent| parent.id == span.parent).map_or("nobody", |of| &of.name)).collect();
    for of in ["commit", "effect EnsureKey"] {
        assert!(written.contains(&of), "a request to the API server is a child of its step {of}: {written:?}");
    }
    assert!(!written.contains(&"nobody"), "watches are no traces: {written:?}");
}

#[tokio::test]
async fn a_receiver_that_is_not_there_holds_nothing_up() {
    let namespace = Cluster::shared().namespace().await;
    let nobody = format!("http://127.0.0.1:{}", crate::support::operator::free_port());
    let operator = Options::new(&namespace).variable("OTEL_EXPORTER_OTLP_ENDPOINT", &nobody).start();
    namespace.create_all("{apiVersion: openvox.voxpupuli.org/v1alpha1, kind: Pool, metadata: {name: agents}, spec: {}}").await;
    namespace.reaches::<openvox_crds::Pool>("agents", "Ready/Synced").await;
    assert!(operator.terminate().await.success());
}
