//! Name constraints of CAs (RFC 5280 section 4.2.1.10).

use super::csr::common_name_of;
use super::distinguished_name::DistinguishedName;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::{GeneralName, GeneralSubtree, NameConstraints};

/// A name that a CA may not certify.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Violation {
    /// The name.
    pub(super) name: String,
    /// Whether the constraints exclude it, or just do not permit it.
    pub(super) excluded: bool,
}

/// Checks every name of `certificate` against the constraints of a CA above it.
pub(super) fn check(constraints: &NameConstraints<'_>, certificate: &X509Certificate<'_>, is_leaf: bool) -> Result<(), Violation> {
    let mut names = vec![Name::Directory(DistinguishedName::of(certificate.subject()))];
    let alt_names = certificate.subject_alternative_name().ok().flatten();
    let alt_names = alt_names.map(|names| names.value.general_names.as_slice()).unwrap_or_default();
    names.extend(alt_names.iter().map(Name::of));
    // OpenSSL takes the common name for a host name where there is no other.
    if is_leaf && !alt_names.iter().any(|name| matches!(name, GeneralName::DNSName(_))) {
        names.extend(common_name_of(certificate.subject()).filter(|name| is_host_name(name)).map(Name::Dns));
    }
    let bases = |subtrees: Option<&Vec<GeneralSubtree<'_>>>| -> Vec<Name> {
        subtrees.into_iter().flatten().map(|subtree| Name::of(&subtree.base)).collect()
    };
    let (permitted, excluded) = (bases(constraints.permitted_subtrees.as_ref()), bases(constraints.excluded_subtrees.as_ref()));
    for name in names {
        if excluded.iter().any(|base| name.same_type(base) && name.is_within(base) != Some(false)) {
            return Err(Violation { name: name.shown(), excluded: true });
        }
        let mut of_this_type = permitted.iter().filter(|base| name.same_type(base)).peekable();
        if of_this_type.peek().is_some() && !of_this_type.any(|base| name.is_within(base) == Some(true)) {
            return Err(Violation { name: name.shown(), excluded: false });
        }
    }
    Ok(())
}

/// A name of a certificate, or the base of a constraint.
enum Name {
    Dns(String),
    Mail(String),
    Uri(String),
    Address(Vec<u8>),
    Directory(DistinguishedName),
    /// Of another type, for which constraints are not supported: the name of the type.
    Other(&'static str),
}

impl Name {
    fn of(name: &GeneralName<'_>) -> Self {
        match name {
            GeneralName::DNSName(name) => Self::Dns((*name).to_owned()),
            GeneralName::RFC822Name(name) => Self::Mail((*name).to_owned()),
            GeneralName::URI(name) => Self::Uri((*name).to_owned()),
            GeneralName::IPAddress(bytes) => Self::Address(bytes.to_vec()),
            GeneralName::DirectoryName(name) => Self::Directory(DistinguishedName::of(name)),
            GeneralName::OtherName(..) => Self::Other("other name"),
            GeneralName::X400Address(_) => Self::Other("X.400 address"),
            GeneralName::EDIPartyName(_) => Self::Other("EDI party name"),
            GeneralName::RegisteredID(_) => Self::Other("registered identifier"),
            GeneralName::Invalid(..) => Self::Other("name that cannot be read"),
        }
    }

    fn same_type(&self, base: &Self) -> bool {
        match (self, base) {
            (Self::Other(one), Self::Other(other)) => one == other,
            // An empty subject is no name.
            (Self::Directory(name), Self::Directory(_)) => !name.is_empty(),
            _ => std::mem::discriminant(self) == std::mem::discriminant(base),
        }
    }

    /// Whether it lies in the subtree of `base`, which is of the same type; `None` if that is undefined.
    fn is_within(&self, base: &Self) -> Option<bool> {
        match (self, base) {
            (Self::Dns(name), Self::Dns(base)) => Some(domain_is_within(name, base)),
            (Self::Mail(name), Self::Mail(base)) if base.contains('@') => Some(name.eq_ignore_ascii_case(base)),
            (Self::Mail(name), Self::Mail(base)) => Some(host_is_within(name.rsplit_once('@')?.1, base)),
            (Self::Uri(name), Self::Uri(base)) => Some(host_is_within(host_of(name)?, base)),
            (Self::Address(name), Self::Address(base)) => address_is_within(name, base),
            (Self::Directory(name), Self::Directory(base)) => Some(name.is_within(base)),
            _ => None,
        }
    }

    fn shown(&self) -> String {
        match self {
            Self::Dns(name) | Self::Mail(name) | Self::Uri(name) => format!("{name:?}"),
            Self::Address(bytes) => {
                let v4 = <[u8; 4]>::try_from(bytes.as_slice()).map(std::net::IpAddr::from);
                let v6 = || <[u8; 16]>::try_from(bytes.as_slice()).map(std::net::IpAddr::from);
                v4.or_else(|_| v6()).map_or_else(|_| "an address that cannot be read".to_owned(), |address| address.to_string())
            }
            Self::Directory(name) => name.to_string(),
            Self::Other(name) => (*name).to_owned(),
        }
    }
}

/// A domain, or all below it; with a dot before it only those below.
fn domain_is_within(name: &str, base: &str) -> bool {
    let (name, base) = (name.to_ascii_lowercase(), base.to_ascii_lowercase());
    let below = |domain: &str| name.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.'));
    match base.strip_prefix('.') {
        Some(domain) => below(domain),
        None => base.is_empty() || name == base || below(&base),
    }
}

/// For mail and URIs, a domain is just itself, and with a dot before it all below.
fn host_is_within(host: &str, base: &str) -> bool {
    if base.starts_with('.') { domain_is_within(host, base) } else { host.eq_ignore_ascii_case(base) }
}

/// The host of a URI.
fn host_of(uri: &str) -> Option<&str> {
    let (_, rest) = uri.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    Some(host.rsplit_once(':').map_or(host, |(host, _)| host))
}

/// The base is an address followed by its mask.
fn address_is_within(address: &[u8], base: &[u8]) -> Option<bool> {
    let (network, mask) = base.split_at_checked(base.len() / 2)?;
    let same = |((address, network), mask): ((&u8, &u8), &u8)| address & mask == network & mask;
    // Addresses of the other family lie in no network of this one.
    Some(address.len() == network.len() && address.iter().zip(network).zip(mask).all(same))
}

/// Whether OpenSSL takes a common name for a host name: labels of the usual characters, and a dot between them.
fn is_host_name(name: &str) -> bool {
    let usual = |label: &str| !label.is_empty() && label.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'));
    name.contains('.') && name.split('.').all(usual)
}
