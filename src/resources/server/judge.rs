//! What the facts mean for a Server (no client required).

use super::ca_access;
use super::look::Facts;
use super::secret_hash;
use super::workload::workload;
use crate::build::deployment::Classifier;
use crate::build::metadata::metadata;
use crate::build::{self, Scope, label_set, name};
use crate::cluster::{Desired, Identity, OwnedKind, OwnedObject, OwnedSet, owner_reference};
use crate::reconcile::{View, state_of};
use crate::render::enc;
use crate::resources::ca_server;
use crate::resources::certificate::Certificates;
use crate::resources::certificate_authority::trust_name;
use crate::resources::config::Configs;
use crate::resources::dangling::dangling;
use crate::resources::pod_failure::{self, Judgement};
use crate::resources::text::text;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::api::networking::v1::NetworkPolicy;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use kube::ResourceExt as _;
use openvox_crds::vocabulary::annotation;
use openvox_crds::{Config, Lifecycled as _, Server};
use openvox_machines::Report;
use openvox_machines::core::{Blocked, Timestamp};
use openvox_machines::reason;
use openvox_machines::server::{self as machine, Observed};
use openvox_runtime::enc::settings::{DEFAULT_CACHE_DIRECTORY, Settings};
use std::collections::BTreeMap;

/// The machine's observation, and the objects that the Server owns.
pub struct ServerView {
    pub(super) seen: Observed,
    /// When its pods may be judged otherwise although none of them changes.
    pub(super) changes_at: Option<Timestamp>,
    pub(super) wanted_replicas: i32,
    /// Pods of the Deployment that exist.
    pub(super) pods: i32,
    /// Label selector of its pods.
    pub(super) selector: String,
    /// The Deployment, where it can be made.
    pub(super) workload: OwnedSet,
    /// The objects beside it.
    pub(super) extras: OwnedSet,
}

impl View<machine::Server> for ServerView {
    fn seen(&self) -> &Observed {
        &self.seen
    }
}

/// An object of the Server's.
fn identity<K: OwnedKind<Cached = OwnedObject>>(server: &Server, name: &str) -> Identity {
    let (namespace, owner) = (server.namespace().unwrap_or_default(), owner_reference(server));
    let labels = label_set::server_companion(&server.name_any());
    Identity::of::<K>(metadata(Scope { namespace: &namespace, owner: owner.as_ref() }, name, labels))
}

pub(super) fn judge(object: &Server, facts: Facts, report: Option<Report>, now: Timestamp) -> ServerView {
    let name = object.name_any();
    let live = facts.deployment.as_deref();
    let taken = identity::<Deployment>(object, &name).taken(live, "Server");
    let pods = live.filter(|_| taken.is_none()).and_then(|live| live.at("/status/replicas")).unwrap_or(0);
    let predecessor = taken.clone().filter(|taken| !taken.permanent);
    let ca_blocked = || ca_server::judge(object, facts.authority.as_deref()?, facts.ca.as_ref()?);
    let references = predecessor.or_else(|| unresolved(object, &facts)).or_else(ca_blocked);
    let certificate = awaited(object, &facts);
    let deployment = match references.as_ref().or(certificate.as_ref()) {
        None => deployment(object, &facts),
        Some(blocked) => Err(blocked.clone()),
    };
    let Judgement { failure, changes_at } = pod_failure::of_deployment(&facts.pods, now);
    let workload = workload(live, taken, deployment.as_ref().ok(), failure);
    let plan = deployment.as_ref().map(|deployment| deployment.digest().to_owned()).map_err(Clone::clone);
    let extras = extras(object, &facts);
    let seen = Observed {
        now,
        deleting: object.metadata.deletion_timestamp.is_some(),
        references,
        certificate,
        workload,
        extras_in_place: extras.is_in_place(),
        plan,
        report,
    };
    ServerView {
        seen,
        changes_at,
        wanted_replicas: build::deployment::replicas(&object.spec).unwrap_or(1),
        pods,
        selector: label_set::selector_text(&label_set::server_selector(&name)),
        workload: deployment.map(|deployment| OwnedSet::default().with(deployment, facts.deployment)).unwrap_or_default(),
        extras,
    }
}

