//! One reconcile: look, judge, decide, commit, act, publish — until nothing moves.
//!
//! Reconcilers fire transitions and run effects; what they mean is in the machines. A settled object costs no
//! write and no call.

mod attempts;
mod background;
mod commit;
#[cfg(debug_assertions)]
pub mod crash;
mod decide;
mod engine;
#[cfg(test)]
mod lamp;
mod pause;
mod plan;
mod publish;
mod reconciler;
mod settle;
#[cfg(test)]
mod tests;

pub use decide::{state_of, time};
pub use engine::Engine;
pub use plan::{NextStep, next_steps};
pub use publish::EventRecorder;
pub use reconciler::{Context, Reconciler, View};

use crate::core::{Acted, Attempts, Machine, State as _, Timestamp, reason};
use crate::lifecycle::{Lifecycled as _, UnknownPhase};
use crate::timer::Timer;
use crate::{ObjectKey, Outcome};
use background::{Background, Work};
use commit::commit;
use decide::{Decision, Moment, decide, is_requested};
use futures::{Stream, StreamExt as _};
use kube::core::object::HasStatus as _;
use kube::runtime::controller::{Action, Config, Controller};
use kube::runtime::reflector::ObjectRef;
use kube::{Resource as _, ResourceExt as _};
use pause::Pause;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use tracing::Instrument as _;

/// Rounds of one reconcile. The longest way without waiting for anybody has four; more means that an effect
/// reports success and the observation does not show it.
const MOST_ROUNDS: usize = 8;

/// Reconciles of one kind at a time. Each waits for the API server, for milliseconds; what takes long runs beside them.
const CONCURRENCY: u16 = 16;

/// Age up to which an object without a status has never had one. Whoever empties a status does it to an object that
/// has been there; an hour is also as long as a journal may be down before anybody has to wait for it.
const NEW: Duration = Duration::from_hours(1);

