//! Pool.

mod judge;
mod look;

pub use judge::PoolView;
pub use look::Facts;

use crate::cluster::{Cache, Difference};
use crate::reconcile::{Context, Reconciler};
use openvox_crds::{Pool, PoolPhase, PoolStatus};
use openvox_machines::Report;
use openvox_machines::core::{Acted, Blocked, Condition, Timestamp};
use openvox_machines::pool::{self as machine, Effect, State};
use std::sync::Arc;

/// The kind.
pub struct Pools;

impl Reconciler for Pools {
    type Context = Context;
    type Resource = Pool;
    type Machine = machine::Pool;
    type Facts = Facts;
    type View = PoolView;
    type Report = Report;

    fn cache(context: &Context) -> &Cache<Pool> {
        &context.caches.pools
    }

    fn phases() -> Vec<&'static str> {
        PoolPhase::ALL.iter().map(|phase| phase.as_str()).collect()
    }

    async fn look(context: &Context, object: &Pool) -> Facts {
        look::look(context, object)
    }

    fn judge(object: &Pool, facts: Facts, report: Option<Report>, now: Timestamp) -> PoolView {
        judge::judge(object, facts, report, now)
    }

    fn conditions(state: &State, view: &PoolView, blocked: Option<&Blocked>) -> Vec<Condition> {
        machine::conditions(state, blocked, view.seen.endpoints)
    }

    fn project(_: &State, view: &PoolView, status: &mut PoolStatus) {
        status.service_name = Some(view.name.clone());
        status.endpoints = i32::try_from(view.seen.endpoints).unwrap_or(i32::MAX);
    }

    async fn act(context: &Arc<Context>, _: &Arc<Pool>, view: &PoolView, effect: &Effect) -> Acted<Report> {
        let Effect::ApplyService = effect;
        match view.objects.apply(&context.client, &context.caches, &context.metrics).await {
            Ok(()) => Acted::Reported(Report::Applied),
            Err(error) => error.acted(|reason, message| Report::Failed { reason, message }),
        }
    }

    fn differences(view: &PoolView) -> Vec<Difference> {
        view.objects.differences()
    }

    fn is_failure(report: &Report) -> bool {
        matches!(report, Report::Failed { .. })
    }
}
