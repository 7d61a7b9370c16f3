//! Objects as the caches hold them: without what nobody looks at.

use super::SlimPod;
use kube::{Resource, ResourceExt as _};
use openvox_crds::vocabulary::well_known;
use std::any::Any;

/// Makes an object small.
pub(super) fn shrink<K: Resource + 'static>(object: &mut K) {
    object.meta_mut().managed_fields = None;
    object.annotations_mut().remove(well_known::LAST_APPLIED);
    if let Some(pod) = (object as &mut dyn Any).downcast_mut::<SlimPod>() {
        pod.slim();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use k8s_openapi::api::core::v1::ConfigMap;
    use serde_json::json;

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
        let metadata = json!({"name": "web", "annotations": {}});
        assert_eq!(serde_json::to_value(&map).unwrap(), json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata}));
    }
}
