//! Pods that are ready behind a Service.

use crate::cluster::{Caches, Key};
use k8s_openapi::api::core::v1::Service;
use std::collections::BTreeSet;

/// A pod behind the Service is ready, so somebody answers at its address.
pub fn endpoint_ready(caches: &Caches, namespace: &str, service: &str) -> bool {
    ready_endpoints(caches, namespace, service) > 0
}

/// Number of ready endpoints of a Service. Addresses of both families of a dual-stack Service count once,
/// because they belong to one pod.
pub fn ready_endpoints(caches: &Caches, namespace: &str, service: &str) -> u32 {
    let mut pods = BTreeSet::new();
    for slice in caches.endpoint_slices.by(namespace, &Key::refers_to::<Service>(service)) {
        for endpoint in slice.endpoints.iter().filter(|endpoint| endpoint.conditions.as_ref().and_then(|is| is.ready) == Some(true)) {
            let pod = endpoint.target_ref.as_ref().and_then(|target| target.name.clone());
            pods.insert(pod.or_else(|| endpoint.addresses.first().cloned()).unwrap_or_default());
        }
    }
    u32::try_from(pods.len()).unwrap_or(u32::MAX)
}
