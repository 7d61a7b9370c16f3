//! The policy file `autosign-policy.yaml`: its content, and how it is read and written.
//!
//! ```yaml
//! policies:
//!   - name: "web"
//!     pattern:
//!       allow:
//!         - "web*.example.test"
//!     dnsAltNames:
//!       allow:
//!         - "*.example.test"
//!     ipAltNames:
//!       allow:
//!         - "10.0.0.0/8"
//!     csrAttributes:
//!       - name: "pp_role"
//!         value: "web"
//!     extensions:
//!       allow:
//!         - "pp_auth_role"
//!   - name: "lab"
//!     any: true
//! ```

use aws_lc_rs::constant_time::verify_slices_are_equal;
use serde::Deserialize;
use std::fmt::{self, Write as _};
use thiserror::Error;

/// All policies that apply to one CA, in the order they are tried. None at all refuses every request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PolicyFile {
    /// The policies; the first that matches signs.
    pub policies: Vec<Policy>,
}

/// One reason to sign.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// What the verdict calls it.
    pub name: String,
    /// `extensions.allow`: extensions and attributes beyond the ordinary ones that a request may carry, whatever their
    /// values, by names that [`openvox_puppet::extension::resolve`] knows; any other allows nothing.
    pub extensions: Vec<String>,
    /// What it asks of a request.
    pub rule: Rule,
}

/// What a policy asks of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rule {
    /// `any: true`: nothing beyond what every request is asked. Conditions that stand beside it in a file are dropped,
    /// the extensions are not.
    Any,
    /// Everything that is given must hold.
    Conditions(Conditions),
}

/// The conditions of a policy without `any: true`. The policy matches nothing unless `pattern` or `csr_attributes`
/// is given.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Conditions {
    /// `pattern.allow`: globs, one of which must match the certname; an empty list matches nothing.
    pub pattern: Option<Vec<String>>,
    /// `dnsAltNames.allow`: globs, one of which must match each DNS alternative name.
    pub dns_alt_names: Option<Vec<String>>,
    /// `ipAltNames.allow`: addresses and networks, one of which must hold each IP address among the alternative names.
    pub ip_alt_names: Option<Vec<String>>,
    /// `csrAttributes`: each must be in the request.
    pub csr_attributes: Vec<CsrAttribute>,
}

/// An extension or attribute that a request must carry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CsrAttribute {
    /// A name that [`openvox_puppet::extension::resolve`] knows; any other never matches.
    pub name: String,
    /// The value it must have.
    pub value: ExpectedValue,
}

/// A value that a request must know, which is often a secret: it is not shown by `Debug` and has no `Display`.
#[derive(Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct ExpectedValue(String);

impl ExpectedValue {
    /// Whether the expected value is empty, which never matches: the value may have been forgotten.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        comparable(self.0.as_bytes()).is_empty()
    }

    /// Whether a value of a request is this one, in a time that tells whoever sends many requests nothing about it but its
    /// length.
    #[must_use]
    pub fn is(&self, value: &[u8]) -> bool {
        verify_slices_are_equal(&comparable(value), &comparable(self.0.as_bytes())).is_ok()
    }
}

/// A value without what line ends do to it: none behind the last line, where files, Secrets and YAML blocks tend to have
/// one, and line feeds alone between lines.
fn comparable(value: &[u8]) -> Vec<u8> {
    let (mut bytes, mut rest) = (Vec::with_capacity(value.len()), value);
    while let [first, after @ ..] = rest {
        if !(*first == b'\r' && after.first() == Some(&b'\n')) {
            bytes.push(*first);
        }
        rest = after;
    }
    while bytes.last().is_some_and(|last| matches!(last, b'\r' | b'\n')) {
        bytes.pop();
    }
    bytes
}

impl From<String> for ExpectedValue {
    fn from(value: String) -> Self {
        Self(value)
    }
}

impl fmt::Debug for ExpectedValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(not shown)")
    }
}

/// Why a policy file cannot be used. The messages name places and keys, never values, as these may be secrets.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("failed to read the policy file at line {line}, column {column}: {fault}")]
pub struct PolicyError {
    /// The line, counted from 1; 0 if not known.
    pub line: u64,
    /// The column, counted from 1; 0 if not known.
    pub column: u64,
    /// What is wrong there.
    pub fault: PolicyFault,
}

/// What can be wrong with a policy file.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum PolicyFault {
    /// A key that means nothing here. It may be a misspelled restriction, so it is not skipped.
    #[error("unknown key {0:?}")]
    UnknownKey(String),
    /// A key that has to be there.
    #[error("the key {0:?} is missing")]
    MissingKey(String),
    /// A key given twice in one block.
    #[error("a key is given twice")]
    DuplicateKey,
    /// A value of another type than the key has, such as a text for a list.
    #[error("a value of the wrong type")]
    WrongType,
    /// No YAML at all, or a construct that has no place in a policy.
    #[error("not a policy file")]
    NotAPolicyFile,
}

