//! The network policy of a workload.

use k8s_openapi::api::networking::v1::NetworkPolicyIngressRule;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Settings of a NetworkPolicy that limits incoming traffic to the service port.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct NetworkPolicySpec {
    /// Create the NetworkPolicy.
    #[serde(default)]
    pub enabled: bool,
    /// Further ingress rules, appended after the built-in one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub additional_ingress: Vec<NetworkPolicyIngressRule>,
}
