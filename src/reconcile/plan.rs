//! Plan: what a reconcile would do next. It observes and decides, and neither commits nor acts: nothing is written,
//! and no CA is asked.

use super::decide::{decide, is_requested};
use super::pause::Pause;
use super::{Announcer, Context, Error, Kind};
use crate::build::image::OperatorImage;
use crate::cluster::{CACHES, Caches, Difference, Readiness, Wakes};
use crate::journal::{self, JournalUrl, Outbox};
use crate::resources::certificate::{Certificates, Revoked};
use crate::resources::certificate_authority::connections::Connections;
use crate::resources::certificate_authority::{Authorities, Looks};
use crate::resources::config::Configs;
use crate::resources::pool::Pools;
use crate::resources::server::Servers;
use crate::resources::signing_policy::SigningPolicies;
use crate::telemetry::Metrics;
use futures::FutureExt as _;
use kube::{Client, Resource as _, ResourceExt as _};
use openvox_crds::HistoryEntry;
use openvox_machines::core::{Machine as _, State as _};
use openvox_machines::reason;
use serde::Serialize;
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::oneshot;

/// What would happen to an object next.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NextStep {
    /// Its kind.
    pub kind: &'static str,
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Path of the state that it is in.
    pub state: &'static str,
    /// The transitions that would be stored.
    pub transitions: Vec<HistoryEntry>,
    /// Names of the effects that would be run then. What comes of them decides how it goes on.
    pub effects: Vec<&'static str>,
    /// Reason of the gate that keeps it where it would be.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub blocked: Option<&'static str>,
    /// The objects that the effects would write, as far as they are known beforehand.
    pub objects: Vec<Difference>,
}

impl NextStep {
    /// Nothing would happen.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.transitions.is_empty() && self.effects.is_empty()
    }
}

/// Looks at objects as the operator does.
pub struct Planner {
    context: Context,
    /// Ends the watches.
    _stop: oneshot::Sender<()>,
}

impl Planner {
    /// Fills caches like the operator's, of one namespace or of all. `image` is the operator's own.
    ///
    /// # Errors
    /// The names of the caches that were not filled within `patience`.
    pub async fn watch(client: Client, namespace: Option<&str>, image: String, patience: Duration) -> Result<Self, Vec<String>> {
        let (stop, stopped) = oneshot::channel();
        let stopped = stopped.map(|_| ()).shared();
        let readiness = Readiness::waiting_for(CACHES.iter().copied());
        // Nobody is woken: the receiving side is dropped.
        let wakes = Arc::new(Wakes::new().0);
        let (caches, _) = Caches::watch(&client, namespace, &wakes, &readiness, Arc::new(|_, _, _, _| ()), &stopped);
        if tokio::time::timeout(patience, readiness.reached()).await.is_err() {
            return Err(readiness.still_missing());
        }
        let metrics = Arc::new(Metrics::default());
        let context = Context {
            announcer: Announcer::start(client.clone(), None),
            client,
            caches,
            wakes,
            outbox: Outbox::new(journal::store(&JournalUrl::Memory, None), Arc::clone(&metrics)),
            metrics,
            connections: Connections::default(),
            crl_looks: Looks::elsewhere(),
            revoked: Revoked::default(),
            operator_image: OperatorImage { reference: image, pull_policy: None },
            failures: Mutex::new(HashMap::new()),
        };
        Ok(Self { context, _stop: stop })
    }

    /// The next steps of all objects that are wanted by kind, namespace and name.
    ///
    /// # Errors
    /// [`Error`] if a decision cannot be written down.
    pub async fn next_steps(&self, wanted: impl Fn(&str, &str, &str) -> bool) -> Result<Vec<NextStep>, Error> {
        let mut steps = self.of::<Configs>(&wanted).await?;
        steps.extend(self.of::<Authorities>(&wanted).await?);
        steps.extend(self.of::<SigningPolicies>(&wanted).await?);
        steps.extend(self.of::<Certificates>(&wanted).await?);
        steps.extend(self.of::<Servers>(&wanted).await?);
        steps.extend(self.of::<Pools>(&wanted).await?);
        Ok(steps)
    }

    async fn of<R: Kind>(&self, wanted: &impl Fn(&str, &str, &str) -> bool) -> Result<Vec<NextStep>, Error> {
        let mut objects = R::cache(&self.context.caches).store().state();
        objects.sort_by_key(|object| (object.namespace(), object.name_any()));
        let mut steps = Vec::new();
        for object in objects {
            let (namespace, name) = (object.namespace().unwrap_or_default(), object.name_any());
            let left_alone = object.meta().deletion_timestamp.is_some() && !R::OUTLIVES_DELETION;
            if wanted(R::Machine::KIND, &namespace, &name) && !left_alone {
                steps.push(self.next_step::<R>(&object, namespace, name).await?);
            }
        }
        Ok(steps)
    }

    async fn next_step<R: Kind>(&self, object: &Arc<R::Resource>, namespace: String, name: String) -> Result<NextStep, Error> {
        let (kind, state) = (R::Machine::KIND, super::state_of::<R>(object).path());
        if matches!(Pause::of(object.meta(), self.context.now()), Pause::Holds { .. }) {
            let blocked = Some(reason::PAUSED);
            return Ok(NextStep {
                kind,
                namespace,
                name,
                state,
                transitions: Vec::new(),
                effects: Vec::new(),
                blocked,
                objects: Vec::new(),
            });
        }
        let view = R::observe(&self.context, object, None).await;
        let decision = decide::<R>(&self.context, object, &view, None, 0, is_requested(&**object))?;
        let objects = if decision.effects.is_empty() { Vec::new() } else { R::differences(&self.context, object, &view).await };
        Ok(NextStep {
            kind,
            namespace,
            name,
            state,
            transitions: decision.transitions,
            effects: decision.effects.iter().map(R::effect_name).collect(),
            blocked: decision.blocked,
            objects,
        })
    }
}
