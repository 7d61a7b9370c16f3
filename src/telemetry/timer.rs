//! A stopwatch that cannot be forgotten.

use super::metrics::{Metrics, Outcome};
use std::time::Instant;

/// What a [`Timer`] measures.
#[derive(Debug, Clone, Copy)]
pub(super) enum Measured {
    Reconcile { kind: &'static str },
    Effect { kind: &'static str, effect: &'static str },
}

/// Measures from its creation until [`Timer::finish`], or until it is dropped: then the
/// work did not reach its end and counts as [`Outcome::Aborted`].
#[derive(Debug)]
#[must_use = "a timer that is dropped at once measures nothing"]
pub struct Timer<'m> {
    metrics: &'m Metrics,
    measured: Measured,
    started: Instant,
    outcome: Outcome,
}

impl<'m> Timer<'m> {
    pub(super) fn start(metrics: &'m Metrics, measured: Measured) -> Self {
        Self { metrics, measured, started: Instant::now(), outcome: Outcome::Aborted }
    }

    /// Ends the measurement.
    pub fn finish(mut self, outcome: Outcome) {
        self.outcome = outcome;
    }
}

impl Drop for Timer<'_> {
    fn drop(&mut self) {
        self.metrics.observe(self.measured, self.outcome, self.started.elapsed());
    }
}
