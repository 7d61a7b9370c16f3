//! Starting and stopping the operator.

use crate::build::image::OperatorImage;
use crate::cli::{CallerAuth, OperatorFlags};
use crate::cluster::{CACHES, Caches, FIELD_MANAGER, Listener, Readiness, Receivers, Workqueue};
use crate::http::access::{AccessControl, ApiServer};
use crate::http::history::Api;
use crate::http::{self, BindAddress, TlsListener};
use crate::journal::{self, Outbox, Retention, Store, Upkeep};
use crate::leader::{self, Election};
use crate::reconcile::{self, Context, EventRecorder};
use crate::resources::certificate::Revoked;
use crate::resources::certificate_authority::connections::Connections;
use crate::resources::certificate_authority::{RefreshSchedule, RequestQueues};
use crate::resources::{controlled_kinds, for_each_controller};
use crate::telemetry::Metrics;
use crate::watch_listener::WatchListener;
use anyhow::Context as _;
use futures::FutureExt as _;
use futures::future::Shared;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use openvox_engine::reconcile::Engine;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinHandle;

/// Name under which the operator's requests stand in the API server's audit log and metrics.
const USER_AGENT: &str = concat!("openvox-operator/", env!("CARGO_PKG_VERSION"));

type Stop = Shared<Pin<Box<dyn Future<Output = ()> + Send>>>;

/// Runs the operator until SIGTERM or SIGINT, or until its Lease is lost.
///
/// # Errors
/// If it cannot start: no API server, an address in use.
pub async fn run(flags: &OperatorFlags) -> anyhow::Result<()> {
    let store = journal::store(&flags.journal, flags.journal_password_file.as_deref());
    run_with_journal(flags, store).await
}

/// [`run`] with a given journal.
///
/// # Errors
/// As [`run`].
pub async fn run_with_journal(flags: &OperatorFlags, store: Arc<dyn Upkeep>) -> anyhow::Result<()> {
    let stop = on_signal()?;
    anyhow::ensure!(
        flags.history_auth == CallerAuth::Token || flags.history_bind_address.is_loopback(),
        "--history-auth=none lets everybody read who reaches --history-bind-address={}: bind it to 127.0.0.1:8082, or use --history-auth=token",
        flags.history_bind_address
    );
    let client = client(flags).await?;
    let namespace = flags.watch_namespace.one();
    let pod_name = std::env::var("POD_NAME").ok();
    let own_namespace = std::env::var("POD_NAMESPACE").unwrap_or_else(|_| client.default_namespace().to_owned());
    let image = flags
        .operator_image
        .clone()
        .context("--operator-image (or OPERATOR_IMAGE) is not set: set-up Jobs and init containers run this operator's own image")?;

    let metrics = Arc::new(Metrics::with_detail(flags.metrics_per_object));
    let outbox = Outbox::new(Arc::clone(&store) as Arc<dyn Store>, metrics.clone());
    let readiness = Readiness::waiting_for(CACHES.iter().copied());
    let mut servers = vec![
        match flags.metrics_auth {
            CallerAuth::Token => {
                let access = AccessControl::with_tokens(Arc::new(ApiServer::new(client.clone(), &own_namespace)));
                serve_guarded(&flags.metrics_bind_address, http::metrics::router(Arc::clone(&metrics), Some(access)), &stop).await?
            }
            CallerAuth::None => serve(&flags.metrics_bind_address, http::metrics::router(Arc::clone(&metrics), None), &stop).await?,
        },
        serve(&flags.health_probe_bind_address, http::health::router(readiness.clone()), &stop).await?,
    ];

    // Readiness does not wait for the Lease: a replica that stands by is as ready as it can be.
    let (workqueue, receivers) = Workqueue::new(controlled_kinds());
    let workqueue = Arc::new(workqueue);
    let recorder = EventRecorder::start(client.clone(), FIELD_MANAGER, pod_name.clone());
    let listener: Arc<dyn Listener> =
        Arc::new(WatchListener { metrics: Arc::clone(&metrics), outbox: outbox.clone(), recorder: recorder.clone() });
    let (caches, watches) = Caches::watch(&client, namespace, &workqueue, &readiness, &listener, &stop);
    let access = match flags.history_auth {
        CallerAuth::Token => AccessControl::with_tokens(Arc::new(ApiServer::new(client.clone(), &own_namespace))),
        CallerAuth::None => AccessControl::open(),
    };
    let history = Api::new(Arc::clone(&store) as Arc<dyn Store>, Arc::new(caches.clone()), access.clone());
    let context = Arc::new(Context {
        engine: Engine::new(client.clone(), workqueue, outbox.clone(), metrics.clone(), recorder),
        client: client.clone(),
        caches,
        metrics,
        connections: Connections::default(),
        request_queues: RequestQueues::default(),
        external_hosts: flags.external_ca_hosts.clone(),
        crl_refreshes: RefreshSchedule::default(),
        revoked: Revoked::default(),
        operator_image: OperatorImage { reference: image, pull_policy: None },
    });
    let requests = http::signing_requests::router(access, Arc::clone(&context));
    servers.push(serve_guarded(&flags.history_bind_address, http::history::router(history, requests), &stop).await?);

    let journal = Journal {
        store,
        outbox,
        retention: Retention { age: flags.journal_retention, count: flags.journal_retention_count },
        metrics: Arc::clone(&context.metrics),
    };

    let controllers = async {
        if flags.leader_elect {
            let place = namespace.map_or(own_namespace, str::to_owned);
            let election = Election::new(client.clone(), &place, leader::identity(pod_name.as_deref().unwrap_or("openvox-operator")));
            let leadership = tokio::select! {
                leadership = election.acquire() => leadership,
                () = stop.clone() => return Ok(()),
            };
            let working = tokio::spawn(work(journal, context, receivers, readiness, stop.clone()));
            // Without the Lease nothing may be done any more, so nothing is waited for either.
            return leadership.hold(working.map(drop)).await.context("the Lease is lost, so another replica works now");
        }
        work(journal, context, receivers, readiness, stop.clone()).await;
        Ok(())
    };
    controllers.await?;
    for task in watches.into_iter().chain(servers.into_iter().flatten()) {
        // A task that panicked has said so already.
        let _ = task.await;
    }
    Ok(())
}

