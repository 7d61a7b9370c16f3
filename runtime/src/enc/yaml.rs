//! Reading a YAML answer. Types are not resolved here: Ruby does that, with what is printed.

use super::value::{Budget, Scalar, Value, unique};
use granit_parser::{Event, Parser, ScalarStyle, Tag};
use std::collections::{HashMap, HashSet};

/// Reads the one document of an answer.
pub(super) fn read(text: &str) -> Result<Value, String> {
    let mut reader = Reader { events: Parser::new_from_str(text), budget: Budget::default(), anchors: HashMap::new() };
    let mut document = None;
    loop {
        match reader.next()? {
            Event::StreamEnd => break,
            Event::StreamStart | Event::DocumentStart(..) | Event::DocumentEnd => {}
            _ if document.is_some() => return Err("it has more than one document".to_owned()),
            first => document = Some(reader.value(first, 0)?),
        }
    }
    document.ok_or_else(|| "it is empty".to_owned())
}

struct Reader<'a> {
    events: Parser<'a, granit_parser::StrInput<'a>>,
    budget: Budget,
    /// What anchors stand for, with the number of values in it and its height.
    anchors: HashMap<usize, (Value, usize, usize)>,
}

impl<'a> Reader<'a> {
    fn next(&mut self) -> Result<Event<'a>, String> {
        loop {
            match self.events.next() {
                None => return Ok(Event::StreamEnd),
                Some(Err(error)) => return Err(error.to_string()),
                Some(Ok((Event::Comment(..), _))) => {}
                Some(Ok((event, _))) => return Ok(event),
            }
        }
    }

    fn value(&mut self, event: Event<'a>, depth: usize) -> Result<Value, String> {
        self.budget.take(depth)?;
        let (anchor, value) = match event {
            Event::Scalar(text, style, anchor, tag) => (anchor, Value::Scalar(scalar(&text, style, tag.as_deref())?)),
            Event::SequenceStart(_, anchor, tag) => {
                untagged(tag.as_deref(), "seq")?;
                (anchor, Value::List(self.items(depth)?))
            }
            Event::MappingStart(_, anchor, tag) => {
                untagged(tag.as_deref(), "map")?;
                (anchor, Value::Map(self.members(depth)?))
            }
            Event::Alias(anchor) => return self.copy(anchor, depth),
            other => return Err(format!("{other:?} is in the place of a value")),
        };
        if anchor > 0 {
            let (count, height) = measure(&value);
            self.anchors.insert(anchor, (value.clone(), count, height));
        }
        Ok(value)
    }

    fn items(&mut self, depth: usize) -> Result<Vec<Value>, String> {
        let mut items = Vec::new();
        loop {
            match self.next()? {
                Event::SequenceEnd => return Ok(items),
                event => items.push(self.value(event, depth + 1)?),
            }
        }
    }

    fn members(&mut self, depth: usize) -> Result<Vec<(Scalar, Value)>, String> {
        let (mut map, mut seen) = (Vec::new(), HashSet::new());
        loop {
            let key = match self.next()? {
                Event::MappingEnd => return Ok(map),
                event => self.value(event, depth + 1)?,
            };
            let Value::Scalar(key) = key else { return Err(format!("{} is the key of a map", key.kind())) };
            unique(&map, &mut seen, &key)?;
            let event = self.next()?;
            map.push((key, self.value(event, depth + 1)?));
        }
    }

    fn copy(&mut self, anchor: usize, depth: usize) -> Result<Value, String> {
        let Some((value, count, height)) = self.anchors.get(&anchor) else { return Err("an alias refers to what contains it".to_owned()) };
        self.budget.take_many(*count)?;
        self.budget.take(depth + height)?;
        Ok(value.clone())
    }
}

/// Number of values and levels.
fn measure(value: &Value) -> (usize, usize) {
    let sum = |parts: &mut dyn Iterator<Item = &Value>| {
        let (count, height) = parts.map(measure).fold((0, 0), |(count, height), (more, level)| (count + more, height.max(level)));
        (count + 1, height + 1)
    };
    match value {
        Value::Scalar(_) => (1, 0),
        Value::List(items) => sum(&mut items.iter()),
        Value::Map(members) => sum(&mut members.iter().map(|(_, value)| value)),
    }
}

fn scalar(text: &str, style: ScalarStyle, tag: Option<&Tag>) -> Result<Scalar, String> {
    let plain = style == ScalarStyle::Plain;
    match tag.map(ToString::to_string).as_deref() {
        None if plain => Ok(Scalar::Plain(text.to_owned())),
        None | Some("!" | "!!str" | "tag:yaml.org,2002:str") => Ok(Scalar::Text(text.to_owned())),
        Some("!!int" | "!!float" | "!!bool" | "!!null" | "tag:yaml.org,2002:int" | "tag:yaml.org,2002:float") if plain => {
            Ok(Scalar::Plain(text.to_owned()))
        }
        Some(tag) => Err(format!("the tag {tag:?} is not supported")),
    }
}

fn untagged(tag: Option<&Tag>, own: &str) -> Result<(), String> {
    match tag.map(ToString::to_string) {
        Some(tag) if tag != format!("!!{own}") && tag != format!("tag:yaml.org,2002:{own}") => {
            Err(format!("the tag {tag:?} is not supported"))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(text: &str) -> Value {
        Value::Scalar(Scalar::Plain(text.to_owned()))
    }

    #[test]
    fn what_has_quotes_is_text_and_what_has_none_is_left_to_ruby() {
        let read = read("---\na: 0644\nb: '0644'\nc: !!str 7\nd:\ne: |\n  x\n").unwrap();
        let Value::Map(members) = read else { panic!("{read:?}") };
        let values: Vec<&Value> = members.iter().map(|(_, value)| value).collect();
        let text = |text: &str| Value::Scalar(Scalar::Text(text.to_owned()));
        assert!(values[3].is_null());
        assert_eq!([values[0], values[1], values[2], values[4]], [&plain("0644"), &text("0644"), &text("7"), &text("x\n")]);
    }

    #[test]
    fn aliases_stand_for_what_they_name() {
        let read = read("a: &x [1, {b: 2}]\nc: *x\n").unwrap();
        let Value::Map(members) = read else { panic!("{read:?}") };
        assert_eq!(members[0].1, members[1].1);
    }

    #[test]
    fn what_puppet_could_not_use_is_refused() {
        let bomb = (0..20).fold("a0: &a0 [1]\n".to_owned(), |text, n| format!("{text}a{0}: &a{0} [*a{n}, *a{n}, *a{n}]\n", n + 1));
        let deep = "- ".repeat(200) + "1";
        for (text, words) in [
            ("", "empty"),
            ("a: 1\n---\nb: 2\n", "more than one document"),
            ("a: 1\na: 2\n", "\"a\" stands twice"),
            ("? [a]\n: 1\n", "a list is the key"),
            ("a: !ruby/object:Object {}\n", "ruby/object"),
            ("a: [1, 2\n", ""),
            ("a: *nobody\n", ""),
            (&bomb, "more than 200000 values"),
            (&deep, "deeper than 64"),
        ] {
            let said = read(text).unwrap_err();
            assert!(said.contains(words), "{text:.40}: {said}");
        }
    }
}
