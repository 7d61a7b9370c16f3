//! Settings of Puppet and of Puppet Server in a Config.

use crate::{defaults, puppet_setting};
use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Settings of puppet.conf.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct PuppetSpec {
    /// How long the server keeps a compiled environment, such as 0, 5m or unlimited. The line is
    /// left out when empty.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment_timeout: Option<String>,
    /// Directory of the environments, and mount path of the code volume.
    #[serde(default = "defaults::environment_path")]
    pub environment_path: String,
    /// Path of the global hiera.yaml.
    #[serde(default = "defaults::hiera_config")]
    pub hiera_config: String,
    /// Store catalogs and facts.
    #[serde(default = "defaults::yes")]
    pub storeconfigs: bool,
    /// Where catalogs and facts are stored. Only used with storeconfigs.
    #[serde(default = "defaults::store_backend")]
    pub store_backend: String,
    /// Report handlers, separated by commas. webhook is appended when a ReportProcessor names this
    /// Config.
    #[serde(default = "defaults::reports")]
    pub reports: String,
    /// Further settings of puppet.conf by section.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extra_config: Option<ExtraConfig>,
}

impl Default for PuppetSpec {
    fn default() -> Self {
        Self {
            environment_timeout: None,
            environment_path: defaults::environment_path(),
            hiera_config: defaults::hiera_config(),
            storeconfigs: true,
            store_backend: defaults::store_backend(),
            reports: defaults::reports(),
            extra_config: None,
        }
    }
}

/// Further settings of puppet.conf, written after the built-in lines and sorted by key. Those on which the operator relies,
/// such as certname, ssldir, cadir and autosign, are refused in main and server.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = puppet_setting::rule("main"), validation = puppet_setting::rule("server"))]
pub struct ExtraConfig {
    /// Settings of the section main.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub main: BTreeMap<String, String>,
    /// Settings of the section server.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub server: BTreeMap<String, String>,
    /// Settings of the section agent, which exists only when this is not empty.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub agent: BTreeMap<String, String>,
}

/// Settings of puppetserver.conf, webserver.conf and auth.conf.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct PuppetServerSpec {
    /// Requests after which a JRuby instance is replaced. 0 means never.
    #[serde(default)]
    pub max_requests_per_instance: i32,
    /// Milliseconds a request waits for a JRuby instance. 0 means 1200000.
    #[serde(default = "defaults::borrow_timeout")]
    pub borrow_timeout: i32,
    /// Compile mode of JRuby.
    #[serde(default)]
    pub compile_mode: CompileMode,
    /// Whether the web server asks clients for a certificate.
    #[serde(default)]
    pub client_auth: ClientAuth,
    /// Timeouts of outgoing HTTP requests.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http_client: Option<HttpClientSpec>,
    /// Further rules of auth.conf, placed between the built-in rules and the final deny.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub authorization_rules: Vec<AuthorizationRule>,
}

impl Default for PuppetServerSpec {
    fn default() -> Self {
        Self {
            max_requests_per_instance: 0,
            borrow_timeout: defaults::borrow_timeout(),
            compile_mode: CompileMode::default(),
            client_auth: ClientAuth::default(),
            http_client: None,
            authorization_rules: Vec::new(),
        }
    }
}

/// Compile mode of JRuby.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Copy, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum CompileMode {
    /// Compile hot methods.
    Jit,
    /// Interpret only.
    #[default]
    Off,
}

/// Whether the web server asks clients for a certificate.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Copy, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum ClientAuth {
    /// Ask, and take the request without one too.
    #[default]
    Want,
    /// Ask, and refuse the connection without one.
    Need,
    /// Never ask.
    None,
}

/// Timeouts of HTTP requests that Puppet Server makes.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct HttpClientSpec {
    /// Milliseconds to wait for a connection.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connect_timeout_ms: Option<i32>,
    /// Milliseconds a connection may be idle.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idle_timeout_ms: Option<i32>,
}

/// One rule of auth.conf. Of allowUnauthenticated, allow and deny the first that is set is written.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct AuthorizationRule {
    /// Name of the rule.
    pub name: String,
    /// Requests the rule applies to.
    pub match_request: MatchRequest,
    /// Certname or pattern that is let through. * means every client with a certificate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allow: Option<String>,
    /// Let every client through, even without a certificate.
    #[serde(default, skip_serializing_if = "defaults::is_false")]
    pub allow_unauthenticated: bool,
    /// Certname or pattern that is refused. * means everyone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deny: Option<String>,
    /// Position among the rules, the lowest first. 0 means 500.
    #[serde(default = "defaults::rule_sort_order")]
    pub sort_order: i32,
}

impl Default for AuthorizationRule {
    fn default() -> Self {
        Self {
            name: String::new(),
            match_request: MatchRequest::default(),
            allow: None,
            allow_unauthenticated: false,
            deny: None,
            sort_order: defaults::rule_sort_order(),
        }
    }
}

/// Requests a rule of auth.conf applies to.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct MatchRequest {
    /// Path or regular expression, as type says.
    pub path: String,
    /// How path is compared.
    #[serde(default, rename = "type")]
    pub match_type: MatchType,
    /// HTTP methods the rule applies to, such as get. Empty means all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub method: Vec<String>,
}

/// How the path of a rule is compared.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Copy, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum MatchType {
    /// The request's path starts with it.
    #[default]
    Path,
    /// The request's path matches the regular expression.
    Regex,
}
