//! When each CA was last asked for its revocation list. Kept in memory only: a look that brought nothing new is not worth
//! a write, and after a restart one more look does no harm.

use chrono::TimeDelta;
use openvox_machines::core::Timestamp;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Most CAs remembered. A cluster has a handful; should there be more, all are asked once more.
const MOST: usize = 1024;

/// The last looks, by namespace and name of the CA.
#[derive(Default)]
pub struct RefreshSchedule {
    last: Mutex<HashMap<(String, String), Look>>,
    /// Another process asks the CAs.
    elsewhere: bool,
}

/// What is known of the last look at a CA.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) enum LastLook {
    /// It was not asked yet.
    #[default]
    Never,
    /// It was asked.
    At(Look),
    /// Another process asks it.
    Elsewhere,
}

impl LastLook {
    /// When the next look is due; `None` for now. A look from the future, after a clock was set back, does not count, nor one
    /// with other access than now.
    pub(super) fn next(&self, access: &str, interval: TimeDelta, now: Timestamp) -> Option<Timestamp> {
        // An interval beyond all time is never due.
        let in_time = |look: Timestamp| look.checked_add_signed(interval).unwrap_or(Timestamp::MAX_UTC);
        match self {
            Self::Never => None,
            Self::At(look) => Some(in_time(look.at)).filter(|next| look.access == access && look.at <= now && *next > now),
            Self::Elsewhere => Some(in_time(now)),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Look {
    at: Timestamp,
    /// Digest of what the CA was asked with.
    access: String,
}

impl RefreshSchedule {
    /// For who only looks on while another process asks the CAs: none is due for want of a look.
    #[must_use]
    pub fn elsewhere() -> Self {
        Self { elsewhere: true, ..Self::default() }
    }

    /// The CA has shown a list at `at`.
    pub fn looked(&self, namespace: &str, name: &str, access: &str, at: Timestamp) {
        let mut last = self.last();
        if last.len() >= MOST {
            last.clear();
        }
        last.insert((namespace.to_owned(), name.to_owned()), Look { at, access: access.to_owned() });
    }

    /// The CA has not shown a list, so it is due.
    pub fn forget(&self, namespace: &str, name: &str) {
        self.last().remove(&(namespace.to_owned(), name.to_owned()));
    }

    /// What is known of the last look at a CA.
    pub(super) fn last_of(&self, namespace: &str, name: &str) -> LastLook {
        if self.elsewhere {
            return LastLook::Elsewhere;
        }
        self.last().get(&(namespace.to_owned(), name.to_owned())).cloned().map_or(LastLook::Never, LastLook::At)
    }

    fn last(&self) -> MutexGuard<'_, HashMap<(String, String), Look>> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INTERVAL: TimeDelta = TimeDelta::seconds(300);

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_timestamp(seconds, 0).unwrap()
    }

    #[test]
    fn a_ca_is_due_when_it_was_never_asked_and_an_interval_after_it_was() {
        let looks = RefreshSchedule::default();
        let next = |access: &str, now| looks.last_of("ns", "corp").next(access, INTERVAL, at(now));
        assert_eq!(next("a", 0), None);
        looks.looked("ns", "corp", "a", at(10));
        assert_eq!(next("a", 10), Some(at(310)));
        assert_eq!(next("a", 309), Some(at(310)));
        assert_eq!(next("a", 310), None);
        assert_eq!(looks.last_of("other", "corp").next("a", INTERVAL, at(10)), None);
        looks.forget("ns", "corp");
        assert_eq!(next("a", 10), None);
    }

    #[test]
    fn another_address_is_asked_at_once_and_a_clock_that_was_set_back_delays_nothing() {
        let looks = RefreshSchedule::default();
        looks.looked("ns", "corp", "a", at(1000));
        assert_eq!(looks.last_of("ns", "corp").next("b", INTERVAL, at(1001)), None);
        assert_eq!(looks.last_of("ns", "corp").next("a", INTERVAL, at(999)), None);
        assert!(looks.last_of("ns", "corp").next("a", TimeDelta::MAX, at(1001)).is_some());
    }

    #[test]
    fn nothing_is_due_where_another_process_asks() {
        let now = at(10);
        assert_eq!(RefreshSchedule::elsewhere().last_of("ns", "corp").next("a", INTERVAL, now), Some(now + INTERVAL));
    }

    #[test]
    fn the_memory_is_bounded() {
        let looks = RefreshSchedule::default();
        for number in 0..3 * MOST {
            looks.looked("ns", &number.to_string(), "a", at(0));
        }
        assert!(looks.last().len() <= MOST);
    }
}
