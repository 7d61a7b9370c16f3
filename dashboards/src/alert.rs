//! Alerts: those of `alerts.yaml`, and one for every waiting state of every machine.

use crate::kinds;
use openvox_machines::core::Leaf;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Where a runbook lies when the chart's value does not say otherwise.
pub const RUNBOOKS: &str = "https://github.com/voxpupuli/openvox-operator/blob/main/docs/runbooks/";

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Somebody should look at it today.
    Warning,
    /// Agents notice, or will within the hour.
    Critical,
}

/// What a test of an alert feeds and expects.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Proof {
    /// Series and their values in promtool's notation, one sample each minute from the epoch.
    #[serde(default)]
    pub series: BTreeMap<String, String>,
    /// When to look, in minutes after the epoch.
    pub at: u32,
    /// Labels of each alert that fires, without its own and `severity`; empty where none does.
    #[serde(default)]
    pub fires: Vec<BTreeMap<String, String>>,
}

/// One alert.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Alert {
    /// Name, `CamelCase`; the runbook is called the same.
    pub name: String,
    /// `PromQL` that has a result while something is wrong.
    pub expr: String,
    /// How long it has to be so, such as `5m`.
    pub r#for: String,
    /// How bad it is.
    pub severity: Severity,
    /// One line; Prometheus fills in `{{ $labels… }}`.
    pub summary: String,
    /// What is the case, for the runbook: the labels of one alert are not known there.
    pub meaning: String,
    /// What to do.
    pub remedy: String,
    /// The first command to run.
    pub command: String,
    /// Tests: at least one in which it fires, and one in which it does not.
    pub proofs: Vec<Proof>,
}

/// The object, or the namespace where its name is not known.
const OBJECT: &str = "{{ $labels.kind }} {{ $labels.namespace }}{{ with $labels.name }}/{{ . }}{{ end }}";

impl Alert {
    /// The alert of a waiting state.
    fn overdue(kind: &str, leaf: &Leaf, deadline: u32) -> Self {
        let (state, short) = (leaf.path, leaf.path.rsplit('/').next().unwrap_or(leaf.path));
        let which = format!("kind=\"{kind}\",state=\"{state}\"");
        let expr = format!(
            "time() > openvox_resource_deadline_timestamp_seconds{{{which}}}\nor on (kind, namespace, state)\nopenvox_resources_overdue{{{which}}} > 0"
        );
        let phase = leaf.phase();
        let (each, sum) = (
            format!("openvox_resource_deadline_timestamp_seconds{{{which},namespace=\"puppet\",name=\"web\",phase=\"{phase}\"}}"),
            format!("openvox_resources_overdue{{{which},namespace=\"puppet\",phase=\"{phase}\"}}"),
        );
        let labels = |name: Option<&str>| {
            let mut labels: BTreeMap<String, String> = [("kind", kind), ("state", state), ("namespace", "puppet"), ("phase", phase)]
                .map(|(key, value)| (key.into(), value.into()))
                .into();
            labels.extend(name.map(|name| ("name".to_owned(), name.to_owned())));
            labels
        };
        let proof = |series: [(&str, &str); 2], at, fires| Proof {
            series: series
                .into_iter()
                .filter(|(_, values)| !values.is_empty())
                .map(|(name, values)| (name.to_owned(), values.to_owned()))
                .collect(),
            at,
            fires,
        };
        Self {
            name: format!("Openvox{kind}{short}Overdue"),
            expr,
            // Some states end themselves at their deadline; they get the time to do so.
            r#for: "1m".into(),
            severity: Severity::Warning,
            summary: format!("{OBJECT} has been in {state} for more than {}", duration(deadline)),
            meaning: leaf.meaning.to_owned(),
            remedy: leaf.remedy.to_owned(),
            command: format!("kubectl openvox why {kind}/NAME --namespace NAMESPACE"),
            proofs: vec![
                proof([(&each, "300x20"), (&sum, "0x5 1x15")], 10, vec![labels(Some("web"))]),
                proof([(&each, ""), (&sum, "0x5 1x15")], 10, vec![labels(None)]),
                proof([(&each, "900x20"), (&sum, "0x20")], 10, Vec::new()),
            ],
        }
    }

