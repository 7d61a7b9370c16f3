//! Server.

mod ca_access;
mod judge;
mod look;
mod secret_hash;
mod workload;

pub use judge::ServerView;
pub use look::Facts;

use crate::cluster::{Cache, Difference, OwnedSet};
use crate::reconcile::{Context, Reconciler};
use kube::ResourceExt as _;
use openvox_crds::{Server, ServerPhase, ServerStatus};
use openvox_machines::Report;
use openvox_machines::core::{Acted, Blocked, Condition, Timestamp};
use openvox_machines::server::{self as machine, Effect, State};
use std::sync::Arc;

/// The kind.
pub struct Servers;

impl Reconciler for Servers {
    type Context = Context;
    type Resource = Server;
    type Machine = machine::Server;
    type Facts = Facts;
    type View = ServerView;
    type Report = Report;

    const OUTLIVES_DELETION: bool = true;

    fn cache(context: &Context) -> &Cache<Server> {
        &context.caches.servers
    }

    fn phases() -> Vec<&'static str> {
        ServerPhase::ALL.iter().map(|phase| phase.as_str()).collect()
    }

    async fn look(context: &Context, object: &Server) -> Facts {
        look::look(context, object).await
    }

    fn judge(object: &Server, facts: Facts, report: Option<Report>, now: Timestamp) -> ServerView {
        judge::judge(object, facts, report, now)
    }

    fn conditions(state: &State, view: &ServerView, blocked: Option<&Blocked>) -> Vec<Condition> {
        machine::conditions(state, &view.seen, blocked)
    }

    fn project(_: &State, view: &ServerView, status: &mut ServerStatus) {
        status.replicas = view.pods;
        status.selector = Some(view.selector.clone());
        status.ready = pods(view.seen.workload.ready());
        status.desired = view.seen.workload.desired().map_or(view.wanted_replicas, pods);
    }

    async fn act(context: &Arc<Context>, _: &Arc<Server>, view: &ServerView, effect: &Effect) -> Acted<Report> {
        let owned = match effect {
            Effect::ApplyWorkload => &view.workload,
            Effect::ApplyExtras => &view.extras,
        };
        match owned.apply(&context.client, &context.caches, &context.metrics).await {
            Ok(()) => Acted::Reported(Report::Applied),
            Err(error) => error.acted(|reason, message| Report::Failed { reason, message }),
        }
    }

    fn differences(view: &ServerView) -> Vec<Difference> {
        [&view.workload, &view.extras].into_iter().flat_map(OwnedSet::differences).collect()
    }

    fn is_failure(report: &Report) -> bool {
        matches!(report, Report::Failed { .. })
    }

    fn wakes_at(view: &ServerView) -> Option<Timestamp> {
        view.changes_at
    }

    fn measure(context: &Context, object: &Server, _: &State, view: Option<&ServerView>) {
        let Some(view) = view else { return };
        let workload = &view.seen.workload;
        let desired = workload.desired().unwrap_or(u32::try_from(view.wanted_replicas).unwrap_or(0));
        context.metrics.server_pods(&object.namespace().unwrap_or_default(), &object.name_any(), desired, workload.ready());
    }
}

/// A number of pods, as Kubernetes counts them.
fn pods(count: u32) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}
