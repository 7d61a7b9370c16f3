//! What a state means for whoever reads `.status.conditions` (kstatus conventions).

/// Type of the condition that says whether an object does its work.
pub const READY: &str = "Ready";
/// Type of the condition of an object on which work is going on.
pub const RECONCILING: &str = "Reconciling";
/// Type of the condition of an object on which nothing moves until somebody does something.
pub const STALLED: &str = "Stalled";
/// Type of the condition of an object that is paused.
pub const PAUSED: &str = "Paused";

/// Status of a condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// The condition holds.
    True,
    /// The condition does not hold.
    False,
    /// Not known yet.
    Unknown,
}

/// One condition without its times: those are the shell's, because they depend on what was stored before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    /// Condition type, such as `Ready`.
    pub kind: &'static str,
    /// Whether it holds.
    pub status: Status,
    /// `CamelCase` reason.
    pub reason: &'static str,
    /// One sentence for people; says what to do where something can be done.
    pub message: String,
}

impl Condition {
    /// A condition of any type.
    #[must_use]
    pub fn new(kind: &'static str, status: Status, reason: &'static str, message: impl Into<String>) -> Self {
        Self { kind, status, reason, message: message.into() }
    }
}

/// `Ready=True`.
#[must_use]
pub fn ready(reason: &'static str, message: impl Into<String>) -> Condition {
    Condition::new(READY, Status::True, reason, message)
}

/// `Ready=False`.
#[must_use]
pub fn ready_false(reason: &'static str, message: impl Into<String>) -> Condition {
    Condition::new(READY, Status::False, reason, message)
}

/// `Reconciling=True`: work is going on and will end by itself (present only while abnormal).
#[must_use]
pub fn reconciling(reason: &'static str, message: impl Into<String>) -> Condition {
    Condition::new(RECONCILING, Status::True, reason, message)
}

/// `Stalled=True`: nothing moves until somebody does something (present only while abnormal).
#[must_use]
pub fn stalled(reason: &'static str, message: impl Into<String>) -> Condition {
    Condition::new(STALLED, Status::True, reason, message)
}

/// `Ready=False`, and what is abnormal: `Stalled` if `stuck`, else `Reconciling`.
#[must_use]
pub fn not_ready(reason: &'static str, message: &str, stuck: bool) -> [Condition; 2] {
    let abnormal = if stuck { stalled(reason, message) } else { reconciling(reason, message) };
    [ready_false(reason, message), abnormal]
}
