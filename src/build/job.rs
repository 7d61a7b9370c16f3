//! Job.

use super::image::{self, OperatorImage};
use super::metadata::metadata;
use super::scope::Scope;
use super::{label_set, name, security};
use k8s_openapi::api::batch::v1::{Job, JobSpec};
use k8s_openapi::api::core::v1::{
    Affinity, Container, PersistentVolumeClaimVolumeSource, PodAffinity, PodAffinityTerm, PodSpec, PodTemplateSpec, ResourceRequirements,
    SecretVolumeSource, Volume, VolumeMount, WeightedPodAffinityTerm,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta};
use openvox_crds::vocabulary::well_known;
use openvox_puppet::layout;
use std::collections::BTreeMap;

/// Pods that may fail before the Job does.
const BACKOFF_LIMIT: i32 = 3;

/// What the Job that sets a CA up needs to know.
#[derive(Debug, Clone)]
pub struct CaSetup<'a> {
    /// Name of the `CertificateAuthority`.
    pub authority: &'a str,
    /// Image that holds the set-up program.
    pub operator: &'a OperatorImage,
    /// Lifetime of the CA's certificates in seconds; `None` leaves it to the program.
    pub ttl_seconds: Option<i64>,
    /// The CA server's own certificate, once a Server names one.
    pub server: Option<CaServer<'a>>,
    /// Secret with an intermediate CA to take instead of making one.
    pub intermediate: Option<&'a str>,
    /// Resources in place of the built-in ones.
    pub resources: Option<&'a ResourceRequirements>,
    /// Secrets with registry credentials.
    pub pull_secrets: &'a [String],
}

/// Where the Job finds an intermediate CA that the user brings.
const INTERMEDIATE_DIR: &str = "/intermediate";

/// The certificate of the server that runs a CA. Only the set-up can issue it: the server that would sign it needs it to
/// start.
#[derive(Debug, Clone)]
pub struct CaServer<'a> {
    /// Certname of the certificate.
    pub certname: &'a str,
    /// Its other names; that of the CA's Service is added.
    pub alt_names: &'a [String],
    /// Secret that receives certificate and key.
    pub secret: &'a str,
}

/// The Job that makes a CA on its volume and writes its Secrets.
///
/// It stays when it is finished: its pods hold the only account of what went wrong.
#[must_use]
pub fn ca_setup(scope: Scope<'_>, setup: &CaSetup<'_>) -> Job {
    let name = name::ca_setup(setup.authority);
    let labels = label_set::authority(setup.authority);
    Job {
        metadata: metadata(scope, &name, labels.clone()),
        spec: Some(JobSpec {
            backoff_limit: Some(BACKOFF_LIMIT),
            template: PodTemplateSpec {
                metadata: Some(ObjectMeta { labels: Some(labels), ..ObjectMeta::default() }),
                spec: Some(pod(scope.namespace, name, setup)),
            },
            ..JobSpec::default()
        }),
        ..Job::default()
    }
}

/// The volume of the CA and, where one is given, the Secret with an intermediate CA.
fn volumes(setup: &CaSetup<'_>) -> (Vec<Volume>, Vec<VolumeMount>) {
    let data = Volume {
        name: "ca-data".to_owned(),
        persistent_volume_claim: Some(PersistentVolumeClaimVolumeSource {
            claim_name: name::ca_data(setup.authority),
            ..PersistentVolumeClaimVolumeSource::default()
        }),
        ..Volume::default()
    };
    let mount = |name: &str, path: &str, read_only: bool| VolumeMount {
        name: name.to_owned(),
        mount_path: path.to_owned(),
        read_only: read_only.then_some(true),
        ..VolumeMount::default()
    };
    let (mut volumes, mut mounts) = (vec![data], vec![mount("ca-data", layout::CA_DIR, false)]);
    if let Some(secret) = setup.intermediate {
        volumes.push(Volume {
            name: "intermediate".to_owned(),
            secret: Some(SecretVolumeSource {
                secret_name: Some(secret.to_owned()),
                default_mode: Some(0o440),
                // Once the CA is set up the Secret may go, and a later run does not need it.
                optional: Some(true),
                ..SecretVolumeSource::default()
            }),
            ..Volume::default()
        });
        mounts.push(mount("intermediate", INTERMEDIATE_DIR, true));
    }
    (volumes, mounts)
}

/// The node of a CA server that waits for this Job: most volumes can be used on one node at a time.
fn beside_the_server(authority: &str) -> Affinity {
    let selector = LabelSelector { match_labels: Some(label_set::authority_server(authority)), ..LabelSelector::default() };
    let term =
        PodAffinityTerm { label_selector: Some(selector), topology_key: well_known::HOSTNAME.to_owned(), ..PodAffinityTerm::default() };
    Affinity {
        pod_affinity: Some(PodAffinity {
            preferred_during_scheduling_ignored_during_execution: Some(vec![WeightedPodAffinityTerm {
                weight: 100,
                pod_affinity_term: term,
            }]),
            ..PodAffinity::default()
        }),
        ..Affinity::default()
    }
}

fn pod(namespace: &str, service_account: String, setup: &CaSetup<'_>) -> PodSpec {
    let (volumes, mounts) = volumes(setup);
    PodSpec {
        affinity: Some(beside_the_server(setup.authority)),
        service_account_name: Some(service_account),
        automount_service_account_token: Some(true),
        restart_policy: Some("Never".to_owned()),
        image_pull_secrets: image::pull_secrets(setup.pull_secrets.iter().map(String::as_str)),
        security_context: Some(security::pod(true)),
        containers: vec![Container {
            name: "ca-setup".to_owned(),
            image: Some(setup.operator.reference.clone()),
            image_pull_policy: setup.operator.pull_policy.clone(),
            args: Some(args(namespace, setup)),
            resources: Some(resources(setup.resources)),
            security_context: Some(security::container(true)),
            // The last lines of the log are the message where the program ends without one.
            termination_message_policy: Some("FallbackToLogsOnError".to_owned()),
            volume_mounts: Some(mounts),
            ..Container::default()
        }],
        volumes: Some(volumes),
        ..PodSpec::default()
    }
}

