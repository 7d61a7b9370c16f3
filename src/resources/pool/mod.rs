//! Pool.

use super::certificate_authority::ready_endpoints;
use super::name_length::too_long;
use crate::build::{self, Scope};
use crate::cluster::{Cache, Caches, Difference, Managed, Plan, owner_reference};
use crate::reconcile::{Context, Kind, View};
use kube::ResourceExt as _;
use openvox_crds::vocabulary::label::POOL_NAME_MAX;
use openvox_crds::{Pool, PoolPhase, PoolStatus};
use openvox_machines::core::{Blocked, Condition};
use openvox_machines::pool::{self as machine, Effect, Observed, Report, State};
use openvox_machines::reason;
use std::sync::Arc;

/// The kind.
pub struct Pools;

/// What was observed, and the Service as it should be.
pub struct PoolView {
    seen: Observed,
    name: String,
    service: Option<Plan<Managed>>,
}

impl View<machine::Pool> for PoolView {
    fn seen(&self) -> &Observed {
        &self.seen
    }
}

impl Kind for Pools {
    type Resource = Pool;
    type Machine = machine::Pool;
    type View = PoolView;
    type Report = Report;

    fn cache(caches: &Caches) -> &Cache<Pool> {
        &caches.pools
    }

    fn phases() -> Vec<&'static str> {
        PoolPhase::ALL.iter().map(|phase| phase.as_str()).collect()
    }

    async fn observe(context: &Context, object: &Arc<Pool>, report: Option<Report>) -> PoolView {
        let (namespace, name) = (object.namespace().unwrap_or_default(), object.name_any());
        let owner = owner_reference(&**object);
        let service = Plan::new(&build::service::pool(Scope { namespace: &namespace, owner: owner.as_ref() }, &name, &object.spec)).ok();
        let live = context.caches.services.get(&namespace, &name);
        let foreign = service.as_ref().zip(live.as_ref()).and_then(|(plan, live)| plan.foreign(live));
        let taken = foreign.map(|owner| owner.blocked(&format!("Service {name}"), "rename the Pool, or remove that Service"));
        let (foreign, predecessor) = match taken {
            Some(blocked) if !blocked.permanent => (None, Some(blocked)),
            taken => (taken, None),
        };
        let seen = Observed {
            now: context.now(),
            generation: object.metadata.generation.unwrap_or(0),
            invalid: invalid(object),
            foreign,
            predecessor,
            in_place: service.as_ref().is_some_and(|plan| plan.is_met(&context.caches.services)),
            digest: service.as_ref().map(|plan| plan.digest().to_owned()).unwrap_or_default(),
            endpoints: ready_endpoints(context, &namespace, &name),
            report,
        };
        PoolView { seen, name, service }
    }

    fn conditions(state: &State, view: &PoolView, blocked: Option<&Blocked>) -> Vec<Condition> {
        machine::conditions(state, blocked, view.seen.endpoints)
    }

    fn project(_: &State, view: &PoolView, status: &mut PoolStatus) {
        status.service_name = Some(view.name.clone());
        status.endpoints = i32::try_from(view.seen.endpoints).unwrap_or(i32::MAX);
    }

    fn effect_name(effect: &Effect) -> &'static str {
        match effect {
            Effect::ApplyService => "ApplyService",
        }
    }

    async fn act(context: &Arc<Context>, _: &Arc<Pool>, view: &PoolView, effect: &Effect) -> Option<Report> {
        let Effect::ApplyService = effect;
        let plan = view.service.as_ref()?;
        match plan.apply(&context.client, Some(&context.caches.services), &context.metrics).await {
            Ok(()) => Some(Report::Applied),
            Err(error) => error.report().map(|(reason, message)| Report::Failed { reason, message }),
        }
    }

    async fn differences(context: &Context, _: &Arc<Pool>, view: &PoolView) -> Vec<Difference> {
        view.service.iter().filter_map(|plan| plan.difference(&context.caches.services)).collect()
    }

    fn is_failure(report: &Report) -> bool {
        matches!(report, Report::Failed { .. })
    }
}

/// The first value in the spec that cannot be used.
fn invalid(object: &Pool) -> Option<Blocked> {
    if let Some(blocked) = too_long(&object.name_any(), POOL_NAME_MAX, "the label that it becomes part of") {
        return Some(blocked);
    }
    let port = object.spec.service.as_ref().map_or(0, |service| service.port);
    (!(0..=65535).contains(&port)).then(|| {
        Blocked::invalid(reason::INVALID_SPEC, format!("spec.service.port: {port} is no port"))
            .remedy("use a number from 1 to 65535, or leave it out for 8140")
    })
}
