//! The name a Puppet certificate is issued for.

use std::fmt;
use std::str::FromStr;

/// A name the Puppet CA accepts as subject of a request.
///
/// The rule is the one of Puppet Server's certificate authority: lower case; the first character a letter, a digit
/// or `_`; labels of letters, digits, `-` and `_` joined by single dots; no `*`; no `-` at the end.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Certname(String);

/// A text that is not a certname: which rule it breaks and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("failed to read the certname {value:?}: {rule}; {remedy}")]
pub struct CertnameError {
    /// The text that was refused.
    pub value: String,
    /// The broken rule.
    pub rule: &'static str,
    /// What makes it valid.
    pub remedy: &'static str,
}

impl Certname {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Certname {
    type Err = CertnameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match broken_rule(text) {
            None => Ok(Self(text.to_owned())),
            Some((rule, remedy)) => Err(CertnameError { value: text.to_owned(), rule, remedy }),
        }
    }
}

/// The first rule the text breaks, and the remedy.
fn broken_rule(text: &str) -> Option<(&'static str, &'static str)> {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_');
    let Some(first) = text.chars().next() else {
        return Some(("it must not be empty", "give a name such as puppet.example.com"));
    };
    if text.chars().any(char::is_uppercase) {
        return Some(("it must be lower case", "write all letters in lower case"));
    }
    if text.contains('*') {
        return Some(("wildcards are not allowed", "give the full name, without `*`"));
    }
    if text.split('.').any(str::is_empty) {
        return Some(("its labels must not be empty", "remove the leading, trailing or doubled dot"));
    }
    if !text.split('.').all(|label| label.chars().all(allowed)) {
        return Some(("its labels may only hold a-z, 0-9, `-` and `_`", "replace every other character"));
    }
    if first == '-' {
        return Some(("it must begin with a letter, a digit or `_`", "remove the `-` at the beginning"));
    }
    text.ends_with('-').then_some(("it must not end with `-`", "remove the `-` at the end"))
}

impl AsRef<str> for Certname {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Certname {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Certname {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Certname({})", self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_that_puppet_accepts_are_accepted() {
        for name in ["puppet", "a.b-c.example.com", "_x", "9", "node_1.corp.test", "a.-b"] {
            assert_eq!(name.parse::<Certname>().unwrap().as_str(), name);
        }
    }

    #[test]
    fn a_refused_name_is_told_its_value_its_rule_and_a_remedy() {
        let cases = [
            ("", "must not be empty"),
            ("Puppet", "must be lower case"),
            ("*.example.com", "wildcards"),
            ("a..b", "labels must not be empty"),
            (".a", "labels must not be empty"),
            ("a.", "labels must not be empty"),
            ("-a", "must begin with"),
            ("a-", "must not end with"),
            ("a b", "may only hold"),
            ("a/../b", "labels must not be empty"),
            ("a/b", "may only hold"),
            ("ä", "may only hold"),
            ("a\n", "may only hold"),
        ];
        for (name, rule) in cases {
            let error = name.parse::<Certname>().unwrap_err();
            assert_eq!(error.value, name);
            assert!(error.to_string().contains(rule), "{name:?}: {error}");
            assert!(!error.remedy.is_empty());
        }
    }

    proptest! {
        #[test]
        fn every_accepted_name_matches_the_rule_of_the_ca(name in "[a-zA-Z0-9._*/ -]{0,12}") {
            if let Ok(certname) = name.parse::<Certname>() {
                let text = certname.as_str();
                prop_assert!(text.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_'));
                prop_assert!(!text.ends_with(['-', '.']));
                prop_assert!(text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "._-".contains(c)));
            }
        }
    }
}
