//! What the Server machine looks at, and the objects as they should be.

use super::super::certificate_authority::connections::secret;
use super::ca_access;
use super::secret_hash;
use super::workload::workload;
use crate::build::metadata::metadata;
use crate::build::{self, Scope, label_set, name};
use crate::cluster::{Cache, Desired, Foreign, Key, OwnedObject, owner_reference};
use crate::reconcile::{Context, View, state_of};
use crate::resources::ca_server;
use crate::resources::certificate::Certificates;
use crate::resources::config::Configs;
use crate::resources::pod_failure::{self, Judgement};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::{Resource, ResourceExt as _};
use openvox_crds::vocabulary::annotation;
use openvox_crds::{CertificateAuthority, Config, Lifecycled as _, Server};
use openvox_machines::core::{Blocked, Timestamp};
use openvox_machines::reason;
use openvox_machines::server::{self as machine, Observed};
use std::collections::BTreeMap;

/// What was observed, and the objects as they should be.
pub struct ServerView {
    pub(super) seen: Observed,
    /// When its pods may be judged otherwise although none of them changes.
    pub(super) changes_at: Option<Timestamp>,
    pub(super) wanted_replicas: i32,
    /// Pods of the Deployment that exist.
    pub(super) pods: i32,
    /// Label selector of its pods.
    pub(super) selector: String,
    pub(super) deployment: Option<Desired<OwnedObject>>,
    pub(super) disruption_budget: Option<Desired<OwnedObject>>,
    pub(super) autoscaler: Option<Desired<OwnedObject>>,
    pub(super) network_policy: Option<Desired<OwnedObject>>,
}

impl View<machine::Server> for ServerView {
    fn seen(&self) -> &Observed {
        &self.seen
    }
}

/// What tells whose an object beside the Deployment is.
pub(super) fn companion(server: &Server, name: &str) -> ObjectMeta {
    let (namespace, owner) = (server.namespace().unwrap_or_default(), owner_reference(server));
    let labels = label_set::server_companion(&server.name_any());
    metadata(Scope { namespace: &namespace, owner: owner.as_ref() }, name, labels)
}

/// An object beside the Deployment is this Server's.
pub(super) fn is_ours(server: &Server, live: &OwnedObject) -> bool {
    Foreign::of(live.meta(), &companion(server, &live.name_any())).is_none()
}

pub(super) async fn observe(context: &Context, object: &Server) -> ServerView {
    let (namespace, name) = (object.namespace().unwrap_or_default(), object.name_any());
    let caches = &context.caches;
    let owner = owner_reference(object);
    let live = caches.deployments.get(&namespace, &name);
    let taken = live.as_deref().and_then(|live| Foreign::of(live.meta(), &companion(object, &name)));
    let taken = taken.map(|taken| taken.blocked(&format!("Deployment {name}"), "rename the Server, or remove that Deployment"));
    let predecessor = taken.clone().filter(|taken| !taken.permanent);
    let references =
        predecessor.or_else(|| dangling(context, object, &namespace)).or_else(|| ca_server::blocked(context, &namespace, object));
    let certificate = awaited(context, object, &namespace).await;
    let plan = match (&references, &certificate) {
        (None, None) => deployment(context, object, &namespace).await,
        (Some(blocked), _) | (_, Some(blocked)) => Err(blocked.clone()),
    };
    let scope = Scope { namespace: &namespace, owner: owner.as_ref() };
    let disruption_budget = build::pod_disruption_budget::server(scope, &name, &object.spec).and_then(|wanted| Desired::new(&wanted).ok());
    let autoscaler = build::horizontal_pod_autoscaler::server(scope, &name, &object.spec).and_then(|wanted| Desired::new(&wanted).ok());
    let network_policy = build::network_policy::server(scope, &name, &object.spec).and_then(|wanted| Desired::new(&wanted).ok());
    let now = context.now();
    let Judgement { failure, changes_at } = pod_failure::of_deployment(&caches.pods.by(&namespace, &Key::Server(name.clone())), now);
    let seen = Observed {
        now,
        deleting: object.metadata.deletion_timestamp.is_some(),
        generation: object.metadata.generation.unwrap_or(0),
        references,
        certificate,
        workload: workload(live.as_deref(), taken, plan.as_ref().ok(), failure),
        extras_in_place: settled(object, disruption_budget.as_ref(), &caches.disruption_budgets, &name)
            && settled(object, autoscaler.as_ref(), &caches.autoscalers, &name)
            && settled(object, network_policy.as_ref(), &caches.network_policies, &name::server_network_policy(&name)),
        plan: plan.as_ref().map(|plan| plan.digest().to_owned()).map_err(Clone::clone),
        report: None,
    };
    let wanted_replicas = build::deployment::replicas(&object.spec).unwrap_or(1);
    let pods = live.as_deref().filter(|live| is_ours(object, live)).and_then(|live| live.at("/status/replicas")).unwrap_or(0);
    ServerView {
        seen,
        changes_at,
        wanted_replicas,
        pods,
        selector: label_set::selector_text(&label_set::server_selector(&name)),
        deployment: plan.ok(),
        disruption_budget,
        autoscaler,
        network_policy,
    }
}

/// A wanted object is as it should be, or an unwanted one is not there (or not ours).
fn settled(server: &Server, wanted: Option<&Desired<OwnedObject>>, cache: &Cache<OwnedObject>, name: &str) -> bool {
    match wanted {
        Some(plan) => plan.is_met(cache),
        None => cache.get(&server.namespace().unwrap_or_default(), name).is_none_or(|live| !is_ours(server, &live)),
    }
}

fn missing(reason: &'static str, field: &str, kind: &str, name: &str) -> Blocked {
    Blocked::waiting(reason, format!("{field} names {kind} {name}, which does not exist")).remedy("create it or change the reference")
}

