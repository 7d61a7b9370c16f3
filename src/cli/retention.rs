//! How old history may become.

use crate::journal::Limit;
use k8s_openapi::jiff::SignedDuration;
use openvox_puppet::duration::parse_seconds;

/// The text is no age.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected a whole number with one of the units s, m, h, d, y, such as 90d, or 0 to keep everything")]
pub struct AgeError;

/// Reads an age, in the notation of custom resources.
pub(super) fn age(text: &str) -> Result<Limit<SignedDuration>, AgeError> {
    match parse_seconds(text) {
        Ok(0) if !text.trim().is_empty() => Ok(Limit::None),
        Ok(seconds) if seconds > 0 => Ok(Limit::Upto(SignedDuration::from_secs(seconds))),
        _ => Err(AgeError),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_age_is_written_as_in_custom_resources() {
        assert_eq!(age("90d"), Ok(Limit::Upto(SignedDuration::from_hours(90 * 24))));
        assert_eq!(age("3600"), Ok(Limit::Upto(SignedDuration::from_hours(1))));
        assert_eq!(age("0"), Ok(Limit::None));
        for text in ["", "-1d", "soon", "1.5h"] {
            assert_eq!(age(text), Err(AgeError), "{text:?}");
        }
    }
}
