//! A whole operator for a small kind: a Greeting is a ConfigMap with a text in it.
//!
//! ```console
//! $ cargo run -p openvox-engine --example greeting crd | kubectl apply -f -
//! $ cargo run -p openvox-engine --example greeting run default
//! $ kubectl get greeting hello -o json | cargo run -p openvox-engine --example greeting fold
//! ```
//!
//! `run` reconciles the Greetings of a namespace, `fold` prints the state that the history of an object leads to.

use futures::StreamExt as _;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{Api, Patch, PatchParams};
use kube::runtime::{WatchStreamExt as _, reflector, watcher};
use kube::{Client, CustomResource, CustomResourceExt as _, Resource as _, ResourceExt as _};
use openvox_engine::core::{
    Acted, Blocked, Condition, DomainEvent, Leaf, Machine, Recorded, Rest, State as _, Timestamp, Turn, backoff, is_due, read, ready,
    ready_false, reconciling,
};
use openvox_engine::journal::{JournalUrl, Outbox, store};
use openvox_engine::lifecycle::{Lifecycle, Lifecycled, UnknownPhase};
use openvox_engine::reconcile::{self, Engine, EventRecorder, Reconciler, View};
use openvox_engine::{Cache, Workqueue};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::error::Error;
use std::sync::Arc;
use strum::{AsRefStr, IntoStaticStr};

// The API.

/// A text to be kept in a ConfigMap of the same name.
#[derive(CustomResource, Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[kube(group = "example.org", version = "v1", kind = "Greeting", namespaced, status = "GreetingStatus")]
struct GreetingSpec {
    text: String,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
struct GreetingStatus {
    phase: Option<String>,
    #[serde(flatten)]
    lifecycle: Lifecycle,
}

impl Lifecycled for GreetingStatus {
    fn lifecycle(&self) -> &Lifecycle {
        &self.lifecycle
    }

    fn lifecycle_mut(&mut self) -> &mut Lifecycle {
        &mut self.lifecycle
    }

    fn phase(&self) -> Option<String> {
        self.phase.clone()
    }

    fn set_phase(&mut self, phase: &str) -> Result<(), UnknownPhase> {
        self.phase = Some(phase.to_owned());
        Ok(())
    }
}

// The machine: no client, no clock.

#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
enum State {
    #[default]
    New,
    Writing {
        text: String,
        attempt: u32,
    },
    Retrying {
        text: String,
        attempt: u32,
        next_attempt: Timestamp,
    },
    Written {
        text: String,
    },
}

#[derive(Debug, Clone, PartialEq, Eq, AsRefStr, Serialize, Deserialize)]
#[serde(tag = "type", content = "data", rename_all_fields = "camelCase")]
enum Event {
    WritingStarted { text: String },
    AttemptFailed { message: String, next_attempt: Timestamp },
    AttemptResumed,
    GreetingWritten,
}

impl DomainEvent for Event {
    const VERSION: u32 = 1;

    fn is_warning(&self) -> bool {
        matches!(self, Self::AttemptFailed { .. })
    }
}

impl openvox_engine::core::State for State {
    type Event = Event;
    const LEAVES: &'static [Leaf] = &[
        Leaf { path: "Writing/New", meaning: "Nothing was done yet.", remedy: "", rest: Rest::Waiting { deadline: 60 } },
        Leaf { path: "Writing/Writing", meaning: "The ConfigMap is written.", remedy: "", rest: Rest::Waiting { deadline: 60 } },
        Leaf { path: "Error/Retrying", meaning: "It is written again soon.", remedy: "See why.", rest: Rest::Waiting { deadline: 300 } },
        Leaf { path: "Ready/Written", meaning: "The ConfigMap has the text.", remedy: "", rest: Rest::Settled },
    ];

    fn evolve(&self, event: &Event) -> Option<Self> {
        Some(match (self, event) {
            (_, Event::WritingStarted { text }) => Self::Writing { text: text.clone(), attempt: 0 },
            (Self::Writing { text, attempt }, Event::AttemptFailed { next_attempt, .. }) => {
                Self::Retrying { text: text.clone(), attempt: attempt + 1, next_attempt: *next_attempt }
            }
            (Self::Retrying { text, attempt, .. }, Event::AttemptResumed) => Self::Writing { text: text.clone(), attempt: *attempt },
            (Self::Writing { text, .. }, Event::GreetingWritten) => Self::Written { text: text.clone() },
            _ => return None,
        })
    }

    fn path(&self) -> &'static str {
        match self {
            Self::New => "Writing/New",
            Self::Writing { .. } => "Writing/Writing",
            Self::Retrying { .. } => "Error/Retrying",
            Self::Written { .. } => "Ready/Written",
        }
    }

    fn wake_at(&self) -> Option<Timestamp> {
        if let Self::Retrying { next_attempt, .. } = self { Some(*next_attempt) } else { None }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, IntoStaticStr)]
enum Effect {
    WriteConfigMap { text: String },
}

#[derive(Debug, Clone)]
enum Report {
    Written,
    Failed { message: String },
}

#[derive(Clone)]
struct Observed {
    now: Timestamp,
    text: String,
    report: Option<Report>,
}

struct Greetings;

impl Machine for Greetings {
    const KIND: &'static str = "Greeting";
    type State = State;
    type Observed = Observed;
    type Effect = Effect;

    fn reported(seen: &Observed) -> bool {
        seen.report.is_some()
    }

    fn unreported(seen: &Observed) -> Observed {
        Observed { report: None, ..seen.clone() }
    }

