//! Why pods do not run, in the words of the scheduler, the kubelet and the containers themselves.

use super::last_words::last_words;
use crate::cluster::SlimPod;
use chrono::TimeDelta;
use k8s_openapi::api::core::v1::{ContainerStateTerminated, ContainerStatus, PodCondition, PodStatus};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::ResourceExt as _;
use openvox_machines::core::Timestamp;
use openvox_machines::{PodFailure, reason};
use std::sync::Arc;

/// Reasons for which a container waits in the ordinary course of things.
const ORDINARY: &[&str] = &["ContainerCreating", "PodInitializing"];

/// Reasons for which a container waits for its image.
const IMAGE: &[&str] =
    &["ErrImagePull", "ImagePullBackOff", "ErrImageNeverPull", "InvalidImageName", "ImageInspectError", "RegistryUnavailable"];

/// Seconds that a pod may be without a node, or without its volumes and its network, before that is a failure: a volume may
/// still be on its way, and attaching a disk takes a while.
const PATIENCE: i64 = 30;

/// Seconds after which a container that runs has got over its last bad end; the kubelet forgets its back-off then too.
const SURVIVED: i64 = 600;

/// Most characters of what the scheduler or the kubelet says.
const MOST_WORDS: usize = 400;

/// What the pods show.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Judgement {
    /// The failure that counts most.
    pub failure: Option<PodFailure>,
    /// When it may be another one although no pod changes.
    pub changes_at: Option<Timestamp>,
}

impl Judgement {
    fn of(all: impl IntoIterator<Item = Self>) -> Self {
        let mut sum = Self::default();
        for Self { failure, changes_at } in all {
            sum.changes_at = sum.changes_at.into_iter().chain(changes_at).min();
            // The first of those that last, else the first.
            let better = failure.as_ref().is_some_and(|new| sum.failure.as_ref().is_none_or(|old| new.lasting && !old.lasting));
            if better {
                sum.failure = failure;
            }
        }
        sum
    }

    fn failed(failure: PodFailure) -> Self {
        Self { failure: Some(failure), changes_at: None }
    }
}

fn goes(pod: &SlimPod) -> bool {
    pod.metadata.deletion_timestamp.is_some()
}

/// A pod that has ended, such as one that was evicted.
fn has_failed(pod: &SlimPod) -> bool {
    pod.status.as_ref().is_some_and(|status| status.phase.as_deref() == Some("Failed"))
}

fn at(time: &Time) -> Option<Timestamp> {
    Timestamp::from_timestamp(time.0.as_second(), 0)
}

fn after(time: Timestamp, seconds: i64) -> Option<Timestamp> {
    time.checked_add_signed(TimeDelta::seconds(seconds))
}

/// Judges the pods of a Deployment: those of its newest template, because what came before is on its way out.
pub fn of_deployment(pods: &[Arc<SlimPod>], now: Timestamp) -> Judgement {
    let template = |pod: &SlimPod| pod.labels().get("pod-template-hash").cloned();
    let living: Vec<_> = pods.iter().filter(|pod| !goes(pod) && !has_failed(pod)).collect();
    let newest = living.iter().max_by_key(|pod| pod.creation_timestamp().map(|time| time.0)).and_then(|pod| template(pod));
    Judgement::of(living.into_iter().filter(|pod| template(pod) == newest).map(|pod| judge(pod, &format!("pod {}", pod.name_any()), now)))
}

