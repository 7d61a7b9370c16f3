//! What the tests of builders share.

use super::image::OperatorImage;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use serde::Serialize;

/// The object as YAML, for golden files.
pub fn yaml(object: &impl Serialize) -> String {
    serde_saphyr::to_string(object).unwrap()
}

/// A reference to a custom resource.
pub fn owner(kind: &str, name: &str) -> OwnerReference {
    OwnerReference {
        api_version: openvox_crds::vocabulary::API_VERSION.to_owned(),
        kind: kind.to_owned(),
        name: name.to_owned(),
        uid: "7b0f3c9e-0000-4000-8000-000000000001".to_owned(),
        ..OwnerReference::default()
    }
}

/// The operator's image.
pub fn operator() -> OperatorImage {
    OperatorImage { reference: "example.com/operator:1".to_owned(), pull_policy: Some("IfNotPresent".to_owned()) }
}
