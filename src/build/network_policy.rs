//! `NetworkPolicy`.

use super::metadata::metadata;
use super::scope::Scope;
use super::{label_set, name};
use k8s_openapi::api::networking::v1::{NetworkPolicy, NetworkPolicyIngressRule, NetworkPolicyPort, NetworkPolicySpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use openvox_crds::ServerSpec;
use openvox_puppet::layout;

/// Lets only Puppet's port in, from everywhere, and what the user adds; `None` while it is not enabled.
#[must_use]
pub fn server(scope: Scope<'_>, name: &str, spec: &ServerSpec) -> Option<NetworkPolicy> {
    let given = spec.network_policy.as_ref().filter(|policy| policy.enabled)?;
    let built_in = NetworkPolicyIngressRule {
        ports: Some(vec![NetworkPolicyPort {
            port: Some(IntOrString::Int(layout::PORT)),
            protocol: Some("TCP".to_owned()),
            ..NetworkPolicyPort::default()
        }]),
        ..NetworkPolicyIngressRule::default()
    };
    Some(NetworkPolicy {
        metadata: metadata(scope, name::server_network_policy(name), label_set::server_companion(name)),
        spec: Some(NetworkPolicySpec {
            pod_selector: Some(LabelSelector { match_labels: Some(label_set::server_selector(name)), ..LabelSelector::default() }),
            policy_types: Some(vec!["Ingress".to_owned()]),
            ingress: Some(std::iter::once(built_in).chain(given.additional_ingress.iter().cloned()).collect()),
            ..NetworkPolicySpec::default()
        }),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::build::fixture;

    #[test]
    fn puppets_port_is_open_and_the_users_rules_follow() {
        let given = openvox_crds::NetworkPolicySpec { enabled: true, additional_ingress: vec![NetworkPolicyIngressRule::default()] };
        let spec = ServerSpec { network_policy: Some(given), ..ServerSpec::default() };
        let scope = Scope { namespace: "ns", owner: None };
        insta::assert_snapshot!(fixture::yaml(&server(scope, "s", &spec).unwrap()));
        assert_eq!(server(scope, "s", &ServerSpec::default()), None);
    }
}