/// What stands beside the Deployment, as far as the spec wants it.
fn extras(object: &Server, facts: &Facts) -> OwnedSet {
    let (namespace, name, owner) = (object.namespace().unwrap_or_default(), object.name_any(), owner_reference(object));
    let scope = Scope { namespace: &namespace, owner: owner.as_ref() };
    let (budget, autoscaler, policy) = (
        build::pod_disruption_budget::server(scope, &name, &object.spec),
        build::horizontal_pod_autoscaler::server(scope, &name, &object.spec),
        build::network_policy::server(scope, &name, &object.spec),
    );
    let policy_name = name::server_network_policy(&name);
    OwnedSet::default()
        .with_optional(identity::<PodDisruptionBudget>(object, &name), desired(budget), facts.disruption_budget.clone())
        .with_optional(identity::<HorizontalPodAutoscaler>(object, &name), desired(autoscaler), facts.autoscaler.clone())
        .with_optional(identity::<NetworkPolicy>(object, &policy_name), desired(policy), facts.network_policy.clone())
}

fn desired<K: OwnedKind<Cached = OwnedObject>>(wanted: Option<K>) -> Option<Desired> {
    Desired::new(&wanted?).ok()
}

/// The first reference, apart from the Certificate, that leads nowhere or to something unfinished.
fn unresolved(object: &Server, facts: &Facts) -> Option<Blocked> {
    let spec = &object.spec;
    let Some(config) = &facts.config else {
        return Some(dangling(reason::CONFIG_NOT_FOUND, "spec.configRef", "Config", &spec.config_ref));
    };
    for (index, pool) in spec.pool_refs.iter().enumerate() {
        if !facts.pools.contains(pool) {
            return Some(dangling(reason::POOL_NOT_FOUND, &format!("spec.poolRefs[{index}]"), "Pool", pool));
        }
    }
    // The files are decided before they are written.
    let written = is_rendered(config) && facts.config_map.is_some();
    (!written).then(|| Blocked::waiting(reason::CONFIG_NOT_READY, format!("Config {} has not written its files yet", spec.config_ref)))
}

/// The Config's files are those of its present spec.
fn is_rendered(config: &Config) -> bool {
    let seen = config.status.as_ref().and_then(|status| status.lifecycle().observed_generation);
    seen == config.metadata.generation && state_of::<Configs>(config).rendered().is_some()
}

/// Why the Certificate cannot be used yet.
fn awaited(object: &Server, facts: &Facts) -> Option<Blocked> {
    let name = &object.spec.certificate_ref;
    let Some(certificate) = &facts.certificate else {
        return Some(dangling(reason::CERTIFICATE_NOT_FOUND, "spec.certificateRef", "Certificate", name));
    };
    let Some(authority) = &facts.authority else {
        let authority = &certificate.spec.authority_ref;
        return Some(Blocked::waiting(
            reason::AUTHORITY_NOT_FOUND,
            format!("Certificate {name} names CertificateAuthority {authority}, which does not exist"),
        ));
    };
    if state_of::<Certificates>(certificate).issued().is_none() {
        return Some(
            Blocked::waiting(reason::WAITING_FOR_CERTIFICATE, format!("Certificate {name} is not issued yet"))
                .remedy("its own Ready condition says why"),
        );
    }
    let needed = [(name::tls_secret(name), &facts.tls_secret), (trust_name(authority), &facts.ca_secret)];
    let missing = needed.into_iter().find(|(_, secret)| secret.is_none())?.0;
    Some(Blocked::waiting(reason::WAITING_FOR_CERTIFICATE, format!("Secret {missing} is not there yet")))
}

