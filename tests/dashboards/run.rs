//! One run: all is well, then much is not, then without series of single objects.

use crate::prometheus::Prometheus;
use crate::scenario::Scenario;
use crate::support::operator::Options;
use crate::support::wait::{BOUND, until_some};
use crate::support::{Cluster, Operator};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::path::Path;

/// A panel with its queries as Grafana would send them.
struct Panel {
    place: String,
    queries: Vec<String>,
    /// It may be empty while all is well.
    quiet: bool,
    json: Value,
}

/// Every panel with queries. Nothing is chosen at the top of the dashboards, so every choice is "All".
fn panels() -> Vec<Panel> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("dashboards/generated");
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let mut panels = Vec::new();
    for file in files.iter().filter(|file| file.extension().is_some_and(|extension| extension == "json")) {
        let board: Value = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
        for panel in board["panels"].as_array().unwrap() {
            let targets = panel["targets"].as_array().into_iter().flatten();
            let queries: Vec<String> = targets.map(|target| filled_in(target["expr"].as_str().unwrap())).collect();
            if queries.is_empty() {
                continue;
            }
            let place = format!("{}: {}", board["title"].as_str().unwrap(), panel["title"].as_str().unwrap());
            let quiet = panel["fieldConfig"]["defaults"].get("noValue").is_some();
            panels.push(Panel { place, queries, quiet, json: panel.clone() });
        }
    }
    assert!(panels.len() > 30, "the dashboards are read");
    panels
}

fn filled_in(expr: &str) -> String {
    let filled = expr.replace("$kind", ".*").replace("$namespace", ".*").replace("$__rate_interval", "30s").replace("$__range", "5m");
    assert!(!filled.contains('$'), "a variable that the test does not know: {filled}");
    filled
}

/// Waits until every one of these panels has data for each of its queries.
async fn all_show(prometheus: &Prometheus, panels: impl Iterator<Item = &Panel>) {
    for panel in panels {
        for query in &panel.queries {
            let shown = async {
                while prometheus.query(query).await.is_empty() {
                    tokio::time::sleep(std::time::Duration::from_millis(200)).await;
                }
            };
            assert!(tokio::time::timeout(BOUND, shown).await.is_ok(), "the panel {:?} is empty; its query is\n{query}", panel.place);
        }
    }
}

/// An alert is there, pending or firing, with these labels.
async fn alerted(prometheus: &Prometheus, alert: &str, labels: &str) {
    prometheus.until(&format!("ALERTS{{alertname=\"{alert}\"{labels}}}")).await;
}

/// No rule failed to be evaluated, and none asks for a metric that does not exist.
async fn every_rule_is_evaluated(prometheus: &Prometheus) {
    let rules = until_some("every rule to be evaluated", async || {
        let rules = prometheus.ask("rules", &[]).await.unwrap();
        let groups = rules["groups"].as_array().unwrap().clone();
        let rules: Vec<Value> = groups.iter().flat_map(|group| group["rules"].as_array().unwrap().clone()).collect();
        rules.iter().all(|rule| rule["health"] != "unknown").then_some(rules)
    })
    .await;
    assert!(rules.len() > 30, "the rules are loaded");
    let names = prometheus.ask("label/__name__/values", &[]).await.unwrap();
    let names: BTreeSet<&str> = names.as_array().unwrap().iter().filter_map(Value::as_str).collect();
    for rule in &rules {
        assert_eq!(rule["health"], "ok", "{rule}");
        let expr = rule["query"].as_str().unwrap();
        let words = expr.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
        for metric in words.filter(|word| word.starts_with("openvox_") && !word.starts_with("openvox_operator_build")) {
            assert!(names.contains(metric), "{} asks for {metric}, which nobody says", rule["name"]);
        }
    }
}

/// Lets time pass in the pictures; a test has no need of it.
async fn linger() {
    if std::env::var_os("DASHBOARD_DATA").is_some() {
        tokio::time::sleep(std::time::Duration::from_secs(45)).await;
    }
}

