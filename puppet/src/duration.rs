//! The notation in which custom resources give a span of time, such as `5y` or `90d`.

use thiserror::Error;

/// The longest lifetime in seconds, 50 years of 365 days: Puppet Server does not start its CA with more (`max-ca-ttl` in
/// `certificate_authority.clj`).
pub const MAX_SECONDS: i64 = 1_576_800_000;

/// A span of time that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum DurationError {
    /// It has another form.
    #[error("failed to read {0:?} as a duration: write a whole number, alone for seconds or followed by one of s, m, h, d, y")]
    Unreadable(String),
    /// It is none, less, or more than Puppet Server takes.
    #[error(
        "failed to use {0:?} as a lifetime: Puppet Server takes 1s to 50y ({MAX_SECONDS}s); write a time between them without a \
         sign, such as 5y"
    )]
    OutOfRange(String),
}

impl DurationError {
    /// What is wrong, as the continuation of a sentence that starts with the value, and what to do.
    #[must_use]
    pub fn rule_and_remedy(&self) -> (String, &'static str) {
        match self {
            Self::Unreadable(_) => {
                ("is not a duration".to_owned(), "write a whole number, alone for seconds or followed by one of s, m, h, d, y")
            }
            Self::OutOfRange(_) => (
                format!("is out of range, because Puppet Server takes 1s to 50y ({MAX_SECONDS}s)"),
                "write a time between them without a sign, such as 5y",
            ),
        }
    }
}

/// Reads the lifetime of certificates as seconds; `None` where nothing is given.
///
/// # Errors
/// When the value is no duration, has a sign, or is one that Puppet Server does not take.
pub fn lifetime_seconds(value: &str) -> Result<Option<i64>, DurationError> {
    if value.trim().is_empty() {
        return Ok(None);
    }
    let seconds = parse_seconds(value)?;
    let usable = value.trim().starts_with(|first: char| first.is_ascii_digit()) && (1..=MAX_SECONDS).contains(&seconds);
    if usable { Ok(Some(seconds)) } else { Err(DurationError::OutOfRange(value.to_owned())) }
}

/// Reads a span of time as seconds.
///
/// A whole number is a number of seconds; one of `s`, `m` (minutes), `h`, `d` and `y` (365 days) may follow it. An empty text
/// is zero. Blanks around it are ignored. Fractions and sums (`1h30m`) are not supported. Puppet reads its own durations the
/// same way.
///
/// # Errors
/// When the value has another form, or more seconds than fit into 64 bits.
pub fn parse_seconds(value: &str) -> Result<i64, DurationError> {
    let trimmed = value.trim();
    if trimmed.is_empty() {
        return Ok(0);
    }
    let units = [('s', 1), ('m', 60), ('h', 3600), ('d', 86_400), ('y', 365 * 86_400)];
    let unit = units.into_iter().find_map(|(unit, seconds)| Some((trimmed.strip_suffix(unit)?, seconds)));
    let (number, seconds) = unit.unwrap_or((trimmed, 1));
    number.parse::<i64>().ok().and_then(|number| number.checked_mul(seconds)).ok_or_else(|| DurationError::Unreadable(value.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_unit_is_known() {
        let cases =
            [("", 0), (" ", 0), ("300", 300), ("-5", -5), ("7s", 7), ("5m", 300), ("2h", 7200), (" 90d ", 7_776_000), ("5y", 157_680_000)];
        for (text, seconds) in cases {
            assert_eq!(parse_seconds(text), Ok(seconds), "{text:?}");
        }
    }

    #[test]
    fn a_lifetime_is_one_that_puppet_server_takes() {
        for (text, seconds) in [("", None), (" ", None), ("1", Some(1)), ("50y", Some(MAX_SECONDS)), (" 90d ", Some(7_776_000))] {
            assert_eq!(lifetime_seconds(text), Ok(seconds), "{text:?}");
        }
        for text in ["0", "0y", "-5y", "+5y", "1576800001", "51y", "100y", "18251d"] {
            assert_eq!(lifetime_seconds(text), Err(DurationError::OutOfRange(text.to_owned())));
        }
        assert!(matches!(lifetime_seconds("5 years"), Err(DurationError::Unreadable(_))));
    }

    #[test]
    fn other_forms_are_refused_by_a_message_that_shows_the_value_and_the_accepted_form() {
        for text in ["1h30m", "1.5h", "500ms", "5 d", "d", "5D", "5w", "99999999999999y"] {
            let message = parse_seconds(text).unwrap_err().to_string();
            assert!(message.contains(&format!("{text:?}")), "{message}");
            assert!(message.contains("s, m, h, d, y"), "{message}");
        }
    }
}
