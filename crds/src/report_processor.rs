//! ReportProcessor: an HTTP endpoint that receives the reports of a Config's nodes.

use crate::{
    auth::Auth,
    defaults,
    lifecycle::Lifecycle,
    phase::{lifecycled, phases},
    selector::{ConfigMapKeyRef, SecretKeyRef},
};
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// An endpoint for reports.
#[derive(CustomResource, JsonSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[kube(
    group = "openvox.voxpupuli.org",
    version = "v1alpha1",
    kind = "ReportProcessor",
    plural = "reportprocessors",
    shortname = "rp",
    category = "openvox",
    namespaced,
    status = "ReportProcessorStatus",
    derive = "PartialEq",
    derive = "Default",
    // The schema takes an object without spec, as the API always did, so reading one must not fail.
    // kube refuses a bare serde attribute here because most of them would disagree with the schema.
    attr = "cfg_attr(all(), serde(default))",
    doc = "An HTTP endpoint that receives the reports of all nodes of a Config.",
    printcolumn(name = "URL", type_ = "string", json_path = ".spec.url"),
    printcolumn(name = "Processor", type_ = "string", json_path = ".spec.processor"),
    printcolumn(name = "Phase", type_ = "string", json_path = ".status.phase"),
    printcolumn(name = "Ready", type_ = "string", json_path = ".status.conditions[?(@.type==\"Ready\")].status"),
    printcolumn(name = "Reason", type_ = "string", json_path = ".status.conditions[?(@.type==\"Ready\")].reason"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[serde(rename_all = "camelCase")]
pub struct ReportProcessorSpec {
    /// Config whose nodes report here, in the same namespace.
    #[schemars(length(min = 1))]
    pub config_ref: String,
    /// puppetdb sends PuppetDB's wire format to url with /pdb/cmd/v1 appended; empty sends the
    /// report as JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub processor: Option<Processor>,
    /// URL of the endpoint.
    pub url: String,
    /// Seconds to wait for the reply. 0 means 30.
    #[serde(default = "defaults::report_timeout")]
    pub timeout_seconds: i32,
    /// Authentication towards the endpoint.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth: Option<Auth>,
    /// Further HTTP headers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub headers: Vec<ReportHeader>,
}

impl Default for ReportProcessorSpec {
    fn default() -> Self {
        Self {
            config_ref: String::new(),
            processor: None,
            url: String::new(),
            timeout_seconds: defaults::report_timeout(),
            auth: None,
            headers: Vec::new(),
        }
    }
}

/// In which form a report is sent.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Copy, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Processor {
    /// PuppetDB's command store report, version 8.
    #[serde(rename = "puppetdb")]
    PuppetDb,
    /// The report as JSON.
    #[default]
    #[serde(rename = "")]
    Json,
}

/// An HTTP header with a literal value or one that is read from elsewhere.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new(
    "!(has(self.valueFrom) && has(self.value) && self.value != '')"
).message(Message::Expression(
    "'header \"' + self.name + '\" has both value and valueFrom: keep one of them'".into()
)))]
pub struct ReportHeader {
    /// Name of the header.
    pub name: String,
    /// Value of the header.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// Where the value is read from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value_from: Option<HeaderSource>,
}

/// Where the value of a header is read from. The Secret wins when both are given.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct HeaderSource {
    /// One key of a Secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_key_ref: Option<SecretKeyRef>,
    /// One key of a ConfigMap.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config_map_key_ref: Option<ConfigMapKeyRef>,
}

/// What the operator knows about a ReportProcessor.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct ReportProcessorStatus {
    /// Where the object stands, in one word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phase: Option<ReportProcessorPhase>,
    /// State, conditions and history.
    #[serde(flatten)]
    pub lifecycle: Lifecycle,
}

phases! {
    /// Phase of a ReportProcessor.
    ReportProcessorPhase {
        /// Its Config does not exist yet.
        Pending,
        /// Servers report to it.
        Active,
        /// It cannot be rendered.
        Error,
    }
}

lifecycled!(ReportProcessorStatus, ReportProcessorPhase);
