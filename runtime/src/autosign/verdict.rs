//! Whether a request is signed, and why or why not.

mod explanation;

use super::address_range::{AddressRange, AddressRangeError};
use super::glob::{Glob, GlobError};
use super::policy::{Conditions, CsrAttribute, Policy, PolicyFile, Rule};
use openvox_puppet::request::{Request, SUBJECT_ALT_NAME};
use openvox_puppet::{AltName, Oid, extension};
use std::net::IpAddr;

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
    /// The policy has `any: true`.
    Any,
    /// This pattern matched the certname.
    Pattern(String),
    /// The request carries this extension or attribute with the expected value.
    Attribute(String),
    /// An alternative name, and the entry of `dnsAltNames` or `ipAltNames` that allows it.
    AltName(AltName, String),
    /// An extension or attribute beyond the ordinary ones, which the policy allows by this name.
    Extension(String),
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
    AltNameType(&'static str),
    /// A DNS name with a wildcard, which no policy allows.
    Wildcard(String),
    /// An extension is requested that is not one of the ordinary ones and that the policy does not name.
    UnnamedExtension(String),
    /// The request has an attribute that is not one of the ordinary ones and that the policy does not name.
    UnnamedAttribute(String),
    /// None of these patterns matches the certname.
    Pattern {
        /// The patterns that were tried.
        tried: Vec<String>,
        /// Those that cannot be read.
        unreadable: Vec<GlobError>,
    },
    /// The policy asks for an attribute by a name that is not known.
    UnknownAttribute(String),
    /// The policy expects an empty value, as it does when the value was forgotten.
    EmptyExpectation(String),
    /// The request does not carry the attribute.
    AttributeMissing(String),
    /// The request carries the attribute with another value, at least in one place.
    AttributeDiffers(String),
    /// A DNS name that the policy does not allow.
    DnsName {
        /// The first such name.
        name: String,
        /// Entries that cannot be read.
        unreadable: Vec<GlobError>,
    },
    /// An IP address that the policy does not allow.
    Address {
        /// The first such address.
        address: IpAddr,
        /// Entries that cannot be read.
        unreadable: Vec<AddressRangeError>,
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
        match ask(policy, certname, request) {
            Ok(grounds) => {
                return Verdict::Sign { policy: policy.name.clone(), grounds };
            }
            Err(reason) => refused.push((policy.name.clone(), reason)),
        }
    }
    Verdict::Deny(if refused.is_empty() { Denial::NoPolicies } else { Denial::Policies(refused) })
}

/// The grounds on which a policy matches, or the first reason that it does not.
///
/// Authorization extensions and alternative names that cannot be judged are checked before any condition of the policy.
fn ask(policy: &Policy, certname: &str, request: &Request) -> Result<Vec<Ground>, Reason> {
    let named = Named::by(policy);
    named.cover_authorization(request)?;
    alt_names_are_hosts(request)?;
    named.cover_the_rest(request, policy.rule == Rule::Any)?;
    let mut grounds = Vec::new();
    match &policy.rule {
        Rule::Any => grounds.push(Ground::Any),
        Rule::Conditions(conditions) => conditions_hold(conditions, certname, request, &mut grounds)?,
    }
    grounds.extend(named.used(request));
    Ok(grounds)
}

fn conditions_hold(conditions: &Conditions, certname: &str, request: &Request, grounds: &mut Vec<Ground>) -> Result<(), Reason> {
    let Conditions { pattern, dns_alt_names, ip_alt_names, csr_attributes } = conditions;
    if let Some(globs) = pattern {
        grounds.push(pattern_matches(globs, certname)?);
    }
    for expected in csr_attributes {
        grounds.push(attribute_is_carried(expected, request)?);
    }
    if grounds.is_empty() {
        return Err(Reason::NoCondition);
    }
    for name in request.alt_names() {
        grounds.push(match name {
            AltName::Dns(name) => dns_name_is_allowed(dns_alt_names.as_deref().unwrap_or_default(), name)?,
            AltName::Ip(address) => address_is_allowed(ip_alt_names.as_deref().unwrap_or_default(), *address)?,
        });
    }
    Ok(())
}

/// The extensions and attributes that a policy names. A name that is not known names nothing.
struct Named {
    /// In `extensions`.
    allowed: Vec<Oid>,
    /// In `csrAttributes`, where their value is compared as well.
    expected: Vec<Oid>,
}

