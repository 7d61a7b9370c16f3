//! Reading a JSON answer.

use super::value::{Budget, Scalar, Value, unique};
use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use std::collections::HashSet;
use std::fmt;

/// Reads a whole answer.
pub(super) fn read(text: &str) -> Result<Value, String> {
    let raw: &RawValue = serde_json::from_str(text).map_err(|error| error.to_string())?;
    value(raw.get(), 0, &mut Budget::default())
}

fn value(text: &str, depth: usize, budget: &mut Budget) -> Result<Value, String> {
    budget.take(depth)?;
    let shape = |error: serde_json::Error| error.to_string();
    let mut reader = serde_json::Deserializer::from_str(text);
    match text.as_bytes().first() {
        Some(b'{') => reader.deserialize_map(Members { depth, budget }).map_err(shape),
        Some(b'[') => reader.deserialize_seq(Items { depth, budget }).map_err(shape),
        Some(b'"') => Ok(Value::Scalar(Scalar::Text(serde_json::from_str(text).map_err(shape)?))),
        // null, true, false and numbers
        _ => Ok(Value::Scalar(Scalar::Plain(ruby_number(text)))),
    }
}

/// A number as YAML 1.1 and Ruby read it: an exponent needs a point before it and a sign. Its digits stay.
fn ruby_number(text: &str) -> String {
    let Some((mantissa, exponent)) = text.split_once(['e', 'E']) else { return text.to_owned() };
    if !text.starts_with(|first: char| first == '-' || first.is_ascii_digit()) {
        return text.to_owned();
    }
    let point = if mantissa.contains('.') { "" } else { ".0" };
    let sign = if exponent.starts_with(['+', '-']) { "" } else { "+" };
    format!("{mantissa}{point}e{sign}{exponent}")
}

struct Members<'a> {
    depth: usize,
    budget: &'a mut Budget,
}

impl<'de> Visitor<'de> for Members<'_> {
    type Value = Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a map")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let (mut map, mut seen) = (Vec::new(), HashSet::new());
        while let Some(key) = members.next_key::<String>()? {
            let key = Scalar::Text(key);
            unique(&map, &mut seen, &key).map_err(A::Error::custom)?;
            let item = members.next_value_seed(Item { depth: self.depth + 1, budget: self.budget })?;
            map.push((key, item));
        }
        Ok(Value::Map(map))
    }
}

struct Items<'a> {
    depth: usize,
    budget: &'a mut Budget,
}

impl<'de> Visitor<'de> for Items<'_> {
    type Value = Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(Item { depth: self.depth + 1, budget: self.budget })? {
            list.push(item);
        }
        Ok(Value::List(list))
    }
}

/// One value inside another. The text of a number is known only through [`RawValue`].
struct Item<'a> {
    depth: usize,
    budget: &'a mut Budget,
}

impl<'de> DeserializeSeed<'de> for Item<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        let raw = <&RawValue as serde::Deserialize>::deserialize(deserializer)?;
        value(raw.get(), self.depth, self.budget).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(text: &str) -> Value {
        Value::Scalar(Scalar::Plain(text.to_owned()))
    }

    #[test]
    fn a_number_keeps_its_digits() {
        for (json, ruby) in [
            ("12345678901234567890123", "12345678901234567890123"),
            ("0.1000000000000000055511151231257827", "0.1000000000000000055511151231257827"),
            ("-0", "-0"),
            ("1e5", "1.0e+5"),
            ("1.5E-7", "1.5e-7"),
            ("-2E+3", "-2.0e+3"),
            ("true", "true"),
            ("false", "false"),
            ("null", "null"),
        ] {
            assert_eq!(read(json).unwrap(), plain(ruby), "{json}");
        }
    }

    #[test]
    fn text_that_looks_like_a_number_stays_text() {
        let list = read(r#"["0644", "\u00e9\ud83d\ude00", {"yes": []}]"#).unwrap();
        let Value::List(items) = list else { panic!("{list:?}") };
        assert_eq!(items[0], Value::Scalar(Scalar::Text("0644".into())));
        assert_eq!(items[1], Value::Scalar(Scalar::Text("é😀".into())));
        assert_eq!(items[2], Value::Map(vec![(Scalar::Text("yes".into()), Value::List(vec![]))]));
    }

    #[test]
    fn what_is_no_json_or_says_something_twice_or_has_no_end_is_refused() {
        let deep = "[".repeat(200) + &"]".repeat(200);
        for (text, words) in [
            ("", "EOF"),
            ("{\"a\": 1", "EOF"),
            ("{} {}", "trailing"),
            (r#"{"a": 1, "b": {"c": 1, "c": 2}}"#, "\"c\" stands twice"),
            (&deep, "deep"),
            (r#"["\ud800"]"#, "hex escape"),
        ] {
            let said = read(text).unwrap_err();
            assert!(said.contains(words), "{text:.40}: {said}");
        }
        let many = format!("[{}1]", "1,".repeat(300_000));
        assert!(read(&many).unwrap_err().contains("more than 200000 values"));
    }
}
