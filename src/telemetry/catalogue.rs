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
pub(super) const RESOURCE_READY: MetricDescription =
    describe("openvox_resource_ready", Gauge, "1 while the object's Ready condition is True, otherwise 0", &["kind", "namespace", "name"]);
pub(super) const RESOURCE_SINCE: MetricDescription = describe(
    "openvox_resource_state_since_timestamp_seconds",
    Gauge,
    "When the object entered its state, in Unix time",
    &["kind", "namespace", "name", "phase", "state", "rest"],
);
pub(super) const RESOURCE_DEADLINE: MetricDescription = describe(
    "openvox_resource_deadline_timestamp_seconds",
    Gauge,
    "When the object should have left its waiting state, in Unix time; only while it waits",
    &["kind", "namespace", "name", "phase", "state"],
);
pub(super) const RESOURCE_BLOCKED: MetricDescription = describe(
    "openvox_resource_blocked",
    Gauge,
    "1 for the reason why the object does not move on; only while something blocks it",
    &["kind", "namespace", "name", "reason"],
);
pub(super) const RESOURCE_ATTEMPTS: MetricDescription = describe(
    "openvox_resource_failed_attempts",
    Gauge,
    "Failed attempts in a row of the object's present step, at most 10; only while there are any",
    &["kind", "namespace", "name"],
);
pub(super) const RESOURCES: MetricDescription =
    describe("openvox_resources", Gauge, "Objects in the state", &["kind", "namespace", "phase", "state", "rest"]);
pub(super) const RESOURCES_NOT_READY: MetricDescription =
    describe("openvox_resources_not_ready", Gauge, "Objects whose Ready condition is not True", &["kind", "namespace"]);
pub(super) const RESOURCES_OVERDUE: MetricDescription = describe(
    "openvox_resources_overdue",
    Gauge,
    "Objects that are past the deadline of their waiting state, counted at the scrape",
    &["kind", "namespace", "phase", "state"],
);
pub(super) const RESOURCES_BLOCKED: MetricDescription =
    describe("openvox_resources_blocked", Gauge, "Objects that do not move on, by reason", &["kind", "namespace", "reason"]);
