//! One operator works at a time: election over a Lease.
//!
//! The protocol is that of client-go, with the same Lease name and namespace as earlier
//! operators of this API, so that two of them never work at once. Every write carries the
//! resource version of what was read (compare and swap). How long a Lease has been silent is
//! measured with the own clock, so clocks of nodes may differ.
//!
//! Losing the Lease ends the process: a former leader has effects under way that nobody can
//! call back, and a restart is the one way out of it that is tested every day.

use crate::telemetry::Causes;
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use k8s_openapi::jiff::Timestamp;
use kube::api::{ObjectMeta, PostParams};
use kube::{Api, Client};
use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher as _, Hasher as _};
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout, timeout_at};

/// Name of the Lease.
pub const LEASE_NAME: &str = "openvox-operator.voxpupuli.org";

/// The times of the election; the defaults are those of client-go.
#[derive(Debug, Clone, Copy)]
struct Times {
    /// A Lease that was silent for this long may be taken.
    lease: Duration,
    /// A leader that could not renew for this long gives up. The difference to `lease` is the
    /// time in which nobody works, which covers what clocks and requests may deviate.
    renew: Duration,
    /// Between two attempts.
    retry: Duration,
}

impl Default for Times {
    fn default() -> Self {
        Self { lease: Duration::from_secs(15), renew: Duration::from_secs(10), retry: Duration::from_secs(2) }
    }
}

/// Bound of one request, so that one lost packet does not use up the whole renew time.
const REQUEST: Duration = Duration::from_secs(4);
/// Bound of handing the Lease back; without it the successor waits until the Lease runs out.
const RELEASE: Duration = Duration::from_secs(3);

/// Why leading ended.
#[derive(Debug, thiserror::Error)]
pub enum LeaderError {
    /// Another process has it now.
    #[error("failed to keep the leader Lease: {holder:?} holds it")]
    Taken {
        /// Identity of the other process.
        holder: String,
    },
    /// The API server could not be reached for too long.
    #[error("failed to renew the leader Lease for {0:?}")]
    Unrenewed(Duration),
}

/// An identity that no other process has, not even the next one of the same pod.
#[must_use]
pub fn identity(pod_name: &str) -> String {
    // RandomState is seeded by the operating system: enough to tell two processes apart.
    let unique = RandomState::new().build_hasher().finish();
    format!("{pod_name}_{unique:016x}")
}

/// What to do about the Lease now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Action {
    /// There is none.
    Create,
    /// It is free, or its holder is silent.
    Take,
    /// It is ours.
    Renew,
    /// Somebody else holds it; look again after this time.
    Wait(Duration),
}

/// Decides by the Lease as read and the time in which it has not changed.
fn decide(lease: Option<&LeaseSpec>, silent: Duration, me: &str, times: Times) -> Action {
    let Some(lease) = lease else {
        return Action::Create;
    };
    match lease.holder_identity.as_deref() {
        None | Some("") => return Action::Take,
        Some(holder) if holder == me => return Action::Renew,
        Some(_) => {}
    }
    let length = lease.lease_duration_seconds.and_then(|seconds| u64::try_from(seconds).ok()).map_or(times.lease, Duration::from_secs);
    match length.checked_sub(silent) {
        None | Some(Duration::ZERO) => Action::Take,
        Some(left) => Action::Wait(left.min(times.retry)),
    }
}

/// The content of the Lease after we take or renew it.
fn held(before: Option<&LeaseSpec>, me: &str, now: Timestamp, times: Times) -> LeaseSpec {
    let ours = before.is_some_and(|lease| lease.holder_identity.as_deref() == Some(me));
    let transitions = before.map(|lease| lease.lease_transitions.unwrap_or(0));
    let (acquire_time, lease_transitions) = if ours {
        (before.and_then(|l| l.acquire_time.clone()), transitions)
    } else {
        let next = transitions.map_or(0, |count| count.saturating_add(1));
        (Some(MicroTime(now)), Some(next))
    };
    LeaseSpec {
        holder_identity: Some(me.to_owned()),
        lease_duration_seconds: Some(i32::try_from(times.lease.as_secs()).unwrap_or(i32::MAX)),
        acquire_time,
        renew_time: Some(MicroTime(now)),
        lease_transitions,
        ..before.cloned().unwrap_or_default()
    }
}

