//! What every reconcile has at hand.

use crate::build::image::OperatorImage;
use crate::cluster::{Caches, Workqueue};
use crate::journal::Outbox;
use crate::reconcile::attempts::Unchanged;
use crate::reconcile::publish::Announcer;
use crate::resources::certificate::Revoked;
use crate::resources::certificate_authority::connections::Connections;
use crate::resources::certificate_authority::{ExternalHosts, RefreshSchedule, RequestQueues};
use crate::telemetry::Metrics;
use kube::Client;
use openvox_machines::core::Timestamp;
use std::collections::HashMap;
use std::sync::{Arc, Mutex};

/// Shared by all reconcilers.
pub struct Context {
    /// The API server.
    pub client: Client,
    /// What is known of the cluster.
    pub caches: Caches,
    /// What is to be reconciled, and why.
    pub workqueue: Arc<Workqueue>,
    /// The way of history into the journal.
    pub outbox: Outbox,
    /// Metrics.
    pub metrics: Arc<Metrics>,
    /// Kubernetes Events.
    pub announcer: Announcer,
    /// Clients of the CAs, one per CA.
    pub connections: Connections,
    /// The signing requests that wait at the CAs.
    pub request_queues: RequestQueues,
    /// Hosts of CAs outside the cluster that may be asked.
    pub external_hosts: ExternalHosts,
    /// When each CA was last asked for its revocation list.
    pub crl_refreshes: RefreshSchedule,
    /// What the stored revocation lists say.
    pub revoked: Revoked,
    /// The image of this operator, which set-up Jobs and init containers run.
    pub operator_image: OperatorImage,
    /// Attempts that changed nothing.
    pub unchanged: Unchanged,
    /// Failures in a row of reconciles that could not even commit, by kind, namespace and name.
    pub failures: Mutex<HashMap<(&'static str, String, String), u32>>,
}

impl Context {
    /// The time of an observation: whole seconds, because that is what Kubernetes stores.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        Timestamp::from_timestamp(chrono::Utc::now().timestamp(), 0).unwrap_or_default()
    }
}
