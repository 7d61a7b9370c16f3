//! Reasons of the conditions and gates that the engine itself makes.

/// The annotation that pauses an object holds.
pub const PAUSED: &str = "PausedByAnnotation";

/// The value of the annotation that pauses an object cannot be read, so nothing is paused.
pub const INVALID_PAUSE: &str = "InvalidPause";
