//! `PersistentVolumeClaim`.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{PersistentVolumeClaim, PersistentVolumeClaimSpec, VolumeResourceRequirements};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use openvox_crds::StorageSpec;

use super::metadata::metadata;
use super::scope::Scope;
use super::{label_set, name};

/// The volume of a CA. Give it no owner unless the keys may go with the `CertificateAuthority`.
#[must_use]
pub fn ca_data(scope: Scope<'_>, authority: &str, storage: Option<&StorageSpec>) -> PersistentVolumeClaim {
    let storage = storage.cloned().unwrap_or_default();
    let size = if storage.size.is_empty() { StorageSpec::default().size } else { storage.size };
    PersistentVolumeClaim {
        metadata: metadata(scope, name::ca_data(authority), label_set::authority(authority)),
        spec: Some(PersistentVolumeClaimSpec {
            access_modes: Some(vec!["ReadWriteOnce".to_owned()]),
            storage_class_name: storage.storage_class.filter(|class| !class.is_empty()),
            resources: Some(VolumeResourceRequirements {
                requests: Some(BTreeMap::from([("storage".to_owned(), Quantity(size))])),
                ..VolumeResourceRequirements::default()
            }),
            ..PersistentVolumeClaimSpec::default()
        }),
        ..PersistentVolumeClaim::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_size_means_1gi_and_an_empty_class_the_default_class_of_the_cluster() {
        let empty = StorageSpec { size: String::new(), storage_class: Some(String::new()) };
        for storage in [None, Some(&empty)] {
            let spec = ca_data(Scope { namespace: "ns", owner: None }, "corp", storage).spec.unwrap();
            assert_eq!(spec.resources.unwrap().requests.unwrap()["storage"], Quantity("1Gi".into()));
            assert_eq!(spec.storage_class_name, None);
        }
    }
}
