use super::*;
use crate::build::fixture;
use k8s_openapi::api::core::v1::VolumeMount;
use openvox_crds::{AutoscalingSpec, ClientAuth, ImageSpec, PullSecret, PuppetServerSpec};

/// Builds the Deployment of a Server called `puppet` with everything it needs in place.
fn build(config: &ConfigSpec, spec: &ServerSpec, full: bool) -> Deployment {
    let owner = fixture::owner("Server", "puppet");
    let operator = fixture::operator();
    let classifier = Classifier { cache_directory: "/var/cache/openvox-enc".to_owned() };
    let pod = ServerPod {
        name: "puppet",
        spec,
        config,
        authority: "corp",
        tls_secret: "puppet-tls",
        ca_secret: "corp-ca",
        operator: &operator,
        config_hash: "h-config",
        tls_secret_hash: "h-tls",
        ca_secret_hash: "h-ca",
        node_classifier: full.then_some(classifier),
        report_webhook_secret_hash: full.then_some("h-report"),
    };
    server(Scope { namespace: "ns", owner: Some(&owner) }, &pod).unwrap()
}

fn spec() -> ServerSpec {
    ServerSpec { config_ref: "site".into(), certificate_ref: "puppet".into(), ..ServerSpec::default() }
}

fn pod_of(deployment: Deployment) -> PodSpec {
    deployment.spec.unwrap().template.spec.unwrap()
}

fn mounts(pod: &PodSpec) -> Vec<VolumeMount> {
    pod.containers[0].volume_mounts.clone().unwrap()
}

fn mount_at(pod: &PodSpec, path: &str) -> VolumeMount {
    mounts(pod).into_iter().find(|mount| mount.mount_path == path).unwrap()
}

#[test]
fn a_ca_server() {
    let spec = ServerSpec { ca: true, pool_refs: vec!["agents".into()], ..spec() };
    insta::assert_snapshot!(fixture::yaml(&build(&ConfigSpec::default(), &spec, false)));
}

#[test]
fn a_compile_server_with_code_classifier_and_reports() {
    let code = CodeSpec { image: Some("example.com/code:1".into()), ..CodeSpec::default() };
    let config = ConfigSpec { code: Some(code), read_only_root_filesystem: true, ..ConfigSpec::default() };
    insta::assert_snapshot!(fixture::yaml(&build(&config, &spec(), true)));
}

#[test]
fn every_mount_has_its_volume_and_every_volume_is_mounted() {
    for ca in [true, false] {
        let code = CodeSpec { claim_name: Some("code".into()), ..CodeSpec::default() };
        let config = ConfigSpec { code: Some(code), ..ConfigSpec::default() };
        let pod = pod_of(build(&config, &ServerSpec { ca, ..spec() }, true));
        let mut volumes: Vec<String> = pod.volumes.clone().unwrap().into_iter().map(|volume| volume.name).collect();
        let init = pod.init_containers.clone().unwrap().into_iter().flat_map(|container| container.volume_mounts.unwrap());
        let mut mounted: Vec<String> = mounts(&pod).into_iter().chain(init).map(|mount| mount.name).collect();
        volumes.sort();
        mounted.sort();
        mounted.dedup();
        assert_eq!(volumes, mounted, "ca {ca}");
    }
}

#[test]
fn the_autosign_policy_is_a_directory_so_that_changes_reach_a_running_pod() {
    let ca = pod_of(build(&ConfigSpec::default(), &ServerSpec { ca: true, ..spec() }, false));
    assert_eq!(mount_at(&ca, "/etc/puppetlabs/autosign").sub_path, None);
}

#[test]
fn a_new_crl_reaches_a_running_compile_server_through_a_plain_directory() {
    let pod = pod_of(build(&ConfigSpec::default(), &spec(), false));
    let crl = mount_at(&pod, "/etc/puppetlabs/puppet/crl");
    let volume = pod.volumes.unwrap().into_iter().find(|volume| volume.name == crl.name).unwrap();
    assert!(volume.empty_dir.is_some() && volume.secret.is_none());
    let sidecar = pod.init_containers.unwrap().remove(1);
    assert_eq!((sidecar.name.as_str(), sidecar.restart_policy.as_deref()), ("crl-sync", Some("Always")));
}

#[test]
fn a_ca_never_runs_twice_and_is_stopped_before_it_is_started_anew() {
    let spec =
        ServerSpec { ca: true, replicas: 3, autoscaling: Some(AutoscalingSpec { enabled: true, ..AutoscalingSpec::default() }), ..spec() };
    let deployment = build(&ConfigSpec::default(), &spec, false).spec.unwrap();
    assert_eq!(deployment.replicas, Some(1));
    assert_eq!(deployment.strategy.unwrap().type_.as_deref(), Some("Recreate"));
}

