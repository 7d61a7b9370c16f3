//! The volume a CertificateAuthority lives on.

use crate::defaults;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Size, class and access mode of a volume. Class and mode are fixed once the volume claim exists, and the size can only grow.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct StorageSpec {
    /// Size of the volume as a Kubernetes quantity.
    #[serde(default = "defaults::storage_size")]
    pub size: String,
    /// StorageClass of the volume. Empty means the cluster's default class.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub storage_class: Option<String>,
    /// How the volume may be mounted. ReadWriteOncePod keeps a second pod from it, where the driver of the StorageClass
    /// supports that.
    #[serde(default, skip_serializing_if = "AccessMode::is_default")]
    pub access_mode: AccessMode,
}

/// How a volume may be mounted.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AccessMode {
    /// By the pods of one node.
    #[default]
    ReadWriteOnce,
    /// By one pod.
    ReadWriteOncePod,
}

impl AccessMode {
    /// The name in the Kubernetes API.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ReadWriteOnce => "ReadWriteOnce",
            Self::ReadWriteOncePod => "ReadWriteOncePod",
        }
    }

    /// Whether this is the default, which is not written out.
    #[must_use]
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

impl Default for StorageSpec {
    fn default() -> Self {
        Self { size: defaults::storage_size(), storage_class: None, access_mode: AccessMode::default() }
    }
}
