//! Deployment.

use super::image::{self, OperatorImage};
use super::metadata::metadata;
use super::scope::Scope;
use super::server_volume::Volumes;
use super::{heap, init_container, label_set, name, probe, security};
use crate::render::{RenderError, puppet_conf};
use k8s_openapi::api::apps::v1::{Deployment, DeploymentSpec, DeploymentStrategy};
use k8s_openapi::api::core::v1::{Container, ContainerPort, EnvVar, PodSpec, PodTemplateSpec, VolumeMount};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta};
use openvox_crds::vocabulary::annotation;
use openvox_crds::{CodeSpec, ConfigSpec, ServerSpec};
use openvox_puppet::layout;
use std::collections::BTreeMap;

/// What the pods of a Server are made of.
#[derive(Debug, Clone)]
pub struct ServerPod<'a> {
    /// Name of the Server.
    pub name: &'a str,
    /// The Server.
    pub spec: &'a ServerSpec,
    /// The Config that the Server names.
    pub config: &'a ConfigSpec,
    /// Name of the `CertificateAuthority` of the Server's Certificate.
    pub authority: &'a str,
    /// Secret with the certificate and key.
    pub tls_secret: &'a str,
    /// Secret with the certificates of the CA.
    pub ca_secret: &'a str,
    /// The operator's own image.
    pub operator: &'a OperatorImage,
    /// Hash of the Config's `ConfigMap`.
    pub config_hash: &'a str,
    /// Hash of `tls_secret`.
    pub tls_secret_hash: &'a str,
    /// Hash of `ca_secret`.
    pub ca_secret_hash: &'a str,
    /// The `NodeClassifier`, once its Secret is there.
    pub node_classifier: Option<Classifier>,
    /// Hash of the Secret with the report endpoints, once it is there.
    pub report_webhook_secret_hash: Option<&'a str>,
}

/// How a Server pod reaches its node classifier.
#[derive(Debug, Clone)]
pub struct Classifier {
    /// Directory of the cache.
    pub cache_directory: String,
}

/// Number of pods: what is given, but never two for a CA, because both would write the same serial numbers. `None` where
/// an autoscaler decides.
#[must_use]
pub fn replicas(spec: &ServerSpec) -> Option<i32> {
    let given = spec.replicas.max(0);
    match &spec.autoscaling {
        _ if spec.ca => Some(given.min(1)),
        Some(autoscaling) if autoscaling.enabled => None,
        _ => Some(given),
    }
}

/// The Deployment of a Server.
///
/// # Errors
/// When the code volume has no path to be mounted at.
pub fn server(scope: Scope<'_>, pod: &ServerPod<'_>) -> Result<Deployment, RenderError> {
    let labels = label_set::server(pod.name, pod.spec, pod.authority);
    let strategy = if pod.spec.ca { "Recreate" } else { "RollingUpdate" };
    Ok(Deployment {
        metadata: metadata(scope, pod.name, labels.clone()),
        spec: Some(DeploymentSpec {
            replicas: replicas(pod.spec),
            selector: LabelSelector { match_labels: Some(label_set::server_selector(pod.name)), ..LabelSelector::default() },
            strategy: Some(DeploymentStrategy { type_: Some(strategy.to_owned()), ..DeploymentStrategy::default() }),
            template: PodTemplateSpec {
                metadata: Some(ObjectMeta { labels: Some(labels), annotations: Some(annotations(pod)), ..ObjectMeta::default() }),
                spec: Some(pod_spec(pod)?),
            },
            ..DeploymentSpec::default()
        }),
        ..Deployment::default()
    })
}

/// The code that a Server compiles: its own, or else the Config's; none for a Server that compiles nothing.
fn code<'a>(pod: &ServerPod<'a>) -> Option<&'a CodeSpec> {
    pod.spec.code.as_ref().or(pod.config.code.as_ref()).filter(|_| pod.spec.server)
}

