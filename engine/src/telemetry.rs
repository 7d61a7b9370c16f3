//! What the engine says about itself, for metrics.

/// Takes what the engine measures. Everything is ignored unless it is implemented.
pub trait Telemetry: Send + Sync + 'static {
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
