//! The volume a CertificateAuthority lives on.

use crate::defaults;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Size and class of a volume. The class is fixed once the volume claim exists, and the size can only grow.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct StorageSpec {
    /// Size of the volume as a Kubernetes quantity.
    #[serde(default = "defaults::storage_size")]
    pub size: String,
    /// StorageClass of the volume. Empty means the cluster's default class.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub storage_class: Option<String>,
}

impl Default for StorageSpec {
    fn default() -> Self {
        Self { size: defaults::storage_size(), storage_class: None }
    }
}
