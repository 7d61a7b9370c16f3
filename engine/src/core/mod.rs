//! What all machines share.

mod acted;
mod backoff;
pub mod condition;
mod decision;
mod event;
#[cfg(feature = "explore")]
mod explore;
mod gate;
mod machine;
pub mod reason;
mod state;

pub use crate::drive;
pub use acted::{Acted, NoEffect};
pub use backoff::{LONGEST_WAIT, MAX_ATTEMPT, Pace, backoff, is_due};
pub use condition::{Condition, Status, not_ready, ready, ready_false, reconciling, stalled};
pub use decision::{Attempts, Decision, Transition, decide, decide_after};
pub use event::{DomainEvent, Recorded, Unreadable, read, record};
#[cfg(feature = "explore")]
pub use explore::{Edge, Exploration, explore};
pub use gate::{Blocked, Gate, first_block};
pub use machine::{Machine, Turn};
pub use state::{Leaf, Rest, State};

/// A point in time. Observations carry it truncated to whole seconds, because Kubernetes stores whole seconds.
pub type Timestamp = chrono::DateTime<chrono::Utc>;