#[test]
fn an_autoscaler_keeps_the_number_of_pods_to_itself() {
    let autoscaling = AutoscalingSpec { enabled: true, ..AutoscalingSpec::default() };
    assert_eq!(replicas(&ServerSpec { autoscaling: Some(autoscaling), ..spec() }), None);
    assert_eq!(replicas(&ServerSpec { autoscaling: Some(AutoscalingSpec::default()), ..spec() }), Some(1));
    assert_eq!(replicas(&ServerSpec { replicas: -1, ..spec() }), Some(0));
}

#[test]
fn a_code_volume_is_mounted_even_without_a_puppet_block() {
    let code = CodeSpec { claim_name: Some("code".into()), ..CodeSpec::default() };
    let pod = pod_of(build(&ConfigSpec::default(), &ServerSpec { code: Some(code), ..spec() }, false));
    assert_eq!(mount_at(&pod, "/etc/puppetlabs/code/environments").read_only, Some(true));
}

#[test]
fn a_server_that_compiles_nothing_gets_no_code_classifier_or_report_settings() {
    let code = CodeSpec { image: Some("example.com/code:1".into()), ..CodeSpec::default() };
    let config = ConfigSpec { code: Some(code), ..ConfigSpec::default() };
    let deployment = build(&config, &ServerSpec { ca: true, server: false, ..spec() }, true);
    let template = deployment.spec.unwrap().template;
    let hashes: Vec<String> = template.metadata.unwrap().annotations.unwrap().into_keys().collect();
    assert_eq!(hashes, [annotation::CA_SECRET_HASH, annotation::CONFIG_HASH, annotation::SSL_SECRET_HASH]);
    let names: Vec<String> = template.spec.unwrap().volumes.unwrap().into_iter().map(|volume| volume.name).collect();
    for absent in ["code", "enc-config", "enc-cache", "report-webhook-config"] {
        assert!(!names.iter().any(|name| name == absent), "{absent}");
    }
}

#[test]
fn registry_credentials_of_the_config_and_of_the_code_are_used() {
    let config = ConfigSpec {
        image: ImageSpec { pull_secrets: vec![PullSecret { name: "registry".into() }], ..ImageSpec::default() },
        ..ConfigSpec::default()
    };
    let code = CodeSpec { image_pull_secret: Some("code-registry".into()), ..CodeSpec::default() };
    let pod = pod_of(build(&config, &ServerSpec { code: Some(code), ..spec() }, false));
    let names: Vec<String> = pod.image_pull_secrets.unwrap().into_iter().map(|secret| secret.name).collect();
    assert_eq!(names, ["registry", "code-registry"]);
}

#[test]
fn where_clients_must_show_a_certificate_the_probes_only_try_the_port() {
    let server = PuppetServerSpec { client_auth: ClientAuth::Need, ..PuppetServerSpec::default() };
    let config = ConfigSpec { puppetserver: Some(server), ..ConfigSpec::default() };
    let probe = pod_of(build(&config, &spec(), false)).containers.remove(0).liveness_probe.unwrap();
    assert!(probe.tcp_socket.is_some() && probe.http_get.is_none());
}

#[test]
fn only_a_ca_asks_for_the_group_of_its_volume_to_be_changed() {
    for (ca, group) in [(true, Some(0)), (false, None)] {
        let pod = pod_of(build(&ConfigSpec::default(), &ServerSpec { ca, ..spec() }, false));
        assert_eq!(pod.security_context.unwrap().fs_group, group);
    }
}

#[test]
fn a_cache_directory_of_the_users_choice_is_writable() {
    let owner = fixture::owner("Server", "puppet");
    let operator = fixture::operator();
    let (config, spec) = (ConfigSpec::default(), spec());
    let pod = ServerPod {
        name: "puppet",
        spec: &spec,
        config: &config,
        authority: "corp",
        tls_secret: "t",
        ca_secret: "c",
        operator: &operator,
        config_hash: "1",
        tls_secret_hash: "2",
        ca_secret_hash: "3",
        node_classifier: Some(Classifier { cache_directory: "/cache".to_owned() }),
        report_webhook_secret_hash: None,
    };
    let pod = pod_of(server(Scope { namespace: "ns", owner: Some(&owner) }, &pod).unwrap());
    assert_eq!(mount_at(&pod, "/cache").name, "enc-cache");
}
