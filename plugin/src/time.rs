//! Times and durations as people write and read them.

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

/// The beginning of a stretch of history.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Since {
    /// So long ago.
    Ago(TimeDelta),
    /// At this time.
    At(DateTime<Utc>),
}

impl Since {
    /// The time that is meant.
    pub fn from(self, now: DateTime<Utc>) -> DateTime<Utc> {
        match self {
            Self::Ago(delta) => now.checked_sub_signed(delta).unwrap_or(DateTime::UNIX_EPOCH),
            Self::At(at) => at,
        }
    }
}

/// Reads a duration: a whole number with unit s, m, h or d.
pub fn duration(text: &str) -> Result<TimeDelta, String> {
    let expected = || format!("{text:?} is no duration: use a whole number with unit s, m, h or d, such as 2h");
    let unit = text.chars().last().ok_or_else(expected)?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3600,
        'd' => 86_400,
        _ => return Err(expected()),
    };
    let count: i64 = text.strip_suffix(unit).and_then(|count| count.parse().ok()).filter(|count| *count >= 0).ok_or_else(expected)?;
    count.checked_mul(seconds).and_then(TimeDelta::try_seconds).ok_or_else(expected)
}

/// Reads a [`Since`].
pub fn since(text: &str) -> Result<Since, String> {
    if let Ok(at) = DateTime::parse_from_rfc3339(text) {
        return Ok(Since::At(at.to_utc()));
    }
    let expected = |_| format!("{text:?} is neither a duration such as 2h nor an RFC 3339 time such as 2026-01-31T12:00:00Z");
    duration(text).map(Since::Ago).map_err(expected)
}

/// The largest unit and, below a day, the one after it: `45s`, `3m20s`, `2h5m`, `12d`.
pub fn short(delta: TimeDelta) -> String {
    let seconds = delta.num_seconds().max(0);
    let two = |large: i64, unit: &str, small: i64, below: &str| {
        if small == 0 { format!("{large}{unit}") } else { format!("{large}{unit}{small}{below}") }
    };
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3600 => two(seconds / 60, "m", seconds % 60, "s"),
        3600..86_400 => two(seconds / 3600, "h", seconds % 3600 / 60, "m"),
        _ => format!("{}d", seconds / 86_400),
    }
}

/// The chrono form of a time of Kubernetes.
pub fn utc(time: &Time) -> DateTime<Utc> {
    DateTime::from_timestamp(time.0.as_second(), 0).unwrap_or_default()
}

/// RFC 3339 in UTC, whole seconds.
pub fn rfc3339(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_a_number_and_one_unit() {
        assert_eq!(duration("90s"), Ok(TimeDelta::seconds(90)));
        assert_eq!(duration("2h"), Ok(TimeDelta::hours(2)));
        for text in ["", "2", "h", "-1h", "1.5h", "2 h", "1w", "99999999999999999d", "2µ"] {
            assert!(duration(text).is_err_and(|error| error.contains("s, m, h or d")), "{text:?}");
        }
    }

    #[test]
    fn since_is_a_duration_or_a_time() {
        let at = DateTime::from_timestamp(1_700_000_000, 0).unwrap();
        assert_eq!(since(&rfc3339(at)), Ok(Since::At(at)));
        assert_eq!(since("1m").unwrap().from(at), at - TimeDelta::minutes(1));
        assert!(since("yesterday").is_err_and(|error| error.contains("RFC 3339")));
    }

    #[test]
    fn a_duration_is_shown_in_its_largest_units() {
        let shown = [0, 59, 60, 200, 3600, 7500, 86_399, 90_000].map(|seconds| short(TimeDelta::seconds(seconds)));
        assert_eq!(shown, ["0s", "59s", "1m", "3m20s", "1h", "2h5m", "23h59m", "1d"]);
        assert_eq!(short(TimeDelta::seconds(-5)), "0s");
    }
}
