//! HOCON, the format of Puppet Server's `conf.d`.
//!
//! Strings are written as JSON strings, which HOCON takes over unchanged (HOCON specification, "Quoted strings"), so no
//! value can end its own quotes, start a substitution or become a number.

use std::fmt::Write as _;

/// A value of a HOCON file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// Always quoted.
    Text(String),
    /// A number without a fraction.
    Integer(i64),
    /// `true` or `false`.
    Bool(bool),
    /// One line, in the given order.
    List(Vec<Value>),
    /// A block with its fields in the given order. A name may occur twice: the later one wins, and an optional
    /// substitution that finds nothing leaves the earlier one in force.
    Object(Object),
    /// `${path}`: the value of another setting of the same file.
    Setting(&'static str),
    /// `${?NAME}`: the environment variable of that name, or nothing.
    Environment(&'static str),
}

/// The fields of a block, in the order in which they are written.
pub type Object = Vec<(&'static str, Value)>;

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<i32> for Value {
    fn from(value: i32) -> Self {
        Self::Integer(value.into())
    }
}

/// The text of a file with these top-level fields.
#[must_use]
pub fn render(fields: &Object) -> String {
    let mut text = String::new();
    write_fields(&mut text, fields, 0);
    text
}

fn write_fields(text: &mut String, fields: &Object, depth: usize) {
    for (name, value) in fields {
        indent(text, depth);
        text.push_str(name);
        text.push_str(": ");
        write_value(text, value, depth);
        text.push('\n');
    }
}

fn write_value(text: &mut String, value: &Value, depth: usize) {
    match value {
        Value::Text(value) => quote(text, value),
        // Writing to a String cannot fail.
        Value::Integer(value) => {
            let _ = write!(text, "{value}");
        }
        Value::Bool(value) => {
            let _ = write!(text, "{value}");
        }
        Value::Setting(path) => {
            let _ = write!(text, "${{{path}}}");
        }
        Value::Environment(name) => {
            let _ = write!(text, "${{?{name}}}");
        }
        Value::List(values) if values.iter().any(|value| matches!(value, Value::Object(_))) => {
            text.push_str("[\n");
            for value in values {
                indent(text, depth + 1);
                write_value(text, value, depth + 1);
                text.push_str(",\n");
            }
            indent(text, depth);
            text.push(']');
        }
        Value::List(values) => {
            text.push('[');
            for (index, value) in values.iter().enumerate() {
                if index > 0 {
                    text.push_str(", ");
                }
                write_value(text, value, depth);
            }
            text.push(']');
        }
        Value::Object(fields) if fields.is_empty() => text.push_str("{}"),
        Value::Object(fields) => {
            text.push_str("{\n");
            write_fields(text, fields, depth + 1);
            indent(text, depth);
            text.push('}');
        }
    }
}

fn indent(text: &mut String, depth: usize) {
    for _ in 0..depth {
        text.push_str("  ");
    }
}

/// Writes a JSON string. Only what JSON demands is escaped; everything else, characters beyond the basic plane included,
/// stays as it is, because the files are UTF-8.
fn quote(text: &mut String, value: &str) {
    text.push('"');
    for c in value.chars() {
        match c {
            '"' => text.push_str("\\\""),
            '\\' => text.push_str("\\\\"),
            '\n' => text.push_str("\\n"),
            '\r' => text.push_str("\\r"),
            '\t' => text.push_str("\\t"),
            c if c.is_control() => {
                let _ = write!(text, "\\u{:04x}", u32::from(c));
            }
            c => text.push(c),
        }
    }
    text.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn quoted(value: &str) -> String {
        let mut text = String::new();
        quote(&mut text, value);
        text
    }

    #[test]
    fn a_value_cannot_end_its_quotes_or_start_a_substitution() {
        assert_eq!(quoted("\" , allow: \"*"), r#""\" , allow: \"*""#);
        assert_eq!(quoted("${?HOME}"), "\"${?HOME}\"");
    }

    #[test]
    fn control_characters_are_escaped_in_the_form_that_json_and_hocon_share() {
        assert_eq!(quoted("\u{7}\u{7f}\u{85}"), "\"\\u0007\\u007f\\u0085\"");
    }

    #[test]
    fn characters_beyond_the_basic_plane_stay_as_they_are() {
        assert_eq!(quoted("🦊"), "\"🦊\"");
    }

    #[test]
    fn blocks_lists_and_substitutions_are_laid_out_for_readers() {
        let fields = vec![(
            "jruby",
            Value::Object(vec![
                ("size", Value::from(1)),
                ("size", Value::Environment("SIZE")),
                ("path", Value::List(vec![Value::Setting("jruby.home"), Value::from("/x")])),
                ("rules", Value::List(vec![Value::Object(vec![("on", Value::from(true))])])),
                ("empty", Value::Object(Vec::new())),
            ]),
        )];
        insta::assert_snapshot!(render(&fields), @r#"
        jruby: {
          size: 1
          size: ${?SIZE}
          path: [${jruby.home}, "/x"]
          rules: [
            {
              on: true
            },
          ]
          empty: {}
        }
        "#);
    }

    proptest! {
        #[test]
        fn every_string_reads_back_as_it_was_given(value: String) {
            let parsed: String = serde_json::from_str(&quoted(&value)).unwrap();
            prop_assert_eq!(parsed, value);
        }
    }
}
