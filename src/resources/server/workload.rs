//! What a Deployment says about its pods.

use crate::cluster::{Plan, controller_of};
use k8s_openapi::api::apps::v1::{Deployment, DeploymentCondition};
use openvox_machines::server::Workload;

fn count(pods: Option<i32>) -> u32 {
    pods.and_then(|pods| u32::try_from(pods).ok()).unwrap_or(0)
}

/// The Deployment as the machine sees it. `plan` is what it should be, where that is known.
/// `trouble` is why a pod does not start.
pub(super) fn workload(live: Option<&Deployment>, ours: bool, plan: Option<&Plan<Deployment>>, trouble: Option<String>) -> Workload {
    let Some(live) = live else { return Workload::Absent };
    if let Some(owner) = controller_of(&live.metadata).filter(|_| !ours) {
        let owner = format!("{} {}", owner.kind, owner.name);
        let name = live.metadata.name.as_deref().unwrap_or_default();
        return Workload::Foreign {
            message: format!("Deployment {name} is controlled by {owner}; rename the Server, or remove that Deployment"),
        };
    }
    let status = live.status.clone().unwrap_or_default();
    let wanted = live.spec.as_ref().and_then(|spec| spec.replicas).unwrap_or(1);
    let conditions = status.conditions.as_deref().unwrap_or_default();
    let condition = |kind: &str| conditions.iter().find(|condition| condition.type_ == kind);
    let seen = status.observed_generation >= live.metadata.generation;
    let rolled = condition("Progressing").is_some_and(|progress| progress.reason.as_deref() == Some("NewReplicaSetAvailable"));
    Workload::Present {
        applied: Plan::<Deployment>::written_from(live).map(str::to_owned),
        in_place: plan.is_some_and(|plan| plan.is_in_place(live)),
        desired: count(Some(wanted)),
        ready: count(status.ready_replicas),
        updated: count(status.updated_replicas),
        rolled_out: seen && rolled && status.updated_replicas == status.replicas,
        stuck: trouble.or_else(|| [condition("ReplicaFailure"), condition("Progressing")].into_iter().flatten().find_map(stuck)),
    }
}

fn stuck(condition: &DeploymentCondition) -> Option<String> {
    let failed = match condition.type_.as_str() {
        "ReplicaFailure" => condition.status == "True",
        _ => condition.status == "False",
    };
    failed.then(|| condition.message.clone()).flatten()
}
