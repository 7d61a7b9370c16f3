//! `PersistentVolumeClaim`.

use super::metadata::metadata;
use super::scope::Scope;
use super::{label_set, name};
use k8s_openapi::api::core::v1::{PersistentVolumeClaim, PersistentVolumeClaimSpec, VolumeResourceRequirements};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use openvox_crds::StorageSpec;
use openvox_crds::vocabulary::annotation;
use std::collections::BTreeMap;

/// The volume of a CA. Give it no owner unless the keys may go with the `CertificateAuthority`.
#[must_use]
pub fn ca_data(scope: Scope<'_>, authority: &str, storage: Option<&StorageSpec>) -> PersistentVolumeClaim {
    let storage = storage.cloned().unwrap_or_default();
    let mut metadata = metadata(scope, name::ca_data(authority), label_set::authority(authority));
    metadata.annotations = Some([(annotation::CREATED_FOR.to_owned(), authority.to_owned())].into());
    let size = if storage.size.is_empty() { StorageSpec::default().size } else { storage.size };
    PersistentVolumeClaim {
        metadata,
        spec: Some(PersistentVolumeClaimSpec {
            access_modes: Some(vec![storage.access_mode.as_str().to_owned()]),
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
        let empty = StorageSpec { size: String::new(), storage_class: Some(String::new()), ..StorageSpec::default() };
        for storage in [None, Some(&empty)] {
            let spec = ca_data(Scope { namespace: "ns", owner: None }, "corp", storage).spec.unwrap();
            assert_eq!(spec.resources.unwrap().requests.unwrap()["storage"], Quantity("1Gi".into()));
            assert_eq!(spec.storage_class_name, None);
            assert_eq!(spec.access_modes.unwrap(), ["ReadWriteOnce"]);
        }
    }

    #[test]
    fn a_volume_may_be_for_one_pod_at_a_time() {
        let storage = StorageSpec { access_mode: openvox_crds::AccessMode::ReadWriteOncePod, ..StorageSpec::default() };
        let spec = ca_data(Scope { namespace: "ns", owner: None }, "corp", Some(&storage)).spec.unwrap();
        assert_eq!(spec.access_modes.unwrap(), ["ReadWriteOncePod"]);
    }
}