/// The Deployment as it should be.
fn deployment(object: &Server, facts: &Facts) -> Result<Desired, Blocked> {
    let spec = &object.spec;
    let gone = |what: &str| Blocked::waiting(reason::CONFIG_NOT_READY, format!("{what} is not there yet"));
    let config = facts.config.as_deref().ok_or_else(|| gone("the Config"))?;
    let certificate = facts.certificate.as_deref().ok_or_else(|| gone("the Certificate"))?;
    let authority = facts.authority.as_deref().ok_or_else(|| gone("the CertificateAuthority"))?;
    if spec.ca && authority.spec.external.is_some() {
        return Err(Blocked::invalid(
            reason::INVALID_SPEC,
            "spec.ca: true, but the authority of the Certificate is outside the cluster and has no volume here",
        )
        .remedy("set spec.ca to false, or use a Certificate of an authority inside the cluster"));
    }
    if let Some(refused) = ca_access::refused(spec, &config.spec, authority, facts.code_is_of_ca) {
        return Err(refused);
    }
    let files = facts.config_map.as_deref().ok_or_else(|| gone("the Config's ConfigMap"))?;
    let tls = facts.tls_secret.as_deref().ok_or_else(|| gone("a Secret"))?;
    let ca = facts.ca_secret.as_deref().ok_or_else(|| gone("a Secret"))?;
    let annotations: BTreeMap<String, String> =
        facts.deployment.as_deref().and_then(|live| live.at("/spec/template/metadata/annotations")).unwrap_or_default();
    let present = annotations.get(annotation::SSL_SECRET_HASH).map(String::as_str);
    let (namespace, owner) = (object.namespace().unwrap_or_default(), owner_reference(object));
    let pod = build::deployment::ServerPod {
        name: &object.name_any(),
        spec,
        config: &config.spec,
        authority: &authority.name_any(),
        tls_secret: &name::tls_secret(&certificate.name_any()),
        ca_secret: &trust_name(authority),
        operator: &facts.operator_image,
        config_hash: &build::hash::data_hash(files.at::<BTreeMap<String, String>>("/data").unwrap_or_default()),
        tls_secret_hash: &secret_hash::tls(tls, present),
        ca_secret_hash: &secret_hash::ca(ca),
        node_classifier: config.spec.node_classifier_ref.as_ref().and(facts.enc_secret.as_deref()).and_then(classifier),
        report_webhook_secret_hash: None,
    };
    let invalid = |error: &dyn std::fmt::Display| Blocked::invalid(reason::INVALID_SPEC, error.to_string());
    let scope = Scope { namespace: &namespace, owner: owner.as_ref() };
    let deployment = build::deployment::server(scope, &pod).map_err(|error| invalid(&error))?;
    Desired::new(&deployment).map_err(|error| invalid(&error))
}

