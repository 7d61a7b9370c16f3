//! What the engine measures.

use super::Metrics;
use openvox_engine::Telemetry;

impl Telemetry for Metrics {
    fn journal_up(&self, up: bool) {
        self.journal_up.set(i64::from(up));
    }

    fn journal_lag(&self, entries: usize, oldest: Option<i64>) {
        self.journal_lag.set(i64::try_from(entries).unwrap_or(i64::MAX));
        self.journal_oldest.set(oldest.unwrap_or(0));
    }

    fn journal_failure(&self) {
        self.journal_failures.inc();
    }

    fn journal_lost(&self, entries: i64) {
        self.journal_lost.inc_by(u64::try_from(entries).unwrap_or(0));
    }

    fn journal_begun_anew(&self) {
        self.journal_begun_anew.inc();
    }

    fn journal_pruned(&self, entries: u64) {
        self.journal_pruned.inc_by(entries);
    }

    fn journal_refused(&self, entries: u64) {
        self.journal_refused.inc_by(entries);
    }
}