/// Judges the pods of a Job: those that have ended badly, the newest first, and those that do not run. Their names are
/// left out: each run has another.
pub fn of_job(pods: &[Arc<SlimPod>], job: &str, now: Timestamp) -> Judgement {
    let mut pods: Vec<_> = pods.iter().filter(|pod| !goes(pod)).collect();
    pods.sort_by_key(|pod| std::cmp::Reverse(pod.creation_timestamp().map(|time| time.0)));
    let whose = format!("Job {job}");
    let more = |pod: &SlimPod| format!("kubectl logs job/{job} --namespace {}", pod.namespace().unwrap_or_default());
    let ended: Vec<_> = pods.iter().filter_map(|pod| Some((pod, bad_end(pod)?))).collect();
    let failed = ended.first().map(|(pod, (container, end))| {
        let lasting = ended.len() > 1;
        Judgement::failed(PodFailure { command: more(pod), restarts: None, ..ended_badly(container, end, &whose, lasting) })
    });
    let waiting = pods.iter().filter(|pod| bad_end(pod).is_none()).map(|pod| judge(pod, &whose, now));
    Judgement::of(waiting.chain(failed))
}

/// The container of a pod of a Job that ended badly, and how. Such a pod is not restarted.
fn bad_end(pod: &SlimPod) -> Option<(&ContainerStatus, &ContainerStateTerminated)> {
    let status = pod.status.as_ref()?;
    containers(status).find_map(|(container, _)| {
        let end = container.state.as_ref()?.terminated.as_ref()?;
        (end.exit_code != 0).then_some((container, end))
    })
}

/// The containers in the order in which they start, and whether each starts before the others.
fn containers(status: &PodStatus) -> impl Iterator<Item = (&ContainerStatus, bool)> {
    let before = status.init_container_statuses.iter().flatten().map(|container| (container, true));
    before.chain(status.container_statuses.iter().flatten().map(|container| (container, false)))
}

/// `whose` is the pod, or what it belongs to, in words.
fn judge(pod: &SlimPod, whose: &str, now: Timestamp) -> Judgement {
    let Some(status) = pod.status.as_ref() else { return Judgement::default() };
    let (name, namespace) = (pod.name_any(), pod.namespace().unwrap_or_default());
    let describe = || format!("kubectl describe pod {name} --namespace {namespace}");
    let unmet = |kind: &str| status.conditions.iter().flatten().find(|condition| condition.type_ == kind && condition.status == "False");
    if let Some(condition) = unmet("PodScheduled") {
        let said = shortened(condition.message.as_deref().unwrap_or("no reason given"));
        let what = format!("{whose} cannot be scheduled: {said}");
        return waits(condition, PATIENCE, now, reason::POD_NOT_SCHEDULED, (what, describe()), true);
    }
    let containers = Judgement::of(containers(status).map(|(container, starts_before)| {
        let commands = (describe(), format!("kubectl logs {name} --container {} --namespace {namespace}", container.name));
        of_container(container, starts_before, whose, commands, now)
    }));
    if containers.failure.is_some() {
        return containers;
    }
    match unmet("PodReadyToStartContainers") {
        Some(condition) => {
            let what = format!("{whose} has a node, but not its volumes or its network, for more than {PATIENCE} seconds");
            waits(condition, PATIENCE, now, reason::POD_NOT_STARTED, (what, describe()), false)
        }
        None => containers,
    }
}

/// A condition that may be unmet for a while; `at_once` is whether it is told before that is over.
fn waits(
    condition: &PodCondition,
    patience: i64,
    now: Timestamp,
    reason: &'static str,
    (what, command): (String, String),
    at_once: bool,
) -> Judgement {
    let over = condition.last_transition_time.as_ref().and_then(|since| after(at(since)?, patience)).filter(|over| *over > now);
    let failure = PodFailure { reason, lasting: over.is_none(), what, restarts: None, last_words: None, command };
    Judgement { failure: Some(failure).filter(|failure| at_once || failure.lasting), changes_at: over }
}

