//! The facts of a node, where Puppet Server keeps them.

use serde::Deserialize;
use serde_json::value::RawValue;
use std::path::Path;
use std::{fs, io};
use thiserror::Error;

/// The stored facts cannot be used.
#[derive(Debug, Error)]
pub enum FactsError {
    /// The file cannot be read.
    #[error("failed to read the facts {0}: {1}")]
    Read(String, io::Error),
    /// The file is not what Puppet Server writes.
    #[error("failed to understand the facts {0}: {1}")]
    Shape(String, serde_json::Error),
}

#[derive(Deserialize)]
struct Stored {
    values: Box<RawValue>,
}

/// The facts of a node as the JSON that Puppet Server wrote, `{}` for a node that has sent none.
///
/// # Errors
/// [`FactsError`] if there are facts, but not readable.
pub fn stored(directory: &Path, certname: &str) -> Result<Box<RawValue>, FactsError> {
    let path = directory.join(format!("{certname}.json"));
    let shown = || path.display().to_string();
    match fs::read_to_string(&path) {
        Ok(text) => Ok(serde_json::from_str::<Stored>(&text).map_err(|error| FactsError::Shape(shown(), error))?.values),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            RawValue::from_string("{}".to_owned()).map_err(|error| FactsError::Shape(shown(), error))
        }
        Err(error) => Err(FactsError::Read(shown(), error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_are_handed_on_as_they_are_stored() {
        let directory = tempfile::tempdir().unwrap();
        fs::write(
            directory.path().join("web.json"),
            r#"{"name": "web", "values": {"big": 12345678901234567890, "x": [1.50]}, "timestamp": "t"}"#,
        )
        .unwrap();
        assert_eq!(stored(directory.path(), "web").unwrap().get(), r#"{"big": 12345678901234567890, "x": [1.50]}"#);
        assert_eq!(stored(directory.path(), "new").unwrap().get(), "{}");
        fs::write(directory.path().join("torn.json"), "{\"val").unwrap();
        assert!(stored(directory.path(), "torn").unwrap_err().to_string().contains("torn.json"));
    }
}