/// How the pods reach the classifier whose settings are in the Secret.
fn classifier(settings: &Secret) -> Option<Classifier> {
    let settings = Settings::parse(text(settings, enc::FILE)?).ok()?;
    let directory = settings.cache().map(|cache| cache.directory.display().to_string());
    Some(Classifier { cache_directory: directory.unwrap_or_else(|| DEFAULT_CACHE_DIRECTORY.to_owned()) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::Change;
    use serde_json::{Value, json};
    use std::collections::BTreeSet;
    use std::sync::Arc;

    fn of<T: serde::de::DeserializeOwned>(value: Value) -> Arc<T> {
        Arc::new(serde_json::from_value(value).unwrap())
    }

    fn server(spec: &Value) -> Arc<Server> {
        let mut whole = json!({"configRef": "main", "certificateRef": "web", "poolRefs": ["agents"]});
        whole.as_object_mut().unwrap().extend(spec.as_object().unwrap().clone());
        of(json!({"metadata": {"name": "web", "namespace": "ns", "uid": "1"}, "spec": whole}))
    }

    fn config(status: &Value) -> Arc<Config> {
        let image = json!({"repository": "example.test/server", "tag": "v1"});
        of(json!({"metadata": {"name": "main", "generation": 1}, "spec": {"image": image}, "status": status}))
    }

    fn seen(facts: Facts) -> Observed {
        judge(&server(&json!({})), facts, None, Timestamp::UNIX_EPOCH).seen
    }

    #[test]
    fn the_first_reference_that_leads_nowhere_blocks() {
        let pools = || BTreeSet::from(["agents".to_owned()]);
        let machine = json!({"version": 1, "seq": 1, "since": "2026-01-01T00:00:00Z", "data": {"leaf": "Rendered", "digest": "d"}});
        let rendered = || Some(config(&json!({"observedGeneration": 1, "machine": machine})));
        let config_map = || Some(of(json!({"metadata": {"name": "main-config"}})));
        for (facts, reason) in [
            (Facts::default(), Some(reason::CONFIG_NOT_FOUND)),
            (Facts { config: rendered(), config_map: config_map(), ..Facts::default() }, Some(reason::POOL_NOT_FOUND)),
            (
                Facts { config: Some(config(&json!({}))), config_map: config_map(), pools: pools(), ..Facts::default() },
                Some(reason::CONFIG_NOT_READY),
            ),
            (Facts { config: rendered(), pools: pools(), ..Facts::default() }, Some(reason::CONFIG_NOT_READY)),
            (Facts { config: rendered(), config_map: config_map(), pools: pools(), ..Facts::default() }, None),
        ] {
            assert_eq!(seen(facts).references.map(|blocked| blocked.reason), reason);
        }
    }

    #[test]
    fn a_certificate_is_awaited_until_it_is_issued() {
        let certificate = || Some(of(json!({"metadata": {"name": "web"}, "spec": {"authorityRef": "corp", "certname": "web"}})));
        let authority = || Some(of(json!({"metadata": {"name": "corp"}, "spec": {}})));
        for (facts, reason) in [
            (Facts::default(), reason::CERTIFICATE_NOT_FOUND),
            (Facts { certificate: certificate(), ..Facts::default() }, reason::AUTHORITY_NOT_FOUND),
            (Facts { certificate: certificate(), authority: authority(), ..Facts::default() }, reason::WAITING_FOR_CERTIFICATE),
        ] {
            assert_eq!(seen(facts).certificate.map(|blocked| blocked.reason), Some(reason));
        }
    }

    #[test]
    fn an_extra_that_is_not_wanted_any_more_goes_and_that_of_a_stranger_stays() {
        let owner = |uid: &str| json!({"apiVersion": "openvox.voxpupuli.org/v1alpha1", "kind": "Server", "name": "web", "uid": uid, "controller": true});
        let budget = |uid: &str| Some(of(json!({"metadata": {"name": "web", "ownerReferences": [owner(uid)]}})));
        let differences = |spec: &Value, disruption_budget| {
            let facts = Facts { disruption_budget, ..Facts::default() };
            let view = judge(&server(spec), facts, None, Timestamp::UNIX_EPOCH);
            let differences: Vec<_> =
                view.extras.differences().into_iter().map(|difference| (difference.kind, difference.change)).collect();
            assert_eq!(view.seen.extras_in_place, differences.is_empty());
            differences
        };
        let of = |change| vec![("PodDisruptionBudget".to_owned(), change)];
        let (unwanted, wanted) = (&json!({}), &json!({"pdb": {"enabled": true}}));
        assert_eq!(differences(unwanted, None), []);
        assert_eq!(differences(wanted, None), of(Change::Create));
        assert_eq!(differences(wanted, budget("1")), of(Change::Update));
        assert_eq!(differences(unwanted, budget("1")), of(Change::Delete));
        assert_eq!(differences(unwanted, budget("2")), [], "a stranger's");
    }
}
