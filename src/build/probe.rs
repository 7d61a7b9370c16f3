//! Probes of a Server.

use k8s_openapi::api::core::v1::{HTTPGetAction, Probe, TCPSocketAction};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use openvox_crds::ClientAuth;
use openvox_puppet::layout;

/// Seconds an answer may take. A Java VM that collects garbage or compiles many catalogs needs more than the one second
/// that Kubernetes grants by default, and is not broken.
const TIMEOUT: i32 = 5;

/// Startup, readiness and liveness probe.
pub struct Probes {
    /// Asked every second for at most 300 seconds, so that a pod is ready the moment it can be.
    pub startup: Probe,
    /// Asked every ten seconds.
    pub readiness: Probe,
    /// Asked every thirty seconds.
    pub liveness: Probe,
}

/// The probes for this setting of client authentication. Kubelet shows no certificate, so where one is demanded only the
/// port is tried.
pub fn probes(client_auth: ClientAuth) -> Probes {
    let port = IntOrString::Int(layout::PORT);
    let mut probe = Probe { timeout_seconds: Some(TIMEOUT), ..Probe::default() };
    if client_auth == ClientAuth::Need {
        probe.tcp_socket = Some(TCPSocketAction { port, host: None });
    } else {
        probe.http_get = Some(HTTPGetAction {
            path: Some("/status/v1/simple".to_owned()),
            port,
            scheme: Some("HTTPS".to_owned()),
            ..HTTPGetAction::default()
        });
    }
    Probes {
        startup: Probe { period_seconds: Some(1), failure_threshold: Some(300), ..probe.clone() },
        readiness: Probe { period_seconds: Some(10), ..probe.clone() },
        liveness: Probe { period_seconds: Some(30), ..probe },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_demands_client_certificates_is_probed_by_its_port_alone() {
        let probes = probes(ClientAuth::Need);
        for probe in [probes.startup, probes.readiness, probes.liveness] {
            assert!(probe.tcp_socket.is_some() && probe.http_get.is_none());
        }
    }

    #[test]
    fn a_busy_java_vm_has_five_seconds_to_answer() {
        for client_auth in [ClientAuth::Want, ClientAuth::None, ClientAuth::Need] {
            let probes = probes(client_auth);
            for probe in [probes.startup, probes.readiness, probes.liveness] {
                assert_eq!(probe.timeout_seconds, Some(5));
            }
        }
    }
}