/// The content of the Lease after we hand it back: nobody's, and over in a second even for a
/// candidate that does not look at the holder.
fn released(before: &LeaseSpec, now: Timestamp) -> LeaseSpec {
    LeaseSpec { holder_identity: Some(String::new()), lease_duration_seconds: Some(1), renew_time: Some(MicroTime(now)), ..before.clone() }
}

/// A candidate.
#[derive(Debug, Clone)]
pub struct Election {
    leases: Api<Lease>,
    identity: String,
    times: Times,
}

impl Election {
    /// A candidate for the Lease in a namespace: the watched one when there is only one, else
    /// the one the operator runs in.
    #[must_use]
    pub fn new(client: Client, namespace: &str, identity: String) -> Self {
        Self { leases: Api::namespaced(client, namespace), identity, times: Times::default() }
    }

    /// Waits until the Lease is ours, for as long as it takes; requests that fail are repeated.
    pub async fn acquire(self) -> Leadership {
        let mut seen: Option<(LeaseSpec, Instant)> = None;
        let mut warned = false;
        loop {
            let pause = match self.attempt(&mut seen).await {
                Ok(Attempt::Leading(lease)) => {
                    tracing::info!(identity = self.identity, "leading");
                    return Leadership { election: self, lease: *lease, renewed: Instant::now() };
                }
                Ok(Attempt::Pause(pause)) => {
                    warned = false;
                    pause
                }
                Err(error) => {
                    if !std::mem::replace(&mut warned, true) {
                        tracing::warn!(error = %Causes(&error), "failed to ask for the leader Lease, trying on");
                    }
                    self.times.retry
                }
            };
            sleep(pause).await;
        }
    }

    async fn attempt(&self, seen: &mut Option<(LeaseSpec, Instant)>) -> Result<Attempt, RequestError> {
        let lease = bounded(self.leases.get_opt(LEASE_NAME)).await?;
        let spec = lease.as_ref().map(|lease| lease.spec.clone().unwrap_or_default());
        let silent = match (&spec, &*seen) {
            (Some(now), Some((before, since))) if now == before => since.elapsed(),
            (Some(now), _) => {
                *seen = Some((now.clone(), Instant::now()));
                Duration::ZERO
            }
            (None, _) => Duration::ZERO,
        };
        let action = decide(spec.as_ref(), silent, &self.identity, self.times);
        let written = match (action, lease) {
            (Action::Wait(pause), _) => return Ok(Attempt::Pause(pause)),
            (Action::Create, _) | (_, None) => bounded(self.create()).await,
            (Action::Take | Action::Renew, Some(lease)) => bounded(self.renew(lease)).await,
        };
        match written {
            Ok(lease) => Ok(Attempt::Leading(Box::new(lease))),
            Err(RequestError::Kube(error)) if lost_race(&error) => Ok(Attempt::Pause(self.times.retry)),
            Err(error) => Err(error),
        }
    }

    async fn create(&self) -> kube::Result<Lease> {
        let lease = Lease {
            metadata: ObjectMeta { name: Some(LEASE_NAME.to_owned()), ..ObjectMeta::default() },
            spec: Some(held(None, &self.identity, Timestamp::now(), self.times)),
        };
        self.leases.create(&PostParams::default(), &lease).await
    }

    async fn renew(&self, mut lease: Lease) -> kube::Result<Lease> {
        let now = Timestamp::now();
        lease.spec = Some(held(lease.spec.as_ref(), &self.identity, now, self.times));
        self.replace(&lease).await
    }

    /// Fails with a conflict when the Lease is no longer the one that was read.
    async fn replace(&self, lease: &Lease) -> kube::Result<Lease> {
        let params = PostParams::default();
        self.leases.replace(LEASE_NAME, &params, lease).await
    }
}

enum Attempt {
    Leading(Box<Lease>),
    Pause(Duration),
}

