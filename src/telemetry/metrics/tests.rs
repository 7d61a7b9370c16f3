use std::collections::BTreeMap;

use super::*;
use crate::telemetry::{METRICS, MetricKind};

const PHASES: [&str; 3] = ["Pending", "Signed", "Error"];

fn touched() -> Metrics {
    let metrics = Metrics::new();
    metrics.phase("Certificate", "puppet", "web", PHASES, "Pending");
    metrics.certificate_expires("puppet", "web", 2_000_000_000);
    metrics.crl_due("puppet", "ca", 1_900_000_000);
    metrics.ca_expires("puppet", "ca", 2_100_000_000);
    metrics.ca_unverified("puppet", "ca", true);
    metrics.transition("Certificate", "CsrSubmitted", "Pending", "Requested");
    metrics.time_reconcile("Certificate").finish(Outcome::Ok);
    metrics.time_effect("Certificate", "SubmitCsr").finish(Outcome::Error);
    metrics.reconcile_error("Certificate", "CaUnreachable");
    metrics.api_write("Secret", Verb::Apply);
    metrics.ca_call("submit_csr", "ok");
    metrics.journal_lag(3);
    metrics.journal_failure();
    metrics
}

/// The label names of the first sample of a family, without those that a type brings along.
fn labels_of<'t>(text: &'t str, family: &str) -> Vec<&'t str> {
    let sample = text.lines().find(|line| line.strip_prefix(family).is_some_and(|rest| rest.starts_with(['{', ' ', '_']))).unwrap();
    let Some((_, labels)) = sample.split_once('{') else {
        return Vec::new();
    };
    let labels = labels.split_once('}').unwrap().0;
    labels.split(',').map(|label| label.split_once('=').unwrap().0).filter(|label| *label != "le").collect()
}

#[test]
fn the_documented_list_and_the_registry_agree() {
    let text = touched().encode().unwrap();
    let mut types = BTreeMap::new();
    let mut helps = BTreeMap::new();
    for line in text.lines() {
        if let Some((name, kind)) = line.strip_prefix("# TYPE ").and_then(|l| l.split_once(' ')) {
            assert_eq!(types.insert(name, kind), None, "{name} is registered twice");
        }
        if let Some((name, help)) = line.strip_prefix("# HELP ").and_then(|l| l.split_once(' ')) {
            helps.insert(name, help);
        }
    }
    for metric in METRICS {
        // OpenMetrics names a family without `_total` and `_info`, but with the unit.
        let family = metric.name.trim_end_matches("_total").trim_end_matches("_info");
        assert_eq!(types.remove(family), Some(metric.kind.as_str()), "{family}");
        assert_eq!(helps[family], format!("{}.", metric.help));
        assert_eq!(labels_of(&text, family), metric.labels, "{family}");
        let sample = match metric.kind {
            MetricKind::Histogram => format!("{}_bucket", metric.name),
            _ => metric.name.to_owned(),
        };
        assert!(
            text.lines().any(|l| l.starts_with(&format!("{sample}{{")) || l.starts_with(&format!("{sample} "))),
            "no sample is called {sample}"
        );
    }
    assert!(types.is_empty(), "not in the list: {types:?}");
    assert!(text.ends_with("# EOF\n"));
}

#[test]
fn an_object_is_in_exactly_one_phase() {
    let metrics = Metrics::new();
    metrics.phase("Certificate", "puppet", "web", PHASES, "Pending");
    metrics.phase("Certificate", "puppet", "web", PHASES, "Signed");

    let text = metrics.encode().unwrap();
    let line = |phase: &str, value: u8| {
        format!(
            "openvox_resource_phase{{kind=\"Certificate\",namespace=\"puppet\",name=\"web\",\
             phase=\"{phase}\"}} {value}\n"
        )
    };
    assert!(text.contains(&line("Pending", 0)));
    assert!(text.contains(&line("Signed", 1)));
    assert!(text.contains(&line("Error", 0)));
}

#[test]
fn a_forgotten_object_leaves_no_series_and_its_neighbour_keeps_its_own() {
    let metrics = Metrics::new();
    metrics.phase("Certificate", "puppet", "web", PHASES, "Signed");
    metrics.certificate_expires("puppet", "web", 2_000_000_000);
    metrics.certificate_expires("puppet", "db", 2_000_000_001);

    metrics.forget("Certificate", "puppet", "web");

    let text = metrics.encode().unwrap();
    assert!(!text.contains("name=\"web\""), "{text}");
    assert!(text.contains("name=\"db\"} 2000000001\n"), "{text}");
}

#[test]
fn a_timer_that_is_dropped_counts_as_aborted() {
    let metrics = Metrics::new();
    drop(metrics.time_reconcile("Server"));

    let text = metrics.encode().unwrap();
    let count = "openvox_reconcile_duration_seconds_count{kind=\"Server\",result=\"aborted\"} 1\n";
    assert!(text.contains(count), "{text}");
}

#[test]
fn a_duration_measured_in_a_span_carries_its_trace_id() {
    use tracing_subscriber::layer::SubscriberExt as _;

    let traces = crate::telemetry::Traces::from_env().unwrap();
    let subscriber = tracing_subscriber::registry().with(traces.layer());
    let metrics = Metrics::new();
    let id = tracing::subscriber::with_default(subscriber, || {
        let _span = tracing::debug_span!("reconcile").entered();
        metrics.time_reconcile("Server").finish(Outcome::Ok);
        TraceId::current().unwrap()
    });

    let text = metrics.encode().unwrap();
    assert!(text.contains(&format!("# {{trace_id=\"{id}\"}}")), "{text}");
}
