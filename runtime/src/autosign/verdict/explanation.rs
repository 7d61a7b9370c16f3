//! How a verdict explains itself: one line, without any value of an attribute.

use super::{Denial, Ground, Reason, Verdict};
use openvox_puppet::AltName;
use std::fmt;

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Verdict::Sign { policy, grounds } => {
                write!(f, "policy {policy:?} (")?;
                separated(f, ", ", grounds)?;
                f.write_str(")")
            }
            Verdict::Deny(denial) => denial.fmt(f),
        }
    }
}

impl fmt::Display for Ground {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Ground::Any => f.write_str("any"),
            Ground::Pattern(pattern) => write!(f, "pattern {pattern:?}"),
            Ground::Attribute(name) => write!(f, "attribute {name:?}"),
            Ground::Extension(name) => write!(f, "extension {name}"),
            Ground::AltName(AltName::Dns(name), entry) => write!(f, "alternative name {name:?} by {entry:?}"),
            Ground::AltName(AltName::Ip(address), entry) => write!(f, "alternative name {address} by {entry:?}"),
        }
    }
}

impl fmt::Display for Denial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Denial::CommonName(name) => {
                write!(f, "the request is made out to the common name {name:?}")
            }
            Denial::NoPolicies => f.write_str("there are no policies"),
            Denial::Policies(refused) => {
                let refused: Vec<String> = refused.iter().map(|(policy, reason)| format!("policy {policy:?}: {reason}")).collect();
                separated(f, "; ", &refused)
            }
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reason::AuthorizationExtension(name) => {
                write!(f, "the authorization extension {name} is named in neither its extensions nor its csrAttributes")
            }
            Reason::AltNameType(name) => write!(f, "an alternative name of type {name} is never allowed"),
            Reason::Wildcard(name) => write!(f, "the alternative name {name:?} has a wildcard, which is never allowed"),
            Reason::UnnamedExtension(name) => {
                write!(f, "the extension {name} is named in neither its extensions nor its csrAttributes")
            }
            Reason::UnnamedAttribute(name) => {
                write!(f, "the request attribute {name} is named in neither its extensions nor its csrAttributes")
            }
            Reason::Pattern { tried, unreadable } => {
                write!(f, "pattern did not match {tried:?}")?;
                complain(f, unreadable)
            }
            Reason::UnknownAttribute(name) => write!(f, "the attribute name {name:?} is not known"),
            Reason::EmptyExpectation(name) => write!(f, "it expects no value for attribute {name:?}"),
            Reason::AttributeMissing(name) => write!(f, "attribute {name:?} is missing"),
            Reason::AttributeDiffers(name) => write!(f, "attribute {name:?} has another value"),
            Reason::DnsName { name, unreadable } => {
                write!(f, "alternative name {name:?} matches nothing in its dnsAltNames")?;
                complain(f, unreadable)
            }
            Reason::Address { address, unreadable } => {
                write!(f, "alternative name {address} lies in nothing of its ipAltNames")?;
                complain(f, unreadable)
            }
            Reason::NoCondition => f.write_str("it has neither pattern nor csrAttributes"),
        }
    }
}

fn complain(f: &mut fmt::Formatter<'_>, unreadable: &[impl fmt::Display]) -> fmt::Result {
    for error in unreadable {
        write!(f, " ({error})")?;
    }
    Ok(())
}

fn separated(f: &mut fmt::Formatter<'_>, separator: &str, items: &[impl fmt::Display]) -> fmt::Result {
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            f.write_str(separator)?;
        }
        item.fmt(f)?;
    }
    Ok(())
}
