//! The containers of a Server pod that run before the main one, from the operator's image.

use super::image::OperatorImage;
use super::{security, server_volume};
use k8s_openapi::api::core::v1::{Container, ResourceRequirements, VolumeMount};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use openvox_puppet::layout;

/// Lays out certificate, key and CA, and brings the programs that Puppet Server calls, then ends. On a CA it also checks
/// that the volume holds the CA; on every other server it brings the CRL.
pub fn tls_init(operator: &OperatorImage, ca: bool, programs: &[String], mounts: Vec<VolumeMount>) -> Container {
    let mut args = vec![
        "pod-init".to_owned(),
        format!("--cert-dir={}", server_volume::INIT_CERT_DIR),
        format!("--ca-dir={}", server_volume::INIT_CA_DIR),
        format!("--ssl-dir={}", server_volume::INIT_SSL_DIR),
    ];
    if !programs.is_empty() {
        args.push(format!("--program-dir={}", server_volume::INIT_PROGRAM_DIR));
        args.extend(programs.iter().map(|program| format!("--program={program}")));
    }
    if ca {
        args.push(format!("--authority-dir={}", layout::CA_DIR));
        args.push(format!("--crl-dir={}", server_volume::CRL_TARGET_DIR));
    } else {
        args.push(format!("--crl-source={}", server_volume::CRL_SOURCE_DIR));
        args.push(format!("--crl-dir={}", server_volume::CRL_TARGET_DIR));
    }
    container("tls-init", operator, args, mounts)
}

/// Copies each new CRL to where Puppet Server sees it, for as long as the pod runs.
pub fn crl_sync(operator: &OperatorImage, mounts: Vec<VolumeMount>) -> Container {
    let args =
        vec!["crl-sync".to_owned(), format!("--from={}", server_volume::CRL_SOURCE_DIR), format!("--to={}", server_volume::CRL_TARGET_DIR)];
    // Makes it a sidecar: it is started before the main container and runs beside it.
    Container { restart_policy: Some("Always".to_owned()), ..container("crl-sync", operator, args, mounts) }
}

fn container(name: &str, operator: &OperatorImage, args: Vec<String>, mounts: Vec<VolumeMount>) -> Container {
    Container {
        name: name.to_owned(),
        image: Some(operator.reference.clone()),
        image_pull_policy: operator.pull_policy.clone(),
        args: Some(args),
        resources: Some(resources()),
        security_context: Some(security::container(true)),
        // The last lines of the log are the message where the program ends without one.
        termination_message_policy: Some("FallbackToLogsOnError".to_owned()),
        volume_mounts: Some(mounts),
        ..Container::default()
    }
}

/// What copying a few files needs. All four amounts stand here because a quota of the namespace may demand each.
fn resources() -> ResourceRequirements {
    let amounts = |cpu: &str, memory: &str| {
        let amounts = [("cpu", cpu), ("memory", memory)];
        Some(amounts.into_iter().map(|(name, amount)| (name.to_owned(), Quantity(amount.to_owned()))).collect())
    };
    ResourceRequirements { requests: amounts("10m", "16Mi"), limits: amounts("500m", "64Mi"), ..ResourceRequirements::default() }
}