    /// The command with the labels of the alert in it. Without series of single objects no name is known.
    fn filled_in_command(&self) -> String {
        // NAMESPACE first: NAME is a part of it.
        let named = [("NAMESPACE", "namespace"), ("NAME", "name"), ("KIND", "kind")]
            .iter()
            .fold(self.command.clone(), |command, (word, label)| command.replace(word, &format!("{{{{ $labels.{label} }}}}")));
        if named == self.command {
            return named;
        }
        format!("{{{{ if $labels.name }}}}{named}{{{{ else }}}}kubectl openvox status --namespace {{{{ $labels.namespace }}}}{{{{ end }}}}")
    }

    /// The rule as Prometheus reads it.
    fn rule(&self) -> Value {
        json!({
            "alert": self.name,
            "expr": self.expr,
            "for": self.r#for,
            "labels": {"severity": self.severity},
            "annotations": {
                "summary": self.summary,
                "description": format!("{} {}", self.meaning, self.remedy),
                "command": self.filled_in_command(),
                "runbook_url": format!("{RUNBOOKS}{}.md", self.name),
            },
        })
    }

    /// The tests as promtool reads them: through the series that Prometheus itself makes of firing alerts.
    fn tests(&self) -> impl Iterator<Item = Value> {
        self.proofs.iter().map(|proof| {
            let samples = proof.fires.iter().map(|labels| {
                let mut text = format!("ALERTS{{alertname=\"{}\",alertstate=\"firing\",severity={}", self.name, json!(self.severity));
                for (name, value) in labels {
                    let _ = write!(text, ",{name}=\"{value}\"");
                }
                json!({"labels": text + "}", "value": 1})
            });
            json!({
                "name": format!("{} {}", self.name, if proof.fires.is_empty() { "is silent" } else { "fires" }),
                "interval": "1m",
                "input_series": proof.series.iter().map(|(series, values)| json!({"series": series, "values": values})).collect::<Vec<_>>(),
                "promql_expr_test": [{
                    "expr": format!("ALERTS{{alertname=\"{}\",alertstate=\"firing\"}}", self.name),
                    "eval_time": format!("{}m", proof.at),
                    "exp_samples": samples.collect::<Vec<_>>(),
                }],
            })
        })
    }
}

/// Seconds as people say them.
#[must_use]
pub fn duration(seconds: u32) -> String {
    match seconds {
        86_400.. if seconds.is_multiple_of(86_400) => format!("{} d", seconds / 86_400),
        3600.. if seconds.is_multiple_of(3600) => format!("{} h", seconds / 3600),
        60.. if seconds.is_multiple_of(60) => format!("{} min", seconds / 60),
        _ => format!("{seconds} s"),
    }
}

/// Groups of alerts: how Prometheus evaluates them, and how the index lists them.
pub struct Group {
    /// Name in the rules file.
    pub name: &'static str,
    /// Heading of the index.
    pub title: &'static str,
    /// Its alerts.
    pub alerts: Vec<Alert>,
}

/// All alerts.
///
/// # Errors
/// When `alerts.yaml` cannot be read.
pub fn all(written: &str) -> Result<[Group; 2], serde_saphyr::Error> {
    let overdue = kinds::waiting().map(|(kind, leaf, deadline)| Alert::overdue(kind, leaf, deadline)).collect();
    Ok([
        Group {
            name: "openvox",
            title: "Of the operator, of dates and of what never gets ready",
            alerts: serde_saphyr::from_str(written)?,
        },
        Group { name: "openvox-deadlines", title: "Waiting states that last longer than they should", alerts: overdue },
    ])
}

/// The rules file, in JSON: YAML's subset that needs no library to write.
#[must_use]
pub fn rules(groups: &[Group]) -> Value {
    let of = |group: &Group| json!({"name": group.name, "rules": group.alerts.iter().map(Alert::rule).collect::<Vec<_>>()});
    json!({"groups": groups.iter().map(of).collect::<Vec<_>>()})
}

/// The promtool tests of all alerts.
#[must_use]
pub fn tests(groups: &[Group]) -> Value {
    let tests: Vec<Value> = groups.iter().flat_map(|group| &group.alerts).flat_map(Alert::tests).collect();
    json!({"rule_files": ["alerts.yaml"], "evaluation_interval": "1m", "tests": tests})
}
