//! Why a pod does not start, in the words of the scheduler and the kubelet.

use crate::cluster::SlimPod;
use k8s_openapi::api::core::v1::{ContainerStatus, PodStatus};
use kube::ResourceExt as _;

/// Reasons for which a container waits in the ordinary course of things.
const ORDINARY: &[&str] = &["ContainerCreating", "PodInitializing"];

fn containers(status: &PodStatus) -> impl Iterator<Item = &ContainerStatus> {
    status.init_container_statuses.iter().flatten().chain(status.container_statuses.iter().flatten())
}

/// Why the pod does not start; `None` while it is on its way, runs, or goes.
pub fn stuck(pod: &SlimPod) -> Option<String> {
    let status = pod.status.as_ref().filter(|_| pod.metadata.deletion_timestamp.is_none())?;
    let name = pod.name_any();
    let unscheduled = status.conditions.iter().flatten().find(|condition| condition.type_ == "PodScheduled" && condition.status == "False");
    if let Some(condition) = unscheduled {
        return Some(format!("pod {name} cannot be scheduled: {}", condition.message.as_deref().unwrap_or("no reason given")));
    }
    containers(status).find_map(|container| {
        let waiting = container.state.as_ref()?.waiting.as_ref()?;
        let reason = waiting.reason.as_deref().filter(|reason| !ORDINARY.contains(reason))?;
        // What a container that died said last says more than "back-off".
        let before = container.last_state.as_ref().and_then(|last| last.terminated.as_ref()?.message.clone());
        let message = before.or_else(|| waiting.message.clone()).unwrap_or_default();
        Some(format!("container {} of pod {name}: {reason}: {}", container.name, message.trim()).trim_end_matches([':', ' ']).to_owned())
    })
}

/// What a container of the pod said when it ended.
pub fn last_words(pod: &SlimPod) -> Option<String> {
    containers(pod.status.as_ref()?).find_map(|container| {
        let message = container.state.as_ref()?.terminated.as_ref()?.message.clone()?;
        Some(message.trim().to_owned()).filter(|message| !message.is_empty())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn pod(status: &serde_json::Value) -> SlimPod {
        serde_json::from_value(json!({"metadata": {"name": "web-0"}, "status": status})).unwrap()
    }

    #[test]
    fn an_image_that_cannot_be_pulled_is_named() {
        let waiting = json!({"waiting": {"reason": "ImagePullBackOff", "message": "manifest unknown"}});
        let found = stuck(&pod(
            &json!({"containerStatuses": [{"name": "openvox-server", "ready": false, "restartCount": 0, "image": "", "imageID": "", "state": waiting}]}),
        ));
        assert_eq!(found.as_deref(), Some("container openvox-server of pod web-0: ImagePullBackOff: manifest unknown"));
    }

    #[test]
    fn a_container_that_dies_again_and_again_is_quoted() {
        let state = json!({"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 10s"}});
        let last = json!({"terminated": {"exitCode": 1, "message": "the certificate is for another key\n"}});
        let init =
            json!([{"name": "tls-init", "ready": false, "restartCount": 3, "image": "", "imageID": "", "state": state, "lastState": last}]);
        let found = stuck(&pod(&json!({"initContainerStatuses": init})));
        assert_eq!(found.as_deref(), Some("container tls-init of pod web-0: CrashLoopBackOff: the certificate is for another key"));
    }

    #[test]
    fn a_pod_on_its_way_is_no_trouble() {
        let state = json!({"waiting": {"reason": "PodInitializing"}});
        let found = stuck(&pod(
            &json!({"containerStatuses": [{"name": "a", "ready": false, "restartCount": 0, "image": "", "imageID": "", "state": state}]}),
        ));
        assert_eq!(found, None);
    }

    #[test]
    fn a_pod_without_a_node_says_what_the_scheduler_says() {
        let conditions =
            json!([{"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/1 nodes: insufficient memory"}]);
        assert_eq!(
            stuck(&pod(&json!({"conditions": conditions}))).as_deref(),
            Some("pod web-0 cannot be scheduled: 0/1 nodes: insufficient memory")
        );
    }
}
