//! Whether a request is signed, and why or why not.

use std::fmt;

use super::attribute;
use super::glob::{Glob, GlobError};
use super::policy::{Conditions, CsrAttribute, PolicyFile, Rule};
use super::request::{AltName, Request};

/// The answer to a request. It explains itself with `Display`, without any value of an attribute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Sign it.
    Sign {
        /// The name of the first policy that matched.
        policy: String,
        /// What made it match, in the order it was looked at.
        grounds: Vec<Ground>,
    },
    /// Do not sign it.
    Deny(Denial),
}

/// Something that speaks for a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ground {
    /// The policy says `any`.
    Any,
    /// This pattern matched the certname.
    Pattern(String),
    /// The request carries this extension or attribute with the expected value.
    Attribute(String),
    /// An alternative name, and the entry of `dnsAltNames` that allows it.
    AltName(AltName, String),
}

/// Why a request is not signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Denial {
    /// The request is made out to another name than the one the CA asks about; no policy was asked.
    CommonName(String),
    /// There are no policies.
    NoPolicies,
    /// No policy matched: each one's name and what it was that failed first.
    Policies(Vec<(String, Reason)>),
}

/// Why a policy does not match.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// An extension is requested that gives rights on the server and that the policy does not name.
    AuthorizationExtension(String),
    /// An alternative name of a type that no policy allows.
    AltNameType(AltName),
    /// None of these patterns matches the certname.
    Pattern {
        /// The patterns that were tried.
        tried: Vec<String>,
        /// Those that cannot be read.
        unreadable: Vec<GlobError>,
    },
    /// The policy asks for an attribute by a name that is not known.
    UnknownAttribute(String),
    /// The policy asks for an empty value, which is what a forgotten one looks like.
    EmptyExpectation(String),
    /// The request does not carry the attribute.
    AttributeMissing(String),
    /// The request carries the attribute with another value, at least in one place.
    AttributeDiffers(String),
    /// An alternative name that the policy does not allow.
    AltName {
        /// The first such name.
        name: AltName,
        /// Entries that cannot be read.
        unreadable: Vec<GlobError>,
    },
    /// The policy has neither `pattern` nor `csrAttributes`.
    NoCondition,
}

/// Decides about a request that the CA has received under the name `certname`.
#[must_use]
pub fn evaluate(file: &PolicyFile, certname: &str, request: &Request) -> Verdict {
    if request.common_name() != certname {
        let other = request.common_name().to_owned();
        return Verdict::Deny(Denial::CommonName(other));
    }
    let mut refused = Vec::new();
    for policy in &file.policies {
        match ask(&policy.rule, certname, request) {
            Ok(grounds) => {
                return Verdict::Sign { policy: policy.name.clone(), grounds };
            }
            Err(reason) => refused.push((policy.name.clone(), reason)),
        }
    }
    Verdict::Deny(if refused.is_empty() { Denial::NoPolicies } else { Denial::Policies(refused) })
}

/// The grounds on which a policy matches, or the first reason that it does not.
fn ask(rule: &Rule, certname: &str, request: &Request) -> Result<Vec<Ground>, Reason> {
    let named: &[CsrAttribute] = match rule {
        Rule::Any => &[],
        Rule::Conditions(conditions) => &conditions.csr_attributes,
    };
    authorization_is_named(named, request)?;
    alt_names_are_hosts(request)?;
    let conditions = match rule {
        Rule::Any => return Ok(vec![Ground::Any]),
        Rule::Conditions(conditions) => conditions,
    };
    let Conditions { pattern, dns_alt_names, csr_attributes } = conditions;
    let mut grounds = Vec::new();
    if let Some(globs) = pattern {
        grounds.push(pattern_matches(globs, certname)?);
    }
    for expected in csr_attributes {
        grounds.push(attribute_is_carried(expected, request)?);
    }
    if grounds.is_empty() {
        return Err(Reason::NoCondition);
    }
    let globs = dns_alt_names.as_deref().unwrap_or_default();
    for name in request.alt_names() {
        grounds.push(alt_name_is_allowed(globs, name)?);
    }
    Ok(grounds)
}

