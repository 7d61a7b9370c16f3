//! `RoleBinding`.

use super::metadata::metadata;
use super::scope::Scope;
use super::{label_set, name};
use k8s_openapi::api::rbac::v1::{RoleBinding, RoleRef, Subject};
use openvox_crds::vocabulary::well_known;

/// Gives the role of the set-up Job to its account.
#[must_use]
pub fn ca_setup(scope: Scope<'_>, authority: &str) -> RoleBinding {
    let name = name::ca_setup(authority);
    RoleBinding {
        metadata: metadata(scope, &name, label_set::authority(authority)),
        role_ref: RoleRef { api_group: well_known::RBAC_GROUP.to_owned(), kind: "Role".to_owned(), name: name.clone() },
        subjects: Some(vec![Subject {
            kind: "ServiceAccount".to_owned(),
            name,
            namespace: Some(scope.namespace.to_owned()),
            ..Subject::default()
        }]),
    }
}
