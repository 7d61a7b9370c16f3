//! The operator without its hands: it looks at the cluster and says what it would do.

use crate::build::image::OperatorImage;
use crate::cluster::{CACHES, Caches, FIELD_MANAGER, Listener, Readiness, Workqueue};
use crate::journal::{self, JournalUrl, Outbox};
use crate::reconcile::{Context, Error, EventRecorder, NextStep, next_steps};
use crate::resources::certificate::Revoked;
use crate::resources::certificate_authority::connections::Connections;
use crate::resources::certificate_authority::{ExternalHosts, RefreshSchedule, RequestQueues};
use crate::resources::for_each_controller;
use crate::telemetry::Metrics;
use futures::FutureExt as _;
use kube::Client;
use openvox_engine::ObjectKey;
use openvox_engine::reconcile::Engine;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;

/// Looks at objects as the operator does.
pub struct Planner {
    context: Context,
    /// Ends the watches.
    _stop: oneshot::Sender<()>,
}

impl Planner {
    /// Fills caches like the operator's, of one namespace or of all. `image` is the operator's own.
    ///
    /// # Errors
    /// The names of the caches that were not filled within `patience`.
    pub async fn watch(client: Client, namespace: Option<&str>, image: String, patience: Duration) -> Result<Self, Vec<String>> {
        let (stop, stopped) = oneshot::channel();
        let stopped = stopped.map(|_| ()).shared();
        let readiness = Readiness::waiting_for(CACHES.iter().copied());
        // No controller runs, so nothing is enqueued.
        let workqueue = Arc::new(Workqueue::default());
        let nobody: Arc<dyn Listener> = Arc::new(());
        let (caches, _) = Caches::watch(&client, namespace, &workqueue, &readiness, &nobody, &stopped);
        if tokio::time::timeout(patience, readiness.reached()).await.is_err() {
            return Err(readiness.still_missing());
        }
        let outbox = Outbox::new(journal::store(&JournalUrl::Memory, None), Arc::new(()));
        let context = Context {
            engine: Engine::new(client.clone(), workqueue, outbox, Arc::new(()), EventRecorder::start(client.clone(), FIELD_MANAGER, None)),
            client,
            caches,
            metrics: Arc::new(Metrics::default()),
            connections: Connections::default(),
            request_queues: RequestQueues::default(),
            external_hosts: ExternalHosts::default(),
            crl_refreshes: RefreshSchedule::elsewhere(),
            revoked: Revoked::default(),
            operator_image: OperatorImage { reference: image, pull_policy: None },
        };
        Ok(Self { context, _stop: stop })
    }

    /// The next steps of all objects that are `wanted`.
    ///
    /// # Errors
    /// [`Error`] if a decision cannot be written down.
    pub async fn next_steps(&self, wanted: impl Fn(&ObjectKey) -> bool) -> Result<Vec<NextStep>, Error> {
        let (context, wanted) = (&self.context, &wanted);
        let mut steps = Vec::new();
        macro_rules! extend {
            ($($kind:path),+) => { $(steps.extend(next_steps::<$kind>(context, wanted).await?);)+ };
        }
        for_each_controller!(extend);
        Ok(steps)
    }
}
