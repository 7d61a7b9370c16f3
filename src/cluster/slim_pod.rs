//! A pod as the cache holds it.

use k8s_openapi::api::core::v1::{ContainerState, ContainerStatus, Pod, PodStatus};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::Deserialize;

/// A pod without its spec, and of its status no more than what may keep it from running: a pod that runs is a name with
/// labels.
#[derive(Debug, Clone, Default, Deserialize, kube::Resource)]
#[resource(inherit = Pod)]
pub struct SlimPod {
    /// Name, labels, times.
    pub metadata: ObjectMeta,
    /// Conditions that are not met, and containers that wait or have said something at their end.
    pub status: Option<PodStatus>,
}

/// Phases in which no container of a pod runs any more.
const ENDED: [&str; 2] = ["Succeeded", "Failed"];

impl SlimPod {
    /// No container of it runs any more, or will.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.status.as_ref().is_some_and(|status| status.phase.is_some())
    }

    /// Drops what nobody looks at.
    pub(super) fn slim(&mut self) {
        self.metadata.annotations = None;
        self.metadata.owner_references = None;
        let Some(status) = self.status.take() else { return };
        let unmet = status.conditions.into_iter().flatten().filter(|condition| condition.status != "True");
        let slim = PodStatus {
            phase: status.phase.filter(|phase| ENDED.contains(&phase.as_str())),
            conditions: some(unmet.collect()),
            init_container_statuses: some(telling(status.init_container_statuses, true)),
            container_statuses: some(telling(status.container_statuses, false)),
            ..PodStatus::default()
        };
        self.status = Some(slim).filter(|slim| *slim != PodStatus::default());
    }
}

fn some<T>(list: Vec<T>) -> Option<Vec<T>> {
    Some(list).filter(|list| !list.is_empty())
}

fn ended_badly(state: Option<&ContainerState>) -> bool {
    state.and_then(|state| state.terminated.as_ref()).is_some_and(|end| end.exit_code != 0 || end.message.is_some())
}

/// The containers that wait, have ended badly, or run again after a bad end. One that is ready has got over it, unless it
/// is a sidecar, which is ready as soon as it runs.
fn telling(containers: Option<Vec<ContainerStatus>>, start_before: bool) -> Vec<ContainerStatus> {
    let tells = |container: &ContainerStatus| {
        let waits = container.state.as_ref().is_some_and(|state| state.waiting.is_some());
        let again = ended_badly(container.last_state.as_ref()) && (start_before || !container.ready);
        waits || ended_badly(container.state.as_ref()) || again
    };
    let slim = |container: ContainerStatus| ContainerStatus {
        name: container.name,
        image: container.image,
        ready: container.ready,
        restart_count: container.restart_count,
        state: container.state,
        last_state: container.last_state,
        ..ContainerStatus::default()
    };
    containers.into_iter().flatten().filter(tells).map(slim).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn slim(status: &Value) -> SlimPod {
        let metadata = json!({"name": "web-0", "labels": {"a": "b"}, "annotations": {"c": "d"}});
        let mut pod: SlimPod = serde_json::from_value(json!({"metadata": metadata, "spec": {"containers": []}, "status": status})).unwrap();
        pod.slim();
        pod
    }

    #[test]
    fn a_pod_that_runs_is_a_name_with_labels() {
        let running = json!([{"name": "server", "ready": true, "restartCount": 0, "image": "", "imageID": "", "state": {"running": {}}}]);
        let pod = slim(&json!({"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}], "containerStatuses": running}));
        assert_eq!((pod.metadata.name.as_deref(), pod.metadata.labels.unwrap().len()), (Some("web-0"), 1));
        assert_eq!((pod.status, pod.metadata.annotations), (None, None));
    }

    #[test]
    fn a_bad_end_stays_until_the_container_is_ready_again() {
        let again = |ready: bool| {
            let last = json!({"terminated": {"exitCode": 1}});
            let container = json!({"name": "a", "ready": ready, "restartCount": 1, "image": "", "imageID": "", "state": {"running": {}}, "lastState": last});
            slim(&json!({"initContainerStatuses": [container], "containerStatuses": [container]})).status.unwrap()
        };
        assert_eq!((again(false).init_container_statuses.is_some(), again(false).container_statuses.is_some()), (true, true));
        assert_eq!((again(true).init_container_statuses.is_some(), again(true).container_statuses.is_some()), (true, false));
    }

    #[test]
    fn a_pod_that_has_ended_is_known() {
        let ended = |phase: &str| slim(&json!({"phase": phase})).has_ended();
        assert_eq!(["Pending", "Running", "Succeeded", "Failed", "Unknown"].map(ended), [false, false, true, true, false]);
    }

    #[test]
    fn what_keeps_it_from_running_stays() {
        let waiting = json!({"name": "a", "ready": false, "restartCount": 0, "image": "", "imageID": "", "state": {"waiting": {"reason": "ErrImagePull"}}});
        let ended = json!({"name": "b", "ready": false, "restartCount": 0, "image": "", "imageID": "", "state": {"terminated": {"exitCode": 1, "message": "no"}}});
        let unmet = json!({"type": "PodScheduled", "status": "False"});
        let status =
            slim(&json!({"phase": "Pending", "conditions": [unmet], "initContainerStatuses": [ended], "containerStatuses": [waiting]}))
                .status
                .unwrap();
        assert_eq!(
            [status.conditions.unwrap().len(), status.init_container_statuses.unwrap().len(), status.container_statuses.unwrap().len()],
            [1, 1, 1]
        );
    }
}
