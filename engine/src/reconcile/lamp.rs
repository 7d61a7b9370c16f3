//! A small kind for the tests of the loop: a lamp that is wired and switched on, and may go out.

use super::{Context, Engine, Reconciler, View};
use crate::core::{
    self, Acted, Blocked, Condition, DomainEvent, Leaf, Machine, Rest, Timestamp, Turn, backoff, condition::READY, is_due, ready,
    ready_false,
};
use crate::lifecycle::{Lifecycle, Lifecycled, UnknownPhase};
use crate::{Cache, kind_label};
use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use strum::{AsRefStr, IntoStaticStr};

#[derive(CustomResource, Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[kube(group = "example.org", version = "v1", kind = "Lamp", namespaced, status = "LampStatus")]
pub struct LampSpec {
    pub on: bool,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LampStatus {
    pub phase: Option<String>,
    #[serde(flatten)]
    pub lifecycle: Lifecycle,
}

impl Lifecycled for LampStatus {
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

#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum State {
    #[default]
    Off,
    Switching {
        attempt: u32,
    },
    Retrying {
        attempt: u32,
        next_attempt: Timestamp,
    },
    On,
    #[serde(skip)]
    Unwritable,
}

#[derive(Debug, Clone, PartialEq, Eq, AsRefStr, Serialize, Deserialize)]
#[serde(tag = "type", content = "data")]
pub enum Event {
    SwitchingStarted,
    AttemptFailed { next_attempt: Timestamp },
    AttemptResumed,
    WentOn,
    WentOut,
}

impl DomainEvent for Event {
    const VERSION: u32 = 1;

    fn is_warning(&self) -> bool {
        matches!(self, Self::AttemptFailed { .. })
    }
}

const fn leaf(path: &'static str, rest: Rest) -> Leaf {
    Leaf { path, meaning: "", remedy: "", rest }
}

impl core::State for State {
    type Event = Event;
    const LEAVES: &'static [Leaf] = &[
        leaf("Dark/Off", Rest::Settled),
        leaf("Dark/Switching", Rest::Waiting { deadline: 60 }),
        leaf("Error/Retrying", Rest::Waiting { deadline: 60 }),
        leaf("Lit/On", Rest::Settled),
    ];

    fn evolve(&self, event: &Event) -> Option<Self> {
        Some(match (self, event) {
            (Self::Off, Event::SwitchingStarted) | (Self::On, Event::WentOut) => Self::Switching { attempt: 0 },
            (Self::Switching { attempt }, Event::AttemptFailed { next_attempt }) => {
                Self::Retrying { attempt: attempt + 1, next_attempt: *next_attempt }
            }
            (Self::Retrying { attempt, .. }, Event::AttemptResumed) => Self::Switching { attempt: *attempt },
            (Self::Switching { .. }, Event::WentOn) => Self::On,
            _ => return None,
        })
    }

    fn path(&self) -> &'static str {
        match self {
            Self::Off => "Dark/Off",
            Self::Switching { .. } => "Dark/Switching",
            Self::Retrying { .. } => "Error/Retrying",
            Self::On => "Lit/On",
            Self::Unwritable => "Dark/Unwritable",
        }
    }

    fn attempt(&self) -> Option<u32> {
        match self {
            Self::Switching { attempt } | Self::Retrying { attempt, .. } => Some(*attempt),
            _ => None,
        }
    }

    fn wake_at(&self) -> Option<Timestamp> {
        match self {
            Self::Retrying { next_attempt, .. } => Some(*next_attempt),
            _ => None,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, IntoStaticStr)]
pub enum Effect {
    Wire,
    Switch,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Report {
    Switched,
    Failed,
}

#[derive(Debug, Clone)]
pub struct Observed {
    now: Timestamp,
    wanted: bool,
    broken: bool,
    report: Option<Report>,
}

const SWITCH: [Effect; 2] = [Effect::Wire, Effect::Switch];

impl Machine for Lamps {
    const KIND: &'static str = "Lamp";
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
        let _ = match (turn.here.clone(), seen.report) {
            (State::Off, _) if seen.wanted => turn.fire(Event::SwitchingStarted, SWITCH),
            (State::Switching { .. }, Some(Report::Switched)) => turn.fire(Event::WentOn, []),
            (State::Switching { attempt }, Some(Report::Failed)) => {
                turn.fire(Event::AttemptFailed { next_attempt: backoff(attempt + 1, seen.now) }, [])
            }
            (State::Switching { .. }, None) => turn.work(SWITCH),
            (State::Retrying { next_attempt, .. }, _) if is_due(next_attempt, seen.now) => turn.fire(Event::AttemptResumed, SWITCH),
            (State::On, None) if seen.broken => turn.fire(Event::WentOut, SWITCH),
            _ => turn.work([]),
        };
    }
}

/// The reconciler and its machine.
#[derive(Debug, Default)]
pub struct Lamps;

#[derive(Debug, Clone, Copy, Default)]
pub struct Facts {
    broken: bool,
}

pub struct LampView(Observed);

impl View<Lamps> for LampView {
    fn seen(&self) -> &Observed {
        &self.0
    }
}

/// What the tests prepare and look at.
pub struct Room {
    pub engine: Engine,
    pub lamps: Cache<Lamp>,
    /// What the next effects come to; all further ones succeed.
    pub acts: Mutex<VecDeque<Acted<Report>>>,
    /// The effects that were run.
    pub ran: Mutex<Vec<Effect>>,
    /// A lamp goes out as soon as it is on.
    pub broken: AtomicBool,
}

impl Context for Room {
    type Key = ();

    fn engine(&self) -> &Engine {
        &self.engine
    }
}

impl Reconciler for Lamps {
    type Context = Room;
    type Resource = Lamp;
    type Machine = Self;
    type Facts = Facts;
    type View = LampView;
    type Report = Report;

    fn cache(room: &Room) -> &Cache<Lamp> {
        &room.lamps
    }

    fn phases() -> Vec<&'static str> {
        vec!["Dark", "Error", "Lit"]
    }

    async fn look(room: &Room, _: &Lamp) -> Facts {
        Facts { broken: room.broken.load(Ordering::SeqCst) }
    }

    fn judge(lamp: &Lamp, facts: Facts, report: Option<Report>, now: Timestamp) -> LampView {
        LampView(Observed { now, wanted: lamp.spec.on, broken: facts.broken, report })
    }

    fn conditions(state: &State, _: &LampView, _: Option<&Blocked>) -> Vec<Condition> {
        vec![if *state == State::On { ready("Lit", "it is on") } else { ready_false("Dark", "it is off") }]
    }

    fn project(_: &State, _: &LampView, _: &mut LampStatus) {}

    async fn act(room: &Arc<Room>, _: &Arc<Lamp>, _: &LampView, effect: &Effect) -> Acted<Report> {
        room.ran.lock().unwrap().push(*effect);
        let done = if *effect == Effect::Wire { Acted::Begun } else { Acted::Reported(Report::Switched) };
        room.acts.lock().unwrap().pop_front().unwrap_or(done)
    }

    fn is_failure(report: &Report) -> bool {
        *report == Report::Failed
    }
}

#[test]
fn the_kind_of_the_machine_is_the_kind_of_the_resource() {
    assert_eq!((Lamps::KIND, READY), (kind_label::<Lamp>(), "Ready"));
}
