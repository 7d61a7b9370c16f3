//! What the reconcilers of all kinds share, and the engine that runs them.

use crate::build::image::OperatorImage;
use crate::cluster::{Caches, Key};
use crate::resources::certificate::Revoked;
use crate::resources::certificate_authority::connections::Connections;
use crate::resources::certificate_authority::{ExternalHosts, RefreshSchedule, RequestQueues};
use crate::telemetry::Metrics;
use kube::Client;
use openvox_engine::reconcile::{self, Engine};
use openvox_machines::core::Timestamp;
use std::sync::Arc;

pub use openvox_engine::reconcile::{Error, EventRecorder, NextStep, Reconciler, View, next_steps, run, state_of, time};

/// Shared by all reconcilers.
pub struct Context {
    /// The engine's part.
    pub engine: Engine,
    /// The API server.
    pub client: Client,
    /// What is known of the cluster.
    pub caches: Caches,
    /// Metrics.
    pub metrics: Arc<Metrics>,
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
}

impl Context {
    /// The time of an observation.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.engine.now()
    }
}

impl reconcile::Context for Context {
    type Key = Key;

    fn engine(&self) -> &Engine {
        &self.engine
    }
}

#[cfg(test)]
mod tests {
    use kube::Resource as _;
    use openvox_crds::{Pool, vocabulary::annotation};
    use openvox_engine::annotation as asked;

    #[test]
    fn the_vocabulary_has_the_annotations_that_the_engine_reads() {
        let group = Pool::group(&());
        let read = [asked::PAUSE, asked::PAUSE_REASON, asked::REQUESTED_AT].map(|name| asked::name(&group, name));
        assert_eq!(read, [annotation::PAUSE, annotation::PAUSE_REASON, annotation::REQUESTED_AT]);
    }
}
