//! Where an object goes and to whom it belongs.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;

/// Namespace and owner of an object.
#[derive(Debug, Clone, Copy)]
pub struct Scope<'a> {
    /// Namespace of the object.
    pub namespace: &'a str,
    /// The custom resource with which the object is garbage-collected. `None` for objects that must outlive it, such as
    /// the volume and the keys of a CA.
    pub owner: Option<&'a OwnerReference>,
}
