use super::*;
use serde_json::{Value, json};

const NOON: &str = "2026-11-30T12:00:00Z";

fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// A container of a pod, with everything that the API demands of its status.
fn container(name: &str, more: &Value) -> Value {
    let mut all = json!({"name": name, "ready": false, "restartCount": 0, "image": "registry.test/server:8", "imageID": ""});
    all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    all
}

fn pod_named(name: &str, template: &str, created: &str, status: &Value) -> Arc<SlimPod> {
    let metadata = json!({"name": name, "namespace": "puppet", "creationTimestamp": created, "labels": {"pod-template-hash": template}});
    Arc::new(serde_json::from_value(json!({"metadata": metadata, "status": status})).unwrap())
}

fn judged(status: &Value, now: &str) -> Judgement {
    of_deployment(&[pod_named("web-0", "a", NOON, status)], time(now))
}

fn failure(status: &Value) -> Option<PodFailure> {
    judged(status, NOON).failure
}

fn server(more: &Value) -> Value {
    json!({"containerStatuses": [container("openvox-server", more)]})
}

/// The container ran from noon on for so many seconds.
fn ended(seconds: i64) -> Value {
    let finished = (time(NOON) + TimeDelta::seconds(seconds)).to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
    json!({"exitCode": 1, "reason": "Error", "message": "no space left\n", "startedAt": NOON, "finishedAt": finished})
}