fn authorization_is_named(named: &[CsrAttribute], request: &Request) -> Result<(), Reason> {
    let unnamed = request
        .extension_oids()
        .filter(|oid| attribute::is_authorization(oid))
        .find(|oid| !named.iter().any(|entry| attribute::resolve(&entry.name).as_ref() == Some(oid)));
    match unnamed {
        Some(oid) => Err(Reason::AuthorizationExtension(attribute::describe(oid).to_owned())),
        None => Ok(()),
    }
}

fn alt_names_are_hosts(request: &Request) -> Result<(), Reason> {
    let other = |name: &&AltName| matches!(name, AltName::Other(_));
    match request.alt_names().iter().find(other) {
        Some(name) => Err(Reason::AltNameType(name.clone())),
        None => Ok(()),
    }
}

fn pattern_matches(globs: &[String], certname: &str) -> Result<Ground, Reason> {
    let mut unreadable = Vec::new();
    for glob in globs {
        match Glob::parse(glob) {
            Ok(glob) if glob.matches(certname) => {
                return Ok(Ground::Pattern(glob.as_str().to_owned()));
            }
            Ok(_) => {}
            Err(error) => unreadable.push(error),
        }
    }
    Err(Reason::Pattern { tried: globs.to_vec(), unreadable })
}

fn attribute_is_carried(entry: &CsrAttribute, request: &Request) -> Result<Ground, Reason> {
    let name = entry.name.clone();
    let Some(oid) = attribute::resolve(&name) else {
        return Err(Reason::UnknownAttribute(name));
    };
    let expected = entry.value.expected().as_bytes();
    if expected.is_empty() {
        return Err(Reason::EmptyExpectation(name));
    }
    let mut carried = false;
    // All of them: an attribute with the right value must not vouch for an extension with another.
    for value in request.values(&oid) {
        if value != expected {
            return Err(Reason::AttributeDiffers(name));
        }
        carried = true;
    }
    if carried { Ok(Ground::Attribute(name)) } else { Err(Reason::AttributeMissing(name)) }
}

fn alt_name_is_allowed(entries: &[String], name: &AltName) -> Result<Ground, Reason> {
    let mut unreadable = Vec::new();
    for entry in entries {
        let allowed = match name {
            AltName::Dns(name) => match Glob::parse(entry) {
                Ok(glob) => glob.matches(name),
                Err(error) => {
                    unreadable.push(error);
                    false
                }
            },
            AltName::Ip(address) => entry.parse().is_ok_and(|entry: std::net::IpAddr| entry == *address),
            AltName::Other(_) => false,
        };
        if allowed {
            return Ok(Ground::AltName(name.clone(), entry.clone()));
        }
    }
    Err(Reason::AltName { name: name.clone(), unreadable })
}

impl Verdict {
    /// Whether the CA may sign.
    #[must_use]
    pub fn signs(&self) -> bool {
        matches!(self, Verdict::Sign { .. })
    }
}

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
            Ground::AltName(name, entry) => write!(f, "alternative name {name} by {entry:?}"),
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
                write!(f, "the authorization extension {name} is not named in its csrAttributes")
            }
            Reason::AltNameType(name) => {
                write!(f, "an alternative name of type {name} is never allowed")
            }
            Reason::Pattern { tried, unreadable } => {
                write!(f, "pattern did not match {tried:?}")?;
                complain(f, unreadable)
            }
            Reason::UnknownAttribute(name) => write!(f, "the attribute name {name:?} is not known"),
            Reason::EmptyExpectation(name) => {
                write!(f, "it expects no value for attribute {name:?}")
            }
            Reason::AttributeMissing(name) => write!(f, "attribute {name:?} is missing"),
            Reason::AttributeDiffers(name) => write!(f, "attribute {name:?} has another value"),
            Reason::AltName { name, unreadable } => {
                write!(f, "alternative name {name} is not in its dnsAltNames")?;
                complain(f, unreadable)
            }
            Reason::NoCondition => f.write_str("it has neither pattern nor csrAttributes"),
        }
    }
}

fn complain(f: &mut fmt::Formatter<'_>, unreadable: &[GlobError]) -> fmt::Result {
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
