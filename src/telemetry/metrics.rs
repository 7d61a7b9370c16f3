//! The metrics of the operator, behind typed methods: no caller writes a metric or label name.

use super::catalogue::{self, MetricDescription};
use super::objects::{Detail, Objects};
use super::process::Process;
use super::queues::Queues;
use openvox_engine::Outcome;
use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue, LabelValueEncoder, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::exemplar::HistogramWithExemplars;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Metric, Registry};
use std::fmt;
use std::sync::Arc;

/// Upper bounds in seconds: a settled reconcile takes well under 5 ms, one that talks to a
/// Puppet CA up to seconds. Few buckets, because each one costs memory per kind and result.
const RECONCILE_BUCKETS: [f64; 6] = [0.005, 0.025, 0.1, 0.5, 2.5, 10.0];
/// Upper bounds in seconds: an API write takes milliseconds, an RSA 4096 key about 0.6 s, a
/// CA request is given up after 30 s.
const EFFECT_BUCKETS: [f64; 6] = [0.01, 0.05, 0.25, 1.0, 5.0, 30.0];

/// A write to the Kubernetes API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Verb {
    /// Create an object that must not exist.
    Create,
    /// Server-side apply of an owned object.
    Apply,
    /// Replace under a resource version.
    Update,
    /// Merge or JSON patch.
    Patch,
    /// Write of the status subresource.
    Status,
    /// Delete.
    Delete,
}

impl EncodeLabelValue for Verb {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> fmt::Result {
        let value = match self {
            Self::Create => "create",
            Self::Apply => "apply",
            Self::Update => "update",
            Self::Patch => "patch",
            Self::Status => "status",
            Self::Delete => "delete",
        };
        value.encode(encoder)
    }
}

#[derive(Debug, Clone, Hash, PartialEq, Eq, EncodeLabelSet)]
struct TransitionLabels {
    kind: &'static str,
    event: String,
    from_phase: &'static str,
    to_phase: &'static str,
}

#[derive(Debug, Clone, Hash, PartialEq, Eq, EncodeLabelSet)]
struct ReconcileLabels {
    kind: &'static str,
    result: &'static str,
}

#[derive(Debug, Clone, Hash, PartialEq, Eq, EncodeLabelSet)]
struct EffectLabels {
    kind: &'static str,
    effect: &'static str,
    result: &'static str,
}

#[derive(Debug, Clone, Hash, PartialEq, Eq, EncodeLabelSet)]
struct ErrorLabels {
    kind: &'static str,
    reason: &'static str,
}

#[derive(Debug, Clone, Hash, PartialEq, Eq, EncodeLabelSet)]
struct WriteLabels {
    kind: &'static str,
    verb: Verb,
}

#[derive(Debug, Clone, Hash, PartialEq, Eq, EncodeLabelSet)]
struct CallLabels {
    call: &'static str,
    result: &'static str,
    reason: &'static str,
}

#[derive(Debug, Clone, Hash, PartialEq, Eq, EncodeLabelSet)]
struct KindLabels {
    kind: &'static str,
}

#[derive(Debug, Clone, Hash, PartialEq, Eq, EncodeLabelSet)]
struct PartLabels {
    kind: &'static str,
    part: &'static str,
}

#[derive(Debug, Clone, Hash, PartialEq, Eq, EncodeLabelSet)]
struct ExemplarLabels {
    trace_id: String,
}

#[derive(Debug, Clone, Hash, PartialEq, Eq, EncodeLabelSet)]
struct BuildLabels {
    version: &'static str,
}

type Durations<L> = Family<L, HistogramWithExemplars<ExemplarLabels>>;

