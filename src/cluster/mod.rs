//! The operator's view of the cluster: shared caches, what is enqueued because of what, and writing objects only
//! when they differ.

mod apply;
mod apply_error;
mod caches;
mod compact;
mod delete;
mod desired;
mod desired_digest;
mod identity;
mod index;
mod lenient;
mod listener;
mod merge;
mod owned_object;
mod owned_set;
mod owner;
mod readiness;
mod routes;
mod slim_pod;
mod unreadable;
mod watch;

pub use apply_error::ApplyError;
pub use caches::{CACHES, Caches, Watched};
pub use desired::Desired;
pub use identity::Identity;
pub use index::Key;
pub use lenient::{Fault, Lenient};
pub use listener::{Listener, Part};
pub use merge::merge;
pub use owned_object::{Cached, ObjectKind, OwnedKind, OwnedObject};
pub use owned_set::OwnedSet;
pub use owner::{Foreign, controller_of, owner_reference};
pub use readiness::Readiness;
pub use slim_pod::SlimPod;

pub use openvox_crds::vocabulary::FIELD_MANAGER;
pub use openvox_engine::{Change, Difference, Field, Receivers, Workqueue, api_error, kind_label};

/// One kind's objects, found by their names and by what they refer to.
pub type Cache<K> = openvox_engine::Cache<K, Key>;
