//! `KIND/NAME` on the command line.

use crate::kind::Kind;
use std::fmt;

/// One object of the namespace.
#[derive(Debug, Clone)]
pub struct Target {
    /// Its kind.
    pub kind: &'static Kind,
    /// Its name.
    pub name: String,
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind.name(), self.name)
    }
}

/// Reads `KIND/NAME`.
pub fn parse(text: &str) -> Result<Target, String> {
    let Some((kind, name)) = text.split_once('/').filter(|(kind, name)| !kind.is_empty() && !name.is_empty()) else {
        return Err(format!("{text:?} does not name an object: write KIND/NAME, such as certificate/web"));
    };
    let known = || Kind::all().iter().map(|kind| kind.name().to_ascii_lowercase()).collect::<Vec<_>>().join(", ");
    let kind = Kind::named(kind).ok_or_else(|| format!("{kind:?} is no kind of this API; there are {}", known()))?;
    Ok(Target { kind, name: name.to_owned() })
}

/// Reads the name of a Certificate.
pub fn certificate(name: &str) -> Result<Target, String> {
    parse(&format!("certificate/{name}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_is_named_by_kind_and_name() {
        assert_eq!(parse("cert/web").unwrap().to_string(), "Certificate web");
        assert!(parse("web").unwrap_err().contains("KIND/NAME"));
        assert!(parse("cert/").unwrap_err().contains("KIND/NAME"));
        assert!(parse("pod/web").unwrap_err().contains("signingpolicy"));
    }
}
