//! Why a file could not be rendered.

use thiserror::Error;

/// A value of a custom resource that no configuration file can hold.
///
/// The four parts stand on their own, so that a status message, an event and an admission answer can each take what
/// they need.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("failed to render {field}: {value:?} {rule}; {remedy}")]
pub struct RenderError {
    /// Path of the offending field, such as `spec.puppet.extraConfig.main[certname]`.
    pub field: String,
    /// The offending value, cut after [`RenderError::VALUE_LIMIT`] characters.
    pub value: String,
    /// What is wrong, as the continuation of a sentence that starts with the value.
    pub rule: String,
    /// What the user can do about it.
    pub remedy: String,
}

impl RenderError {
    /// Longest part of a value that is repeated in a message: enough to recognise it, short enough for a condition.
    pub const VALUE_LIMIT: usize = 80;

    /// Checks a number that Puppet Server takes as a size, a count or a time.
    ///
    /// # Errors
    /// When it is negative.
    pub fn not_negative(field: &str, value: i32) -> Result<i32, Self> {
        if value >= 0 { Ok(value) } else { Err(Self::new(field, &value.to_string(), "is negative", "write 0 or a number above it")) }
    }

    /// Puts the four parts together.
    pub fn new(field: impl Into<String>, value: &str, rule: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { field: field.into(), value: value.chars().take(Self::VALUE_LIMIT).collect(), rule: rule.into(), remedy: remedy.into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_message_names_field_value_rule_and_remedy() {
        let error = RenderError::new("spec.x", "a\nb", "holds a line break", "write it on one line");
        assert_eq!(error.to_string(), "failed to render spec.x: \"a\\nb\" holds a line break; write it on one line");
    }

    #[test]
    fn a_long_value_is_cut_in_the_message() {
        let error = RenderError::new("f", &"ä".repeat(500), "is too long", "cut it");
        assert_eq!(error.value.chars().count(), RenderError::VALUE_LIMIT);
    }
}