/// What the one replica that works does for the journal.
struct Journal {
    store: Arc<dyn Upkeep>,
    outbox: Outbox,
    retention: Retention,
    metrics: Arc<Metrics>,
}

/// What only the replica that holds the Lease does.
async fn work(journal: Journal, context: Arc<Context>, receivers: Receivers, readiness: Readiness, stop: Stop) {
    let Journal { store, outbox, retention, metrics } = journal;
    store.begin();
    // Tasks of their own: neither waits for the controllers, and at the end the journal gets what they did last.
    let writing = tokio::spawn(outbox.run(stop.clone()));
    let sweeping = tokio::spawn(retention.run(store, metrics, stop.clone()));
    controllers(context, receivers, readiness, stop).await;
    for task in [writing, sweeping] {
        // A task that panicked has said so already.
        let _ = task.await;
    }
}

/// All controllers, once every cache has its first list.
async fn controllers(context: Arc<Context>, mut receivers: Receivers, readiness: Readiness, stop: Stop) {
    context.metrics.leads();
    tokio::select! {
        () = readiness.reached() => tracing::info!("all caches are synced; reconciling begins"),
        () = stop.clone() => return,
    }
    macro_rules! run {
        ($($kind:path),+) => {
            tokio::join!($(reconcile::run::<$kind>(Arc::clone(&context), receivers.take(), stop.clone())),+)
        };
    }
    for_each_controller!(run);
}

fn on_signal() -> anyhow::Result<Stop> {
    let mut terminate = signal(SignalKind::terminate()).context("failed to listen for SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("failed to listen for SIGINT")?;
    let stop = async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!("stopping");
    };
    let stop: Stop = (Box::pin(stop) as Pin<Box<dyn Future<Output = ()> + Send>>).shared();
    // Somebody has to poll it from the start, or a signal before the first use is lost.
    tokio::spawn(stop.clone());
    Ok(stop)
}

async fn client(flags: &OperatorFlags) -> anyhow::Result<Client> {
    let mut config = match &flags.kubeconfig {
        Some(path) => {
            let file = Kubeconfig::read_from(path).with_context(|| format!("failed to read {}", path.display()))?;
            Config::from_custom_kubeconfig(file, &KubeConfigOptions::default()).await?
        }
        None => Config::infer().await.context("failed to find a kubeconfig or a service account")?,
    };
    config.headers.push((reqwest::header::USER_AGENT, reqwest::header::HeaderValue::from_static(USER_AGENT)));
    Client::try_from(config).context("failed to make a client for the API server")
}

async fn serve(address: &BindAddress, router: axum::Router, stop: &Stop) -> anyhow::Result<Option<JoinHandle<()>>> {
    let Some(listener) = address.listen().await.with_context(|| format!("failed to listen on {address}"))? else { return Ok(None) };
    Ok(Some(tokio::spawn(served(http::serve(listener, router, stop.clone())))))
}

/// With TLS for who comes over the network: they show tokens.
async fn serve_guarded(address: &BindAddress, router: axum::Router, stop: &Stop) -> anyhow::Result<Option<JoinHandle<()>>> {
    let Some(listener) = address.listen().await.with_context(|| format!("failed to listen on {address}"))? else { return Ok(None) };
    let listener = TlsListener::new(listener)?;
    Ok(Some(tokio::spawn(served(http::serve(listener, router, stop.clone())))))
}

async fn served(serving: impl Future<Output = std::io::Result<()>>) {
    if let Err(error) = serving.await {
        tracing::error!(%error, "a server ended");
    }
}