#[derive(Debug, thiserror::Error)]
enum RequestError {
    #[error(transparent)]
    Kube(#[from] kube::Error),
    #[error("the API server did not answer within {REQUEST:?}")]
    Timeout,
}

async fn bounded<T>(request: impl Future<Output = kube::Result<T>>) -> Result<T, RequestError> {
    match timeout(REQUEST, request).await {
        Ok(result) => Ok(result?),
        Err(_) => Err(RequestError::Timeout),
    }
}

/// Whether somebody else wrote first.
fn lost_race(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status)
        if status.is_conflict() || status.is_already_exists() || status.is_not_found())
}

/// The Lease is ours. It stays so while [`Leadership::hold`] runs.
#[derive(Debug)]
#[must_use = "the Lease runs out unless it is held"]
pub struct Leadership {
    election: Election,
    lease: Lease,
    renewed: Instant,
}

impl Leadership {
    /// Renews the Lease until `stop` resolves, then hands it back. `stop` must not resolve
    /// before the last effect has ended, because a successor may start at once.
    ///
    /// # Errors
    /// When the Lease is lost. The process has to end then, without waiting for anything.
    pub async fn hold(mut self, stop: impl Future<Output = ()>) -> Result<(), LeaderError> {
        tokio::select! {
            () = stop => {}
            lost = self.renew_forever() => return Err(lost),
        }
        match timeout(RELEASE, self.release()).await {
            Ok(Ok(())) => tracing::info!("handed the leader Lease back"),
            Ok(Err(error)) => {
                tracing::warn!(error = %Causes(&error), "failed to hand the leader Lease back; it runs out by itself");
            }
            Err(_) => tracing::warn!("failed to hand the leader Lease back in time"),
        }
        Ok(())
    }

    async fn renew_forever(&mut self) -> LeaderError {
        let Times { renew, retry, .. } = self.election.times;
        loop {
            sleep(retry).await;
            match timeout_at(self.renewed + renew, self.renew_once()).await {
                Ok(Ok(())) => {}
                Ok(Err(lost)) => return lost,
                Err(_) => return LeaderError::Unrenewed(renew),
            }
        }
    }

    /// Tries until the Lease is renewed or known to be lost.
    async fn renew_once(&mut self) -> Result<(), LeaderError> {
        loop {
            // The time counts from before the request: the server may have written it early.
            let started = Instant::now();
            match bounded(self.election.renew(self.lease.clone())).await {
                Ok(lease) => {
                    self.lease = lease;
                    self.renewed = started;
                    return Ok(());
                }
                Err(RequestError::Kube(error)) if lost_race(&error) => self.look_again().await?,
                Err(error) => {
                    tracing::warn!(error = %Causes(&error), "failed to renew the leader Lease, trying on");
                    sleep(self.election.times.retry).await;
                }
            }
        }
    }

    /// The Lease was written by somebody else: by a person, or by another candidate.
    async fn look_again(&mut self) -> Result<(), LeaderError> {
        match bounded(self.election.leases.get(LEASE_NAME)).await {
            Ok(lease) => {
                let spec = lease.spec.as_ref();
                let holder = spec.and_then(|spec| spec.holder_identity.as_deref());
                match holder {
                    Some(holder) if !holder.is_empty() && holder != self.election.identity => {
                        Err(LeaderError::Taken { holder: holder.to_owned() })
                    }
                    _ => {
                        self.lease = lease;
                        Ok(())
                    }
                }
            }
            Err(RequestError::Kube(kube::Error::Api(status))) if status.is_not_found() => {
                match bounded(self.election.create()).await {
                    Ok(lease) => self.lease = lease,
                    Err(_) => sleep(self.election.times.retry).await,
                }
                Ok(())
            }
            Err(_) => {
                sleep(self.election.times.retry).await;
                Ok(())
            }
        }
    }

    async fn release(mut self) -> kube::Result<()> {
        // A renewal that was cut off may have reached the server: then look once more.
        for _ in 0..2 {
            let spec = self.lease.spec.clone().unwrap_or_default();
            if spec.holder_identity.as_deref() != Some(self.election.identity.as_str()) {
                return Ok(());
            }
            self.lease.spec = Some(released(&spec, Timestamp::now()));
            match self.election.replace(&self.lease).await {
                Err(kube::Error::Api(status)) if status.is_conflict() => {
                    self.lease = self.election.leases.get(LEASE_NAME).await?;
                }
                written => return written.map(drop),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
