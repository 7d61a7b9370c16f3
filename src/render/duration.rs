//! The notation in which custom resources give a span of time, such as `5y` or `90d`.

use thiserror::Error;

/// A span of time that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("failed to read {value:?} as a duration: write a whole number, alone for seconds or followed by one of s, m, h, d, y")]
pub struct DurationError {
    /// What was given.
    pub value: String,
}

/// Reads a span of time as seconds.
///
/// A whole number stands for seconds; one of `s`, `m` (minutes), `h`, `d` and `y` (365 days) may follow it. Nothing at
/// all is zero. Blanks around it do not count. Neither fractions nor sums (`1h30m`) are known. Puppet reads its own
/// durations the same way.
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
    number.parse::<i64>().ok().and_then(|number| number.checked_mul(seconds)).ok_or_else(|| DurationError { value: value.to_owned() })
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
    fn other_forms_are_refused_by_a_message_that_shows_the_value_and_the_accepted_form() {
        for text in ["1h30m", "1.5h", "500ms", "5 d", "d", "5D", "5w", "99999999999999y"] {
            let message = parse_seconds(text).unwrap_err().to_string();
            assert!(message.contains(&format!("{text:?}")), "{message}");
            assert!(message.contains("s, m, h, d, y"), "{message}");
        }
    }
}
