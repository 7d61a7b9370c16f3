//! SigningPolicy: which requests a CertificateAuthority signs by itself.

use crate::{
    defaults,
    lifecycle::Lifecycle,
    phase::{lifecycled, phases},
    selector::SecretKeySelector,
};
use kube::{CustomResource, KubeSchema};
use openvox_puppet::extension;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Which requests are signed without asking.
#[derive(CustomResource, JsonSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[kube(
    group = "openvox.voxpupuli.org",
    version = "v1alpha1",
    kind = "SigningPolicy",
    plural = "signingpolicies",
    shortname = "sp",
    category = "openvox",
    namespaced,
    status = "SigningPolicyStatus",
    derive = "PartialEq",
    derive = "Default",
    // The schema takes an object without spec, as the API always did, so reading one must not fail.
    // kube refuses a bare serde attribute here because most of them would disagree with the schema.
    attr = "cfg_attr(all(), serde(default))",
    doc = "Which certificate requests a CertificateAuthority signs without asking. One policy that fits is enough; within a policy everything must fit.",
    printcolumn(name = "CA", type_ = "string", json_path = ".spec.certificateAuthorityRef"),
    printcolumn(name = "Phase", type_ = "string", json_path = ".status.phase"),
    printcolumn(name = "Ready", type_ = "string", json_path = ".status.conditions[?(@.type==\"Ready\")].status"),
    printcolumn(name = "Reason", type_ = "string", json_path = ".status.conditions[?(@.type==\"Ready\")].reason"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[serde(rename_all = "camelCase")]
pub struct SigningPolicySpec {
    /// CertificateAuthority the policy applies to, in the same namespace.
    pub certificate_authority_ref: String,
    /// Sign every request, whatever its certname, names and attributes. All other fields but extensions are
    /// ignored then. Extensions that give rights on the server must be named in extensions all the same.
    #[serde(default, skip_serializing_if = "defaults::is_false")]
    pub any: bool,
    /// Globs of which the certname must match one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pattern: Option<GlobList>,
    /// Globs of which every DNS name of the request must match one. Without this block a request
    /// with DNS names is refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dns_alt_names: Option<GlobList>,
    /// Addresses and networks of which one must hold every IP address among the request's alternative
    /// names. Without this block a request with addresses is refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ip_alt_names: Option<AddressList>,
    /// Extensions and attributes that the request must carry, with the value that each must have.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub csr_attributes: Vec<CsrAttribute>,
    /// Extensions and attributes that the request may carry beyond the ordinary ones, whatever their
    /// value. Ordinary are the registered extensions that describe a node, pp_uuid to pp_owner, and
    /// challengePassword.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extensions: Option<ExtensionList>,
}

/// Globs with *, ?, character classes and backslash escapes, compared case-sensitively.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct GlobList {
    /// The globs. An empty list matches nothing.
    pub allow: Vec<String>,
}

/// Addresses such as 10.0.0.1, and networks such as 10.0.0.0/8.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new(format!("self.allow.all(entry, {IS_RANGE})"))
        .message(Message::Expression(format!(
            "'ipAltNames.allow: %s cannot be used: write an address such as 10.0.0.1, or a network with no bits set behind its prefix such as 10.0.0.0/8'.format([self.allow.filter(entry, !({IS_RANGE}))])"
        )))
        .field_path(".allow"),
)]
pub struct AddressList {
    /// The addresses and networks. An empty list holds none.
    // Bounds, so that the API server can tell beforehand what checking the rule may cost.
    #[schemars(length(max = 64), inner(length(max = 64)))]
    pub allow: Vec<String>,
}

const IS_RANGE: &str = "isIP(entry) || (isCIDR(entry) && cidr(entry) == cidr(entry).masked())";

/// Extensions and attributes by Puppet's short names, such as pp_auth_role, or by their object identifiers.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new(format!("self.allow.all(entry, {})", is_extension()))
        .message(Message::Expression(format!(
            "'extensions.allow: %s cannot be allowed: use a short name such as pp_auth_role or an object identifier such as 1.3.6.1.4.1.34380.1.2.7; pp_cli_auth is not among them, because the CA never signs a request for it'.format([self.allow.filter(entry, !({}))])",
            is_extension()
        )))
        .field_path(".allow"),
)]
pub struct ExtensionList {
    /// The names. An empty list allows none.
    // Bounds, so that the API server can tell beforehand what checking the rule may cost.
    #[schemars(length(max = 64), inner(length(max = 128)))]
    pub allow: Vec<String>,
}

/// Short names that `extensions.allow` takes: all of Puppet's but `pp_cli_auth`, which the CA refuses in requests.
fn extension_names() -> Vec<&'static str> {
    let names = extension::PUPPET_NAMES.iter().map(|(name, _)| *name).filter(|name| *name != "pp_cli_auth");
    std::iter::once(extension::CHALLENGE_PASSWORD).chain(names).collect()
}

fn is_extension() -> String {
    let (names, cli_auth) = (extension_names(), extension::CLI_AUTH);
    format!(r"entry in {names:?} || (entry.matches('^[0-2](\\.(0|[1-9][0-9]*))+$') && entry != '{cli_auth}')")
}

/// An extension or attribute with the value it must have. With neither value nor valueFrom nothing matches.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct CsrAttribute {
    /// Puppet's short name of the extension, such as pp_preshared_key, or challengePassword, or an object
    /// identifier.
    pub name: String,
    /// The expected value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// The expected value, read from a Secret. Wins over value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value_from: Option<SecretKeySelector>,
}

/// What the operator knows about a SigningPolicy.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct SigningPolicyStatus {
    /// Where the object stands, in one word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phase: Option<SigningPolicyPhase>,
    /// State, conditions and history.
    #[serde(flatten)]
    pub lifecycle: Lifecycle,
}

phases! {
    /// Phase of a SigningPolicy.
    SigningPolicyPhase {
        /// No Config uses its CertificateAuthority yet.
        Pending,
        /// The CA follows the policy.
        Active,
        /// The policy cannot be rendered.
        Error,
    }
}

lifecycled!(SigningPolicyStatus, SigningPolicyPhase);
