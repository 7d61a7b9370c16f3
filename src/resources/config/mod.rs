//! Config.

mod judge;
mod look;

pub use judge::ConfigView;
pub use look::Facts;

use crate::cluster::{Cache, Caches, Difference};
use crate::reconcile::{Context, Kind};
use openvox_crds::{Config, ConfigPhase, ConfigStatus};
use openvox_machines::config::{self as machine, Effect, Report, State};
use openvox_machines::core::{Blocked, Condition, Timestamp};
use std::sync::Arc;

/// The kind.
pub struct Configs;

impl Kind for Configs {
    type Resource = Config;
    type Machine = machine::Config;
    type Facts = Facts;
    type View = ConfigView;
    type Report = Report;

    fn cache(caches: &Caches) -> &Cache<Config> {
        &caches.configs
    }

    fn phases() -> Vec<&'static str> {
        ConfigPhase::ALL.iter().map(|phase| phase.as_str()).collect()
    }

    async fn look(context: &Context, object: &Config) -> Facts {
        look::look(context, object)
    }

    fn judge(object: &Config, facts: Facts, report: Option<Report>, now: Timestamp) -> ConfigView {
        judge::judge(object, &facts, report, now)
    }

    fn conditions(state: &State, view: &ConfigView, blocked: Option<&Blocked>) -> Vec<Condition> {
        machine::conditions(state, &view.seen, blocked)
    }

    fn project(_: &State, _: &ConfigView, _: &mut ConfigStatus) {}

    fn effect_name(effect: &Effect) -> &'static str {
        match effect {
            Effect::ApplyFiles => "ApplyFiles",
        }
    }

    async fn act(context: &Arc<Context>, _: &Arc<Config>, view: &ConfigView, effect: &Effect) -> Option<Report> {
        let Effect::ApplyFiles = effect;
        let (client, caches, metrics) = (&context.client, &context.caches, &context.metrics);
        let work = async {
            if let Some(account) = &view.account {
                account.apply(client, Some(&caches.service_accounts), metrics).await?;
            }
            if let Some(files) = &view.files {
                files.apply(client, Some(&caches.config_maps), metrics).await?;
            }
            Ok::<(), crate::cluster::ApplyError>(())
        };
        match work.await {
            Ok(()) => Some(Report::Applied),
            Err(error) => error.report().map(|(reason, message)| Report::Failed { reason, message }),
        }
    }

    async fn differences(context: &Context, _: &Arc<Config>, view: &ConfigView) -> Vec<Difference> {
        let account = view.account.as_ref().and_then(|plan| plan.difference(&context.caches.service_accounts));
        let files = view.files.as_ref().and_then(|plan| plan.difference(&context.caches.config_maps));
        account.into_iter().chain(files).collect()
    }

    fn is_failure(report: &Report) -> bool {
        matches!(report, Report::Failed { .. })
    }
}
