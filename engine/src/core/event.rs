//! Domain events: what happened, in the past tense, stored before anything is done about it.

use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use std::fmt::Debug;

/// A domain event of one machine. Serialised adjacently tagged: `{"type": "CsrSubmitted", "data": {…}}`; `as_ref` is the same
/// name (derive `strum::AsRefStr`).
pub trait DomainEvent: AsRef<str> + Clone + Eq + Debug + Serialize + DeserializeOwned + Send + Sync + 'static {
    /// Version of the machine's event schema that is written today.
    const VERSION: u32;

    /// Somebody should hear of this event although the object may go on working.
    fn is_warning(&self) -> bool;

    /// Brings an event of an older version to today's shape.
    ///
    /// # Errors
    /// [`Unreadable`] if the version is not known.
    fn upcast(recorded: Recorded) -> Result<Recorded, Unreadable> {
        if recorded.version == Self::VERSION { Ok(recorded) } else { Err(Unreadable::Version(recorded.name, recorded.version)) }
    }
}

/// An event as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    /// Name of the event, past tense.
    pub name: String,
    /// Version of the event schema it was written with.
    pub version: u32,
    /// What belongs to it; `None` for an event without data.
    pub data: Option<Value>,
}

/// A stored event cannot be read back.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    /// Written by a version of the operator that this one does not know.
    #[error("failed to read event {0}: version {1} of its schema is not known here")]
    Version(String, u32),
    /// Its shape is not that of its version.
    #[error("failed to read event {name}: {source}")]
    Shape {
        /// Name of the event.
        name: String,
        /// What serde says.
        source: serde_json::Error,
    },
}

/// Brings an event into the form it is stored in.
///
/// # Errors
/// [`Unreadable::Shape`] if the event does not serialise, which no event of ours can do.
pub fn record<E: DomainEvent>(event: &E) -> Result<Recorded, Unreadable> {
    let name = event.as_ref().to_owned();
    let shape = |source| Unreadable::Shape { name: name.clone(), source };
    let mut tagged = match serde_json::to_value(event).map_err(shape)? {
        Value::Object(members) => members,
        other => return Err(shape(serde::ser::Error::custom(format!("not adjacently tagged: {other}")))),
    };
    let data = tagged.remove("data");
    Ok(Recorded { name, version: E::VERSION, data })
}

/// Reads a stored event, of today's version or an older one.
///
/// # Errors
/// [`Unreadable`] if its version or its shape is not known.
pub fn read<E: DomainEvent>(recorded: Recorded) -> Result<E, Unreadable> {
    let Recorded { name, data, .. } = E::upcast(recorded)?;
    let mut tagged = serde_json::Map::new();
    tagged.insert("type".into(), name.clone().into());
    if let Some(data) = data {
        tagged.insert("data".into(), data);
    }
    serde_json::from_value(Value::Object(tagged)).map_err(|source| Unreadable::Shape { name, source })
}
