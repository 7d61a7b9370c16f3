//! The operator's role against the API server's audit log, both ways. The last test in order, after which the log is that of
//! the whole run; what the others do not do, this one does.

use crate::cluster::{SYSTEM, skipped, turn};
use crate::kubectl::eventually;
use crate::rights::{Granted, used};
use crate::stack::{STACK, stand};
use std::time::Duration;

/// A Server with all companions, and a CA that goes with its volume.
const MORE: &str = "
apiVersion: openvox.voxpupuli.org/v1alpha1
kind: Server
metadata: {name: companions}
spec:
  configRef: demo
  certificateRef: demo-ca
  # No node has this much, so no pod starts.
  resources: {requests: {memory: 1000Gi}}
  pdb: {enabled: true}
  autoscaling: {enabled: true, minReplicas: 1, maxReplicas: 1}
  networkPolicy: {enabled: true}
---
apiVersion: openvox.voxpupuli.org/v1alpha1
kind: Config
metadata: {name: passing}
spec: {authorityRef: passing, image: {repository: ghcr.io/slauger/openvox-server, tag: latest}}
---
apiVersion: openvox.voxpupuli.org/v1alpha1
kind: CertificateAuthority
metadata: {name: passing}
spec: {}
";

#[test]
fn the_chart_grants_what_the_operator_does_and_no_more() {
    let Some(turn) = turn() else { return };
    let cluster = turn.cluster;
    stand(cluster);
    cluster.apply(STACK, MORE);
    cluster.apply(STACK, &crate::deletion::certificate("passing"));
    cluster.reaches(STACK, "certificate/passing", "Signed");
    eventually("the autoscaler", Duration::from_mins(1), || cluster.exists(STACK, "horizontalpodautoscaler", "companions").then_some(()));
    let off = r#"{"spec": {"pdb": null, "autoscaling": null, "networkPolicy": null}}"#;
    cluster.run(STACK, &["patch", "server", "companions", "--type=merge", "--patch", off]);
    let gone = |kind: &str, name: &str| {
        eventually(&format!("the end of {kind} {name}"), Duration::from_mins(1), || (!cluster.exists(STACK, kind, name)).then_some(()));
    };
    gone("poddisruptionbudget", "companions");
    gone("horizontalpodautoscaler", "companions");
    gone("networkpolicy", "companions-netpol");
    cluster.reaches(STACK, "certificateauthority/passing", "Ready");
    cluster
        .run(STACK, &["patch", "certificateauthority", "passing", "--type=merge", "--patch", r#"{"spec": {"deletionPolicy": "Delete"}}"#]);
    eventually("an owner of the claim", Duration::from_mins(1), || {
        let claim = cluster.get(STACK, &["persistentvolumeclaim", "passing-data"]);
        claim["metadata"]["ownerReferences"].is_array().then_some(())
    });
    gone("job", "passing-ca-setup");
    cluster.run(
        STACK,
        &["delete", "certificate/passing", "server/companions", "config/passing", "certificateauthority/passing", "--timeout=60s"],
    );

    let Some(audit_log) = cluster.audit_log() else {
        return skipped("the role against the audit log: this cluster shows none");
    };
    let log = std::fs::read_to_string(audit_log).expect("the audit log is there");
    let (missing, idle) = Granted::by_the_chart().compared_with(&used(&log, &format!("system:serviceaccount:{SYSTEM}:openvox-operator")));
    assert!(missing.is_empty() && idle.is_empty(), "used and not granted: {missing:?}\ngranted and not used: {idle:?}");
}
