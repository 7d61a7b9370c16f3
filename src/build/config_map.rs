//! `ConfigMap`.

use super::metadata::metadata;
use super::scope::Scope;
use super::{label_set, name};
use k8s_openapi::api::core::v1::ConfigMap;
use std::collections::BTreeMap;

/// The files of a Config.
#[must_use]
pub fn config_files(scope: Scope<'_>, config: &str, data: BTreeMap<String, String>) -> ConfigMap {
    ConfigMap { metadata: metadata(scope, name::config_map(config), label_set::config(config)), data: Some(data), ..ConfigMap::default() }
}