    fn dispatch(seen: &Observed, turn: &mut Turn<Self>) {
        let write = |text: &String| [Effect::WriteConfigMap { text: text.clone() }];
        let started = Event::WritingStarted { text: seen.text.clone() };
        let _ = match (turn.here.clone(), &seen.report) {
            (State::New, _) => turn.fire(started, write(&seen.text)),
            (State::Writing { .. }, Some(Report::Written)) => turn.fire(Event::GreetingWritten, []),
            (State::Writing { attempt, .. }, Some(Report::Failed { message })) => {
                turn.fire(Event::AttemptFailed { message: message.clone(), next_attempt: backoff(attempt + 1, seen.now) }, [])
            }
            (State::Writing { text, .. } | State::Retrying { text, .. } | State::Written { text }, None) if text != seen.text => {
                turn.fire(started, write(&seen.text))
            }
            // The process ended before it knew whether it was written.
            (State::Writing { text, .. }, None) => turn.work(write(&text)),
            (State::Retrying { text, next_attempt, .. }, _) if is_due(next_attempt, seen.now) => {
                turn.fire(Event::AttemptResumed, write(&text))
            }
            _ => turn.work([]),
        };
    }
}

// The reconciler: what is observed, and how the effect is run.

struct Context {
    engine: Engine,
    greetings: Cache<Greeting>,
}

impl reconcile::Context for Context {
    type Key = ();

    fn engine(&self) -> &Engine {
        &self.engine
    }
}

impl View<Greetings> for Observed {
    fn seen(&self) -> &Observed {
        self
    }
}

impl Reconciler for Greetings {
    type Context = Context;
    type Resource = Greeting;
    type Machine = Self;
    type Facts = ();
    type View = Observed;
    type Report = Report;

    fn cache(context: &Context) -> &Cache<Greeting> {
        &context.greetings
    }

    fn phases() -> Vec<&'static str> {
        vec!["Writing", "Error", "Ready"]
    }

    async fn look(_: &Context, _: &Greeting) {}

    fn judge(greeting: &Greeting, (): (), report: Option<Report>, now: Timestamp) -> Observed {
        Observed { now, text: greeting.spec.text.clone(), report }
    }

    fn conditions(state: &State, _: &Observed, _: Option<&Blocked>) -> Vec<Condition> {
        match state {
            State::Written { .. } => vec![ready("Written", "the ConfigMap has the text")],
            state => vec![ready_false("NotWritten", "the text is not written yet"), reconciling("Writing", state.path())],
        }
    }

    fn project(_: &State, _: &Observed, _: &mut GreetingStatus) {}

    async fn act(context: &Arc<Context>, greeting: &Arc<Greeting>, _: &Observed, effect: &Effect) -> Acted<Report> {
        let Effect::WriteConfigMap { text } = effect;
        let (name, namespace) = (greeting.name_any(), greeting.namespace().unwrap_or_default());
        let api: Api<ConfigMap> = Api::namespaced(context.engine.client.clone(), &namespace);
        let map = json!({
            "apiVersion": "v1", "kind": "ConfigMap", "data": {"text": text},
            "metadata": {"name": name, "ownerReferences": greeting.controller_owner_ref(&()).as_slice()},
        });
        Acted::Reported(match api.patch(&name, &PatchParams::apply("greeting"), &Patch::Apply(map)).await {
            Ok(_) => Report::Written,
            Err(error) => Report::Failed { message: error.to_string() },
        })
    }

    fn is_failure(report: &Report) -> bool {
        matches!(report, Report::Failed { .. })
    }
}

// The program.

async fn run(namespace: &str) -> Result<(), Box<dyn Error>> {
    let client = Client::try_default().await?;
    let journal = store(&JournalUrl::Memory, None);
    journal.begin();
    let outbox = Outbox::new(journal, Arc::new(()));
    tokio::spawn(outbox.clone().run(std::future::pending()));
    let (queue, mut receivers) = Workqueue::new([Greetings::KIND]);
    let queue = Arc::new(queue);
    let (reader, writer) = reflector::store();
    let greetings = Cache::new(reader, ());
    let recorder = EventRecorder::start(client.clone(), "greeting", None);
    let engine = Engine::new(client.clone(), Arc::clone(&queue), outbox, Arc::new(()), recorder);
    let context = Arc::new(Context { engine, greetings: greetings.clone() });
    let reconciling = reconcile::run::<Greetings>(context, receivers.take(), std::future::pending());
    let changes = watcher(Api::<Greeting>::namespaced(client, namespace), watcher::Config::default()).default_backoff();
    let watching = changes.reflect(writer).touched_objects().for_each(|changed| {
        if let Ok(greeting) = changed {
            if !greetings.is_echo(&greeting) {
                queue.enqueue::<Greeting>(namespace, &greeting.name_any(), "the Greeting changed");
            }
            greetings.caught_up(&greeting);
        }
        std::future::ready(())
    });
    tokio::join!(reconciling, watching);
    Ok(())
}

fn fold(greeting: &Greeting) -> Result<State, Box<dyn Error>> {
    let mut state = State::default();
    for entry in greeting.status.iter().flat_map(|status| &status.lifecycle.history) {
        let data = entry.data.as_ref().map(openvox_engine::Document::value);
        let event = read(Recorded { name: entry.event.clone(), version: entry.version, data })?;
        state = state.evolve(&event).ok_or_else(|| format!("{} cannot absorb {}", state.path(), entry.event))?;
    }
    Ok(state)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["crd"] => println!("{}", serde_json::to_string_pretty(&Greeting::crd())?),
        ["fold"] => println!("{}", serde_json::to_string(&fold(&serde_json::from_reader(std::io::stdin())?)?)?),
        ["run", namespace] => run(namespace).await?,
        _ => return Err("usage: greeting crd | fold | run NAMESPACE".into()),
    }
    Ok(())
}
