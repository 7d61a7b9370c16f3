//! Config.

mod classifier;
mod judge;
mod look;

pub use judge::ConfigView;
pub use look::Facts;

use crate::cluster::{Cache, Difference};
use crate::reconcile::{Context, Reconciler};
use openvox_crds::{Config, ConfigPhase, ConfigStatus};
use openvox_machines::Report;
use openvox_machines::config::{self as machine, Effect, State};
use openvox_machines::core::{Acted, Blocked, Condition, Timestamp};
use std::sync::Arc;

/// The kind.
pub struct Configs;

impl Reconciler for Configs {
    type Context = Context;
    type Resource = Config;
    type Machine = machine::Config;
    type Facts = Facts;
    type View = ConfigView;
    type Report = Report;

    fn cache(context: &Context) -> &Cache<Config> {
        &context.caches.configs
    }

    fn phases() -> Vec<&'static str> {
        ConfigPhase::ALL.iter().map(|phase| phase.as_str()).collect()
    }

    async fn look(context: &Context, object: &Config) -> Facts {
        look::look(context, object).await
    }

    fn judge(object: &Config, facts: Facts, report: Option<Report>, now: Timestamp) -> ConfigView {
        judge::judge(object, facts, report, now)
    }

    fn conditions(state: &State, view: &ConfigView, blocked: Option<&Blocked>) -> Vec<Condition> {
        machine::conditions(state, &view.seen, blocked)
    }

    fn project(_: &State, _: &ConfigView, _: &mut ConfigStatus) {}

    async fn act(context: &Arc<Context>, _: &Arc<Config>, view: &ConfigView, effect: &Effect) -> Acted<Report> {
        let Effect::ApplyFiles = effect;
        let (client, caches, metrics) = (&context.client, &context.caches, &context.metrics);
        // The files make servers ask the classifier, so its settings come first.
        let applied = match view.classifier.apply(client, caches, metrics).await {
            Ok(()) => view.objects.apply(client, caches, metrics).await,
            failed => failed,
        };
        match applied {
            Ok(()) => Acted::Reported(Report::Applied),
            Err(error) => error.acted(|reason, message| Report::Failed { reason, message }),
        }
    }

    fn differences(view: &ConfigView) -> Vec<Difference> {
        let mut differences = view.classifier.differences();
        differences.extend(view.objects.differences());
        differences
    }

    fn is_failure(report: &Report) -> bool {
        matches!(report, Report::Failed { .. })
    }
}
