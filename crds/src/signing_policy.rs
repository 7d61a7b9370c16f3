//! SigningPolicy: which requests a CertificateAuthority signs by itself.

use crate::{
    defaults,
    lifecycle::Lifecycle,
    phase::{lifecycled, phases},
    selector::SecretKeySelector,
};
use kube::CustomResource;
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
    /// Sign every request. All other fields are ignored then.
    #[serde(default, skip_serializing_if = "defaults::is_false")]
    pub any: bool,
    /// Globs of which the certname must match one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pattern: Option<GlobList>,
    /// Globs of which every DNS name of the request must match one. Without this block a request
    /// with DNS names is refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dns_alt_names: Option<GlobList>,
    /// Extensions the request must carry.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub csr_attributes: Vec<CsrAttribute>,
}

/// Globs with *, ?, character classes and backslash escapes, compared case-sensitively.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct GlobList {
    /// The globs. An empty list matches nothing.
    pub allow: Vec<String>,
}

/// An extension with the value it must have. With neither value nor valueFrom it must be empty.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct CsrAttribute {
    /// Puppet's short name of the extension, such as pp_preshared_key.
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
