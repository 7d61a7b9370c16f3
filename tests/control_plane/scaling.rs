//! `kubectl scale` and autoscalers set the number of a Server's pods through its scale subresource.

use crate::support::{Cluster, Namespace, wait};
use crate::upkeep::stack;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use openvox_crds::Server;
use serde_json::json;
use std::process::Command;

fn replicas(deployment: &Deployment) -> Option<i32> {
    deployment.spec.as_ref()?.replicas
}

async fn deployment_gets(namespace: &Namespace, count: i32) {
    let what = format!("to have {count} replicas");
    wait::until(&namespace.api::<Deployment>(), "puppet", &what, |live| replicas(live) == Some(count)).await;
}

#[tokio::test]
async fn kubectl_scale_sets_the_number_of_pods() {
    let (namespace, _operator) = stack().await;
    deployment_gets(&namespace, 2).await;
    let scaled = Command::new(Cluster::kubectl())
        .args(["scale", "server/puppet", "--current-replicas=2", "--replicas=3", "--namespace", &namespace.name, "--kubeconfig"])
        .arg(&namespace.kubeconfig)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&scaled.stdout).into_owned();
    assert_eq!(said, "server.openvox.voxpupuli.org/puppet scaled\n", "{scaled:?}");
    deployment_gets(&namespace, 3).await;
    assert_eq!(namespace.api::<Server>().get("puppet").await.unwrap().spec.replicas, 3);
}

#[tokio::test]
async fn an_autoscaler_that_targets_a_server_sets_the_number_of_its_pods_and_finds_them() {
    let (namespace, _operator) = stack().await;
    deployment_gets(&namespace, 2).await;
    let autoscaler: HorizontalPodAutoscaler = serde_json::from_value(json!({
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "puppet"},
        "spec": {
            "scaleTargetRef": {"apiVersion": "openvox.voxpupuli.org/v1alpha1", "kind": "Server", "name": "puppet"},
            // Fewer than these are raised without any metric, which nothing serves here.
            "minReplicas": 4,
            "maxReplicas": 5,
            "metrics": [{"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 75}}}],
        },
    }))
    .unwrap();
    namespace.put(&autoscaler).await;
    deployment_gets(&namespace, 4).await;
    let scale = namespace.api::<Server>().get_scale("puppet").await.unwrap();
    let status = scale.status.unwrap();
    assert_eq!((scale.spec.unwrap().replicas, status.selector.as_deref()), (Some(4), Some("openvox.voxpupuli.org/server=puppet")));
    let able = |live: &HorizontalPodAutoscaler| {
        let conditions = live.status.as_ref().and_then(|status| status.conditions.clone()).unwrap_or_default();
        conditions.iter().any(|condition| condition.type_ == "AbleToScale" && condition.status == "True")
    };
    wait::until(&namespace.api::<HorizontalPodAutoscaler>(), "puppet", "to be able to scale", able).await;
    // Pods of the Deployment are created without a node to run on, and are counted.
    wait::until(&namespace.api::<Server>(), "puppet", "to count its pods", |live: &Server| {
        live.status.as_ref().is_some_and(|status| status.replicas == 4 && status.ready == 0)
    })
    .await;
}
