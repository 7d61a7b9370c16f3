//! `HorizontalPodAutoscaler`.

use super::metadata::metadata;
use super::scope::Scope;
use super::{deployment, label_set};
use k8s_openapi::api::autoscaling::v2::{
    CrossVersionObjectReference, HorizontalPodAutoscaler, HorizontalPodAutoscalerSpec, MetricSpec, MetricTarget, ResourceMetricSource,
};
use openvox_crds::{AutoscalingSpec, ServerSpec};

/// The autoscaler of a Server by CPU usage; `None` while it is not enabled, and for a CA, which never has two pods.
#[must_use]
pub fn server(scope: Scope<'_>, name: &str, spec: &ServerSpec) -> Option<HorizontalPodAutoscaler> {
    let given = spec.autoscaling.as_ref().filter(|_| deployment::replicas(spec).is_none())?;
    let default = AutoscalingSpec::default();
    let or_default = |given: i32, default: i32| if given == 0 { default } else { given };
    Some(HorizontalPodAutoscaler {
        metadata: metadata(scope, name, label_set::server_companion(name)),
        spec: Some(HorizontalPodAutoscalerSpec {
            scale_target_ref: CrossVersionObjectReference {
                api_version: Some("apps/v1".to_owned()),
                kind: "Deployment".to_owned(),
                name: name.to_owned(),
            },
            min_replicas: Some(or_default(given.min_replicas, default.min_replicas)),
            max_replicas: or_default(given.max_replicas, default.max_replicas),
            metrics: Some(vec![MetricSpec {
                type_: "Resource".to_owned(),
                resource: Some(ResourceMetricSource {
                    name: "cpu".to_owned(),
                    target: MetricTarget {
                        type_: "Utilization".to_owned(),
                        average_utilization: Some(or_default(given.target_cpu, default.target_cpu)),
                        ..MetricTarget::default()
                    },
                }),
                ..MetricSpec::default()
            }]),
            ..HorizontalPodAutoscalerSpec::default()
        }),
        ..HorizontalPodAutoscaler::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::build::fixture;

    const SCOPE: Scope<'_> = Scope { namespace: "ns", owner: None };

    fn spec(ca: bool, max_replicas: i32, target_cpu: i32) -> ServerSpec {
        let autoscaling = AutoscalingSpec { enabled: true, min_replicas: 2, max_replicas, target_cpu };
        ServerSpec { ca, autoscaling: Some(autoscaling), ..ServerSpec::default() }
    }

    #[test]
    fn zeros_mean_the_defaults() {
        insta::assert_snapshot!(fixture::yaml(&server(SCOPE, "s", &spec(false, 0, 0)).unwrap()));
    }

    #[test]
    fn a_ca_is_never_scaled() {
        assert_eq!(server(SCOPE, "s", &spec(true, 3, 50)), None);
        assert_eq!(server(SCOPE, "s", &ServerSpec::default()), None);
    }
}
