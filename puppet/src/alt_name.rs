//! Subject alternative names.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

/// A subject alternative name of the types that Puppet issues (RFC 5280 section 4.2.1.6).
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum AltName {
    /// A host name, in lower case; in a request, unchanged.
    Dns(String),
    /// An address.
    Ip(IpAddr),
}

/// A text that is neither a host name nor an address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("failed to read the alternative name {0:?}: it must be an IP address or a host name of a-z, 0-9, `-`, `_` and dots")]
pub struct AltNameError(String);

impl FromStr for AltName {
    type Err = AltNameError;

    /// Reads `name`, `DNS:name`, `address` or `IP:address`, the forms of Puppet's `dns_alt_names`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = || AltNameError(text.to_owned());
        let trimmed = text.trim();
        if let Some(address) = trimmed.strip_prefix("IP:") {
            return address.trim().parse().map(Self::Ip).map_err(|_| error());
        }
        let (name, may_be_address) = match trimmed.strip_prefix("DNS:") {
            Some(name) => (name.trim(), false),
            None => (trimmed, true),
        };
        if let (true, Ok(address)) = (may_be_address, name.parse()) {
            return Ok(Self::Ip(address));
        }
        let name = name.to_ascii_lowercase();
        let label = |label: &str| {
            let inside = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
            !label.is_empty() && label.chars().all(inside)
        };
        if name.split('.').all(label) { Ok(Self::Dns(name)) } else { Err(error()) }
    }
}

impl fmt::Display for AltName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dns(name) => f.write_str(name),
            Self::Ip(address) => address.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_become_ip_names_and_everything_else_host_names() {
        let ip = |text: &str| AltName::Ip(text.parse().unwrap());
        let dns = |text: &str| AltName::Dns(text.to_owned());
        let cases = [
            ("10.0.0.1", ip("10.0.0.1")),
            (" IP:10.0.0.1 ", ip("10.0.0.1")),
            ("fd00::1", ip("fd00::1")),
            ("Puppet.Example.com", dns("puppet.example.com")),
            ("DNS:puppet", dns("puppet")),
            ("DNS:10.0.0.1", dns("10.0.0.1")),
            ("a_b-c", dns("a_b-c")),
        ];
        for (text, name) in cases {
            assert_eq!(text.parse(), Ok(name), "{text}");
        }
    }

    #[test]
    fn other_texts_are_refused() {
        for bad in ["", "a..b", "*.example.com", "a b", "URI:https://x", "IP:puppet", "ä"] {
            assert!(bad.parse::<AltName>().is_err(), "{bad}");
        }
    }
}