fn args(namespace: &str, setup: &CaSetup<'_>) -> Vec<String> {
    let mut args = vec![
        "ca-setup".to_owned(),
        format!("--directory={}", layout::CA_DIR),
        format!("--ca-name={}", setup.authority),
        format!("--namespace={namespace}"),
    ];
    args.extend(setup.ttl_seconds.map(|seconds| format!("--ca-ttl={seconds}")));
    if setup.intermediate.is_some() {
        args.push(format!("--intermediate-dir={INTERMEDIATE_DIR}"));
    }
    if let Some(server) = &setup.server {
        let service = format!("{}.{namespace}.svc", name::ca_service(setup.authority));
        let mut names: Vec<&str> = server.alt_names.iter().map(String::as_str).collect();
        if !names.contains(&service.as_str()) {
            names.push(&service);
        }
        args.push(format!("--server-certname={}", server.certname));
        args.push(format!("--server-secret={}", server.secret));
        args.push(format!("--server-dns-alt-names={}", names.join(",")));
    }
    args
}

/// The given resources where they name any request or limit. Else what two RSA keys of 4096 bits need; without a limit
/// on the CPU they are made as fast as the node can.
fn resources(given: Option<&ResourceRequirements>) -> ResourceRequirements {
    if let Some(given) = given.filter(|given| given.requests.is_some() || given.limits.is_some()) {
        return given.clone();
    }
    let amounts = |pairs: &[(&str, &str)]| -> BTreeMap<String, Quantity> {
        pairs.iter().map(|(name, amount)| ((*name).to_owned(), Quantity((*amount).to_owned()))).collect()
    };
    ResourceRequirements {
        requests: Some(amounts(&[("cpu", "200m"), ("memory", "64Mi")])),
        limits: Some(amounts(&[("memory", "256Mi")])),
        ..ResourceRequirements::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::build::fixture;

    fn job(resources: Option<&ResourceRequirements>, server: Option<CaServer<'_>>) -> Job {
        let owner = fixture::owner("CertificateAuthority", "corp");
        let operator = fixture::operator();
        let setup = CaSetup {
            authority: "corp",
            operator: &operator,
            ttl_seconds: Some(157_680_000),
            server,
            intermediate: None,
            resources,
            pull_secrets: &["registry".to_owned()],
        };
        ca_setup(Scope { namespace: "ns", owner: Some(&owner) }, &setup)
    }

    fn puppet(alt_names: &[String]) -> CaServer<'_> {
        CaServer { certname: "puppet", alt_names, secret: "puppet-tls" }
    }

    #[test]
    fn the_name_of_the_ca_service_is_among_the_names_of_the_certificate_once() {
        for alt_names in [vec![], vec!["corp-internal.ns.svc".to_owned()]] {
            let job = job(None, Some(puppet(&alt_names)));
            let args = job.spec.unwrap().template.spec.unwrap().containers.remove(0).args.unwrap();
            assert!(args.contains(&"--server-dns-alt-names=corp-internal.ns.svc".to_owned()), "{args:?}");
        }
    }

    #[test]
    fn without_a_server_certificate_only_the_ca_is_made() {
        let args = job(None, None).spec.unwrap().template.spec.unwrap().containers.remove(0).args.unwrap();
        assert!(args.iter().all(|arg| !arg.starts_with("--server-")), "{args:?}");
    }

    #[test]
    fn an_intermediate_ca_is_mounted_for_the_job_alone() {
        let operator = fixture::operator();
        let setup = CaSetup {
            authority: "corp",
            operator: &operator,
            ttl_seconds: None,
            server: None,
            intermediate: Some("brought"),
            resources: None,
            pull_secrets: &[],
        };
        let pod = ca_setup(Scope { namespace: "ns", owner: None }, &setup).spec.unwrap().template.spec.unwrap();
        let volume = pod.volumes.unwrap().into_iter().find(|volume| volume.name == "intermediate").unwrap();
        assert_eq!(volume.secret.unwrap().secret_name.as_deref(), Some("brought"));
        let container = &pod.containers[0];
        let mount = container.volume_mounts.as_ref().unwrap().iter().find(|mount| mount.name == "intermediate").unwrap();
        assert_eq!((mount.mount_path.as_str(), mount.read_only), ("/intermediate", Some(true)));
        assert!(container.args.as_ref().unwrap().contains(&"--intermediate-dir=/intermediate".to_owned()));
    }

    #[test]
    fn the_setup_job_runs_the_operator_image_and_can_write_to_a_volume_owned_by_root() {
        insta::assert_snapshot!(fixture::yaml(&job(None, Some(puppet(&["puppet.example.com".to_owned()])))));
    }

    #[test]
    fn given_resources_replace_the_built_in_ones_as_a_whole() {
        let given = ResourceRequirements {
            limits: Some(BTreeMap::from([("cpu".into(), Quantity("2".into()))])),
            ..ResourceRequirements::default()
        };
        let container = job(Some(&given), None).spec.unwrap().template.spec.unwrap().containers.remove(0);
        assert_eq!(container.resources, Some(given));
        let container = job(Some(&ResourceRequirements::default()), None).spec.unwrap().template.spec.unwrap().containers.remove(0);
        assert!(container.resources.unwrap().limits.unwrap().contains_key("memory"));
    }
}
