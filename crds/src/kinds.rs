//! The table of all kinds of this API.

use crate::lifecycle::Lifecycled;
use crate::reference::References;
use kube::core::NamespaceResourceScope;
use kube::core::object::HasStatus;
use kube::{CustomResourceExt, Resource};
use serde::{Serialize, de::DeserializeOwned};
use std::fmt::Debug;

/// Calls the macro `$callback` with the types of all kinds, `A, B, C`, in the order of their plurals. Everything
/// that needs all kinds as types is written with it, so a new kind is one line here.
///
/// ```
/// macro_rules! plurals {
///     ($($kind:ident),+) => { [$(<openvox_crds::$kind as kube::Resource>::plural(&())),+] };
/// }
/// assert!(openvox_crds::for_each_kind!(plurals).contains(&"signingpolicies".into()));
/// ```
#[macro_export]
macro_rules! for_each_kind {
    ($callback:ident) => {
        $callback! {
            CertificateAuthority,
            Certificate,
            Config,
            Database,
            NodeClassifier,
            Pool,
            ReportProcessor,
            Server,
            SigningPolicy
        }
    };
}

/// A kind of this API.
pub trait ApiKind:
    Resource<DynamicType = (), Scope = NamespaceResourceScope>
    + CustomResourceExt
    + HasStatus<Status: Lifecycled>
    + References
    + Serialize
    + DeserializeOwned
    + Clone
    + Debug
    + Send
    + Sync
    + 'static
{
}

impl<K> ApiKind for K where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
        + CustomResourceExt
        + HasStatus<Status: Lifecycled>
        + References
        + Serialize
        + DeserializeOwned
        + Clone
        + Debug
        + Send
        + Sync
        + 'static
{
}
