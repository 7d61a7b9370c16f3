//! Which container image a workload runs.

use crate::defaults;
use kube::KubeSchema;
use kube::core::{Message, Rule};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The values of a pull policy. Nothing at all stands for the default.
pub(crate) fn pull_policy_rule(field: &str) -> Rule {
    Rule::new("self in ['', 'Always', 'IfNotPresent', 'Never']").message(Message::Expression(format!(
        "'{field} \"' + self + '\" is no pull policy: write Always, IfNotPresent or Never, or leave it out for IfNotPresent'"
    )))
}

/// Container image as repository and tag.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct ImageSpec {
    /// Image without tag.
    #[serde(default = "defaults::image_repository")]
    pub repository: String,
    /// Tag of the image. The reference is always repository:tag.
    #[serde(default = "defaults::image_tag")]
    pub tag: String,
    /// Pull policy of the container: Always, IfNotPresent or Never.
    #[serde(default = "defaults::pull_policy")]
    #[x_kube(validation = pull_policy_rule("pullPolicy"))]
    pub pull_policy: String,
    /// Secrets with credentials for the registry.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pull_secrets: Vec<PullSecret>,
}

/// Name of a Secret of type kubernetes.io/dockerconfigjson in the same namespace.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct PullSecret {
    /// Name of the Secret.
    #[serde(default)]
    pub name: String,
}

impl Default for ImageSpec {
    fn default() -> Self {
        Self {
            repository: defaults::image_repository(),
            tag: defaults::image_tag(),
            pull_policy: defaults::pull_policy(),
            pull_secrets: Vec::new(),
        }
    }
}
