//! JSON documents whose shape is somebody else's.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;
use std::fmt;

/// A JSON document, kept as its text: a tree of values takes ten times the memory, and every object that the operator
/// knows has half a dozen of them. Keys are in order, so equal documents have equal texts.
#[derive(Clone, PartialEq, Eq)]
pub struct Document(Box<str>);

impl Document {
    /// The document as a tree.
    #[must_use]
    pub fn value(&self) -> Value {
        // It was made of one.
        serde_json::from_str(&self.0).unwrap_or_default()
    }

    /// The document as a type.
    ///
    /// # Errors
    /// If it has another shape.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        serde_json::from_str(&self.0)
    }
}

impl From<Value> for Document {
    fn from(value: Value) -> Self {
        Self(value.to_string().into_boxed_str())
    }
}

impl fmt::Display for Document {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Document {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for Document {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.value().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Document {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Value::deserialize(deserializer).map(Self::from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_document_reads_back_as_it_was_and_its_keys_are_in_order() {
        let value = json!({"b": [1, null, {"z": "ä\n"}], "a": true});
        let document = Document::from(value.clone());
        assert_eq!(document.value(), value);
        assert_eq!(document.to_string(), r#"{"a":true,"b":[1,null,{"z":"ä\n"}]}"#);
        let read: Document = serde_json::from_str(r#"{ "b": [1, null, {"z": "ä\n"}], "a": true }"#).unwrap();
        assert_eq!(read, document);
        assert_eq!(serde_json::to_value(&document).unwrap(), value);
        assert_eq!(document.read::<std::collections::BTreeMap<String, Value>>().unwrap().len(), 2);
    }
}
