//! Server: pods that run Puppet Server.

use crate::{
    code::CodeSpec,
    defaults,
    disruption::PdbSpec,
    image::ImageSpec,
    lifecycle::Lifecycle,
    network_policy::NetworkPolicySpec,
    phase::{lifecycled, phases},
};
use k8s_openapi::api::core::v1::{Affinity, ResourceRequirements, TopologySpreadConstraint};
use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Pods that run Puppet Server.
#[derive(CustomResource, JsonSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[kube(
    group = "openvox.voxpupuli.org",
    version = "v1alpha1",
    kind = "Server",
    plural = "servers",
    category = "openvox",
    namespaced,
    status = "ServerStatus",
    scale(
        spec_replicas_path = ".spec.replicas",
        status_replicas_path = ".status.replicas",
        label_selector_path = ".status.selector"
    ),
    derive = "PartialEq",
    derive = "Default",
    // The schema takes an object without spec, as the API always did, so reading one must not fail.
    // kube refuses a bare serde attribute here because most of them would disagree with the schema.
    attr = "cfg_attr(all(), serde(default))",
    doc = "Pods that run Puppet Server: as CA, as compiler of catalogs, or both.",
    printcolumn(name = "Config", type_ = "string", json_path = ".spec.configRef"),
    printcolumn(name = "CA", type_ = "boolean", json_path = ".spec.ca"),
    printcolumn(name = "Replicas", type_ = "integer", json_path = ".spec.replicas"),
    printcolumn(name = "Ready", type_ = "integer", json_path = ".status.ready"),
    printcolumn(name = "Phase", type_ = "string", json_path = ".status.phase"),
    printcolumn(name = "Reason", type_ = "string", json_path = ".status.conditions[?(@.type==\"Ready\")].reason"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[serde(rename_all = "camelCase")]
pub struct ServerSpec {
    /// Config of these pods, in the same namespace.
    pub config_ref: String,
    /// Certificate of these pods, in the same namespace. It also decides the CertificateAuthority.
    pub certificate_ref: String,
    /// Pools these pods belong to, in the same namespace.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pool_refs: Vec<String>,
    /// Image in place of the Config's. What is left out takes the defaults here, not the Config's
    /// values.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<ImageSpec>,
    /// Run the CA.
    #[serde(default)]
    pub ca: bool,
    /// Compile catalogs.
    #[serde(default = "defaults::yes")]
    pub server: bool,
    /// Number of pods, which `kubectl scale` and autoscalers set too. Ignored while autoscaling is enabled.
    #[serde(default = "defaults::replicas")]
    pub replicas: i32,
    /// Number of pods by CPU usage.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub autoscaling: Option<AutoscalingSpec>,
    /// Resources of the main container.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resources: Option<ResourceRequirements>,
    /// Options of the Java VM. Absent or empty means a heap that follows from the memory limit, or
    /// -Xms512m -Xmx1024m where there is no limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub java_args: Option<String>,
    /// Number of JRuby instances per pod. 0 and less mean 1.
    #[serde(default = "defaults::max_active_instances")]
    pub max_active_instances: i32,
    /// Puppet code in place of the Config's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<CodeSpec>,
    /// How the pods spread over the cluster.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub topology_spread_constraints: Vec<TopologySpreadConstraint>,
    /// Which nodes and neighbours the pods prefer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub affinity: Option<Affinity>,
    /// PriorityClass of the pods.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority_class_name: Option<String>,
    /// Disruption budget of the pods.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pdb: Option<PdbSpec>,
    /// Network policy of the pods. Its built-in rule lets TCP 8140 in from everywhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network_policy: Option<NetworkPolicySpec>,
}

impl Default for ServerSpec {
    fn default() -> Self {
        Self {
            config_ref: String::new(),
            certificate_ref: String::new(),
            pool_refs: Vec::new(),
            image: None,
            ca: false,
            server: true,
            replicas: defaults::replicas(),
            autoscaling: None,
            resources: None,
            java_args: None,
            max_active_instances: defaults::max_active_instances(),
            code: None,
            topology_spread_constraints: Vec::new(),
            affinity: None,
            priority_class_name: None,
            pdb: None,
            network_policy: None,
        }
    }
}

/// Number of pods by CPU usage, through a HorizontalPodAutoscaler.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct AutoscalingSpec {
    /// Create the HorizontalPodAutoscaler.
    #[serde(default)]
    pub enabled: bool,
    /// Fewest pods.
    #[serde(default = "defaults::min_replicas")]
    pub min_replicas: i32,
    /// Most pods. 0 means 5.
    #[serde(default = "defaults::max_replicas")]
    pub max_replicas: i32,
    /// CPU usage to aim at, in percent of the request. 0 means 75.
    #[serde(default = "defaults::target_cpu", rename = "targetCPU")]
    pub target_cpu: i32,
}

impl Default for AutoscalingSpec {
    fn default() -> Self {
        Self {
            enabled: false,
            min_replicas: defaults::min_replicas(),
            max_replicas: defaults::max_replicas(),
            target_cpu: defaults::target_cpu(),
        }
    }
}

/// What the operator knows about a Server.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct ServerStatus {
    /// Where the object stands, in one word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phase: Option<ServerPhase>,
    /// Pods that are ready.
    #[serde(default)]
    pub ready: i32,
    /// Pods that should be ready.
    #[serde(default)]
    pub desired: i32,
    /// Pods that exist, ready or not; the scale subresource shows it.
    #[serde(default)]
    pub replicas: i32,
    /// Label selector of the pods, for autoscalers that target the Server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub selector: Option<String>,
    /// State, conditions and history.
    #[serde(flatten)]
    pub lifecycle: Lifecycle,
}

phases! {
    /// Phase of a Server.
    ServerPhase {
        /// Something it needs is missing, or no pod is ready yet.
        Pending,
        /// Its Certificate is not signed yet.
        WaitingForCert,
        /// At least one pod is ready.
        Running,
        /// It cannot run.
        Error,
        /// The object is being deleted.
        Terminating,
    }
}

lifecycled!(ServerStatus, ServerPhase);
