//! What a Deployment says about its pods.

use crate::cluster::{Desired, OwnedObject};
use k8s_openapi::api::apps::v1::{DeploymentCondition, DeploymentStatus};
use kube::{Resource as _, ResourceExt as _};
use openvox_machines::core::Blocked;
use openvox_machines::server::Workload;
use openvox_machines::{PodFailure, reason};

fn count(pods: Option<i32>) -> u32 {
    pods.and_then(|pods| u32::try_from(pods).ok()).unwrap_or(0)
}

/// The Deployment as the machine sees it. `taken` says that it is another's, `desired` is what it should be, where that is
/// known, and `failure` why a pod of the newest template does not run.
pub(super) fn workload(
    live: Option<&OwnedObject>,
    taken: Option<Blocked>,
    desired: Option<&Desired>,
    failure: Option<PodFailure>,
) -> Workload {
    let Some(live) = live else { return Workload::Absent };
    match taken {
        Some(stranger) if stranger.permanent => return Workload::Foreign { message: stranger.message },
        // It goes by itself, and then there is none.
        Some(_) => return Workload::Absent,
        None => {}
    }
    let status: DeploymentStatus = live.at("/status").unwrap_or_default();
    let wanted = live.at("/spec/replicas").unwrap_or(1);
    let conditions = status.conditions.as_deref().unwrap_or_default();
    let condition = |kind: &str| conditions.iter().find(|condition| condition.type_ == kind);
    let seen = status.observed_generation >= live.meta().generation;
    let rolled = condition("Progressing").is_some_and(|progress| progress.reason.as_deref() == Some("NewReplicaSetAvailable"));
    // As long as there is no pod of the newest template, what is known of pods is about those before.
    let failure = failure.filter(|_| seen && count(status.updated_replicas) > 0);
    let said =
        || [condition("ReplicaFailure"), condition("Progressing")].into_iter().flatten().find_map(|condition| refused(condition, live));
    Workload::Present {
        applied: Desired::<OwnedObject>::written_from(live).map(str::to_owned),
        in_place: desired.is_some_and(|desired| desired.is_in_place(live)),
        desired: count(Some(wanted)),
        ready: count(status.ready_replicas),
        updated: count(status.updated_replicas),
        rolled_out: seen && rolled && status.updated_replicas == status.replicas,
        failure: failure.or_else(|| said().filter(|_| seen)),
    }
}

/// What keeps the Deployment controller from making pods, or from going on.
fn refused(condition: &DeploymentCondition, live: &OwnedObject) -> Option<PodFailure> {
    let (unmet, lasting) = match condition.type_.as_str() {
        "ReplicaFailure" => ("True", true),
        _ => ("False", false),
    };
    let message = condition.message.clone().filter(|_| condition.status == unmet)?;
    let (name, namespace) = (live.name_any(), live.namespace().unwrap_or_default());
    let command = format!("kubectl describe deployment {name} --namespace {namespace}");
    Some(PodFailure { reason: reason::POD_NOT_STARTED, lasting, what: message, restarts: None, last_words: None, command })
}