/// The first reference, apart from the Certificate, that leads nowhere or to something unfinished.
fn dangling(context: &Context, object: &Server, namespace: &str) -> Option<Blocked> {
    let (caches, spec) = (&context.caches, &object.spec);
    let Some(config) = caches.configs.get(namespace, &spec.config_ref) else {
        return Some(missing(reason::CONFIG_NOT_FOUND, "spec.configRef", "Config", &spec.config_ref));
    };
    for (index, pool) in spec.pool_refs.iter().enumerate() {
        if caches.pools.get(namespace, pool).is_none() {
            return Some(missing(reason::POOL_NOT_FOUND, &format!("spec.poolRefs[{index}]"), "Pool", pool));
        }
    }
    // The files are decided before they are written.
    let written = is_rendered(&config) && caches.config_maps.get(namespace, &name::config_map(&spec.config_ref)).is_some();
    (!written).then(|| Blocked::waiting(reason::CONFIG_NOT_READY, format!("Config {} has not written its files yet", spec.config_ref)))
}

/// The Config's files are those of its present spec.
fn is_rendered(config: &Config) -> bool {
    let seen = config.status.as_ref().and_then(|status| status.lifecycle().observed_generation);
    seen == config.metadata.generation && state_of::<Configs>(config).rendered().is_some()
}

/// Why the Certificate cannot be used yet.
async fn awaited(context: &Context, object: &Server, namespace: &str) -> Option<Blocked> {
    let (caches, name) = (&context.caches, &object.spec.certificate_ref);
    let Some(certificate) = caches.certificates.get(namespace, name) else {
        return Some(missing(reason::CERTIFICATE_NOT_FOUND, "spec.certificateRef", "Certificate", name));
    };
    let Some(authority) = caches.authorities.get(namespace, &certificate.spec.authority_ref) else {
        let authority = &certificate.spec.authority_ref;
        return Some(Blocked::waiting(
            reason::AUTHORITY_NOT_FOUND,
            format!("Certificate {name} names CertificateAuthority {authority}, which does not exist"),
        ));
    };
    if state_of::<Certificates>(&certificate).issued().is_none() {
        return Some(
            Blocked::waiting(reason::WAITING_FOR_CERTIFICATE, format!("Certificate {name} is not issued yet"))
                .remedy("its own Ready condition says why"),
        );
    }
    for needed in [name::tls_secret(name), ca_secret(&authority)] {
        if secret(context, namespace, &needed).await.is_err() {
            return Some(Blocked::waiting(reason::WAITING_FOR_CERTIFICATE, format!("Secret {needed} is not there yet")));
        }
    }
    None
}

fn ca_secret(authority: &CertificateAuthority) -> String {
    let given = authority.spec.external.as_ref().and_then(|external| external.ca_secret_ref.clone());
    given.unwrap_or_else(|| name::ca_secret(&authority.name_any()))
}

/// The Deployment as it should be.
async fn deployment(context: &Context, object: &Server, namespace: &str) -> Result<Desired<OwnedObject>, Blocked> {
    let (caches, spec) = (&context.caches, &object.spec);
    let gone = |what: &str| Blocked::waiting(reason::CONFIG_NOT_READY, format!("{what} is not there yet"));
    let config = caches.configs.get(namespace, &spec.config_ref).ok_or_else(|| gone("the Config"))?;
    let certificate = caches.certificates.get(namespace, &spec.certificate_ref).ok_or_else(|| gone("the Certificate"))?;
    let authority = caches.authorities.get(namespace, &certificate.spec.authority_ref).ok_or_else(|| gone("the CertificateAuthority"))?;
    if spec.ca && authority.spec.external.is_some() {
        return Err(Blocked::invalid(
            reason::INVALID_SPEC,
            "spec.ca: true, but the authority of the Certificate is outside the cluster and has no volume here",
        )
        .remedy("set spec.ca to false, or use a Certificate of an authority inside the cluster"));
    }
    if let Some(refused) = ca_access::refused(caches, namespace, spec, &config.spec, &authority) {
        return Err(refused);
    }
    let files = caches.config_maps.get(namespace, &name::config_map(&config.name_any())).ok_or_else(|| gone("the Config's ConfigMap"))?;
    let (tls, ca) = (name::tls_secret(&certificate.name_any()), ca_secret(&authority));
    let read = async |name: &str| secret(context, namespace, name).await.map_err(|_| gone("a Secret"));
    let annotations = caches.deployments.get(namespace, &object.name_any());
    let annotations: BTreeMap<String, String> =
        annotations.and_then(|live| live.at("/spec/template/metadata/annotations")).unwrap_or_default();
    let present = annotations.get(annotation::SSL_SECRET_HASH).map(String::as_str);
    let owner = owner_reference(object);
    let pod = build::deployment::ServerPod {
        name: &object.name_any(),
        spec,
        config: &config.spec,
        authority: &authority.name_any(),
        tls_secret: &tls,
        ca_secret: &ca,
        operator: &context.operator_image,
        config_hash: &build::hash::data_hash(files.at::<BTreeMap<String, String>>("/data").unwrap_or_default()),
        tls_secret_hash: &secret_hash::tls(&*read(&tls).await?, present),
        ca_secret_hash: &secret_hash::ca(&*read(&ca).await?),
        node_classifier: None,
        report_webhook_secret_hash: None,
    };
    let invalid = |error: &dyn std::fmt::Display| Blocked::invalid(reason::INVALID_SPEC, error.to_string());
    let deployment = build::deployment::server(Scope { namespace, owner: owner.as_ref() }, &pod).map_err(|error| invalid(&error))?;
    Desired::new(&deployment).map_err(|error| invalid(&error))
}
