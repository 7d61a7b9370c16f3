//! The disruption budget of a workload.

use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use kube::KubeSchema;
use serde::{Deserialize, Serialize};

/// Settings of a PodDisruptionBudget with at most one limit. With none, one pod must stay available.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("!(has(self.minAvailable) && has(self.maxUnavailable))").message(Message::Expression(
    "'pdb.minAvailable ' + string(self.minAvailable) + ' and pdb.maxUnavailable ' + string(self.maxUnavailable) + ' are both set, and a \
     PodDisruptionBudget takes one of them: remove the other'".into()
)))]
pub struct PdbSpec {
    /// Create the PodDisruptionBudget.
    #[serde(default)]
    pub enabled: bool,
    /// Pods that must stay available, as a number or a percentage.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_available: Option<IntOrString>,
    /// Pods that may be unavailable, as a number or a percentage.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_unavailable: Option<IntOrString>,
}
