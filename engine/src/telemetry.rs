//! What the engine says about itself, for metrics.

use crate::ObjectKey;
use crate::core::{Rest, reason};
use std::time::Duration;

/// How a reconcile or an effect ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It did what it was asked to do.
    Ok,
    /// It failed and will be tried again.
    Error,
    /// It was dropped before it ended: shutdown, timeout or a panic.
    Aborted,
}

impl Outcome {
    /// The value of a label.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Error => "error",
            Self::Aborted => "aborted",
        }
    }
}

/// The current state of an object. Times are Unix seconds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CurrentState {
    /// One of the phases that its kind knows.
    pub phase: &'static str,
    /// `Phase/Leaf`.
    pub state: &'static str,
    /// What the machine does in this state.
    pub rest: Rest,
    /// When the state was entered.
    pub since: i64,
    /// Whether the Ready condition is True.
    pub ready: bool,
    /// Reason of the gate that keeps it where it is.
    pub blocked: Option<&'static str>,
    /// Failed attempts in a row.
    pub attempts: u32,
}

impl CurrentState {
    /// When a waiting state should have been left. Nobody expects that of a paused object.
    #[must_use]
    pub fn deadline(&self) -> Option<i64> {
        match self.rest {
            Rest::Waiting { deadline } if self.blocked != Some(reason::PAUSED) => Some(self.since + i64::from(deadline)),
            _ => None,
        }
    }

    /// The label for what the machine does here.
    #[must_use]
    pub fn rest(&self) -> &'static str {
        match self.rest {
            Rest::Settled => "settled",
            Rest::Waiting { .. } => "waiting",
            Rest::Stuck => "stuck",
            Rest::Final => "final",
        }
    }
}

/// Takes what the engine measures. Everything is ignored unless it is implemented.
pub trait Telemetry: Send + Sync + 'static {
    /// The trace that the current code runs in, 32 hexadecimal digits.
    fn trace_id(&self) -> Option<String> {
        None
    }

    /// Where to ask how many objects of a kind wait for their reconcile.
    fn queue(&self, _kind: &'static str, _length: Box<dyn Fn() -> usize + Send + Sync>) {}

    /// A reconcile ended.
    fn reconcile_ended(&self, _kind: &'static str, _outcome: Outcome, _elapsed: Duration) {}

    /// An effect ended.
    fn effect_ended(&self, _kind: &'static str, _effect: &'static str, _outcome: Outcome, _elapsed: Duration) {}

    /// A reconcile ended with an error of this reason.
    fn reconcile_error(&self, _kind: &'static str, _reason: &'static str) {}

    /// A status is written.
    fn status_written(&self, _kind: &'static str) {}

    /// A transition was committed.
    fn transition(&self, _kind: &'static str, _event: &str, _from_phase: &'static str, _to_phase: &'static str) {}

    /// The current state of an object whose kind has these phases.
    fn current_state(&self, _object: &ObjectKey, _phases: &[&'static str], _state: CurrentState) {}

    /// The object is gone.
    fn forget(&self, _object: &ObjectKey) {}

    /// Whether the last attempt to write to the journal succeeded.
    fn journal_up(&self, _up: bool) {}

    /// How many history entries wait for the journal, and the time of the oldest in Unix seconds.
    fn journal_lag(&self, _entries: usize, _oldest: Option<i64>) {}

    /// An attempt to write to the journal failed.
    fn journal_failure(&self) {}

    /// History entries are known to be lost.
    fn journal_lost(&self, _entries: i64) {}

    /// The journal was found begun anew.
    fn journal_begun_anew(&self) {}

    /// History entries were removed because of their age or number.
    fn journal_pruned(&self, _entries: u64) {}

    /// The database refuses history entries for what they hold.
    fn journal_refused(&self, _entries: u64) {}
}

/// Measures nothing.
impl Telemetry for () {}