/// The file as it is spelled.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileText {
    policies: Option<Vec<PolicyText>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct PolicyText {
    name: String,
    #[serde(default)]
    any: bool,
    pattern: Option<AllowText>,
    dns_alt_names: Option<AllowText>,
    ip_alt_names: Option<AllowText>,
    csr_attributes: Option<Vec<CsrAttributeText>>,
    extensions: Option<AllowText>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AllowText {
    allow: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CsrAttributeText {
    name: String,
    #[serde(default)]
    value: ExpectedValue,
}

impl PolicyFile {
    /// Reads a policy file. An empty one holds no policies.
    ///
    /// # Errors
    ///
    /// A [`PolicyError`] if the text is no YAML of exactly the expected shape: one document, no unknown, missing or
    /// repeated keys. Globs, ranges and names are not looked at, as a bad one only makes its own policy match less.
    pub fn parse(text: &str) -> Result<Self, PolicyError> {
        let options = serde_saphyr::options! {
            duplicate_keys: serde_saphyr::DuplicateKeyPolicy::Error,
            merge_keys: serde_saphyr::MergeKeyPolicy::Error,
            strict_booleans: true,
            reject_unsupported_tags: true,
            // A snippet of the file could show a secret.
            with_snippet: false,
        };
        let file: Option<FileText> = serde_saphyr::from_str_with_options(text, options).map_err(|error| PolicyError::from(&error))?;
        let policies = file.and_then(|file| file.policies).unwrap_or_default();
        Ok(Self { policies: policies.into_iter().map(Policy::from).collect() })
    }

    /// Writes a policy file that [`PolicyFile::parse`] reads back as the same policies. Every text is quoted, whatever
    /// it holds, so that no name and no value can become structure.
    #[must_use]
    pub fn to_yaml(&self) -> String {
        if self.policies.is_empty() {
            return "policies: []\n".to_owned();
        }
        let mut yaml = "policies:\n".to_owned();
        for Policy { name, extensions, rule } in &self.policies {
            line(&mut yaml, 1, &format!("- name: {}", Quoted(name)));
            match rule {
                Rule::Any => line(&mut yaml, 2, "any: true"),
                Rule::Conditions(conditions) => conditions.write(&mut yaml),
            }
            // Only where there are some, so that a program from before this key goes on reading the file.
            if !extensions.is_empty() {
                allow(&mut yaml, "extensions", extensions);
            }
        }
        yaml
    }
}

impl Conditions {
    fn write(&self, yaml: &mut String) {
        let Self { pattern, dns_alt_names, ip_alt_names, csr_attributes } = self;
        for (key, entries) in [("pattern", pattern), ("dnsAltNames", dns_alt_names), ("ipAltNames", ip_alt_names)] {
            if let Some(entries) = entries {
                allow(yaml, key, entries);
            }
        }
        if csr_attributes.is_empty() {
            return;
        }
        line(yaml, 2, "csrAttributes:");
        for CsrAttribute { name, value } in csr_attributes {
            line(yaml, 3, &format!("- name: {}", Quoted(name)));
            line(yaml, 4, &format!("value: {}", Quoted(&value.0)));
        }
    }
}

impl From<PolicyText> for Policy {
    fn from(text: PolicyText) -> Self {
        let PolicyText { name, any, pattern, dns_alt_names, ip_alt_names, csr_attributes, extensions } = text;
        let rule = if any {
            Rule::Any
        } else {
            let attribute = |CsrAttributeText { name, value }| CsrAttribute { name, value };
            Rule::Conditions(Conditions {
                pattern: pattern.map(|globs| globs.allow),
                dns_alt_names: dns_alt_names.map(|globs| globs.allow),
                ip_alt_names: ip_alt_names.map(|ranges| ranges.allow),
                csr_attributes: csr_attributes.unwrap_or_default().into_iter().map(attribute).collect(),
            })
        };
        Self { name, extensions: extensions.map(|names| names.allow).unwrap_or_default(), rule }
    }
}

impl From<&serde_saphyr::Error> for PolicyError {
    fn from(error: &serde_saphyr::Error) -> Self {
        use serde_saphyr::Error;
        let error = error.without_snippet();
        let fault = match error {
            Error::SerdeUnknownField { field, .. } => PolicyFault::UnknownKey(field.clone()),
            Error::SerdeMissingField { field, .. } => PolicyFault::MissingKey((*field).to_owned()),
            Error::DuplicateMappingKey { .. } => PolicyFault::DuplicateKey,
            Error::Unexpected { .. }
            | Error::SerdeInvalidType { .. }
            | Error::SerdeInvalidValue { .. }
            | Error::InvalidScalar { .. }
            | Error::InvalidBooleanStrict { .. }
            | Error::NullIntoString { .. } => PolicyFault::WrongType,
            _ => PolicyFault::NotAPolicyFile,
        };
        let (line, column) = error.location().map_or((0, 0), |at| (at.line(), at.column()));
        Self { line, column, fault }
    }
}

/// Appends a block of a policy that allows these texts.
fn allow(yaml: &mut String, key: &str, entries: &[String]) {
    line(yaml, 2, &format!("{key}:"));
    if entries.is_empty() {
        return line(yaml, 3, "allow: []");
    }
    line(yaml, 3, "allow:");
    for entry in entries {
        line(yaml, 4, &format!("- {}", Quoted(entry)));
    }
}

/// Appends one line, indented by `depth` steps.
fn line(yaml: &mut String, depth: usize, text: &str) {
    yaml.push_str(&"  ".repeat(depth));
    yaml.push_str(text);
    yaml.push('\n');
}

/// A double-quoted YAML scalar (YAML 1.2 section 7.3.1) of nothing but printable ASCII.
struct Quoted<'a>(&'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_char('"')?;
        for c in self.0.chars() {
            match c {
                '"' | '\\' => write!(f, "\\{c}")?,
                ' '..='~' => f.write_char(c)?,
                '\n' => f.write_str("\\n")?,
                '\t' => f.write_str("\\t")?,
                '\r' => f.write_str("\\r")?,
                c => match u32::from(c) {
                    code @ ..=0xff => write!(f, "\\x{code:02x}")?,
                    code @ ..=0xffff => write!(f, "\\u{code:04x}")?,
                    code => write!(f, "\\U{code:08x}")?,
                },
            }
        }
        f.write_char('"')
    }
}

#[cfg(test)]
mod tests;