/// All metrics of one process and the registry that encodes them.
///
/// Kinds, phases, events, effects, reasons and calls are `&'static str`: they are names of
/// enum variants, so the number of series cannot grow with what users write into objects.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    objects: Arc<Objects>,
    queues: Arc<Queues>,
    leader: Gauge,
    transitions: Family<TransitionLabels, Counter>,
    reconcile_duration: Durations<ReconcileLabels>,
    effect_duration: Durations<EffectLabels>,
    reconcile_errors: Family<ErrorLabels, Counter>,
    api_writes: Family<WriteLabels, Counter>,
    ca_calls: Family<CallLabels, Counter>,
    journal_up: Gauge,
    journal_lag: Gauge,
    journal_oldest: Gauge,
    journal_failures: Counter,
    journal_lost: Counter,
    journal_begun_anew: Counter,
    journal_pruned: Counter,
    journal_refused: Counter,
    watch_synced: Family<KindLabels, Gauge>,
    unreadable_objects: Family<PartLabels, Gauge>,
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    /// Every metric of [`catalogue::METRICS`].
    #[must_use]
    pub fn new() -> Self {
        Self::with_detail(Detail::PerObject)
    }

    /// With or without series for single objects.
    #[must_use]
    pub fn with_detail(detail: Detail) -> Self {
        Self::with_objects(Objects::new(detail))
    }

    fn with_objects(objects: Objects) -> Self {
        let mut registry = Registry::default();
        let (objects, queues) = (Arc::new(objects), Arc::new(Queues::default()));
        registry.register_collector(Box::new(Arc::clone(&objects)));
        registry.register_collector(Box::new(Arc::clone(&queues)));
        registry.register_collector(Box::new(Process::new()));
        let build = Info::new(BuildLabels { version: env!("CARGO_PKG_VERSION") });
        registry.register(catalogue::BUILD_INFO.family(), catalogue::BUILD_INFO.help, build);
        let durations: fn() -> _ = || HistogramWithExemplars::new(RECONCILE_BUCKETS.into_iter());
        let reconcile_duration = Family::new_with_constructor(durations);
        let durations: fn() -> _ = || HistogramWithExemplars::new(EFFECT_BUCKETS.into_iter());
        let effect_duration = Family::new_with_constructor(durations);
        // A replica that stands by does not write, and nothing is wrong with that.
        let journal_up = Gauge::default();
        journal_up.set(1);
        Self {
            transitions: registered(&mut registry, &catalogue::TRANSITIONS),
            reconcile_duration: register(&mut registry, &catalogue::RECONCILE_DURATION, reconcile_duration),
            effect_duration: register(&mut registry, &catalogue::EFFECT_DURATION, effect_duration),
            reconcile_errors: registered(&mut registry, &catalogue::RECONCILE_ERRORS),
            api_writes: registered(&mut registry, &catalogue::API_WRITES),
            ca_calls: registered(&mut registry, &catalogue::CA_CALLS),
            journal_up: register(&mut registry, &catalogue::JOURNAL_UP, journal_up),
            journal_lag: registered(&mut registry, &catalogue::JOURNAL_LAG),
            journal_oldest: registered(&mut registry, &catalogue::JOURNAL_OLDEST),
            journal_failures: registered(&mut registry, &catalogue::JOURNAL_FAILURES),
            leader: registered(&mut registry, &catalogue::LEADER),
            journal_lost: registered(&mut registry, &catalogue::JOURNAL_LOST),
            journal_begun_anew: registered(&mut registry, &catalogue::JOURNAL_BEGUN_ANEW),
            journal_pruned: registered(&mut registry, &catalogue::JOURNAL_PRUNED),
            journal_refused: registered(&mut registry, &catalogue::JOURNAL_REFUSED),
            watch_synced: registered(&mut registry, &catalogue::WATCH_SYNCED),
            unreadable_objects: registered(&mut registry, &catalogue::UNREADABLE_OBJECTS),
            objects,
            queues,
            registry,
        }
    }

    /// How many pods a `Server` should have, and how many are ready.
    pub fn server_pods(&self, namespace: &str, name: &str, desired: u32, ready: u32) {
        self.objects.update("Server", namespace, name, |row| {
            row.pods_desired = Some(i64::from(desired));
            row.pods_ready = Some(i64::from(ready));
        });
    }

    /// This replica works from now on. It does so to its end: losing the Lease ends the process.
    pub fn leads(&self) {
        self.leader.set(1);
    }

    /// End of validity of the certificate of a `Certificate`, in Unix seconds.
    pub fn certificate_expires(&self, namespace: &str, name: &str, at: i64) {
        self.objects.update("Certificate", namespace, name, |row| {
            row.certificate_expiry = Some(at);
        });
    }

    /// `nextUpdate` of the revocation list of a `CertificateAuthority`, in Unix seconds.
    pub fn crl_due(&self, namespace: &str, name: &str, at: i64) {
        self.objects.update("CertificateAuthority", namespace, name, |row| {
            row.crl_next_update = Some(at);
        });
    }

    /// End of validity of a `CertificateAuthority`'s own certificate, in Unix seconds.
    pub fn ca_expires(&self, namespace: &str, name: &str, at: i64) {
        self.objects.update("CertificateAuthority", namespace, name, |row| {
            row.ca_expiry = Some(at);
        });
    }

    /// Whether a `CertificateAuthority` outside the cluster is believed whoever answers; one that is verified has no series.
    pub fn ca_unverified(&self, namespace: &str, name: &str, unverified: bool) {
        self.objects.update("CertificateAuthority", namespace, name, |series| {
            series.ca_unverified = unverified.then_some(1);
        });
    }

    /// Counts a write to the Kubernetes API; `kind` is the kind of the written object.
    pub fn api_write(&self, kind: &'static str, verb: Verb) {
        let labels = WriteLabels { kind, verb };
        self.api_writes.get_or_create_owned(&labels).inc();
    }

    /// Counts a request to a Puppet CA, with the reason of its failure if it failed.
    pub fn ca_call(&self, call: &'static str, failure: Option<&'static str>) {
        let result = if failure.is_some() { Outcome::Error } else { Outcome::Ok }.as_str();
        let labels = CallLabels { call, result, reason: failure.unwrap_or_default() };
        self.ca_calls.get_or_create_owned(&labels).inc();
    }

    /// Whether the list of a kind's objects is complete.
    pub fn watch_synced(&self, kind: &'static str, synced: bool) {
        self.watch_synced.get_or_create_owned(&KindLabels { kind }).set(i64::from(synced));
    }

    /// How many objects of a kind cannot be read in this part.
    pub fn unreadable_objects(&self, kind: &'static str, part: &'static str, count: usize) {
        self.unreadable_objects.get_or_create_owned(&PartLabels { kind, part }).set(i64::try_from(count).unwrap_or(i64::MAX));
    }

    /// The text exposition, with content type [`Metrics::CONTENT_TYPE`].
    ///
    /// # Errors
    /// Only when a label cannot be encoded, which no label of ours can cause.
    pub fn encode(&self) -> Result<String, fmt::Error> {
        let mut body = String::new();
        text::encode(&mut body, &self.registry)?;
        Ok(body)
    }

    /// `OpenMetrics` 1.0, the only text format that has exemplars.
    pub const CONTENT_TYPE: &'static str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
}

fn registered<M: Metric + Clone + Default>(registry: &mut Registry, description: &MetricDescription) -> M {
    register(registry, description, M::default())
}

fn register<M: Metric + Clone>(registry: &mut Registry, description: &MetricDescription, metric: M) -> M {
    match description.unit() {
        Some(unit) => registry.register_with_unit(description.family(), description.help, unit, metric.clone()),
        None => registry.register(description.family(), description.help, metric.clone()),
    }
    metric
}

mod engine;
#[cfg(test)]
mod tests;
