//! Writing YAML that libyaml and Ruby read as the values that are meant.

use super::value::{Scalar, Value};
use std::fmt::Write as _;

/// Writes a value as a block, indented by `indent` spaces, on lines of its own.
pub(super) fn block(text: &mut String, value: &Value, indent: usize) {
    match value {
        Value::List(items) => {
            for item in items {
                let _ = write!(text, "{:indent$}-", "");
                after(text, item, indent);
            }
        }
        Value::Map(members) => {
            for (key, item) in members {
                let _ = write!(text, "{:indent$}{}:", "", scalar(key));
                after(text, item, indent);
            }
        }
        Value::Scalar(one) => {
            let _ = writeln!(text, "{:indent$}{}", "", scalar(one));
        }
    }
}

/// Writes a value behind `-` or `key:`.
pub(super) fn after(text: &mut String, value: &Value, indent: usize) {
    match value {
        Value::Scalar(one) => {
            let _ = writeln!(text, " {}", scalar(one));
        }
        Value::List(items) if items.is_empty() => text.push_str(" []\n"),
        Value::Map(members) if members.is_empty() => text.push_str(" {}\n"),
        other => {
            text.push('\n');
            block(text, other, indent + 2);
        }
    }
}

fn scalar(scalar: &Scalar) -> String {
    match scalar {
        Scalar::Plain(text) if text.is_empty() => "null".to_owned(),
        Scalar::Plain(text) if is_plain(text) => text.clone(),
        Scalar::Plain(text) | Scalar::Text(text) => quoted(text),
    }
}

/// Whether text may stand without quotes: all that Ruby reads as something other than text may, dates apart, which Puppet
/// refuses to read.
fn is_plain(text: &str) -> bool {
    let allowed = |character: char| character.is_ascii_alphanumeric() || "_+.,:~-".contains(character);
    let marker = matches!(text, "---" | "..." | "-" | ":" | "+" | ".");
    text == "<<" || (text.chars().all(allowed) && !text.starts_with([',', '_']) && !text.ends_with([':', ',']) && !marker && !is_date(text))
}

/// Begins as `2026-12-01` does.
fn is_date(text: &str) -> bool {
    let mut parts = text.splitn(3, '-');
    let digits = |part: Option<&str>, most: usize| {
        part.is_some_and(|part| (1..=most).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit()))
    };
    digits(parts.next(), 4)
        && digits(parts.next(), 2)
        && parts.next().is_some_and(|rest| rest.starts_with(|first: char| first.is_ascii_digit()))
}

/// Text in double quotes. What libyaml does not take for printable, and the line breaks it would fold, are escaped.
pub(super) fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for character in text.chars() {
        match character {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}' => drop(write!(quoted, "\\x{:02X}", u32::from(character))),
            '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}' => drop(write!(quoted, "\\u{:04X}", u32::from(character))),
            other => quoted.push(other),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(text: &str) -> String {
        scalar(&Scalar::Plain(text.to_owned()))
    }

    #[test]
    fn what_ruby_resolves_stands_without_quotes() {
        for text in
            ["1", "-1", "+1_000", "0644", "0x1F", "1,000", "1.5e+3", ".inf", "-.INF", ".nan", "yes", "~", "null", ":name", "1:30:00", "<<"]
        {
            assert_eq!(plain(text), text);
        }
        assert_eq!(plain(""), "null");
    }

    #[test]
    fn what_would_be_structure_or_a_date_has_quotes() {
        for text in [
            "a: b",
            "a #b",
            "- a",
            "-",
            "---",
            "[a]",
            "{a}",
            "a:",
            "*a",
            "&a",
            "!a",
            "|",
            ">",
            "'a'",
            "%a",
            "@a",
            "`a",
            "a b",
            "2026-12-01",
            "2026-12-01T10:00:00Z",
        ] {
            assert_eq!(plain(text), format!("\"{text}\""));
        }
    }

    #[test]
    fn text_is_always_quoted_and_its_odd_characters_escaped() {
        assert_eq!(scalar(&Scalar::Text("yes".into())), "\"yes\"");
        assert_eq!(quoted("a\"\\\n\u{7}\u{85}\u{2028}é😀"), "\"a\\\"\\\\\\n\\x07\\x85\\u2028é😀\"");
    }

    #[test]
    fn collections_are_nested_blocks() {
        let scalar = |text: &str| Value::Scalar(Scalar::Plain(text.to_owned()));
        let inner = Value::Map(vec![(Scalar::Text("k".into()), Value::List(vec![scalar("1"), Value::EMPTY]))]);
        let value = Value::List(vec![inner, Value::List(vec![])]);
        let mut text = String::new();
        block(&mut text, &value, 0);
        assert_eq!(text, "-\n  \"k\":\n    - 1\n    - {}\n- []\n");
    }
}
