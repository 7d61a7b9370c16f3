//! A stopwatch that cannot be forgotten.

use crate::{Outcome, Telemetry};
use std::time::{Duration, Instant};

/// Measures from its creation until [`Timer::finish`], or until it is dropped: then the
/// work did not reach its end and counts as [`Outcome::Aborted`].
#[must_use = "a timer that is dropped at once measures nothing"]
pub(crate) struct Timer<'t, F: Fn(&dyn Telemetry, Outcome, Duration)> {
    telemetry: &'t dyn Telemetry,
    ended: F,
    started: Instant,
    outcome: Outcome,
}

impl<'t, F: Fn(&dyn Telemetry, Outcome, Duration)> Timer<'t, F> {
    /// Starts to measure; `ended` is called with how it ended, and after how long.
    pub fn start(telemetry: &'t dyn Telemetry, ended: F) -> Self {
        Self { telemetry, ended, started: Instant::now(), outcome: Outcome::Aborted }
    }

    /// Ends the measurement.
    pub fn finish(mut self, outcome: Outcome) {
        self.outcome = outcome;
    }
}

impl<F: Fn(&dyn Telemetry, Outcome, Duration)> Drop for Timer<'_, F> {
    fn drop(&mut self) {
        (self.ended)(self.telemetry, self.outcome, self.started.elapsed());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;

    #[derive(Default)]
    struct Ended(Mutex<Vec<Outcome>>);

    impl Telemetry for Ended {
        fn reconcile_ended(&self, _: &'static str, outcome: Outcome, _: Duration) {
            self.0.lock().unwrap().push(outcome);
        }
    }

    #[test]
    fn work_that_is_dropped_before_its_end_counts_as_aborted() {
        let ended = Ended::default();
        let start = || Timer::start(&ended, |telemetry, outcome, elapsed| telemetry.reconcile_ended("Pool", outcome, elapsed));
        start().finish(Outcome::Ok);
        drop(start());
        assert_eq!(*ended.0.lock().unwrap(), [Outcome::Ok, Outcome::Aborted]);
    }
}
