//! A value of an answer. Scalars are kept as the text that the service wrote, so nothing is lost between two readings.

/// Deepest nesting of an answer. Puppet itself fails far below what would exhaust a stack.
pub(super) const MAX_DEPTH: usize = 64;

/// Most values of an answer, aliases counted each time they are used: a few lines of YAML may stand for billions.
pub(super) const MAX_VALUES: usize = 200_000;

/// A scalar.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scalar {
    /// Text without quotes, whose type follows from how it looks: a number, a boolean, null, or text.
    Plain(String),
    /// Text.
    Text(String),
}

impl Scalar {
    /// The characters.
    #[must_use]
    pub fn text(&self) -> &str {
        match self {
            Self::Plain(text) | Self::Text(text) => text,
        }
    }

    /// Ruby reads it as nil.
    pub(super) fn is_null(&self) -> bool {
        matches!(self, Self::Plain(text) if matches!(text.as_str(), "" | "~" | "null" | "Null" | "NULL"))
    }
}

/// A value of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// A scalar.
    Scalar(Scalar),
    /// A list.
    List(Vec<Value>),
    /// A map, in the order of the answer.
    Map(Vec<(Scalar, Value)>),
}

impl Value {
    /// The empty map.
    pub(super) const EMPTY: Self = Self::Map(Vec::new());

    pub(super) fn is_null(&self) -> bool {
        matches!(self, Self::Scalar(scalar) if scalar.is_null())
    }

    /// What an error message calls it.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Scalar(scalar) if scalar.is_null() => "null",
            Self::Scalar(_) => "a scalar",
            Self::List(_) => "a list",
            Self::Map(_) => "a map",
        }
    }
}

/// Counts the values of an answer that is being read.
#[derive(Debug, Default)]
pub(super) struct Budget {
    values: usize,
}

impl Budget {
    /// Takes one value at a depth.
    pub(super) fn take(&mut self, depth: usize) -> Result<(), String> {
        self.take_many(1)?;
        if depth > MAX_DEPTH {
            return Err(format!("it is nested deeper than {MAX_DEPTH} levels"));
        }
        Ok(())
    }

    /// Takes the values of a copy.
    pub(super) fn take_many(&mut self, values: usize) -> Result<(), String> {
        self.values = self.values.saturating_add(values);
        if self.values > MAX_VALUES { Err(format!("it has more than {MAX_VALUES} values")) } else { Ok(()) }
    }
}

/// Fails if a key stands in the map already.
pub(super) fn unique(map: &[(Scalar, Value)], seen: &mut std::collections::HashSet<String>, key: &Scalar) -> Result<(), String> {
    // Maps are read one key at a time, so the set and the map grow together.
    debug_assert!(seen.len() == map.len());
    if seen.insert(key.text().to_owned()) { Ok(()) } else { Err(format!("the key {:?} stands twice in one map", key.text())) }
}
