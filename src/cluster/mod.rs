//! The operator's view of the cluster: shared caches, who is woken by what, and writing objects only when they
//! differ.

mod apply;
mod cache;
mod caches;
mod compact;
mod difference;
mod follow;
mod index;
mod managed;
mod owner;
mod plan_digest;
mod readiness;
mod routes;
mod slim_pod;
mod wakes;

pub use apply::{ApplyError, Plan, delete, kind_label, remove};
pub use cache::Cache;
pub use caches::{CACHES, Caches};
pub use difference::{Change, Difference, Field};
pub use index::Key;
pub use managed::{Live, Made, Managed, ManagedKind};
pub use owner::{Foreign, controller_of, owner_reference};
pub use readiness::Readiness;
pub use slim_pod::SlimPod;
pub use wakes::{Wakes, Woken};

/// Field manager of everything the operator writes.
pub const FIELD_MANAGER: &str = "openvox-operator";
