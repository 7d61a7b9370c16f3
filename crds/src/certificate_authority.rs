//! CertificateAuthority: the Puppet CA, run here or elsewhere.

#![expect(clippy::struct_excessive_bools, reason = "the switches of ca.conf, one field each in the API")]

use crate::{
    defaults,
    lifecycle::Lifecycle,
    phase::{lifecycled, phases},
    puppet_ttl,
    storage::StorageSpec,
};
use k8s_openapi::{api::core::v1::ResourceRequirements, apimachinery::pkg::apis::meta::v1::Time};
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A Puppet CA.
#[derive(CustomResource, KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[kube(
    group = "openvox.voxpupuli.org",
    version = "v1alpha1",
    kind = "CertificateAuthority",
    plural = "certificateauthorities",
    shortname = "ca",
    category = "openvox",
    namespaced,
    status = "CertificateAuthorityStatus",
    derive = "PartialEq",
    derive = "Default",
    // The schema takes an object without spec, as the API always did, so reading one must not fail.
    // kube refuses a bare serde attribute here because most of them would disagree with the schema.
    attr = "cfg_attr(all(), serde(default))",
    doc = "A Puppet CA: set up and served in this namespace, or an external one that is only used.",
    printcolumn(name = "Phase", type_ = "string", json_path = ".status.phase"),
    printcolumn(name = "NotAfter", type_ = "string", json_path = ".status.notAfter"),
    printcolumn(name = "Ready", type_ = "string", json_path = ".status.conditions[?(@.type==\"Ready\")].status"),
    printcolumn(name = "Reason", type_ = "string", json_path = ".status.conditions[?(@.type==\"Ready\")].reason"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new(
    "!(has(self.external) && has(self.storage) && has(self.storage.size) && self.storage.size != '' && self.storage.size != '1Gi')"
).message(Message::Expression(
    "'storage.size \"' + self.storage.size + '\" is set, but an external CA has no volume here: remove storage.size or the external block'".into()
)))]
pub struct CertificateAuthoritySpec {
    /// How long issued certificates are valid: a number with unit s, m, h, d or y, up to 50y.
    #[serde(default = "defaults::ca_ttl")]
    // A bound, so that the API server can tell beforehand what checking the rule may cost.
    #[schemars(length(max = 64))]
    #[x_kube(validation = puppet_ttl::rule("ttl"))]
    pub ttl: String,
    /// Sign requests that carry subject alternative names.
    #[serde(default = "defaults::yes")]
    pub allow_subject_alt_names: bool,
    /// Sign requests that carry authorization extensions.
    #[serde(default = "defaults::yes")]
    pub allow_authorization_extensions: bool,
    /// Keep a CRL of infrastructure certificates, for agents that need a short one.
    #[serde(default = "defaults::yes", rename = "enableInfraCRL")]
    pub enable_infra_crl: bool,
    /// Let agents renew their own certificates.
    #[serde(default = "defaults::yes")]
    pub allow_auto_renewal: bool,
    /// How long a certificate renewed by its agent is valid: a number with unit s, m, h, d or y, up to 50y.
    #[serde(default = "defaults::auto_renewal_cert_ttl", rename = "autoRenewalCertTTL")]
    #[schemars(length(max = 64))]
    #[x_kube(validation = puppet_ttl::rule("autoRenewalCertTTL"))]
    pub auto_renewal_cert_ttl: String,
    /// Volume of the CA. Not for an external CA. A larger size is applied where the StorageClass allows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub storage: Option<StorageSpec>,
    /// Resources of the set-up Job.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resources: Option<ResourceRequirements>,
    /// How often the CRL is fetched: a number above 0 with unit s, m, h, d or y.
    #[serde(default = "defaults::crl_refresh_interval")]
    pub crl_refresh_interval: String,
    /// Import of an existing intermediate CA, when the CA is set up.
    #[serde(default, skip_serializing_if = "Option::is_none", rename = "intermediateCA")]
    pub intermediate_ca: Option<IntermediateCaSpec>,
    /// Use a CA that runs elsewhere instead of setting one up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external: Option<ExternalCaSpec>,
    /// What becomes of the CA's volume and Secrets when the object is deleted.
    #[serde(default, skip_serializing_if = "DeletionPolicy::is_default")]
    pub deletion_policy: DeletionPolicy,
    /// Images that may run the CA, and so read its key: a repository, for every tag of it, or a whole reference. If empty, the
    /// image of the Config may, and none that a Server chooses for itself.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub server_images: Vec<String>,
}

