//! NodeClassifier: the HTTP service that knows the classes of a node.

use crate::{
    auth::Auth,
    defaults,
    lifecycle::Lifecycle,
    phase::{lifecycled, phases},
    selector::SecretKeyRef,
};
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// An external node classifier.
#[derive(CustomResource, JsonSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[kube(
    group = "openvox.voxpupuli.org",
    version = "v1alpha1",
    kind = "NodeClassifier",
    plural = "nodeclassifiers",
    shortname = "nc",
    category = "openvox",
    namespaced,
    status = "NodeClassifierStatus",
    derive = "PartialEq",
    derive = "Default",
    // The schema takes an object without spec, as the API always did, so reading one must not fail.
    // kube refuses a bare serde attribute here because most of them would disagree with the schema.
    attr = "cfg_attr(all(), serde(default))",
    doc = "An HTTP service that Servers ask for the classes of a node.",
    printcolumn(name = "URL", type_ = "string", json_path = ".spec.url"),
    printcolumn(name = "Method", type_ = "string", json_path = ".spec.request.method"),
    printcolumn(name = "Phase", type_ = "string", json_path = ".status.phase"),
    printcolumn(name = "Ready", type_ = "string", json_path = ".status.conditions[?(@.type==\"Ready\")].status"),
    printcolumn(name = "Reason", type_ = "string", json_path = ".status.conditions[?(@.type==\"Ready\")].reason"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[serde(rename_all = "camelCase")]
pub struct NodeClassifierSpec {
    /// Base URL of the service. The request's path is appended as plain text.
    pub url: String,
    /// The request. An empty block takes all defaults.
    pub request: ClassifierRequest,
    /// The reply. An empty block takes all defaults.
    pub response: ClassifierResponse,
    /// Seconds to wait for the reply. 0 means 10.
    #[serde(default = "defaults::classifier_timeout")]
    pub timeout_seconds: i32,
    /// Authentication towards the service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth: Option<Auth>,
    /// Certificates (PEM) that may issue the certificate of the service, beside those of the system and of the
    /// CertificateAuthority.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_secret_ref: Option<SecretKeyRef>,
    /// Keep the last good reply of each node.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache: Option<NodeClassifierCache>,
}

impl Default for NodeClassifierSpec {
    fn default() -> Self {
        Self {
            url: String::new(),
            request: ClassifierRequest::default(),
            response: ClassifierResponse::default(),
            timeout_seconds: defaults::classifier_timeout(),
            auth: None,
            ca_secret_ref: None,
            cache: None,
        }
    }
}

/// The request to a node classifier.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new(
    "!has(self.body) || self.body == '' || self.method == 'POST'"
).message(Message::Expression(
    "'request.body \"' + self.body + '\" cannot be sent with request.method ' + self.method + ': set method to POST or remove body'".into()
)))]
pub struct ClassifierRequest {
    /// HTTP method.
    #[serde(default)]
    pub method: ClassifierMethod,
    /// Path of the request. {certname} is replaced by the node's certname.
    #[serde(default = "defaults::classifier_path")]
    pub path: String,
    /// What is sent with POST: the node's facts and certname, its certname alone, or fact and trusted as Puppet
    /// Enterprise takes them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<RequestBody>,
}

impl Default for ClassifierRequest {
    fn default() -> Self {
        Self { method: ClassifierMethod::default(), path: defaults::classifier_path(), body: None }
    }
}

/// HTTP method of a request to a node classifier.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Copy, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "UPPERCASE")]
pub enum ClassifierMethod {
    /// GET, without a body.
    #[default]
    Get,
    /// POST.
    Post,
}

/// Body of a request to a node classifier.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Copy, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum RequestBody {
    /// JSON with certname and facts.
    Facts,
    /// JSON with the certname.
    Certname,
    /// JSON with fact and trusted, for the classifier API of Puppet Enterprise.
    Pe,
    /// No body.
    #[default]
    #[serde(rename = "")]
    Empty,
}

/// The reply of a node classifier.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct ClassifierResponse {
    /// Format of the reply.
    #[serde(default)]
    pub format: ResponseFormat,
}

/// Format of a node classifier's reply.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Copy, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum ResponseFormat {
    /// YAML.
    #[default]
    Yaml,
    /// JSON.
    Json,
}

/// Cache of a node classifier's replies.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct NodeClassifierCache {
    /// Fall back to the last good reply when the service fails.
    #[serde(default)]
    pub enabled: bool,
    /// Directory in the container.
    #[serde(default = "defaults::cache_directory")]
    pub directory: String,
    /// Seconds for which a reply may stand in for the service. 0 and less mean three days.
    #[serde(default = "defaults::cache_max_age")]
    pub max_age_seconds: i32,
}

impl Default for NodeClassifierCache {
    fn default() -> Self {
        Self { enabled: false, directory: defaults::cache_directory(), max_age_seconds: defaults::cache_max_age() }
    }
}

/// What the operator knows about a NodeClassifier.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct NodeClassifierStatus {
    /// Where the object stands, in one word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phase: Option<NodeClassifierPhase>,
    /// State, conditions and history.
    #[serde(flatten)]
    pub lifecycle: Lifecycle,
}

phases! {
    /// Phase of a NodeClassifier.
    NodeClassifierPhase {
        /// No Config names it yet.
        Pending,
        /// Servers use it.
        Active,
        /// It cannot be rendered.
        Error,
    }
}

lifecycled!(NodeClassifierStatus, NodeClassifierPhase);
