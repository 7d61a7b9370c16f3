//! The CRDs as they are installed: the derived ones with their schemas made plain.
//!
//! ```
//! let crds = openvox_crds::definition::all()?;
//! assert_eq!(crds.len(), 9);
//! # Ok::<(), openvox_crds::definition::DefinitionError>(())
//! ```

mod condition;
mod schema;

use crate::for_each_kind;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::CustomResourceExt;
use serde_json::Value;

/// A CRD that could not be made out of the types.
#[derive(Debug, thiserror::Error)]
pub enum DefinitionError {
    /// The derived CRD does not survive the way through JSON.
    #[error("failed to read the derived definition of {kind}")]
    Json {
        /// Kind of the definition.
        kind: String,
        /// What went wrong.
        source: serde_json::Error,
    },
    /// The definition cannot be written as YAML.
    #[error("failed to write the definition of {name} as YAML")]
    Yaml {
        /// Name of the definition.
        name: String,
        /// What went wrong.
        source: serde_saphyr::ser::Error,
    },
}

/// The definitions of all kinds, in the order of their plurals.
///
/// # Errors
/// [`DefinitionError::Json`] when a derived definition is not a valid one.
pub fn all() -> Result<Vec<CustomResourceDefinition>, DefinitionError> {
    macro_rules! definitions {
        ($($kind:ident),+) => { Ok(vec![$(definition::<crate::$kind>()?),+]) };
    }
    for_each_kind!(definitions)
}

/// The definition of one kind.
///
/// # Errors
/// [`DefinitionError::Json`] when the derived definition is not a valid one.
pub fn definition<K: CustomResourceExt>() -> Result<CustomResourceDefinition, DefinitionError> {
    let error = |source| DefinitionError::Json { kind: K::api_resource().kind, source };
    let mut crd = serde_json::to_value(K::crd()).map_err(error)?;
    if let Some(root) = crd.pointer_mut("/spec/versions/0/schema/openAPIV3Schema").and_then(Value::as_object_mut) {
        schema::simplify(root);
    }
    serde_json::from_value(crd).map_err(error)
}

/// The definition as a YAML document with sorted keys, the same bytes for the same types.
///
/// # Errors
/// [`DefinitionError::Json`] or [`DefinitionError::Yaml`] when it cannot be written.
pub fn manifest(crd: &CustomResourceDefinition) -> Result<String, DefinitionError> {
    let tree = serde_json::to_value(crd).map_err(|source| DefinitionError::Json { kind: crd.spec.names.kind.clone(), source })?;
    serde_saphyr::to_string(&canonical(tree))
        .map_err(|source| DefinitionError::Yaml { name: crd.metadata.name.clone().unwrap_or_default(), source })
}

/// Name of the file that holds the definition, after controller-gen's pattern.
#[must_use]
pub fn file_name(crd: &CustomResourceDefinition) -> String {
    format!("{}_{}.yaml", crd.spec.group, crd.spec.names.plural)
}

/// The same tree with sorted keys and whole numbers.
///
/// Whether `serde_json` sorts keys depends on a feature that any crate of a build may turn on.
fn canonical(tree: Value) -> Value {
    match tree {
        Value::Object(map) => {
            let mut entries: Vec<_> = map.into_iter().map(|(key, value)| (key, canonical(value))).collect();
            entries.sort_by(|(left, _), (right, _)| left.cmp(right));
            Value::Object(entries.into_iter().collect())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(canonical).collect()),
        // The types hold limits as floating point; 0.0 would read as if fractions were allowed.
        Value::Number(number) => match number.as_f64() {
            Some(value) if number.is_f64() && value.fract() == 0.0 => {
                format!("{value:.0}").parse().map_or(Value::Number(number), Value::Number)
            }
            _ => Value::Number(number),
        },
        leaf => leaf,
    }
}

#[cfg(test)]
mod tests;
