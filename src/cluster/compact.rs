//! Objects as the caches hold them: without what nobody looks at, and with the spec of a Deployment compressed.
//!
//! A pod's spec as Rust types takes some 80 KiB for a Server, because every volume has room for every kind of volume
//! there is. Its JSON takes 7 and compressed 3, and it is looked at only to compare it with a plan.

use super::SlimPod;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use k8s_openapi::api::apps::v1::{Deployment, DeploymentSpec};
use kube::{Resource, ResourceExt as _};
use serde::Serialize;
use serde_json::Value;
use std::any::Any;

/// Annotation of a Deployment that holds its spec. It exists in memory only: what is cached is never written.
const SPEC: &str = "openvox.voxpupuli.org/spec";

/// Makes an object small.
pub(super) fn shrink<K: Resource + 'static>(object: &mut K) {
    object.meta_mut().managed_fields = None;
    object.annotations_mut().remove("kubectl.kubernetes.io/last-applied-configuration");
    let object = object as &mut dyn Any;
    if let Some(pod) = object.downcast_mut::<SlimPod>() {
        pod.slim();
    } else if let Some(deployment) = object.downcast_mut::<Deployment>() {
        // One that does not serialise, which the API server cannot send, stays as it is.
        let text = deployment.spec.as_ref().and_then(|spec| serde_json::to_vec(spec).ok());
        if let Some(text) = text {
            let replicas = deployment.spec.take().and_then(|spec| spec.replicas);
            deployment.spec = Some(DeploymentSpec { replicas, ..DeploymentSpec::default() });
            let packed = STANDARD_NO_PAD.encode(lz4_flex::compress_prepend_size(&text));
            deployment.annotations_mut().insert(SPEC.to_owned(), packed);
        }
    }
}

/// The object as JSON, with everything it had; `None` if it does not serialise.
pub(super) fn whole<K: Serialize>(object: &K) -> Option<Value> {
    let mut value = serde_json::to_value(object).ok()?;
    let annotations = value.pointer_mut("/metadata/annotations").and_then(Value::as_object_mut);
    if let Some(Value::String(packed)) = annotations.and_then(|annotations| annotations.remove(SPEC)) {
        let text = lz4_flex::decompress_size_prepended(&STANDARD_NO_PAD.decode(packed).ok()?).ok()?;
        value.as_object_mut()?.insert("spec".to_owned(), serde_json::from_slice(&text).ok()?);
    }
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use k8s_openapi::api::core::v1::ConfigMap;
    use serde_json::json;

    #[test]
    fn a_deployment_that_was_made_small_is_whole_again_as_json() {
        let volumes = json!([{"name": "tmp", "emptyDir": {"sizeLimit": "1Gi"}}]);
        let all = json!({
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": "web", "annotations": {"mine": "kept"}},
            "spec": {"replicas": 2, "selector": {}, "template": {"spec": {"containers": [{"name": "server"}], "volumes": volumes}}},
        });
        let mut deployment: Deployment = serde_json::from_value(all.clone()).unwrap();
        shrink(&mut deployment);
        assert_eq!(deployment.spec, Some(DeploymentSpec { replicas: Some(2), ..DeploymentSpec::default() }));
        assert_eq!(whole(&deployment), Some(all));
    }

    #[test]
    fn what_kubernetes_keeps_for_itself_is_left_out() {
        let mut map: ConfigMap = serde_json::from_value(json!({
            "metadata": {
                "name": "web",
                "managedFields": [{"manager": "kubelet"}],
                "annotations": {"kubectl.kubernetes.io/last-applied-configuration": "{}"},
            },
        }))
        .unwrap();
        shrink(&mut map);
        assert_eq!(whole(&map), Some(json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "web", "annotations": {}}})));
    }
}
