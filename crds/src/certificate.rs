//! Certificate: one certificate signed by a CertificateAuthority.

use crate::{
    defaults,
    lifecycle::Lifecycle,
    phase::{lifecycled, phases},
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A certificate of the Puppet CA.
#[derive(CustomResource, JsonSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[kube(
    group = "openvox.voxpupuli.org",
    version = "v1alpha1",
    kind = "Certificate",
    plural = "certificates",
    shortname = "cert",
    category = "openvox",
    namespaced,
    status = "CertificateStatus",
    derive = "PartialEq",
    derive = "Default",
    // The schema takes an object without spec, as the API always did, so reading one must not fail.
    // kube refuses a bare serde attribute here because most of them would disagree with the schema.
    attr = "cfg_attr(all(), serde(default))",
    doc = "A certificate of the Puppet CA and its private key, requested, renewed and cleaned by the operator.",
    printcolumn(name = "Authority", type_ = "string", json_path = ".spec.authorityRef"),
    printcolumn(name = "Certname", type_ = "string", json_path = ".spec.certname"),
    printcolumn(name = "Phase", type_ = "string", json_path = ".status.phase"),
    printcolumn(name = "NotAfter", type_ = "string", json_path = ".status.notAfter"),
    printcolumn(name = "Ready", type_ = "string", json_path = ".status.conditions[?(@.type==\"Ready\")].status"),
    printcolumn(name = "Reason", type_ = "string", json_path = ".status.conditions[?(@.type==\"Ready\")].reason"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[serde(rename_all = "camelCase")]
pub struct CertificateSpec {
    /// CertificateAuthority that signs, in the same namespace.
    pub authority_ref: String,
    /// Common name of the certificate.
    #[serde(default = "defaults::certname")]
    pub certname: String,
    /// Subject alternative names: DNS names or IP addresses.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dns_alt_names: Vec<String>,
    /// Puppet extensions of the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub csr_extensions: Option<CsrExtensions>,
    /// How long before its end the certificate is renewed: a number with unit s, m, h, d or y.
    #[serde(default = "defaults::renew_before")]
    #[schemars(regex(pattern = r"^\d+[smhdy]$"))]
    pub renew_before: String,
    /// Algorithm and size of the private key. Absent means RSA with 4096 bits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub private_key: Option<PrivateKeySpec>,
}

impl Default for CertificateSpec {
    fn default() -> Self {
        Self {
            authority_ref: String::new(),
            certname: defaults::certname(),
            dns_alt_names: Vec::new(),
            csr_extensions: None,
            renew_before: defaults::renew_before(),
            private_key: None,
        }
    }
}

/// Puppet extensions of a certificate request.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct CsrExtensions {
    /// Request pp_cli_auth, which gives access to the CA's administrative API.
    #[serde(default, skip_serializing_if = "defaults::is_false")]
    pub pp_cli_auth: bool,
    /// Value of pp_role.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pp_role: Option<String>,
    /// Value of pp_environment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pp_environment: Option<String>,
    /// Further extensions, by Puppet's short name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub custom_extensions: BTreeMap<String, String>,
}

/// Algorithm and size of a private key.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new(
        "!has(self.size) || (self.algorithm == 'RSA' ? self.size in [2048, 3072, 4096] : self.size in [256, 384])"
    ).message(Message::Expression(
        "'privateKey.size %d does not exist for algorithm %s: use %s'.format([self.size, self.algorithm, self.algorithm == 'RSA' ? '2048, 3072 or 4096' : '256 or 384'])".into()
    )).field_path(".size"),
)]
pub struct PrivateKeySpec {
    /// Algorithm of the key.
    #[serde(default)]
    pub algorithm: KeyAlgorithm,
    /// Size in bits: 2048, 3072 or 4096 for RSA (default 4096), 256 or 384 for ECDSA (default 256).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<i32>,
    /// Whether a renewal keeps the key. A certificate that is issued anew for another reason has a new key in any case.
    #[serde(default)]
    pub rotation: KeyRotation,
}

impl PrivateKeySpec {
    /// Size of the key in bits, with the algorithm's default where the spec names none.
    #[must_use]
    pub fn bits(&self) -> i32 {
        self.size.unwrap_or(match self.algorithm {
            KeyAlgorithm::Rsa => 4096,
            KeyAlgorithm::Ecdsa => 256,
        })
    }
}

/// What a renewal does with the key.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum KeyRotation {
    /// The key stays, through the CA's renewal endpoint.
    #[default]
    Never,
    /// Each renewal is a new request with a new key, which the operator has to be allowed to sign.
    Always,
}

/// Algorithm of a private key.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Copy, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "UPPERCASE")]
pub enum KeyAlgorithm {
    /// RSA, which every Puppet agent and server understands.
    #[default]
    Rsa,
    /// ECDSA on the NIST curve of the given size. Much cheaper to make.
    Ecdsa,
}

/// What the operator knows about a Certificate.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct CertificateStatus {
    /// Where the object stands, in one word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phase: Option<CertificatePhase>,
    /// Secret with cert.pem and key.pem.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_name: Option<String>,
    /// When the certificate ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_after: Option<Time>,
    /// Value of the annotation openvox.voxpupuli.org/renew that was acted on last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_handled_renew_at: Option<String>,
    /// Value of the annotation openvox.voxpupuli.org/rekey that was acted on last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_handled_rekey_at: Option<String>,
    /// Proofs that the operator has held the keys that the status names: requests that they have signed. When the object is
    /// deleted, what the CA holds for a key is revoked only if its Secret is there or its proof is here.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub key_proofs: Vec<String>,
    /// State, conditions and history.
    #[serde(flatten)]
    pub lifecycle: Lifecycle,
}

phases! {
    /// Phase of a Certificate.
    CertificatePhase {
        /// The CertificateAuthority cannot sign yet.
        Pending,
        /// Kept for objects written by earlier operators, never written now.
        Requesting,
        /// The key is stored and the request is on its way.
        Requested,
        /// The request waits for a signature.
        WaitingForSigning,
        /// The certificate is valid.
        Signed,
        /// A new certificate is on its way, the old one stays in use.
        Renewing,
        /// The certificate cannot be had.
        Error,
        /// The object is being deleted and the CA is told to clean it.
        Terminating,
    }
}

lifecycled!(CertificateStatus, CertificatePhase);
