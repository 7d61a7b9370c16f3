//! Server.

mod ca_access;
mod observe;
mod secret_hash;
mod workload;

pub use observe::ServerView;

use crate::cluster::{ApplyError, Cache, Caches, Change, Desired, Difference, OwnedObject, remove};
use crate::reconcile::{Context, Kind};
use kube::ResourceExt as _;
use openvox_crds::{Server, ServerPhase, ServerStatus};
use openvox_machines::core::{Blocked, Condition, Timestamp};
use openvox_machines::server::{self as machine, Effect, Report, State};
use std::sync::Arc;

/// The kind.
pub struct Servers;

impl Kind for Servers {
    type Resource = Server;
    type Machine = machine::Server;
    type Facts = ServerView;
    type View = ServerView;
    type Report = Report;

    const OUTLIVES_DELETION: bool = true;

    fn cache(caches: &Caches) -> &Cache<Server> {
        &caches.servers
    }

    fn phases() -> Vec<&'static str> {
        ServerPhase::ALL.iter().map(|phase| phase.as_str()).collect()
    }

    async fn look(context: &Context, object: &Server) -> ServerView {
        observe::observe(context, object).await
    }

    fn judge(_: &Server, mut view: ServerView, report: Option<Report>, _: Timestamp) -> ServerView {
        view.seen.report = report;
        view
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

    fn effect_name(effect: &Effect) -> &'static str {
        match effect {
            Effect::ApplyWorkload => "ApplyWorkload",
            Effect::ApplyExtras => "ApplyExtras",
        }
    }

    async fn act(context: &Arc<Context>, object: &Arc<Server>, view: &ServerView, effect: &Effect) -> Option<Report> {
        let done = match effect {
            Effect::ApplyWorkload => apply_workload(context, view).await,
            Effect::ApplyExtras => apply_extras(context, object, view).await,
        };
        match done {
            Ok(()) => Some(Report::Applied),
            Err(error) => error.report().map(|(reason, message)| Report::Failed { reason, message }),
        }
    }

    async fn differences(context: &Context, object: &Arc<Server>, view: &ServerView) -> Vec<Difference> {
        let (caches, name) = (&context.caches, object.name_any());
        let policy = crate::build::name::server_network_policy(&name);
        [
            view.deployment.as_ref().and_then(|plan| plan.difference(&caches.deployments)),
            extra(object, view.disruption_budget.as_ref(), &caches.disruption_budgets, &name),
            extra(object, view.autoscaler.as_ref(), &caches.autoscalers, &name),
            extra(object, view.network_policy.as_ref(), &caches.network_policies, &policy),
        ]
        .into_iter()
        .flatten()
        .collect()
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

async fn apply_workload(context: &Context, view: &ServerView) -> Result<(), ApplyError> {
    if let Some(plan) = &view.deployment {
        plan.apply(&context.client, Some(&context.caches.deployments), &context.metrics).await?;
    }
    Ok(())
}

async fn apply_extras(context: &Context, object: &Server, view: &ServerView) -> Result<(), ApplyError> {
    let caches = &context.caches;
    ensure(context, object, view.disruption_budget.as_ref(), &caches.disruption_budgets, &object.name_any()).await?;
    ensure(context, object, view.autoscaler.as_ref(), &caches.autoscalers, &object.name_any()).await?;
    ensure(
        context,
        object,
        view.network_policy.as_ref(),
        &caches.network_policies,
        &crate::build::name::server_network_policy(&object.name_any()),
    )
    .await
}

/// How an object that may be wanted differs from what it should be, or that it is to go.
fn extra(object: &Server, wanted: Option<&Desired<OwnedObject>>, cache: &Cache<OwnedObject>, name: &str) -> Option<Difference> {
    if let Some(plan) = wanted {
        return plan.difference(cache);
    }
    let live = cache.get(&object.namespace().unwrap_or_default(), name)?;
    let goes = || Difference { kind: cache.kind().to_owned(), name: name.to_owned(), change: Change::Delete, fields: Vec::new() };
    observe::is_ours(object, &live).then(goes)
}

/// Applies a wanted object, or deletes one that is ours and no longer wanted.
async fn ensure(
    context: &Context,
    object: &Server,
    wanted: Option<&Desired<OwnedObject>>,
    cache: &Cache<OwnedObject>,
    name: &str,
) -> Result<(), ApplyError> {
    if let Some(plan) = wanted {
        return plan.apply(&context.client, Some(cache), &context.metrics).await;
    }
    let live = cache.get(&object.namespace().unwrap_or_default(), name).filter(|live| observe::is_ours(object, live));
    match live {
        Some(live) => remove(&context.client, cache, &observe::companion(object, name), &live, &context.metrics).await,
        None => Ok(()),
    }
}
