//! The name a Puppet certificate is issued for.

use std::fmt;
use std::str::FromStr;

/// A name the Puppet CA accepts as subject of a request.
///
/// The rule is the one of OpenVox Server's certificate authority (`certificate_authority.clj`, `validate-subject!`): lower
/// case; the first character a letter, a digit or `_`; labels of letters, digits, `-` and `_` joined by single dots, none
/// with a `-` at its end; no `*`. There may be dots at the end, as in the host names of some cloud images, and any number of
/// characters.
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
    let mut labels = text.trim_end_matches('.').split('.');
    if labels.clone().any(str::is_empty) {
        return Some(("its labels must not be empty", "remove the leading or doubled dot"));
    }
    if !labels.clone().all(|label| label.chars().all(allowed)) {
        return Some(("its labels may only hold a-z, 0-9, `-` and `_`", "replace every other character"));
    }
    if first == '-' {
        return Some(("it must begin with a letter, a digit or `_`", "remove the `-` at the beginning"));
    }
    labels.any(|label| label.ends_with('-')).then_some(("none of its labels may end with `-`", "remove the `-` at the end of the label"))
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
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_that_puppet_accepts_are_accepted() {
        for name in ["puppet", "a.b-c.example.com", "_x", "9", "node_1.corp.test", "a.-b", "a.", "al2023-2.", "a..", "_web_.lab_"] {
            assert_eq!(name.parse::<Certname>().unwrap().as_str(), name);
        }
        let long = format!("a{}", ".autoscaling-group-for-the-batch-workers".repeat(5));
        assert_eq!(long.parse::<Certname>().unwrap().as_str(), long);
    }

    #[test]
    fn a_refused_name_is_told_its_value_its_rule_and_a_remedy() {
        let cases = [
            ("", "must not be empty"),
            ("Puppet", "must be lower case"),
            ("*.example.com", "wildcards"),
            ("a..b", "labels must not be empty"),
            (".a", "labels must not be empty"),
            (".", "labels must not be empty"),
            ("..", "labels must not be empty"),
            ("-a", "must begin with"),
            ("a-", "may end with"),
            ("a-.b", "may end with"),
            ("a-.", "may end with"),
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
                prop_assert!(!text.ends_with('-') && !text.contains("-."));
                prop_assert!(text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "._-".contains(c)));
            }
        }
    }
}
