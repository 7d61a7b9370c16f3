//! Passes what the watches report, beside the objects themselves, to metrics, journal and Kubernetes Events.

use crate::cluster::{Listener, Part};
use crate::journal::Outbox;
use crate::reconcile::EventRecorder;
use crate::telemetry::Metrics;
use k8s_openapi::api::core::v1::ObjectReference;
use kube::runtime::events::{Event, EventType};
use openvox_engine::{ObjectKey, Telemetry as _};
use std::sync::Arc;

/// Listens to the watches of the caches.
pub struct WatchListener {
    /// Metrics.
    pub metrics: Arc<Metrics>,
    /// Brings the history into the journal.
    pub outbox: Outbox,
    /// Kubernetes Events.
    pub recorder: EventRecorder,
}

impl Listener for WatchListener {
    fn gone(&self, object: &ObjectKey, uid: &str) {
        self.metrics.forget(object);
        self.outbox.forget(uid);
    }

    fn unreadable(&self, object: &ObjectReference, part: Part, fault: &str) {
        let (reason, note) = match part {
            Part::Object => {
                ("Unreadable", format!("The operator cannot read this object and acts as if it were not there: {fault}. Correct it."))
            }
            Part::Status => (
                "StatusUnreadable",
                format!("The status cannot be read and counts as none: {fault}. It is derived again from what exists."),
            ),
        };
        let event =
            Event { type_: EventType::Warning, reason: reason.to_owned(), note: Some(note), action: "Read".to_owned(), secondary: None };
        self.recorder.record(event, object.clone());
    }

    fn unreadable_objects(&self, kind: &'static str, part: Part, count: usize) {
        self.metrics.unreadable_objects(kind, part.as_str(), count);
    }

    fn synced(&self, kind: &'static str, synced: bool) {
        self.metrics.watch_synced(kind, synced);
    }
}