/// What makes the pods start anew when it changes. The CRL and the autosign policy are not among it: running pods see
/// them change.
fn annotations(pod: &ServerPod<'_>) -> BTreeMap<String, String> {
    let code_image = code(pod).and_then(|code| code.image.as_deref()).filter(|image| !image.is_empty());
    [
        (annotation::CONFIG_HASH, Some(pod.config_hash)),
        (annotation::SSL_SECRET_HASH, Some(pod.tls_secret_hash)),
        (annotation::CA_SECRET_HASH, Some(pod.ca_secret_hash)),
        (annotation::CODE_IMAGE, code_image),
        (annotation::REPORT_WEBHOOK_SECRET_HASH, pod.report_webhook_secret_hash.filter(|_| pod.spec.server)),
    ]
    .into_iter()
    .filter_map(|(key, value)| Some((key.to_owned(), value?.to_owned())))
    .collect()
}

fn pod_spec(pod: &ServerPod<'_>) -> Result<PodSpec, RenderError> {
    let code = code(pod);
    let code_at_path = match code {
        Some(code) => Some((code, puppet_conf::code_mount_path(pod.config)?)),
        None => None,
    };
    let volumes = Volumes::of(pod, code_at_path);
    let image = image::server_image(&pod.config.image, pod.spec.image.as_ref());
    let code_secret = code.and_then(|code| code.image_pull_secret.as_deref());
    let pull_secrets = image.pull_secrets.iter().map(|secret| secret.name.as_str()).chain(code_secret);
    let constraints = pod.spec.topology_spread_constraints.clone();
    let probes = probe::probes(pod.config.puppetserver.as_ref().map(|server| server.client_auth).unwrap_or_default());

    Ok(PodSpec {
        service_account_name: Some(name::server_service_account(&pod.spec.config_ref)),
        automount_service_account_token: Some(false),
        // Only a CA has a volume of its own whose files may belong to root.
        security_context: Some(security::pod(pod.spec.ca)),
        image_pull_secrets: image::pull_secrets(pull_secrets),
        topology_spread_constraints: (!constraints.is_empty()).then_some(constraints),
        affinity: pod.spec.affinity.clone(),
        priority_class_name: pod.spec.priority_class_name.clone().filter(|class| !class.is_empty()),
        init_containers: Some(init_containers(pod, &volumes.programs, volumes.init, volumes.crl_sync)),
        containers: vec![Container {
            name: "openvox-server".to_owned(),
            image: Some(image::reference(&image.repository, &image.tag)),
            image_pull_policy: Some(image.pull_policy),
            env: Some(vec![
                variable("JAVA_ARGS", heap::java_args(pod.spec)),
                variable(layout::MAX_ACTIVE_INSTANCES, heap::instances(pod.spec).to_string()),
            ]),
            ports: Some(vec![ContainerPort {
                name: Some("https".to_owned()),
                container_port: layout::PORT,
                protocol: Some("TCP".to_owned()),
                ..ContainerPort::default()
            }]),
            resources: pod.spec.resources.clone(),
            security_context: Some(security::container(pod.config.read_only_root_filesystem)),
            startup_probe: Some(probes.startup),
            readiness_probe: Some(probes.readiness),
            liveness_probe: Some(probes.liveness),
            // Why a server ended is then known without a right to read its log.
            termination_message_policy: Some("FallbackToLogsOnError".to_owned()),
            volume_mounts: Some(volumes.server),
            ..Container::default()
        }],
        volumes: Some(volumes.sources),
        ..PodSpec::default()
    })
}

fn variable(name: &str, value: String) -> EnvVar {
    EnvVar { name: name.to_owned(), value: Some(value), ..EnvVar::default() }
}

fn init_containers(pod: &ServerPod<'_>, programs: &[String], init: Vec<VolumeMount>, crl_sync: Vec<VolumeMount>) -> Vec<Container> {
    let mut containers = vec![init_container::tls_init(pod.operator, pod.spec.ca, programs, init)];
    if !pod.spec.ca {
        containers.push(init_container::crl_sync(pod.operator, crl_sync));
    }
    containers
}

#[cfg(test)]
mod tests;
