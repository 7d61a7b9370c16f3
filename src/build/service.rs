//! Service.

use super::label_set::{self, Labels};
use super::metadata::metadata;
use super::name;
use super::scope::Scope;
use k8s_openapi::api::core::v1::{Service, ServicePort, ServiceSpec};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use openvox_crds::PoolSpec;
use openvox_puppet::layout;

const CLUSTER_IP: &str = "ClusterIP";

/// Port of a Pool's Service; the `TLSRoute` leads to it too.
#[must_use]
pub fn pool_port(spec: &PoolSpec) -> i32 {
    spec.service.as_ref().map(|service| service.port).filter(|port| *port > 0).unwrap_or(layout::PORT)
}

/// The address of all Servers that name a Pool. Labels of the user win over built-in ones.
#[must_use]
pub fn pool(scope: Scope<'_>, name: &str, spec: &PoolSpec) -> Service {
    let given = spec.service.clone().unwrap_or_default();
    let service_type = if given.service_type.is_empty() { CLUSTER_IP.to_owned() } else { given.service_type };
    // Kubernetes refuses a node port on a Service that has none.
    let node_port = given.node_port.filter(|port| *port > 0 && service_type != CLUSTER_IP);
    let mut labels = label_set::pool(name);
    labels.extend(given.labels);
    let mut service = on_https(scope, name, labels, label_set::pool_selector(name), pool_port(spec), node_port);
    service.metadata.annotations = (!given.annotations.is_empty()).then_some(given.annotations);
    if let Some(spec) = &mut service.spec {
        spec.type_ = Some(service_type);
        spec.external_ips = (!given.external_ips.is_empty()).then_some(given.external_ips);
    }
    service
}

/// The address of the server that runs a CA. Only pods of this CA are behind it.
#[must_use]
pub fn certificate_authority(scope: Scope<'_>, authority: &str) -> Service {
    let labels = label_set::authority(authority);
    let selector = label_set::authority_server(authority);
    on_https(scope, &name::ca_service(authority), labels, selector, layout::PORT, None)
}

fn on_https(scope: Scope<'_>, name: &str, labels: Labels, selector: Labels, port: i32, node_port: Option<i32>) -> Service {
    Service {
        metadata: metadata(scope, name, labels),
        spec: Some(ServiceSpec {
            type_: Some(CLUSTER_IP.to_owned()),
            selector: Some(selector),
            ports: Some(vec![ServicePort {
                name: Some("https".to_owned()),
                port,
                target_port: Some(IntOrString::Int(layout::PORT)),
                protocol: Some("TCP".to_owned()),
                node_port,
                ..ServicePort::default()
            }]),
            ..ServiceSpec::default()
        }),
        ..Service::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::build::fixture;
    use openvox_crds::PoolServiceSpec;
    use openvox_crds::vocabulary::label;
    use std::collections::BTreeMap;

    const SCOPE: Scope<'_> = Scope { namespace: "ns", owner: None };

    fn pool_with(service: PoolServiceSpec) -> Service {
        pool(SCOPE, "agents", &PoolSpec { service: Some(service), ..PoolSpec::default() })
    }

    #[test]
    fn a_pool_without_settings_is_a_cluster_ip_on_port_8140() {
        insta::assert_snapshot!(fixture::yaml(&pool(SCOPE, "agents", &PoolSpec::default())));
    }

    #[test]
    fn the_ca_service_selects_the_pods_of_its_own_ca_only() {
        insta::assert_snapshot!(fixture::yaml(&certificate_authority(SCOPE, "corp")));
    }

    #[test]
    fn everything_that_can_be_set_is_passed_on_and_the_users_labels_win() {
        let service = pool_with(PoolServiceSpec {
            service_type: "LoadBalancer".into(),
            port: 443,
            node_port: Some(30_140),
            annotations: BTreeMap::from([("a".into(), "b".into())]),
            labels: BTreeMap::from([(label::NAME.into(), "mine".into())]),
            external_ips: vec!["192.0.2.1".into()],
        });
        assert_eq!(service.metadata.labels.unwrap()[label::NAME], "mine");
        assert_eq!(service.metadata.annotations.unwrap()["a"], "b");
        let spec = service.spec.unwrap();
        assert_eq!((spec.type_.as_deref(), spec.external_ips), (Some("LoadBalancer"), Some(vec!["192.0.2.1".into()])));
        let port = &spec.ports.unwrap()[0];
        assert_eq!((port.port, port.node_port), (443, Some(30_140)));
        assert_eq!(port.target_port, Some(IntOrString::Int(8140)));
    }

    #[test]
    fn empty_and_zero_settings_mean_the_defaults_and_a_cluster_ip_gets_no_node_port() {
        let service =
            pool_with(PoolServiceSpec { service_type: String::new(), port: 0, node_port: Some(30_140), ..PoolServiceSpec::default() });
        let spec = service.spec.unwrap();
        assert_eq!(spec.type_.as_deref(), Some("ClusterIP"));
        assert_eq!(
            spec.ports.unwrap()[0],
            ServicePort {
                name: Some("https".into()),
                port: 8140,
                target_port: Some(IntOrString::Int(8140)),
                protocol: Some("TCP".into()),
                ..ServicePort::default()
            }
        );
    }
}
