use super::*;
use crate::telemetry::{METRICS, MetricKind, TraceId};
use openvox_engine::{CurrentState, ObjectKey, Outcome, Telemetry as _};
use openvox_machines::core::Rest;
use std::collections::BTreeMap;
use std::time::Duration;

const PHASES: [&str; 3] = ["Pending", "Signed", "Error"];

/// The time of every scrape of these tests.
const NOW: i64 = 1_800_000_000;

fn metrics(detail: Detail) -> Metrics {
    Metrics::with_objects(Objects::with_clock(detail, || NOW))
}

/// Waits, blocked, since `ago` seconds, with 600 seconds to do so.
fn waiting(ago: i64) -> CurrentState {
    CurrentState {
        phase: "Pending",
        state: "Pending/WaitingForAuthority",
        rest: Rest::Waiting { deadline: 600 },
        since: NOW - ago,
        ready: false,
        blocked: Some("AuthorityNotFound"),
        attempts: 2,
    }
}

fn settled() -> CurrentState {
    CurrentState { phase: "Signed", state: "Signed/Valid", rest: Rest::Settled, since: NOW - 5, ready: true, blocked: None, attempts: 0 }
}

fn touched() -> Metrics {
    let metrics = metrics(Detail::PerObject);
    metrics.current_state(&ObjectKey::new("Certificate", "puppet", "web"), &PHASES, waiting(10));
    metrics.certificate_expires("puppet", "web", 2_000_000_000);
    metrics.server_pods("puppet", "compiler", 3, 2);
    metrics.queue("Server", Box::new(|| 4));
    metrics.leads();
    metrics.crl_due("puppet", "ca", 1_900_000_000);
    metrics.ca_expires("puppet", "ca", 2_100_000_000);
    metrics.ca_unverified("puppet", "ca", true);
    metrics.transition("Certificate", "CsrSubmitted", "Pending", "Requested");
    metrics.reconcile_ended("Certificate", Outcome::Ok, Duration::from_millis(1));
    metrics.effect_ended("Certificate", "SubmitCsr", Outcome::Error, Duration::from_millis(1));
    metrics.reconcile_error("Certificate", "CaUnreachable");
    metrics.api_write("Secret", Verb::Apply);
    metrics.ca_call("submit", Some("Timeout"));
    metrics.journal_up(true);
    metrics.journal_lag(3, Some(2_000_000_000));
    metrics.journal_failure();
    metrics.journal_lost(7);
    metrics.journal_begun_anew();
    metrics.journal_pruned(9);
    metrics.journal_refused(1);
    metrics.watch_synced("Pool", true);
    metrics.unreadable_objects("Pool", "status", 1);
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

/// Whether the exposition has exactly this sample.
fn says(text: &str, sample: &str) -> bool {
    text.lines().any(|line| line == sample)
}

#[test]
fn an_object_is_in_exactly_one_phase() {
    let metrics = metrics(Detail::PerObject);
    metrics.current_state(&ObjectKey::new("Certificate", "puppet", "web"), &PHASES, waiting(10));
    metrics.current_state(&ObjectKey::new("Certificate", "puppet", "web"), &PHASES, settled());

    let text = metrics.encode().unwrap();
    for (phase, value) in [("Pending", 0), ("Signed", 1), ("Error", 0)] {
        let labels = format!("kind=\"Certificate\",namespace=\"puppet\",name=\"web\",phase=\"{phase}\"");
        assert!(says(&text, &format!("openvox_resource_phase{{{labels}}} {value}")), "{text}");
    }
}

#[test]
fn what_blocks_and_what_waits_is_said_only_while_it_does() {
    let metrics = metrics(Detail::PerObject);
    let only_while_abnormal = ["openvox_resource_blocked", "openvox_resource_deadline", "openvox_resource_failed_attempts"];
    metrics.current_state(&ObjectKey::new("Certificate", "puppet", "web"), &PHASES, waiting(10));
    let text = metrics.encode().unwrap();
    for name in only_while_abnormal {
        assert!(text.contains(&format!("\n{name}")), "{name} in {text}");
    }
    metrics.current_state(&ObjectKey::new("Certificate", "puppet", "web"), &PHASES, settled());
    let text = metrics.encode().unwrap();
    for name in only_while_abnormal {
        assert!(!text.contains(&format!("\n{name}")), "{name} in {text}");
    }
}

#[test]
fn a_missed_deadline_shows_at_the_next_scrape_without_anybody_telling() {
    let metrics = metrics(Detail::Sums);
    let overdue = |count: u8| {
        format!(
            "openvox_resources_overdue{{kind=\"Certificate\",namespace=\"puppet\",phase=\"Pending\",\
             state=\"Pending/WaitingForAuthority\"}} {count}"
        )
    };
    metrics.current_state(&ObjectKey::new("Certificate", "puppet", "on-time"), &PHASES, waiting(600));
    assert!(says(&metrics.encode().unwrap(), &overdue(0)));
    metrics.current_state(&ObjectKey::new("Certificate", "puppet", "late"), &PHASES, waiting(601));
    assert!(says(&metrics.encode().unwrap(), &overdue(1)));
    metrics.current_state(
        &ObjectKey::new("Certificate", "puppet", "late"),
        &PHASES,
        CurrentState { blocked: Some("PausedByAnnotation"), ..waiting(601) },
    );
    assert!(says(&metrics.encode().unwrap(), &overdue(0)), "nobody expects anything of a paused object");
}

#[test]
fn sums_name_no_object_and_are_the_same_with_and_without_detail() {
    let sums = |detail| {
        let metrics = metrics(detail);
        metrics.current_state(&ObjectKey::new("Certificate", "puppet", "web"), &PHASES, waiting(700));
        metrics.current_state(&ObjectKey::new("Certificate", "puppet", "db"), &PHASES, waiting(7));
        metrics.current_state(&ObjectKey::new("Certificate", "other", "web"), &PHASES, settled());
        metrics.certificate_expires("puppet", "web", 2_000_000_000);
        metrics.certificate_expires("puppet", "db", 1_900_000_000);
        metrics.server_pods("puppet", "compiler", 3, 2);
        metrics.encode().unwrap()
    };
    let (each, only) = (sums(Detail::PerObject), sums(Detail::Sums));
    assert!(!only.contains("name=\""), "{only}");
    for line in [
        "openvox_resources{kind=\"Certificate\",namespace=\"puppet\",phase=\"Pending\",state=\"Pending/WaitingForAuthority\",rest=\"waiting\"} 2",
        "openvox_resources{kind=\"Certificate\",namespace=\"other\",phase=\"Signed\",state=\"Signed/Valid\",rest=\"settled\"} 1",
        "openvox_resources_not_ready{kind=\"Certificate\",namespace=\"puppet\"} 2",
        "openvox_resources_not_ready{kind=\"Certificate\",namespace=\"other\"} 0",
        "openvox_resources_blocked{kind=\"Certificate\",namespace=\"puppet\",reason=\"AuthorityNotFound\"} 2",
        "openvox_certificate_earliest_expiry_timestamp_seconds{namespace=\"puppet\"} 1900000000",
    ] {
        assert!(says(&each, line), "{line} in {each}");
        assert!(says(&only, line), "{line} in {only}");
    }
}

#[test]
fn a_forgotten_object_leaves_no_series_and_its_neighbour_keeps_its_own() {
    let metrics = metrics(Detail::PerObject);
    for name in ["web", "db"] {
        metrics.current_state(&ObjectKey::new("Certificate", "puppet", name), &PHASES, waiting(10));
        metrics.certificate_expires("puppet", name, 2_000_000_000);
    }

    metrics.forget(&ObjectKey::new("Certificate", "puppet", "web"));

    let text = metrics.encode().unwrap();
    assert!(!text.contains("name=\"web\""), "{text}");
    assert!(says(&text, "openvox_certificate_expiry_timestamp_seconds{namespace=\"puppet\",name=\"db\"} 2000000000"), "{text}");
    assert!(says(&text, "openvox_resources_not_ready{kind=\"Certificate\",namespace=\"puppet\"} 1"), "{text}");
}

#[test]
fn a_queue_is_asked_at_the_scrape() {
    use std::sync::atomic::{AtomicUsize, Ordering};

    let metrics = Metrics::new();
    let waiting = Arc::new(AtomicUsize::new(0));
    let asked = Arc::clone(&waiting);
    metrics.queue("Server", Box::new(move || asked.load(Ordering::Relaxed)));
    waiting.store(7, Ordering::Relaxed);
    assert!(says(&metrics.encode().unwrap(), "openvox_reconcile_queue_length{kind=\"Server\"} 7"));
}

#[test]
fn a_reconcile_that_did_not_reach_its_end_counts_as_aborted() {
    let metrics = Metrics::new();
    metrics.reconcile_ended("Server", Outcome::Aborted, Duration::from_millis(1));

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
        metrics.reconcile_ended("Server", Outcome::Ok, Duration::from_millis(1));
        TraceId::current().unwrap()
    });

    let text = metrics.encode().unwrap();
    assert!(text.contains(&format!("# {{trace_id=\"{id}\"}}")), "{text}");
}
