//! Config.

use super::text::text;
use crate::build::{self, Scope, name};
use crate::cluster::{Cache, Caches, Difference, Managed, Plan, owner_reference};
use crate::reconcile::{Context, Kind, View};
use crate::render::{self, RenderInputs};
use kube::ResourceExt as _;
use openvox_crds::{Config, ConfigPhase, ConfigStatus};
use openvox_machines::config::{self as machine, Effect, Observed, Report, State};
use openvox_machines::core::{Blocked, Condition};
use openvox_machines::reason;
use openvox_puppet::{Certificate, ExtensionOid};
use std::sync::Arc;

/// The kind.
pub struct Configs;

/// What was observed, and the objects as they should be.
pub struct ConfigView {
    seen: Observed,
    files: Option<Plan<Managed>>,
    account: Option<Plan<Managed>>,
}

impl View<machine::Config> for ConfigView {
    fn seen(&self) -> &Observed {
        &self.seen
    }
}

impl Kind for Configs {
    type Resource = Config;
    type Machine = machine::Config;
    type View = ConfigView;
    type Report = Report;

    fn cache(caches: &Caches) -> &Cache<Config> {
        &caches.configs
    }

    fn phases() -> Vec<&'static str> {
        ConfigPhase::ALL.iter().map(|phase| phase.as_str()).collect()
    }

    async fn observe(context: &Context, object: &Arc<Config>, report: Option<Report>) -> ConfigView {
        let caches = &context.caches;
        let (namespace, name) = (object.namespace().unwrap_or_default(), object.name_any());
        let owner = owner_reference(&**object);
        let scope = Scope { namespace: &namespace, owner: owner.as_ref() };
        let account = Plan::new(&build::service_account::server(scope, &name)).ok();
        let rendered = render::render(&object.spec, &inputs(context, object, &namespace))
            .map_err(|error| Blocked::invalid(reason::RENDER_FAILED, error.to_string()));
        let (files, rendered) = match rendered.map(|data| Plan::new(&build::config_map::config_files(scope, &name, data))) {
            Ok(Ok(plan)) => {
                let digest = plan.digest().to_owned();
                (Some(plan), Ok(digest))
            }
            Ok(Err(error)) => (None, Err(Blocked::invalid(reason::RENDER_FAILED, error.to_string()))),
            Err(blocked) => (None, Err(blocked)),
        };
        let seen = Observed {
            now: context.now(),
            generation: object.metadata.generation.unwrap_or(0),
            references: dangling(context, object, &namespace),
            rendered,
            in_place: files.as_ref().is_some_and(|plan| plan.is_met(&caches.config_maps))
                && account.as_ref().is_some_and(|plan| plan.is_met(&caches.service_accounts)),
            report,
        };
        ConfigView { seen, files, account }
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

fn inputs(context: &Context, object: &Config, namespace: &str) -> RenderInputs {
    let caches = &context.caches;
    let authority = object.spec.authority_ref.as_ref().and_then(|name| caches.authorities.get(namespace, name));
    let database = object.spec.database_ref.as_ref().and_then(|name| caches.databases.get(namespace, name));
    RenderInputs {
        authority: authority.map(|authority| render::Authority {
            name: authority.name_any(),
            spec: authority.spec.clone(),
            operator_by_name: operator_by_name(caches, namespace, &authority.name_any()),
        }),
        database_url: database.and_then(|database| database.status.as_ref()?.url.clone()).filter(|url| !url.is_empty()),
        node_classifier: false,
        report_processors: 0,
    }
}

/// The pair with which the operator administers a CA is there and does not carry the right itself.
fn operator_by_name(caches: &Caches, namespace: &str, authority: &str) -> bool {
    let pair = caches.secrets.get(namespace, &name::tls_secret(&name::operator_signing(authority)));
    let certificate = pair.and_then(|secret| Certificate::from_pem(text(&secret, "cert.pem")?).ok());
    certificate.is_some_and(|certificate| !certificate.has_extension(&ExtensionOid::cli_auth(), "true"))
}

/// The first reference of the spec that leads nowhere.
fn dangling(context: &Context, object: &Config, namespace: &str) -> Option<Blocked> {
    let (caches, spec) = (&context.caches, &object.spec);
    let missing = |reason, field: &str, kind: &str, name: &str| {
        Blocked::waiting(reason, format!("{field} names {kind} {name}, which does not exist")).remedy("create it or change the reference")
    };
    if let Some(name) = spec.authority_ref.as_ref().filter(|name| caches.authorities.get(namespace, name).is_none()) {
        return Some(missing(reason::AUTHORITY_NOT_FOUND, "spec.authorityRef", "CertificateAuthority", name));
    }
    if let Some(name) = spec.database_ref.as_ref().filter(|name| caches.databases.get(namespace, name).is_none()) {
        return Some(missing(reason::DATABASE_NOT_FOUND, "spec.databaseRef", "Database", name));
    }
    spec.node_classifier_ref.as_ref().map(|name| {
        Blocked::invalid(
            reason::PENDING_SECRET,
            format!("spec.nodeClassifierRef names {name}, and this version does not serve NodeClassifiers yet"),
        )
        .remedy("remove the reference")
    })
}