pub(super) const CERTIFICATE_EXPIRY: MetricDescription = describe(
    "openvox_certificate_expiry_timestamp_seconds",
    Gauge,
    "End of validity of the certificate that the object holds, in Unix time",
    &["namespace", "name"],
);
pub(super) const CERTIFICATE_EARLIEST_EXPIRY: MetricDescription = describe(
    "openvox_certificate_earliest_expiry_timestamp_seconds",
    Gauge,
    "End of validity of the certificate that runs out first in the namespace, in Unix time",
    &["namespace"],
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
pub(super) const SERVER_DESIRED: MetricDescription =
    describe("openvox_server_pods_desired", Gauge, "Pods that the Server should have", &["namespace", "name"]);
pub(super) const SERVER_READY: MetricDescription =
    describe("openvox_server_pods_ready", Gauge, "Pods of the Server that are ready", &["namespace", "name"]);
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
pub(super) const RECONCILE_QUEUE: MetricDescription =
    describe("openvox_reconcile_queue_length", Gauge, "Objects that something woke and whose reconcile has not begun", &["kind"]);
pub(super) const EFFECT_DURATION: MetricDescription =
    describe("openvox_effect_duration_seconds", Histogram, "Time one effect of a transition took", &["kind", "effect", "result"]);
pub(super) const RECONCILE_ERRORS: MetricDescription =
    describe("openvox_reconcile_errors_total", Counter, "Reconciles that ended with an error", &["kind", "reason"]);
pub(super) const API_WRITES: MetricDescription =
    describe("openvox_api_writes_total", Counter, "Writes sent to the Kubernetes API, by kind of the written object", &["kind", "verb"]);
pub(super) const CA_CALLS: MetricDescription = describe(
    "openvox_ca_calls_total",
    Counter,
    "Requests sent to a Puppet certificate authority; the reason is empty where the result is ok",
    &["call", "result", "reason"],
);
pub(super) const JOURNAL_UP: MetricDescription =
    describe("openvox_journal_up", Gauge, "0 while the journal cannot be written, else 1", &[]);
pub(super) const JOURNAL_LAG: MetricDescription =
    describe("openvox_journal_lag_entries", Gauge, "History entries that wait to be copied into the journal", &[]);
pub(super) const JOURNAL_OLDEST: MetricDescription = describe(
    "openvox_journal_oldest_waiting_timestamp_seconds",
    Gauge,
    "Time of the oldest history entry that waits for the journal, in Unix time; 0 when none waits",
    &[],
);
pub(super) const JOURNAL_FAILURES: MetricDescription =
    describe("openvox_journal_failures_total", Counter, "Attempts to write to the journal that failed and are repeated", &[]);
pub(super) const JOURNAL_LOST: MetricDescription = describe(
    "openvox_journal_lost_entries_total",
    Counter,
    "History entries that were lost before they could be journaled; a HistoryGap stands for them",
    &[],
);
pub(super) const JOURNAL_BEGUN_ANEW: MetricDescription =
    describe("openvox_journal_begun_anew_total", Counter, "Times an empty journal took the place of one that was corrupt or gone", &[]);
pub(super) const JOURNAL_PRUNED: MetricDescription =
    describe("openvox_journal_pruned_entries_total", Counter, "History entries that were removed because of their age or number", &[]);
pub(super) const JOURNAL_REFUSED: MetricDescription = describe(
    "openvox_journal_refused_entries_total",
    Counter,
    "History entries that the journal's database refused for what they hold; they are put aside, and the others go on",
    &[],
);
pub(super) const WATCH_SYNCED: MetricDescription = describe(
    "openvox_watch_synced",
    Gauge,
    "1 once the operator has a complete list of the kind's objects, 0 while it tries to get one",
    &["kind"],
);
pub(super) const UNREADABLE_OBJECTS: MetricDescription = describe(
    "openvox_unreadable_objects",
    Gauge,
    "Objects that cannot be read: wholly (part object), which are put aside, or their status only (part status), which counts as none",
    &["kind", "part"],
);
pub(super) const LEADER: MetricDescription =
    describe("openvox_operator_leader", Gauge, "1 in the replica that works, 0 in one that stands by", &[]);
pub(super) const BUILD_INFO: MetricDescription = describe("openvox_operator_build_info", Info, "The running operator", &["version"]);
pub(super) const PROCESS_CPU: MetricDescription =
    describe("process_cpu_seconds_total", Counter, "User and system CPU time of the operator's process", &[]);
pub(super) const PROCESS_MEMORY: MetricDescription =
    describe("process_resident_memory_bytes", Gauge, "Resident memory of the operator's process", &[]);
pub(super) const PROCESS_FILES: MetricDescription =
    describe("process_open_fds", Gauge, "Open file descriptors of the operator's process", &[]);
pub(super) const PROCESS_START: MetricDescription =
    describe("process_start_time_seconds", Gauge, "When the operator's process started, in Unix time", &[]);

/// All metrics of the operator, in the order of the documentation.
pub const METRICS: &[MetricDescription] = &[
    RESOURCES,
    RESOURCES_NOT_READY,
    RESOURCES_OVERDUE,
    RESOURCES_BLOCKED,
    RESOURCE_PHASE,
    RESOURCE_READY,
    RESOURCE_SINCE,
    RESOURCE_DEADLINE,
    RESOURCE_BLOCKED,
    RESOURCE_ATTEMPTS,
    TRANSITIONS,
    CERTIFICATE_EXPIRY,
    CERTIFICATE_EARLIEST_EXPIRY,
    CA_EXPIRY,
    CA_UNVERIFIED,
    CRL_NEXT_UPDATE,
    SERVER_DESIRED,
    SERVER_READY,
    RECONCILE_DURATION,
    RECONCILE_ERRORS,
    RECONCILE_QUEUE,
    EFFECT_DURATION,
    API_WRITES,
    CA_CALLS,
    JOURNAL_UP,
    JOURNAL_LAG,
    JOURNAL_OLDEST,
    JOURNAL_FAILURES,
    JOURNAL_LOST,
    JOURNAL_BEGUN_ANEW,
    JOURNAL_PRUNED,
    JOURNAL_REFUSED,
    WATCH_SYNCED,
    UNREADABLE_OBJECTS,
    LEADER,
    BUILD_INFO,
    PROCESS_CPU,
    PROCESS_MEMORY,
    PROCESS_FILES,
    PROCESS_START,
];

#[cfg(test)]
mod tests {
    use super::*;
    use std::fmt::Write as _;
    use std::path::Path;

    const BEGIN: &str = "<!-- generated by UPDATE=1 cargo test -p openvox-operator --lib catalogue -->\n";
    const END: &str = "<!-- end of generated -->";

    /// The table of the page, in the order and the words of [`METRICS`].
    fn table() -> String {
        let mut table = "| metric | type | labels | meaning |\n|---|---|---|---|\n".to_owned();
        for metric in METRICS {
            let labels = metric.labels.iter().map(|label| format!("`{label}`")).collect::<Vec<_>>().join(" ");
            let labels = if labels.is_empty() { String::new() } else { format!(" {labels}") };
            let _ = writeln!(table, "| `{}` | {} |{labels} | {} |", metric.name, metric.kind.as_str(), metric.help);
        }
        table
    }

    #[test]
    fn the_table_of_the_documentation_is_generated() {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/metrics.md");
        let page = std::fs::read_to_string(&file).unwrap();
        let (before, rest) = page.split_once(BEGIN).expect("the page says where the table begins");
        let (_, after) = rest.split_once(END).expect("the page says where the table ends");
        let wanted = format!("{before}{BEGIN}{}{END}{after}", table());
        if std::env::var_os("UPDATE").is_some() {
            std::fs::write(&file, &wanted).unwrap();
        } else {
            assert!(page == wanted, "docs/metrics.md is out of date: run UPDATE=1 cargo test -p openvox-operator --lib catalogue");
        }
    }

    #[test]
    fn names_and_units_follow_the_conventions_of_prometheus() {
        for metric in METRICS {
            let snake = metric.name.chars().all(|letter| letter.is_ascii_lowercase() || letter == '_');
            assert!(snake && (metric.name.starts_with("openvox_") || metric.name.starts_with("process_")), "{}", metric.name);
            assert_eq!(metric.name.ends_with("_total"), metric.kind == Counter, "{}", metric.name);
            assert_eq!(metric.name.ends_with("_info"), metric.kind == Info, "{}", metric.name);
            assert!(!metric.help.ends_with('.'), "{}: the encoder adds the full stop", metric.name);
        }
    }
}