fn of_container(
    container: &ContainerStatus,
    starts_before: bool,
    whose: &str,
    (describe, logs): (String, String),
    now: Timestamp,
) -> Judgement {
    let name = &container.name;
    let Some(state) = container.state.as_ref() else { return Judgement::default() };
    let last = container.last_state.as_ref().and_then(|last| last.terminated.as_ref());
    let restarts = u32::try_from(container.restart_count).unwrap_or(0);
    let crashed = |end: &ContainerStateTerminated, restarts: u32, lasting: bool| {
        let previous = if container.restart_count > 0 { " --previous" } else { "" };
        // One that had run for long begins a new series.
        let ran = end.started_at.as_ref().zip(end.finished_at.as_ref()).map_or(0, |(start, end)| end.0.as_second() - start.0.as_second());
        let lasting = lasting || (restarts > 0 && ran < SURVIVED);
        let failure = ended_badly(container, end, whose, lasting);
        PodFailure { restarts: times(restarts), command: format!("{logs}{previous}"), ..failure }
    };
    let not_started = |reason: &'static str, what: String| {
        Judgement::failed(PodFailure { reason, lasting: true, what, restarts: None, last_words: None, command: describe.clone() })
    };
    if let Some(end) = &state.terminated {
        return if end.exit_code == 0 { Judgement::default() } else { Judgement::failed(crashed(end, restarts, false)) };
    }
    let waiting = state.waiting.as_ref().and_then(|waiting| Some((waiting.reason.as_deref()?, waiting.message.as_deref())));
    match (waiting, last) {
        (Some(("CrashLoopBackOff", _)), Some(end)) => Judgement::failed(crashed(end, restarts, true)),
        (Some((why, said)), _) if IMAGE.contains(&why) => {
            // "Back-off pulling image …" and the answer of the registry alternate; the cause is in both.
            let said = said.unwrap_or(why);
            let cause = said.split_once("ErrImagePull: ").map_or(said, |(_, cause)| cause);
            let what = format!("the image {} of container {name} of {whose} cannot be pulled: {}", container.image, shortened(cause));
            not_started(reason::IMAGE_NOT_PULLED, what)
        }
        (Some((why, said)), _) if !ORDINARY.contains(&why) => {
            let said = said.map(|said| format!(": {}", shortened(said))).unwrap_or_default();
            not_started(reason::POD_NOT_STARTED, format!("container {name} of {whose} does not start: {why}{said}"))
        }
        // It was started again after a bad end, and that is all that is known of it yet.
        (_, Some(end)) if end.exit_code != 0 && restarts > 0 && (starts_before || !container.ready) => {
            let since = state.running.as_ref().and_then(|running| at(running.started_at.as_ref()?));
            let over = since.and_then(|since| after(since, SURVIVED));
            match over {
                Some(over) if over <= now => Judgement::default(),
                _ => Judgement { failure: Some(crashed(end, restarts.saturating_sub(1), false)), changes_at: over },
            }
        }
        _ => Judgement::default(),
    }
}

fn ended_badly(container: &ContainerStatus, end: &ContainerStateTerminated, whose: &str, lasting: bool) -> PodFailure {
    let why = end.reason.as_deref().filter(|reason| !["Error", "Completed"].contains(reason));
    let why = why.map(|reason| format!(" ({reason})")).unwrap_or_default();
    PodFailure {
        reason: reason::CONTAINER_CRASHING,
        lasting,
        what: format!("container {} of {whose} ended with exit code {}{why}", container.name, end.exit_code),
        restarts: None,
        last_words: end.message.as_deref().and_then(last_words),
        command: String::new(),
    }
}

/// How often, exact up to five; beyond, it changes seldom, so that a pod that crashes for days is not told of each time.
fn times(count: u32) -> Option<String> {
    const STEPS: &[u32] = &[5, 10, 20, 50, 100, 200, 500, 1000];
    match count {
        0 => None,
        1 => Some("once".to_owned()),
        2 => Some("twice".to_owned()),
        3..=5 => Some(format!("{count} times")),
        _ => STEPS.iter().rfind(|step| **step < count).map(|step| format!("more than {step} times")),
    }
}

/// One line of what others say, not too long, without secrets.
fn shortened(text: &str) -> String {
    let text = last_words(text).unwrap_or_default();
    if text.chars().count() <= MOST_WORDS { text } else { text.chars().take(MOST_WORDS - 1).chain(std::iter::once('…')).collect() }
}

#[cfg(test)]
mod tests;