/// Why a reconcile ended early.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The status could not be written.
    #[error("failed to commit the status: {}", crate::api_error::words(.0))]
    Commit(#[source] Box<kube::Error>),
    /// An event does not serialise.
    #[error("failed to serialise a transition: {0}")]
    Serialise(#[from] crate::core::Unreadable),
    /// The state does not serialise.
    #[error("failed to serialise the state: {0}")]
    Snapshot(#[from] serde_json::Error),
    /// The CRD's phase enum lacks a phase of the machine.
    #[error("failed to show the phase: {0}")]
    Phase(#[from] UnknownPhase),
    /// The journal could not be asked for what it has of an object without a status.
    #[error("failed to read the journal: {0}")]
    Journal(#[from] crate::journal::StoreError),
}

impl Error {
    fn reason(&self) -> &'static str {
        match self {
            Self::Commit(_) => "CommitFailed",
            Self::Serialise(_) | Self::Snapshot(_) => "SerialiseFailed",
            Self::Phase(_) => "UnknownPhase",
            Self::Journal(_) => "JournalUnreadable",
        }
    }
}

/// Runs the controller of one kind until `stop`.
pub async fn run<R: Reconciler>(
    context: Arc<R::Context>,
    enqueued: impl Stream<Item = ObjectRef<R::Resource>> + Send + 'static,
    stop: impl Future<Output = ()> + Send + Sync + 'static,
) {
    let (workqueue, cache) = (Arc::clone(&context.engine().workqueue), R::cache(&context).clone());
    let waits = move || workqueue.len(R::Machine::KIND, |namespace, name| cache.get(namespace, name).is_some());
    context.engine().telemetry.queue(R::Machine::KIND, Box::new(waits));
    let (background, ended) = Background::<R>::new();
    let shared = Arc::new(Shared { context: Arc::clone(&context), background: Arc::clone(&background) });
    let controller = Controller::for_stream(futures::stream::pending(), R::cache(&context).store())
        .with_config(Config::default().concurrency(CONCURRENCY))
        .reconcile_on(futures::stream::select(enqueued, ended))
        .graceful_shutdown_on(stop)
        .run(traced::<R>, |object, error, shared| settle::after_error::<R>(&object, error, &shared.context), shared)
        .for_each(|_| std::future::ready(()));
    tokio::select! {
        () = controller => {}
        () = settle::refill_journal::<R>(&context) => {}
    }
    background.finish().await;
}

/// What the reconciles of one kind share.
struct Shared<R: Reconciler> {
    context: Arc<R::Context>,
    background: Arc<Background<R>>,
}

/// The root span of a reconcile, its metrics, and its errors.
async fn traced<R: Reconciler>(object: Arc<R::Resource>, shared: Arc<Shared<R>>) -> Result<Action, Error> {
    let (namespace, name) = (object.namespace().unwrap_or_default(), object.name_any());
    let span = tracing::debug_span!(
        "reconcile",
        otel.name = format!("reconcile {}", R::Machine::KIND),
        k8s.kind = R::Machine::KIND,
        k8s.namespace.name = namespace,
        k8s.name = name,
        generation = object.meta().generation,
        state.from = tracing::field::Empty,
        state.to = tracing::field::Empty,
        attempt = tracing::field::Empty,
        trace_id = tracing::field::Empty,
    );
    let work = async {
        let telemetry = &*shared.context.engine().telemetry;
        if let Some(id) = telemetry.trace_id() {
            // Every line of the log within has it.
            tracing::Span::current().record("trace_id", id);
        }
        let ended = |telemetry: &dyn crate::Telemetry, outcome, elapsed| telemetry.reconcile_ended(R::Machine::KIND, outcome, elapsed);
        let timer = Timer::start(telemetry, ended);
        let result = reconcile::<R>(object, &shared).await;
        timer.finish(if result.is_ok() { Outcome::Ok } else { Outcome::Error });
        result
    };
    work.instrument(span).await
}

async fn reconcile<R: Reconciler>(object: Arc<R::Resource>, Shared { context, background }: &Shared<R>) -> Result<Action, Error> {
    let (engine, key) = (context.engine(), ObjectKey::of(R::Machine::KIND, &*object));
    let (namespace, name) = (key.namespace.clone(), key.name.clone());
    if background.runs(&namespace, &name) {
        return Ok(Action::await_change());
    }
    let mut cause = engine.workqueue.take_cause(&key);
    let mut object = R::cache(context).get(&namespace, &name).unwrap_or(object);
    if object.meta().deletion_timestamp.is_some() && !R::OUTLIVES_DELETION {
        // What it owns goes with it; writing anything now would only hold that up.
        return Ok(Action::await_change());
    }
    let mut report = None;
    for round in 0..MOST_ROUNDS {
        if let Some(rest) = paused::<R>(context, &object).await? {
            return Ok(rest); // (client: the status, once)
        }
        if round == 0
            && let Some(ended) = background.ended(&object)
        {
            (report, cause) = (ended.acted.report(), ended.cause.or(cause));
            if report.is_some() {
                engine.attempts.record(&key, engine.now());
            }
        }
        let journaled = journaled::<R>(context, &object).await?;
        // Once for each request: an attempt that fails waits for its time like any other.
        let at_once = round == 0 && report.is_none() && is_requested(&*object);
        let reported = report.is_some();
        let facts = R::look(context, &object).instrument(tracing::debug_span!("observe")).await; // (client: reads)
        let moment = Moment {
            now: engine.now(),
            journaled,
            cause: cause.as_deref(),
            trace_id: engine.telemetry.trace_id(),
            attempts: Attempts { last: engine.attempts.last(&key), at_once },
        };
        let view = Arc::new(R::judge(&object, facts, report.take(), moment.now)); // (no client)
        let decision = tracing::debug_span!("decide").in_scope(|| decide::<R>(&object, &view, &moment))?; // (no client)
        record(&decision);
        let moved = !decision.transitions.is_empty();
        if let Some(next) = commit::<R>(context, &object, &decision.status, decision.transitions.len()).await? {
            // (client: the status)
            object = next;
            #[cfg(debug_assertions)]
            crash::point(R::Machine::KIND, "commit");
        }
        if moved {
            engine.attempts.forget(&key);
        }
        publish::publish::<R>(context, &object, &view, &decision);
        if decision.effects.is_empty() && !moved {
            if reported {
                // The report was the answer of this round; what else is due shows in the next one.
                continue;
            }
            return Ok(settle::settled::<R>(context, &object, &view, &decision));
        }
        for effect in &decision.effects {
            object = R::cache(context).get(&namespace, &name).unwrap_or(object);
            if R::takes_long(effect) {
                background.begin(context, Work { object: Arc::clone(&object), view: Arc::clone(&view), effect: effect.clone(), cause });
                return Ok(settle::settled::<R>(context, &object, &view, &decision));
            }
            report = act::<R>(context, &object, &view, effect).await.report(); // (client: the world)
            engine.attempts.record(&key, engine.now());
            if report.as_ref().is_some_and(R::is_failure) {
                break;
            }
        }
        if report.is_none() && !moved {
            // The effects only began something; its end will wake us.
            return Ok(settle::settled::<R>(context, &object, &view, &decision));
        }
        match R::cache(context).get(&namespace, &name) {
            Some(there) if !R::is_gone(&there) => object = there,
            _ => return Ok(Action::await_change()),
        }
    }
    tracing::warn!(kind = R::Machine::KIND, namespace, name, "still moving after {MOST_ROUNDS} rounds; going on in a second");
    Ok(Action::requeue(Duration::from_secs(1)))
}

/// Fills the fields of the root span.
fn record<R: Reconciler>(decision: &Decision<R>) {
    let span = tracing::Span::current();
    span.record("state.from", decision.from);
    span.record("state.to", decision.state.path());
    span.record("attempt", decision.state.attempt());
}

/// Tells of a pause if one holds, and leaves it at that.
async fn paused<R: Reconciler>(context: &R::Context, object: &Arc<R::Resource>) -> Result<Option<Action>, Error> {
    let (now, group) = (context.engine().now(), R::Resource::group(&()));
    let pause = Pause::of(object.meta(), &group, now);
    let (Pause::Holds { end, .. }, Some(condition)) = (&pause, pause.condition(&group)) else { return Ok(None) };
    let status = decide::paused::<R>(object, condition, now);
    let told = commit::<R>(context, object, &status, 0).await?;
    if told.is_some() {
        tracing::info!(kind = R::Machine::KIND, namespace = object.namespace(), name = object.name_any(), ?pause, "paused");
    }
    let object = told.as_ref().unwrap_or(object);
    publish::measure::<R>(context, object, None, &state_of::<R>(object), Some(reason::PAUSED));
    Ok(Some(settle::rest::<R>(context, object, *end)))
}

/// Number of the last transition that the journal is known to have of an object. One that has lost its status (restored
/// from a backup, edited) goes on numbering there: a number that the journal has is never written again.
async fn journaled<R: Reconciler>(context: &R::Context, object: &R::Resource) -> Result<i64, Error> {
    let uid = object.meta().uid.as_deref().unwrap_or_default();
    if object.status().is_some_and(|status| status.lifecycle().machine.is_some()) {
        return Ok(context.engine().outbox.journaled(uid));
    }
    match context.engine().outbox.high_water(uid).await {
        Ok(reached) => Ok(reached.unwrap_or(0)),
        Err(_) if is_new(object, context.engine().now()) => Ok(0),
        Err(error) => Err(error.into()),
    }
}

/// Whether an object is so young that it cannot have lost a status: while the journal is down, new objects go on, and
/// only what may have a history waits for it.
fn is_new(object: &impl kube::Resource, now: Timestamp) -> bool {
    let created = object.meta().creation_timestamp.as_ref().map(|time| time.0.as_second());
    created.is_some_and(|created| now.timestamp() - created < NEW.as_secs().cast_signed())
}

async fn act<R: Reconciler>(
    context: &Arc<R::Context>,
    object: &Arc<R::Resource>,
    view: &R::View,
    effect: &<R::Machine as Machine>::Effect,
) -> Acted<R::Report> {
    let name: &'static str = effect.clone().into();
    let span = tracing::debug_span!("effect", otel.name = format!("effect {name}"), effect = name, acted = tracing::field::Empty);
    let work = async {
        #[cfg(debug_assertions)]
        crash::point(R::Machine::KIND, "effect");
        let ended = |telemetry: &dyn crate::Telemetry, outcome, elapsed| telemetry.effect_ended(R::Machine::KIND, name, outcome, elapsed);
        let timer = Timer::start(&*context.engine().telemetry, ended);
        let acted = R::act(context, object, view, effect).await;
        tracing::Span::current().record("acted", acted.name());
        let failed = matches!(&acted, Acted::Reported(report) if R::is_failure(report));
        timer.finish(if failed { Outcome::Error } else { Outcome::Ok });
        #[cfg(debug_assertions)]
        crash::point(R::Machine::KIND, "done");
        acted
    };
    work.instrument(span).await
}
