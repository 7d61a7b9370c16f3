//! The answer of a classifier: what is checked before it counts, and what Puppet is given.

use super::settings::Format;
use super::value::{Scalar, Value};
use super::{emit, json, yaml};
use std::fmt;
use thiserror::Error;

/// Classes, parameters and environment of one node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Classification {
    /// A list of classes, or a map of classes and their parameters.
    classes: Value,
    /// Top-scope variables; empty for none.
    parameters: Value,
    /// The environment, if the classifier decides it.
    environment: Option<String>,
}

/// Why an answer does not count.
#[derive(Debug, PartialEq, Eq, Error)]
pub enum AnswerError {
    /// Not text.
    #[error("the answer is not UTF-8")]
    NotText,
    /// Not the format that was agreed upon, or ambiguous.
    #[error("the answer cannot be read as {0}: {1}")]
    Format(&'static str, String),
    /// A member that means nothing to Puppet.
    #[error("the answer's {0}")]
    Member(String),
}

impl Classification {
    /// Reads the body of an answer.
    ///
    /// # Errors
    /// [`AnswerError`] if it is not whole, not unambiguous, or not what Puppet takes.
    pub fn read(body: &[u8], format: Format) -> Result<Self, AnswerError> {
        let text = std::str::from_utf8(body).map_err(|_| AnswerError::NotText)?;
        let answer = match format {
            Format::Json => json::read(text).map_err(|why| AnswerError::Format("JSON", why))?,
            Format::Yaml => yaml::read(text).map_err(|why| AnswerError::Format("YAML", why))?,
        };
        let Value::Map(members) = answer else {
            return Err(AnswerError::Member(format!("top level is {}, not a map with classes, parameters and environment", answer.kind())));
        };
        let mut classification = Self { classes: Value::EMPTY, parameters: Value::EMPTY, environment: None };
        for (key, value) in members {
            match key.text() {
                _ if value.is_null() => {}
                "classes" if matches!(value, Value::List(_) | Value::Map(_)) => classification.classes = value,
                "classes" => return Err(wrong("classes", &value, "a list or a map")),
                "parameters" if matches!(value, Value::Map(_)) => classification.parameters = value,
                "parameters" => return Err(wrong("parameters", &value, "a map")),
                "environment" => classification.environment = Some(environment(&value)?),
                _ => {}
            }
        }
        Ok(classification)
    }
}

fn wrong(member: &str, value: &Value, right: &str) -> AnswerError {
    AnswerError::Member(format!("{member} is {}, not {right}", value.kind()))
}

/// Puppet takes letters, digits and underscores.
fn environment(value: &Value) -> Result<String, AnswerError> {
    let Value::Scalar(scalar) = value else { return Err(wrong("environment", value, "the name of one")) };
    let name = scalar.text();
    if name.is_empty() || !name.chars().all(|character| character.is_ascii_alphanumeric() || character == '_') {
        return Err(AnswerError::Member(format!("environment {name:?} has characters that no environment has: use letters, digits and _")));
    }
    Ok(name.to_owned())
}

/// The YAML that Puppet reads.
impl fmt::Display for Classification {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = "---\nclasses:".to_owned();
        emit::after(&mut text, &self.classes, 0);
        if self.parameters != Value::EMPTY {
            text.push_str("parameters:");
            emit::after(&mut text, &self.parameters, 0);
        }
        if let Some(environment) = &self.environment {
            text.push_str("environment:");
            emit::after(&mut text, &Value::Scalar(Scalar::Text(environment.clone())), 0);
        }
        formatter.write_str(&text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn printed(body: &str, format: Format) -> String {
        Classification::read(body.as_bytes(), format).unwrap().to_string()
    }

    #[test]
    fn foreman_puppet_enterprise_and_lists_come_out_as_puppet_takes_them() {
        let foreman = "---\nparameters: {puppetmaster: p, kt_env: &e Library}\nclasses: {ntp: {servers: [a]}, ssh: }\nenvironment: *e\n";
        assert_eq!(
            printed(foreman, Format::Yaml),
            "---\nclasses:\n  ntp:\n    servers:\n      - a\n  ssh: ~\nparameters:\n  puppetmaster: p\n  kt_env: Library\nenvironment: \"Library\"\n"
        );
        let pe = r#"{"name": "web", "groups": ["g"], "environment": "production", "classes": {"ntp": {"max": 1e3}}, "parameters": {}}"#;
        assert_eq!(printed(pe, Format::Json), "---\nclasses:\n  \"ntp\":\n    \"max\": 1.0e+3\nenvironment: \"production\"\n");
        assert_eq!(printed("classes: [a, b]", Format::Yaml), "---\nclasses:\n  - a\n  - b\n");
        assert_eq!(printed("{}", Format::Json), "---\nclasses: {}\n");
    }

    #[test]
    fn what_means_nothing_to_puppet_does_not_count() {
        for (body, words) in [
            ("[]", "top level is a list"),
            ("<html>", "top level is a scalar"),
            ("{\"classes\": \"ntp\"}", "classes is a scalar, not a list or a map"),
            ("{\"classes\": {}, \"parameters\": [1]}", "parameters is a list, not a map"),
            ("{\"environment\": \"../etc\"}", "environment \"../etc\""),
        ] {
            let said = Classification::read(body.as_bytes(), Format::Yaml).unwrap_err().to_string();
            assert!(said.contains(words), "{body}: {said}");
        }
        assert_eq!(Classification::read(b"classes: \xff", Format::Yaml), Err(AnswerError::NotText));
    }
}
