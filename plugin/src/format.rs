//! Forms of output: for people, or for programs.

use anyhow::Context as _;
use serde::Serialize;

/// Form of the output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Format {
    /// For people.
    #[default]
    Text,
    /// JSON.
    Json,
    /// YAML.
    Yaml,
}

impl Format {
    /// Prints a document, or for people what `text` makes of it.
    ///
    /// # Errors
    /// If the document does not serialise, or standard output is closed.
    pub fn print<T: Serialize>(self, document: &T, text: impl FnOnce() -> String) -> anyhow::Result<()> {
        let shown = match self {
            Self::Text => text(),
            Self::Json => serde_json::to_string_pretty(document)? + "\n",
            Self::Yaml => serde_saphyr::to_string(document)?,
        };
        write(&shown)
    }

    /// Prints one of many documents: JSON on a line of its own, YAML as a document of a stream.
    ///
    /// # Errors
    /// As [`Format::print`].
    pub fn print_one<T: Serialize>(self, document: &T, text: impl FnOnce() -> String) -> anyhow::Result<()> {
        match self {
            Self::Json => write(&(serde_json::to_string(document)? + "\n")),
            Self::Yaml => write(&format!("---\n{}", serde_saphyr::to_string(document)?)),
            Self::Text => write(&text()),
        }
    }
}

/// Writes a text to standard output.
///
/// # Errors
/// If it is closed.
pub fn write(text: &str) -> anyhow::Result<()> {
    use std::io::Write as _;
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).context("failed to write to standard output")
}
