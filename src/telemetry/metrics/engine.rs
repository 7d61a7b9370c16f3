//! What the engine measures.

use super::{Durations, EffectLabels, ErrorLabels, ExemplarLabels, Metrics, ReconcileLabels, TransitionLabels, Verb};
use crate::telemetry::TraceId;
use openvox_engine::{CurrentState, ObjectKey, Outcome, Telemetry};
use std::time::{Duration, SystemTime};

impl Telemetry for Metrics {
    fn trace_id(&self) -> Option<String> {
        TraceId::current().map(|id| id.to_string())
    }

    fn queue(&self, kind: &'static str, length: Box<dyn Fn() -> usize + Send + Sync>) {
        self.queues.add(kind, length);
    }

    fn reconcile_ended(&self, kind: &'static str, outcome: Outcome, elapsed: Duration) {
        observe(&self.reconcile_duration, &ReconcileLabels { kind, result: outcome.as_str() }, elapsed);
    }

    fn effect_ended(&self, kind: &'static str, effect: &'static str, outcome: Outcome, elapsed: Duration) {
        observe(&self.effect_duration, &EffectLabels { kind, effect, result: outcome.as_str() }, elapsed);
    }

    fn reconcile_error(&self, kind: &'static str, reason: &'static str) {
        self.reconcile_errors.get_or_create_owned(&ErrorLabels { kind, reason }).inc();
    }

    fn status_written(&self, kind: &'static str) {
        self.api_write(kind, Verb::Status);
    }

    fn transition(&self, kind: &'static str, event: &str, from_phase: &'static str, to_phase: &'static str) {
        let labels = TransitionLabels { kind, event: event.to_owned(), from_phase, to_phase };
        self.transitions.get_or_create_owned(&labels).inc();
    }

    fn current_state(&self, object: &ObjectKey, phases: &[&'static str], state: CurrentState) {
        self.objects.current_state(object, phases, state);
    }

    fn forget(&self, object: &ObjectKey) {
        self.objects.remove(object.kind, &object.namespace, &object.name);
    }

    fn journal_up(&self, up: bool) {
        self.journal_up.set(i64::from(up));
    }

    fn journal_lag(&self, entries: usize, oldest: Option<i64>) {
        self.journal_lag.set(i64::try_from(entries).unwrap_or(i64::MAX));
        self.journal_oldest.set(oldest.unwrap_or(0));
    }

    fn journal_failure(&self) {
        self.journal_failures.inc();
    }

    fn journal_lost(&self, entries: i64) {
        self.journal_lost.inc_by(u64::try_from(entries).unwrap_or(0));
    }

    fn journal_begun_anew(&self) {
        self.journal_begun_anew.inc();
    }

    fn journal_pruned(&self, entries: u64) {
        self.journal_pruned.inc_by(entries);
    }

    fn journal_refused(&self, entries: u64) {
        self.journal_refused.inc_by(entries);
    }
}

fn observe<L: Clone + Eq + std::hash::Hash>(durations: &Durations<L>, labels: &L, elapsed: Duration) {
    let exemplar = TraceId::current().map(|id| ExemplarLabels { trace_id: id.to_string() });
    durations.get_or_create_owned(labels).observe(elapsed.as_secs_f64(), exemplar, Some(SystemTime::now()));
}