impl Default for CertificateAuthoritySpec {
    fn default() -> Self {
        Self {
            ttl: defaults::ca_ttl(),
            allow_subject_alt_names: true,
            allow_authorization_extensions: true,
            enable_infra_crl: true,
            allow_auto_renewal: true,
            auto_renewal_cert_ttl: defaults::auto_renewal_cert_ttl(),
            storage: None,
            resources: None,
            crl_refresh_interval: defaults::crl_refresh_interval(),
            intermediate_ca: None,
            external: None,
            deletion_policy: DeletionPolicy::Retain,
            server_images: Vec::new(),
        }
    }
}

/// What becomes of a CA's volume and Secrets when the object is deleted.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DeletionPolicy {
    /// They stay, and an object of the same name adopts them again.
    #[default]
    Retain,
    /// They are deleted with the object, and with them what every agent trusts.
    Delete,
}

impl DeletionPolicy {
    /// Whether this is the default, which is not written out.
    #[must_use]
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// Import of an existing intermediate CA.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct IntermediateCaSpec {
    /// Import the intermediate CA.
    #[serde(default)]
    pub enabled: bool,
    /// Secret with ca.pem, key.pem and crl.pem.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_name: Option<String>,
}

/// A CA that runs elsewhere.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct ExternalCaSpec {
    /// Base URL of the CA's HTTP API.
    #[schemars(regex(pattern = r"^https?://"))]
    pub url: String,
    /// Secret with ca_crt.pem, which verifies the CA's TLS certificate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_secret_ref: Option<String>,
    /// Secret with tls.crt and tls.key, the client certificate for the CA.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls_secret_ref: Option<String>,
    /// Do not verify who answers at the URL. The CA certificate is needed all the same: certificates and CRLs are checked against it.
    #[serde(default, skip_serializing_if = "defaults::is_false")]
    pub insecure_skip_verify: bool,
    /// Accept signatures of RSA keys of 1024 to 2047 bits, which can be forged with enough computers: for a CA of Puppet 2.x, until it is replaced.
    #[serde(default, skip_serializing_if = "defaults::is_false")]
    pub allow_short_keys: bool,
}

/// What the operator knows about a CertificateAuthority.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct CertificateAuthorityStatus {
    /// Where the object stands, in one word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phase: Option<CertificateAuthorityPhase>,
    /// Secret with the CA certificate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_secret_name: Option<String>,
    /// Service of the CA. Absent for an external CA.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_name: Option<String>,
    /// Secret with the certificate the operator signs with. Absent for an external CA.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signing_secret_name: Option<String>,
    /// When the CA certificate ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_after: Option<Time>,
    /// The certificate revocation list that servers get.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub crl: Option<CrlStatus>,
    /// State, conditions and history.
    #[serde(flatten)]
    pub lifecycle: Lifecycle,
}

/// A certificate revocation list.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct CrlStatus {
    /// Number of the list in hexadecimal digits. A newer list has a higher one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<String>,
    /// When the list was issued.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub this_update: Option<Time>,
    /// When the list, or that of a CA above, has to be replaced by a newer one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_update: Option<Time>,
    /// How many certificates are revoked.
    #[serde(default)]
    pub revoked: u32,
}

phases! {
    /// Phase of a CertificateAuthority.
    CertificateAuthorityPhase {
        /// No Config names it yet.
        Pending,
        /// The CA is being set up.
        Initializing,
        /// The CA serves requests.
        Ready,
        /// The CA runs elsewhere.
        External,
        /// The CA cannot be set up or used.
        Error,
        /// The object is being deleted.
        Terminating,
    }
}

lifecycled!(CertificateAuthorityStatus, CertificateAuthorityPhase);