#[test]
fn a_container_that_ends_badly_counts_from_the_second_time_on_and_goes_on_counting_while_it_runs_again() {
    let states = [
        (json!({"restartCount": 0, "state": {"terminated": ended(3)}}), false, None),
        (json!({"restartCount": 1, "state": {"running": {"startedAt": NOON}}, "lastState": {"terminated": ended(3)}}), false, None),
        (json!({"restartCount": 1, "state": {"terminated": ended(3)}, "lastState": {"terminated": ended(3)}}), true, Some("once")),
        (
            json!({"restartCount": 1, "state": {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 10s"}}, "lastState": {"terminated": ended(3)}}),
            true,
            Some("once"),
        ),
        (json!({"restartCount": 2, "state": {"running": {"startedAt": NOON}}, "lastState": {"terminated": ended(3)}}), true, Some("once")),
        (
            json!({"restartCount": 9, "state": {"running": {"startedAt": NOON}}, "lastState": {"terminated": ended(3)}}),
            true,
            Some("more than 5 times"),
        ),
    ];
    for (state, lasting, restarts) in states {
        let found = failure(&server(&state)).unwrap();
        assert_eq!((found.lasting, found.restarts.as_deref(), found.reason), (lasting, restarts, "ContainerCrashing"), "{state}");
        let message = found.to_string();
        for words in
            ["container openvox-server of pod web-0", "exit code 1", "no space left", "kubectl logs web-0 --container openvox-server"]
        {
            assert!(message.contains(words), "{message}");
        }
    }
}

#[test]
fn a_bad_end_after_a_long_life_is_a_first_one_and_one_that_was_survived_is_none() {
    let died = |restarts: i32| json!({"restartCount": restarts, "state": {"terminated": ended(3600)}});
    assert!(!failure(&server(&died(7))).unwrap().lasting);
    let running = server(&json!({"restartCount": 2, "state": {"running": {"startedAt": NOON}}, "lastState": {"terminated": ended(3)}}));
    let early = judged(&running, "2026-11-30T12:09:59Z");
    assert_eq!((early.failure.is_some(), early.changes_at), (true, Some(time("2026-11-30T12:10:00Z"))));
    assert_eq!(judged(&running, "2026-11-30T12:10:00Z"), Judgement::default());
    let ready = json!({"ready": true, "restartCount": 2, "state": {"running": {"startedAt": NOON}}, "lastState": {"terminated": ended(3)}});
    assert_eq!(failure(&server(&ready)), None, "it is ready");
    // A sidecar is ready as soon as it runs, which says nothing.
    assert!(failure(&json!({"initContainerStatuses": [container("crl-sync", &ready)]})).is_some());
}

#[test]
fn init_containers_count_like_all_others_unless_they_ended_well() {
    let crashed = json!({"restartCount": 3, "state": {"waiting": {"reason": "CrashLoopBackOff"}}, "lastState": {"terminated": {"exitCode": 137, "reason": "OOMKilled"}}});
    let found = failure(&json!({"initContainerStatuses": [container("tls-init", &crashed)]})).unwrap();
    assert_eq!(found.what, "container tls-init of pod web-0 ended with exit code 137 (OOMKilled)");
    let well = json!({"state": {"terminated": {"exitCode": 0, "reason": "Completed"}}});
    assert_eq!(failure(&json!({"initContainerStatuses": [container("tls-init", &well)]})), None);
}

#[test]
fn an_image_that_cannot_be_pulled_has_one_message_whatever_the_kubelet_does_about_it() {
    let cause = "failed to resolve reference: not found";
    let message = |reason: &str, text: String| failure(&server(&json!({"state": {"waiting": {"reason": reason, "message": text}}})));
    let pulls = message("ErrImagePull", cause.to_owned()).unwrap();
    let waits = message("ImagePullBackOff", format!("Back-off pulling image \"registry.test/server:8\": ErrImagePull: {cause}")).unwrap();
    assert_eq!(pulls, waits);
    assert_eq!((pulls.reason, pulls.lasting), ("ImageNotPulled", true));
    for words in ["registry.test/server:8", cause, "kubectl describe pod web-0 --namespace puppet"] {
        assert!(pulls.to_string().contains(words), "{pulls}");
    }
    let config =
        failure(&server(&json!({"state": {"waiting": {"reason": "CreateContainerConfigError", "message": "secret \"x\" not found"}}})));
    assert_eq!(config.map(|failure| failure.reason), Some("PodNotStarted"));
}

#[test]
fn a_pod_without_a_node_or_its_volumes_is_given_some_seconds() {
    let unmet = |kind: &str| {
        json!({"conditions": [{"type": kind, "status": "False", "message": "0/1 nodes are available", "lastTransitionTime": NOON}],
               "containerStatuses": [container("openvox-server", &json!({"state": {"waiting": {"reason": "ContainerCreating"}}}))]})
    };
    let early = judged(&unmet("PodScheduled"), NOON);
    assert_eq!((early.failure.unwrap().lasting, early.changes_at), (false, Some(time("2026-11-30T12:00:30Z"))));
    let late = judged(&unmet("PodScheduled"), "2026-11-30T12:00:30Z").failure.unwrap();
    assert_eq!((late.lasting, late.reason), (true, "PodNotScheduled"));
    assert!(late.what.ends_with("cannot be scheduled: 0/1 nodes are available"), "{late}");
    let mounts = unmet("PodReadyToStartContainers");
    let early = judged(&mounts, NOON);
    assert_eq!((early.failure, early.changes_at), (None, Some(time("2026-11-30T12:00:30Z"))));
    assert_eq!(judged(&mounts, "2026-11-30T12:00:30Z").failure.map(|failure| failure.reason), Some("PodNotStarted"));
    assert_eq!(judged(&unmet("Ready"), NOON), Judgement::default(), "it is on its way");
}

#[test]
fn only_pods_of_the_newest_template_count_and_those_that_go_or_were_evicted_do_not() {
    let crashes = server(&json!({"restartCount": 4, "state": {"terminated": ended(1)}}));
    let fine = json!({});
    let old = pod_named("web-0", "a", NOON, &crashes);
    let new = pod_named("web-1", "b", "2026-11-30T12:01:00Z", &fine);
    assert_eq!(of_deployment(&[Arc::clone(&old), new], time(NOON)), Judgement::default());
    assert!(of_deployment(&[Arc::clone(&old)], time(NOON)).failure.is_some());
    let mut evicted = crashes.clone();
    evicted["phase"] = "Failed".into();
    assert_eq!(of_deployment(&[pod_named("web-0", "a", NOON, &evicted)], time(NOON)), Judgement::default());
}

#[test]
fn a_job_fails_for_good_with_its_second_pod_and_says_the_same_of_each() {
    let ended = |message: &str| json!({"phase": "Failed", "containerStatuses": [container("ca-setup", &json!({"state": {"terminated": {"exitCode": 1, "message": message}}}))]});
    let first = pod_named("corp-ca-setup-a", "", NOON, &ended("the key does not fit"));
    let second = pod_named("corp-ca-setup-b", "", "2026-11-30T12:00:10Z", &ended("the key does not fit"));
    let once = of_job(&[Arc::clone(&first)], "corp-ca-setup", time(NOON)).failure.unwrap();
    let twice = of_job(&[first, second], "corp-ca-setup", time(NOON)).failure.unwrap();
    assert_eq!((once.lasting, twice.lasting), (false, true));
    assert_eq!(once.to_string(), twice.to_string());
    assert_eq!(
        twice.to_string(),
        "container ca-setup of Job corp-ca-setup ended with exit code 1; its last words: the key does not fit; for more: kubectl logs \
         job/corp-ca-setup --namespace puppet"
    );
}
