//! States: what they are called, what they mean, and how an event leads from one to the next.

use super::{DomainEvent, Pace, Timestamp};
use serde::{Serialize, de::DeserializeOwned};
use std::fmt::Debug;

/// What a machine does in a leaf state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rest {
    /// At its goal; leaves it only when something changes.
    Settled,
    /// Works, or waits for something that others bring about; `deadline` seconds after which the silence is
    /// worth an alert.
    Waiting {
        /// Seconds from entering the state.
        deadline: u32,
    },
    /// Waits for the user.
    Stuck,
    /// The end: the object goes.
    Final,
}

/// The documentation of one leaf state; the generated pages are made of it.
#[derive(Debug, PartialEq, Eq)]
pub struct Leaf {
    /// `Phase/Leaf`, as in `.status.state`.
    pub path: &'static str,
    /// What is the case while the machine is here.
    pub meaning: &'static str,
    /// What the user can do when it stays here.
    pub remedy: &'static str,
    /// Whether this is a place to rest.
    pub rest: Rest,
}

impl Leaf {
    /// The phase this leaf shows as: the first part of its path.
    #[must_use]
    pub fn phase(&self) -> &'static str {
        self.path.split('/').next().unwrap_or(self.path)
    }
}

/// A state of one machine, with the data that belongs to it.
pub trait State: Clone + Eq + Ord + Debug + Default + Serialize + DeserializeOwned + Send + Sync + 'static {
    /// The events that change it.
    type Event: DomainEvent;

    /// All leaf states.
    const LEAVES: &'static [Leaf];

    /// The fold: the state after `event`, or `None` if this state cannot absorb it. The only place where
    /// states are made; assignment only, no decisions.
    fn evolve(&self, event: &Self::Event) -> Option<Self>;

    /// `Phase/Leaf` of this state; one of [`Self::LEAVES`].
    fn path(&self) -> &'static str;

    /// The phase this state shows as in `kubectl get`.
    fn phase(&self) -> &'static str {
        self.leaf().map_or(self.path(), Leaf::phase)
    }

    /// The documentation of this state.
    fn leaf(&self) -> Option<&'static Leaf> {
        Self::LEAVES.iter().find(|leaf| leaf.path == self.path())
    }

    /// Failed attempts in a row, where the state counts them.
    fn attempt(&self) -> Option<u32> {
        None
    }

    /// Waits for the next attempt after one that failed.
    fn retries(&self) -> bool {
        self.path() == "Error/Retrying"
    }

    /// When the machine wants to be woken if nothing else happens. Where it makes attempts, this is the first of them.
    fn wake_at(&self) -> Option<Timestamp> {
        None
    }

    /// How attempts follow each other that change nothing.
    fn pace(&self) -> Pace {
        Pace::FAILURE
    }

    /// The same as [`Self::wake_at`], once an attempt was made at `last` and has changed nothing.
    fn wake_after(&self, last: Option<Timestamp>) -> Option<Timestamp> {
        self.wake_at().map(|first| self.pace().next(first, last))
    }
}
