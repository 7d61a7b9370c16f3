//! What every reconcile has at hand.

use super::attempts::AttemptLog;
use super::publish::EventRecorder;
use crate::core::Timestamp;
use crate::journal::Outbox;
use crate::{ObjectKey, Telemetry, Workqueue};
use kube::Client;
use std::collections::HashMap;
use std::sync::{Arc, Mutex};

/// What the reconcilers of all kinds use of the engine.
pub struct Engine {
    /// The API server.
    pub client: Client,
    /// What is to be reconciled, and why.
    pub workqueue: Arc<Workqueue>,
    /// Brings the history into the journal.
    pub outbox: Outbox,
    /// Takes what is measured.
    pub telemetry: Arc<dyn Telemetry>,
    /// Kubernetes Events.
    pub recorder: EventRecorder,
    /// Attempts that changed nothing.
    pub(super) attempts: AttemptLog,
    /// Failures in a row of reconciles that could not even commit.
    pub(super) failures: Mutex<HashMap<ObjectKey, u32>>,
}

impl Engine {
    /// An engine without any memory.
    #[must_use]
    pub fn new(client: Client, workqueue: Arc<Workqueue>, outbox: Outbox, telemetry: Arc<dyn Telemetry>, recorder: EventRecorder) -> Self {
        Self { client, workqueue, outbox, telemetry, recorder, attempts: AttemptLog::default(), failures: Mutex::default() }
    }

    /// The time of an observation: whole seconds, because that is what Kubernetes stores.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        Timestamp::from_timestamp(chrono::Utc::now().timestamp(), 0).unwrap_or_default()
    }
}
