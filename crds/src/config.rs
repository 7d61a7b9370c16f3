//! Config: what all Servers of one Puppet installation share.

use crate::{
    code::CodeSpec,
    defaults,
    image::ImageSpec,
    lifecycle::Lifecycle,
    phase::{lifecycled, phases},
    puppet::{PuppetServerSpec, PuppetSpec},
};
use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What all Servers of one Puppet installation share.
#[derive(CustomResource, JsonSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[kube(
    group = "openvox.voxpupuli.org",
    version = "v1alpha1",
    kind = "Config",
    plural = "configs",
    shortname = "cfg",
    category = "openvox",
    namespaced,
    status = "ConfigStatus",
    derive = "PartialEq",
    derive = "Default",
    // The schema takes an object without spec, as the API always did, so reading one must not fail.
    // kube refuses a bare serde attribute here because most of them would disagree with the schema.
    attr = "cfg_attr(all(), serde(default))",
    doc = "What all Servers of one Puppet installation share: images, puppet.conf, puppetserver.conf, logging, metrics and code.",
    printcolumn(name = "CA", type_ = "string", json_path = ".spec.authorityRef"),
    printcolumn(name = "Image", type_ = "string", json_path = ".spec.image.tag"),
    printcolumn(name = "Phase", type_ = "string", json_path = ".status.phase"),
    printcolumn(name = "Ready", type_ = "string", json_path = ".status.conditions[?(@.type==\"Ready\")].status"),
    printcolumn(name = "Reason", type_ = "string", json_path = ".status.conditions[?(@.type==\"Ready\")].reason"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[serde(rename_all = "camelCase")]
pub struct ConfigSpec {
    /// Image of all Servers that name this Config. An empty block takes all defaults.
    pub image: ImageSpec,
    /// CertificateAuthority of this installation, in the same namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authority_ref: Option<String>,
    /// Database whose URL goes into puppetdb.conf, in the same namespace. Excludes
    /// puppetdb.serverUrls.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub database_ref: Option<String>,
    /// NodeClassifier that Servers ask for the classes of a node, in the same namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node_classifier_ref: Option<String>,
    /// PuppetDB that is not managed by a Database.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub puppetdb: Option<PuppetDbSpec>,
    /// Settings of puppet.conf. The defaults inside apply only when the block is present.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub puppet: Option<PuppetSpec>,
    /// Settings of puppetserver.conf, webserver.conf and auth.conf.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub puppetserver: Option<PuppetServerSpec>,
    /// Log levels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logging: Option<LoggingSpec>,
    /// Metrics of Puppet Server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metrics: Option<MetricsSpec>,
    /// Puppet code of all Servers that compile catalogs and name no code of their own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<CodeSpec>,
    /// Mount the root file system of Server containers read-only.
    #[serde(default)]
    pub read_only_root_filesystem: bool,
}

/// A PuppetDB that is not managed by a Database.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct PuppetDbSpec {
    /// URLs of PuppetDB, tried in this order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub server_urls: Vec<String>,
}

/// Log levels of Puppet Server.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct LoggingSpec {
    /// Level of the root logger.
    #[serde(default)]
    pub level: LogLevel,
    /// Level of single loggers, by logger name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub loggers: BTreeMap<String, String>,
}

/// Level of a logger, from most to least talkative.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Copy, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "UPPERCASE")]
pub enum LogLevel {
    /// Everything.
    Trace,
    /// Details for finding faults.
    Debug,
    /// Normal work.
    #[default]
    Info,
    /// Something may be wrong.
    Warn,
    /// Something is wrong.
    Error,
}

/// Metrics of Puppet Server.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct MetricsSpec {
    /// Switch for all reporters below.
    #[serde(default)]
    pub enabled: bool,
    /// JMX reporter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jmx: Option<JmxSpec>,
    /// Graphite reporter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub graphite: Option<GraphiteSpec>,
}

/// JMX reporter.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct JmxSpec {
    /// Report over JMX.
    #[serde(default)]
    pub enabled: bool,
}

/// Graphite reporter.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct GraphiteSpec {
    /// Report to Graphite.
    #[serde(default)]
    pub enabled: bool,
    /// Host of the Graphite server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// Port of the Graphite server. 0 means 2003.
    #[serde(default = "defaults::graphite_port")]
    pub port: i32,
    /// Seconds between two reports. 0 means 60.
    #[serde(default = "defaults::graphite_interval")]
    pub update_interval_seconds: i32,
}

impl Default for GraphiteSpec {
    fn default() -> Self {
        Self { enabled: false, host: None, port: defaults::graphite_port(), update_interval_seconds: defaults::graphite_interval() }
    }
}

/// What the operator knows about a Config.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct ConfigStatus {
    /// Where the object stands, in one word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phase: Option<ConfigPhase>,
    /// State, conditions and history.
    #[serde(flatten)]
    pub lifecycle: Lifecycle,
}

phases! {
    /// Phase of a Config.
    ConfigPhase {
        /// Something it needs is missing.
        Pending,
        /// The configuration is rendered.
        Running,
        /// The configuration cannot be rendered.
        Error,
    }
}

lifecycled!(ConfigStatus, ConfigPhase);
