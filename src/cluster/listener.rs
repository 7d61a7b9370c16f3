//! What watches report beside their objects.

use k8s_openapi::api::core::v1::ObjectReference;
use openvox_engine::ObjectKey;

/// A part of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Part {
    /// Anything outside the status.
    Object,
    /// The status.
    Status,
}

impl Part {
    /// Every part.
    pub const ALL: [Self; 2] = [Self::Object, Self::Status];

    /// The part as metrics name it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Object => "object",
            Self::Status => "status",
        }
    }
}

/// Receives the reports of watches. The default is to ignore them.
pub trait Listener: Send + Sync {
    /// An object is gone.
    fn gone(&self, _object: &ObjectKey, _uid: &str) {}

    /// An object cannot be read: the part that cannot, and why.
    fn unreadable(&self, _object: &ObjectReference, _part: Part, _fault: &str) {}

    /// How many objects of a kind cannot be read.
    fn unreadable_objects(&self, _kind: &'static str, _part: Part, _count: usize) {}

    /// Whether the list with which the watch of a kind begins is complete.
    fn synced(&self, _kind: &'static str, _synced: bool) {}
}

/// Ignores all reports.
impl Listener for () {}