/// What the panels show, for the pictures in the documentation.
async fn leave_data(prometheus: &Prometheus, panels: &[Panel], since: i64) {
    let Some(folder) = std::env::var_os("DASHBOARD_DATA") else { return };
    let (start, end) = (since.to_string(), chrono::Utc::now().timestamp().to_string());
    let mut shown = Vec::new();
    for panel in panels {
        let mut series = Vec::new();
        for query in &panel.queries {
            let data = if panel.json["targets"][0]["instant"] == true {
                prometheus.ask("query", &[("query", query)]).await
            } else {
                prometheus.ask("query_range", &[("query", query), ("start", &start), ("end", &end), ("step", "1")]).await
            };
            series.push(data.unwrap()["result"].clone());
        }
        shown.push(json!({"place": panel.place, "panel": panel.json, "series": series}));
    }
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(Path::new(&folder).join("panels.json"), serde_json::to_string(&shown).unwrap()).unwrap();
}

#[tokio::test]
async fn every_panel_shows_something_and_every_alert_is_evaluated_over_a_real_run() {
    let Some(cluster) = Cluster::own("d") else { return };
    let panels = panels();
    let began = chrono::Utc::now().timestamp();
    let prometheus = Prometheus::start().await;
    let scenario = Scenario::new(&cluster).await;
    let options = Options::new(&scenario.namespace);
    let operator: Operator = options.start();
    operator.ready().await;
    prometheus.scrapes(operator.metrics_port());
    prometheus.until("openvox_operator_leader == 1").await;

    scenario.is_well().await;
    prometheus.until("openvox_resource_ready{kind=\"Certificate\",name=\"web\"} == 1").await;
    // Counters have to grow after their first scrape before they have a rate.
    scenario.requests("db").await;
    all_show(&prometheus, panels.iter().filter(|panel| !panel.quiet)).await;
    for alert in ["OpenvoxOperatorDown", "OpenvoxNoLeader", "OpenvoxResourceStuck", "OpenvoxCertificateExpiringSoon", "OpenvoxCrlStale"] {
        let there = prometheus.query(&format!("ALERTS{{alertname=\"{alert}\",alertstate=\"firing\"}}")).await;
        assert!(there.is_empty(), "all is well: {there:?}");
    }

    linger().await;
    scenario.goes_wrong().await;
    all_show(&prometheus, panels.iter()).await;
    every_rule_is_evaluated(&prometheus).await;
    alerted(&prometheus, "OpenvoxCertificateWaitingForAuthorityOverdue", ",name=\"orphan\"").await;
    alerted(&prometheus, "OpenvoxResourceStuck", ",name=\"unwanted\",state=\"Error/Stalled\"").await;
    alerted(&prometheus, "OpenvoxResourceNotReady", ",name=\"failing\"").await;
    let alerts = prometheus.ask("alerts", &[]).await.unwrap();
    let alert = alerts["alerts"].as_array().unwrap().iter().find(|alert| alert["labels"]["name"] == "orphan").unwrap().clone();
    let command = format!("kubectl openvox why Certificate/orphan --namespace {}", scenario.namespace.name);
    assert_eq!(alert["annotations"]["command"], command, "{alert}");
    let blocked = prometheus.query("openvox_resource_blocked{name=\"orphan\",reason=\"AuthorityNotFound\"}").await;
    assert_eq!(blocked.len(), 1, "{blocked:?}");

    // An exemplar leads from a duration to the trace that an entry of the history names.
    let now = chrono::Utc::now().timestamp().to_string();
    let asked = [("query", "openvox_reconcile_duration_seconds_bucket"), ("start", &began.to_string()), ("end", &now)];
    let exemplars = prometheus.ask("query_exemplars", &asked).await.unwrap().to_string();
    let (_, history) = operator.history("?limit=500");
    let traces: BTreeSet<&str> = history["items"].as_array().unwrap().iter().filter_map(|entry| entry["traceId"].as_str()).collect();
    assert!(traces.iter().any(|trace| exemplars.contains(trace)), "{traces:?} in {exemplars}");
    linger().await;
    leave_data(&prometheus, &panels, began).await;

    // A large fleet: the same alerts, without names.
    assert!(operator.terminate().await.success());
    let operator = options.argument("--metrics-per-object=false").start();
    operator.ready().await;
    prometheus.scrapes(operator.metrics_port());
    alerted(&prometheus, "OpenvoxCertificateWaitingForAuthorityOverdue", ",name=\"\"").await;
    alerted(&prometheus, "OpenvoxResourceStuck", ",name=\"\",state=\"Error/Stalled\"").await;
    assert!(!operator.metrics().contains("name=\"orphan\""));
    assert_eq!(operator.errors(), Vec::<String>::new());
}
