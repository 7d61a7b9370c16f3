//! The annotations by which somebody asks the engine for something. Their names begin with the API group of the object.

/// `true`, or the time (RFC 3339) until which nothing is done about the object.
pub const PAUSE: &str = "pause";

/// Why it is paused, for people.
pub const PAUSE_REASON: &str = "pause-reason";

/// Any new value asks for a reconcile now; `status.lastHandledReconcileAt` answers with it.
pub const REQUESTED_AT: &str = "requestedAt";

/// The full name of an annotation on objects of an API group.
#[must_use]
pub fn name(group: &str, annotation: &str) -> String {
    format!("{group}/{annotation}")
}
