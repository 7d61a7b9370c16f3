//! Database: pods that run OpenVoxDB.

use crate::{
    defaults,
    disruption::PdbSpec,
    image::ImageSpec,
    lifecycle::Lifecycle,
    network_policy::NetworkPolicySpec,
    phase::{lifecycled, phases},
};
use k8s_openapi::api::core::v1::ResourceRequirements;
use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Pods that run OpenVoxDB.
#[derive(CustomResource, JsonSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[kube(
    group = "openvox.voxpupuli.org",
    version = "v1alpha1",
    kind = "Database",
    plural = "databases",
    shortname = "db",
    category = "openvox",
    namespaced,
    status = "DatabaseStatus",
    derive = "PartialEq",
    derive = "Default",
    // The schema takes an object without spec, as the API always did, so reading one must not fail.
    // kube refuses a bare serde attribute here because most of them would disagree with the schema.
    attr = "cfg_attr(all(), serde(default))",
    doc = "Pods that run OpenVoxDB on a PostgreSQL that is run elsewhere.",
    printcolumn(name = "CertificateRef", type_ = "string", json_path = ".spec.certificateRef"),
    printcolumn(name = "Replicas", type_ = "integer", json_path = ".spec.replicas"),
    printcolumn(name = "Ready", type_ = "integer", json_path = ".status.ready"),
    printcolumn(name = "Phase", type_ = "string", json_path = ".status.phase"),
    printcolumn(name = "Reason", type_ = "string", json_path = ".status.conditions[?(@.type==\"Ready\")].reason"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[serde(rename_all = "camelCase")]
pub struct DatabaseSpec {
    /// Certificate of these pods, in the same namespace.
    pub certificate_ref: String,
    /// Image of these pods. The default repository is the one of Servers: name the database image.
    pub image: ImageSpec,
    /// The PostgreSQL behind it.
    pub postgres: PostgresSpec,
    /// Resources of the main container.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resources: Option<ResourceRequirements>,
    /// Number of pods.
    #[serde(default = "defaults::replicas")]
    pub replicas: i32,
    /// Options of the Java VM.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub java_args: Option<String>,
    /// Disruption budget of the pods.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pdb: Option<PdbSpec>,
    /// Network policy of the pods. Its built-in rule lets TCP 8081 in from the pods of this
    /// installation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network_policy: Option<NetworkPolicySpec>,
    /// PriorityClass of the pods.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority_class_name: Option<String>,
    /// The Service in front of the pods.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<DatabaseServiceSpec>,
}

impl Default for DatabaseSpec {
    fn default() -> Self {
        Self {
            certificate_ref: String::new(),
            image: ImageSpec::default(),
            postgres: PostgresSpec::default(),
            resources: None,
            replicas: defaults::replicas(),
            java_args: None,
            pdb: None,
            network_policy: None,
            priority_class_name: None,
            service: None,
        }
    }
}

/// How a PostgreSQL is reached.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct PostgresSpec {
    /// Host name or address.
    pub host: String,
    /// Port. 0 means 5432.
    #[serde(default = "defaults::postgres_port")]
    pub port: i32,
    /// Name of the database. Empty means openvoxdb.
    #[serde(default = "defaults::postgres_database")]
    pub database: String,
    /// Secret with username and password.
    pub credentials_secret_ref: String,
    /// How far TLS is demanded and checked.
    #[serde(default)]
    pub ssl_mode: SslMode,
}

impl Default for PostgresSpec {
    fn default() -> Self {
        Self {
            host: String::new(),
            port: defaults::postgres_port(),
            database: defaults::postgres_database(),
            credentials_secret_ref: String::new(),
            ssl_mode: SslMode::default(),
        }
    }
}

/// The sslmode of libpq.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Copy, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub enum SslMode {
    /// Never TLS.
    Disable,
    /// TLS only if the server insists.
    Allow,
    /// TLS if the server can.
    Prefer,
    /// TLS, without checking the certificate.
    #[default]
    Require,
    /// TLS, checking who signed the certificate.
    VerifyCa,
    /// TLS, checking who signed the certificate and whose it is.
    VerifyFull,
}

impl SslMode {
    /// The value as it stands in the spec and in the JDBC URL.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Disable => "disable",
            Self::Allow => "allow",
            Self::Prefer => "prefer",
            Self::Require => "require",
            Self::VerifyCa => "verify-ca",
            Self::VerifyFull => "verify-full",
        }
    }
}

/// The Service in front of a Database.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct DatabaseServiceSpec {
    /// Type of the Service. Empty means ClusterIP.
    #[serde(default = "defaults::service_type", rename = "type")]
    pub service_type: String,
    /// Port of the Service. 0 means 8081.
    #[serde(default = "defaults::database_port")]
    pub port: i32,
    /// Annotations of the Service.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
}

impl Default for DatabaseServiceSpec {
    fn default() -> Self {
        Self { service_type: defaults::service_type(), port: defaults::database_port(), annotations: BTreeMap::new() }
    }
}

/// What the operator knows about a Database.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct DatabaseStatus {
    /// Where the object stands, in one word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phase: Option<DatabasePhase>,
    /// URL that goes into puppetdb.conf.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Pods that are ready.
    #[serde(default)]
    pub ready: i32,
    /// Pods that should be ready.
    #[serde(default)]
    pub desired: i32,
    /// State, conditions and history.
    #[serde(flatten)]
    pub lifecycle: Lifecycle,
}

phases! {
    /// Phase of a Database.
    DatabasePhase {
        /// Something it needs is missing, or no pod is ready yet.
        Pending,
        /// Its Certificate is not signed yet.
        WaitingForCert,
        /// At least one pod is ready.
        Running,
        /// It cannot run.
        Error,
    }
}

lifecycled!(DatabaseStatus, DatabasePhase);
