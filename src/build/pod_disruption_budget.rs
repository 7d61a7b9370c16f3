//! `PodDisruptionBudget`.

use super::metadata::metadata;
use super::scope::Scope;
use super::{deployment, label_set};
use k8s_openapi::api::policy::v1::{PodDisruptionBudget, PodDisruptionBudgetSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use openvox_crds::ServerSpec;

/// The budget of a Server's pods; `None` while it is not enabled.
///
/// Where neither limit is given, one pod must stay available; but a Server with a single pod may lose it, or no node
/// that runs it could ever be drained.
#[must_use]
pub fn server(scope: Scope<'_>, name: &str, spec: &ServerSpec) -> Option<PodDisruptionBudget> {
    let given = spec.pdb.as_ref().filter(|pdb| pdb.enabled)?;
    let single = deployment::replicas(spec).is_some_and(|replicas| replicas <= 1);
    let (min_available, max_unavailable) = match (&given.min_available, &given.max_unavailable) {
        (Some(min), _) => (Some(min.clone()), None),
        (None, Some(max)) => (None, Some(max.clone())),
        (None, None) if single => (None, Some(IntOrString::Int(1))),
        (None, None) => (Some(IntOrString::Int(1)), None),
    };
    Some(PodDisruptionBudget {
        metadata: metadata(scope, name, label_set::server_companion(name)),
        spec: Some(PodDisruptionBudgetSpec {
            selector: Some(LabelSelector { match_labels: Some(label_set::server_selector(name)), ..LabelSelector::default() }),
            min_available,
            max_unavailable,
            ..PodDisruptionBudgetSpec::default()
        }),
        ..PodDisruptionBudget::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use openvox_crds::PdbSpec;

    const SCOPE: Scope<'_> = Scope { namespace: "ns", owner: None };

    type Limit = Option<IntOrString>;

    fn limits(replicas: i32, min_available: Limit, max_unavailable: Limit) -> (Limit, Limit) {
        let pdb = Some(PdbSpec { enabled: true, min_available, max_unavailable });
        let spec = ServerSpec { replicas, pdb, ..ServerSpec::default() };
        let spec = server(SCOPE, "s", &spec).unwrap().spec.unwrap();
        (spec.min_available, spec.max_unavailable)
    }

    #[test]
    fn a_single_pod_may_be_evicted_where_nothing_else_is_said() {
        let one = Some(IntOrString::Int(1));
        assert_eq!(limits(1, None, None), (None, one.clone()));
        assert_eq!(limits(2, None, None), (one, None));
    }

    #[test]
    fn of_both_limits_in_an_object_from_before_the_rule_the_minimum_counts() {
        let half = Some(IntOrString::String("50%".into()));
        assert_eq!(limits(1, half.clone(), Some(IntOrString::Int(1))), (half.clone(), None));
        assert_eq!(limits(1, None, half.clone()), (None, half));
    }

    #[test]
    fn there_is_no_budget_unless_it_is_enabled() {
        assert_eq!(server(SCOPE, "s", &ServerSpec::default()), None);
        let spec = ServerSpec { pdb: Some(PdbSpec::default()), ..ServerSpec::default() };
        assert_eq!(server(SCOPE, "s", &spec), None);
    }
}
