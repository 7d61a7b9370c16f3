//! Every metric the operator exposes: the one place for their names, texts and labels.

use prometheus_client::registry::Unit;

/// The type of a metric in the `OpenMetrics` sense.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MetricKind {
    /// Only ever grows within one process; named `…_total`.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Distribution over buckets, with a trace id as exemplar.
    Histogram,
    /// Constant 1 whose labels carry the information; named `…_info`.
    Info,
}

impl MetricKind {
    /// The word that stands in the `# TYPE` line of the exposition.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
            Self::Info => "info",
        }
    }
}

/// One metric as a user of the operator sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MetricDescription {
    /// Name of the sample, with unit and `_total`/`_info` (histograms add `_bucket`,
    /// `_sum` and `_count`).
    pub name: &'static str,
    /// Type.
    pub kind: MetricKind,
    /// One sentence without a full stop.
    pub help: &'static str,
    /// Label names in the order of the exposition.
    pub labels: &'static [&'static str],
}

impl MetricDescription {
    /// The name to register: the encoder appends `_total`, `_info` and the unit itself.
    pub(super) fn family(&self) -> &'static str {
        let name = match self.kind {
            MetricKind::Counter => self.name.strip_suffix("_total"),
            MetricKind::Info => self.name.strip_suffix("_info"),
            MetricKind::Gauge | MetricKind::Histogram => self.name.strip_suffix("_seconds"),
        };
        name.unwrap_or(self.name)
    }

    /// The unit, which the name ends with.
    pub(super) fn unit(&self) -> Option<Unit> {
        self.name.ends_with("_seconds").then_some(Unit::Seconds)
    }
}

const fn describe(name: &'static str, kind: MetricKind, help: &'static str, labels: &'static [&'static str]) -> MetricDescription {
    MetricDescription { name, kind, help, labels }
}

use MetricKind::{Counter, Gauge, Histogram, Info};

pub(super) const RESOURCE_PHASE: MetricDescription = describe(
    "openvox_resource_phase",
    Gauge,
    "1 for the phase the object is in, 0 for every other phase of its kind",
    &["kind", "namespace", "name", "phase"],
);
pub(super) const CERTIFICATE_EXPIRY: MetricDescription = describe(
    "openvox_certificate_expiry_timestamp_seconds",
    Gauge,
    "End of validity of the certificate that the object holds, in Unix time",
    &["namespace", "name"],
);
pub(super) const CRL_NEXT_UPDATE: MetricDescription = describe(
    "openvox_crl_next_update_timestamp_seconds",
    Gauge,
    "Time by which the authority has to publish its next revocation list, in Unix time",
    &["namespace", "name"],
);
pub(super) const CA_EXPIRY: MetricDescription = describe(
    "openvox_ca_expiry_timestamp_seconds",
    Gauge,
    "End of validity of the authority's own certificate, in Unix time",
    &["namespace", "name"],
);
pub(super) const CA_UNVERIFIED: MetricDescription = describe(
    "openvox_ca_tls_unverified",
    Gauge,
    "1 while who answers at the address of an external authority is not verified",
    &["namespace", "name"],
);
pub(super) const TRANSITIONS: MetricDescription = describe(
    "openvox_transitions_total",
    Counter,
    "Transitions that were committed to the status of an object",
    &["kind", "event", "from_phase", "to_phase"],
);
pub(super) const RECONCILE_DURATION: MetricDescription =
    describe("openvox_reconcile_duration_seconds", Histogram, "Time one reconcile took", &["kind", "result"]);
pub(super) const EFFECT_DURATION: MetricDescription =
    describe("openvox_effect_duration_seconds", Histogram, "Time one effect of a transition took", &["kind", "effect", "result"]);
pub(super) const RECONCILE_ERRORS: MetricDescription =
    describe("openvox_reconcile_errors_total", Counter, "Reconciles that ended with an error", &["kind", "reason"]);
pub(super) const API_WRITES: MetricDescription =
    describe("openvox_api_writes_total", Counter, "Writes sent to the Kubernetes API, by kind of the written object", &["kind", "verb"]);
pub(super) const CA_CALLS: MetricDescription =
    describe("openvox_ca_calls_total", Counter, "Requests sent to a Puppet certificate authority", &["call", "outcome"]);
pub(super) const JOURNAL_LAG: MetricDescription =
    describe("openvox_journal_lag_entries", Gauge, "History entries that wait to be copied into the journal", &[]);
pub(super) const JOURNAL_FAILURES: MetricDescription =
    describe("openvox_journal_failures_total", Counter, "Attempts to write to the journal that failed and are repeated", &[]);
pub(super) const BUILD_INFO: MetricDescription = describe("openvox_operator_build_info", Info, "The running operator", &["version"]);

/// All metrics of the operator, in the order of the documentation.
pub const METRICS: &[MetricDescription] = &[
    RESOURCE_PHASE,
    TRANSITIONS,
    RECONCILE_DURATION,
    RECONCILE_ERRORS,
    EFFECT_DURATION,
    API_WRITES,
    CA_CALLS,
    CERTIFICATE_EXPIRY,
    CRL_NEXT_UPDATE,
    CA_EXPIRY,
    CA_UNVERIFIED,
    JOURNAL_LAG,
    JOURNAL_FAILURES,
    BUILD_INFO,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_metric_stands_in_the_documentation_as_it_is() {
        let page = include_str!("../../docs/metrics.md");
        for metric in METRICS {
            let labels = metric.labels.iter().map(|label| format!("`{label}`")).collect::<Vec<_>>().join(" ");
            let row = format!("| `{}` | {} | {labels} | {} |", metric.name, metric.kind.as_str(), metric.help).replace("  ", " ");
            assert!(page.contains(&row), "docs/metrics.md lacks this row: {row}");
        }
    }
}
