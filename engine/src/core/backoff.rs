//! Waiting longer after each failure.

use super::Timestamp;
use chrono::TimeDelta;

/// Attempts are counted up to here and no further: 2^9 seconds is beyond the longest wait, so a larger count
/// would change nothing but the size of the state space.
pub const MAX_ATTEMPT: u32 = 10;

/// The longest wait between two attempts. Five minutes is what the reference polls at; a cause that lasts
/// longer is also watched for, so nobody waits for this timer in the good case.
const LONGEST: i64 = 300;

/// When to try again after `attempt` failures in a row (1 is the first): 1 s, 2 s, 4 s … 300 s after `now`.
#[must_use]
pub fn backoff(attempt: u32, now: Timestamp) -> Timestamp {
    let doublings = attempt.clamp(1, MAX_ATTEMPT) - 1;
    now + TimeDelta::seconds((1_i64 << doublings).min(LONGEST))
}

/// How often something that has not changed is looked at again: the interval doubles from `base` to `longest` seconds, by the
/// time that has passed since the first look. A look that finds nothing new is written nowhere, so this needs no count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// Seconds from the first look to the second.
    pub base: i64,
    /// Seconds between looks in the end.
    pub longest: i64,
}

impl Pace {
    /// After a failure that may pass by itself.
    pub const FAILURE: Self = Self { base: 1, longest: LONGEST };

    /// Where somebody has to do something first.
    pub const SOMEBODY: Self = Self { base: 32, longest: 900 };

    /// When the next look is due: the first one at `first`; `last` is when this process looked last.
    #[must_use]
    pub fn next(self, first: Timestamp, last: Option<Timestamp>) -> Timestamp {
        let Some(last) = last.filter(|last| *last >= first) else { return first };
        let passed = (last - first).num_seconds().saturating_add(self.base);
        last.checked_add_signed(TimeDelta::seconds(passed.clamp(self.base, self.longest))).unwrap_or(first)
    }
}

/// The longest wait that a machine may choose, in seconds.
pub const LONGEST_WAIT: i64 = 3600;

/// Whether the time of an attempt or a deadline has come. One that is further away than any machine waits was chosen by
/// a clock that has been set back since; nobody waits for that.
#[must_use]
pub fn is_due(at: Timestamp, now: Timestamp) -> bool {
    now >= at || at - now > TimeDelta::seconds(LONGEST_WAIT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_from_one_second_and_stop_at_five_minutes() {
        let now = Timestamp::UNIX_EPOCH;
        let waits: Vec<i64> = (0..=12).map(|n| (backoff(n, now) - now).num_seconds()).collect();
        assert_eq!(waits, [1, 1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300]);
    }

    #[test]
    fn looks_at_what_does_not_change_double_their_interval_and_begin_anew_with_the_process() {
        let at = |seconds| Timestamp::UNIX_EPOCH + TimeDelta::seconds(seconds);
        let pace = Pace { base: 32, longest: 200 };
        let (mut last, mut waits) = (None, Vec::new());
        for _ in 0..7 {
            let next = pace.next(at(32), last);
            waits.push((next - last.unwrap_or(at(0))).num_seconds());
            last = Some(next);
        }
        assert_eq!(waits, [32, 32, 64, 128, 200, 200, 200]);
        assert_eq!(pace.next(at(32), Some(at(20))), at(32), "an attempt before it says nothing about this wait");
    }

    #[test]
    fn a_time_that_a_clock_of_tomorrow_chose_has_come() {
        let at = |seconds| Timestamp::UNIX_EPOCH + TimeDelta::seconds(seconds);
        let cases = [(0, 0, true), (300, 0, false), (0, 300, true), (LONGEST_WAIT, 0, false), (86_400 + 300, 0, true)];
        for (chosen, now, expected) in cases {
            assert_eq!(is_due(at(chosen), at(now)), expected, "{chosen} at {now}");
        }
    }
}
