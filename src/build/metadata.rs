//! Metadata that every object gets.

use super::scope::Scope;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};
use std::collections::BTreeMap;

/// Name, namespace, labels, and the owner as the one controller whose deletion waits for the object.
#[must_use]
pub fn metadata(scope: Scope<'_>, name: impl Into<String>, labels: BTreeMap<String, String>) -> ObjectMeta {
    let owner = scope.owner.map(|owner| OwnerReference { controller: Some(true), block_owner_deletion: Some(true), ..owner.clone() });
    ObjectMeta {
        name: Some(name.into()),
        namespace: Some(scope.namespace.to_owned()),
        labels: (!labels.is_empty()).then_some(labels),
        owner_references: owner.map(|owner| vec![owner]),
        ..ObjectMeta::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_owner_is_the_controller_and_its_deletion_waits() {
        let owner = OwnerReference { name: "ca".into(), uid: "u".into(), ..OwnerReference::default() };
        let scope = Scope { namespace: "ns", owner: Some(&owner) };
        let references = metadata(scope, "x", BTreeMap::new()).owner_references.unwrap();
        assert_eq!(references.len(), 1);
        assert_eq!((references[0].controller, references[0].block_owner_deletion), (Some(true), Some(true)));
    }

    #[test]
    fn an_object_that_must_outlive_its_resource_has_no_owner() {
        let scope = Scope { namespace: "ns", owner: None };
        assert_eq!(metadata(scope, "x", BTreeMap::new()).owner_references, None);
    }
}