impl Named {
    fn by(policy: &Policy) -> Self {
        let expected: &[CsrAttribute] = match &policy.rule {
            Rule::Any => &[],
            Rule::Conditions(conditions) => &conditions.csr_attributes,
        };
        Self {
            allowed: policy.extensions.iter().filter_map(|name| extension::resolve(name)).collect(),
            expected: expected.iter().filter_map(|entry| extension::resolve(&entry.name)).collect(),
        }
    }

    fn has(&self, oid: &Oid) -> bool {
        self.allowed.contains(oid) || self.expected.contains(oid)
    }

    fn cover_authorization(&self, request: &Request) -> Result<(), Reason> {
        match request.extension_oids().find(|oid| extension::is_authorization(oid) && !self.has(oid)) {
            Some(oid) => Err(Reason::AuthorizationExtension(extension::describe(oid).to_owned())),
            None => Ok(()),
        }
    }

    /// Everything but authorization extensions and alternative names is ordinary or named.
    fn cover_the_rest(&self, request: &Request, any: bool) -> Result<(), Reason> {
        let ordinary = |oid: &&Oid| is_ordinary_extension(oid, any) || self.has(oid);
        if let Some(oid) = request.extension_oids().find(|oid| !extension::is_authorization(oid) && !ordinary(oid)) {
            return Err(Reason::UnnamedExtension(extension::describe(oid).to_owned()));
        }
        let ordinary = |oid: &&Oid| any || extension::is_ordinary_attribute(oid) || self.has(oid);
        match request.attribute_oids().find(|oid| !ordinary(oid)) {
            Some(oid) => Err(Reason::UnnamedAttribute(extension::describe(oid).to_owned())),
            None => Ok(()),
        }
    }

    /// What the request carries of what `extensions` names.
    fn used(&self, request: &Request) -> impl Iterator<Item = Ground> {
        let carried = |oid: &&Oid| request.extension_oids().chain(request.attribute_oids()).any(|carried| carried == *oid);
        self.allowed.iter().filter(carried).map(|oid| Ground::Extension(extension::describe(oid).to_owned()))
    }
}

/// Whether an extension that gives no rights may pass unnamed. Alternative names are judged by themselves.
fn is_ordinary_extension(oid: &Oid, any: bool) -> bool {
    oid.as_str() == SUBJECT_ALT_NAME || if any { extension::is_descriptive(oid) } else { extension::is_registered(oid) }
}

/// Every alternative name is one that the CA signs at all: a DNS name without a wildcard, or an IP address.
fn alt_names_are_hosts(request: &Request) -> Result<(), Reason> {
    if let Some(name) = request.other_names().first() {
        return Err(Reason::AltNameType(name));
    }
    // A pattern `*.example.test` is made for the names it matches, not for a certificate that matches them all.
    let wildcard = request.alt_names().iter().find_map(|name| match name {
        AltName::Dns(name) if name.contains('*') => Some(name.clone()),
        AltName::Dns(_) | AltName::Ip(_) => None,
    });
    wildcard.map_or(Ok(()), |name| Err(Reason::Wildcard(name)))
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
    let Some(oid) = extension::resolve(&name) else {
        return Err(Reason::UnknownAttribute(name));
    };
    if entry.value.is_empty() {
        return Err(Reason::EmptyExpectation(name));
    }
    let mut carried = false;
    // All of them: an attribute with the right value must not vouch for an extension with another.
    for value in request.values(&oid) {
        if !entry.value.is(value) {
            return Err(Reason::AttributeDiffers(name));
        }
        carried = true;
    }
    if carried { Ok(Ground::Attribute(name)) } else { Err(Reason::AttributeMissing(name)) }
}

fn dns_name_is_allowed(globs: &[String], name: &str) -> Result<Ground, Reason> {
    let mut unreadable = Vec::new();
    for glob in globs {
        match Glob::parse(glob) {
            Ok(parsed) if parsed.matches(name) => return Ok(Ground::AltName(AltName::Dns(name.to_owned()), glob.clone())),
            Ok(_) => {}
            Err(error) => unreadable.push(error),
        }
    }
    Err(Reason::DnsName { name: name.to_owned(), unreadable })
}

fn address_is_allowed(ranges: &[String], address: IpAddr) -> Result<Ground, Reason> {
    let mut unreadable = Vec::new();
    for range in ranges {
        match AddressRange::parse(range) {
            Ok(parsed) if parsed.contains(address) => return Ok(Ground::AltName(AltName::Ip(address), range.clone())),
            Ok(_) => {}
            Err(error) => unreadable.push(error),
        }
    }
    Err(Reason::Address { address, unreadable })
}

impl Verdict {
    /// Whether the CA may sign.
    #[must_use]
    pub fn signs(&self) -> bool {
        matches!(self, Verdict::Sign { .. })
    }
}
