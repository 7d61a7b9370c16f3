//! Pool: the address behind which agents find several Servers.

use crate::{
    defaults,
    lifecycle::Lifecycle,
    phase::{lifecycled, phases},
};
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The address of several Servers.
#[derive(CustomResource, JsonSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[kube(
    group = "openvox.voxpupuli.org",
    version = "v1alpha1",
    kind = "Pool",
    plural = "pools",
    category = "openvox",
    namespaced,
    status = "PoolStatus",
    derive = "PartialEq",
    derive = "Default",
    // The schema takes an object without spec, as the API always did, so reading one must not fail.
    // kube refuses a bare serde attribute here because most of them would disagree with the schema.
    attr = "cfg_attr(all(), serde(default))",
    doc = "A Service, and a TLSRoute if wanted, in front of all Servers that name this Pool.",
    printcolumn(name = "Type", type_ = "string", json_path = ".spec.service.type"),
    printcolumn(name = "Endpoints", type_ = "integer", json_path = ".status.endpoints"),
    printcolumn(name = "Phase", type_ = "string", json_path = ".status.phase"),
    printcolumn(name = "Ready", type_ = "string", json_path = ".status.conditions[?(@.type==\"Ready\")].status"),
    printcolumn(name = "Reason", type_ = "string", json_path = ".status.conditions[?(@.type==\"Ready\")].reason"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[serde(rename_all = "camelCase")]
pub struct PoolSpec {
    /// The Service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<PoolServiceSpec>,
    /// A TLSRoute of the Gateway API that leads to the Service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub route: Option<PoolRouteSpec>,
}

/// The Service of a Pool.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct PoolServiceSpec {
    /// Type of the Service. Empty means ClusterIP.
    #[serde(default = "defaults::service_type", rename = "type")]
    pub service_type: String,
    /// Port of the Service. 0 means 8140.
    #[serde(default = "defaults::pool_port")]
    pub port: i32,
    /// Port on every node, for type NodePort and LoadBalancer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node_port: Option<i32>,
    /// Annotations of the Service.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
    /// Labels of the Service, beside the built-in ones.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// Addresses that lead to the Service and are not managed by Kubernetes.
    #[serde(default, skip_serializing_if = "Vec::is_empty", rename = "externalIPs")]
    pub external_ips: Vec<String>,
}

impl Default for PoolServiceSpec {
    fn default() -> Self {
        Self {
            service_type: defaults::service_type(),
            port: defaults::pool_port(),
            node_port: None,
            annotations: BTreeMap::new(),
            labels: BTreeMap::new(),
            external_ips: Vec::new(),
        }
    }
}

/// The TLSRoute of a Pool.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("!self.enabled || (has(self.hostname) && self.hostname != '')")
        .message("route.hostname is empty while route.enabled is true: set hostname to the name agents connect to, or enabled to false"),
    validation = Rule::new("!self.enabled || (has(self.gatewayRef) && self.gatewayRef.name != '')")
        .message("route.gatewayRef.name is empty while route.enabled is true: set it to a Gateway of this namespace, or enabled to false"),
)]
pub struct PoolRouteSpec {
    /// Create the TLSRoute.
    #[serde(default)]
    pub enabled: bool,
    /// Server name that agents connect to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hostname: Option<String>,
    /// The Gateway.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gateway_ref: Option<GatewayRef>,
    /// Add hostname to the dnsAltNames of the Certificates of all Servers in the Pool.
    #[serde(default, rename = "injectDNSAltName")]
    pub inject_dns_alt_name: bool,
}

/// A Gateway in the same namespace.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct GatewayRef {
    /// Name of the Gateway.
    pub name: String,
    /// Name of one of its listeners.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub section_name: Option<String>,
}

/// What the operator knows about a Pool.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct PoolStatus {
    /// Where the object stands, in one word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phase: Option<PoolPhase>,
    /// Name of the Service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_name: Option<String>,
    /// Ready endpoints of the Service.
    #[serde(default)]
    pub endpoints: i32,
    /// State, conditions and history.
    #[serde(flatten)]
    pub lifecycle: Lifecycle,
}

phases! {
    /// Phase of a Pool.
    PoolPhase {
        /// The Service does not exist yet.
        Pending,
        /// The Service, and the TLSRoute if wanted, stand as described.
        Ready,
        /// The Service or the TLSRoute cannot be had.
        Error,
    }
}

lifecycled!(PoolStatus, PoolPhase);
