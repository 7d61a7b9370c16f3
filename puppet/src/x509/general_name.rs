//! Subject alternative names as parsed certificates and requests hold them (RFC 5280 section 4.2.1.6).

use crate::alt_name::AltName;
use std::net::IpAddr;
use x509_parser::extensions::GeneralName;

/// The name of a parsed certificate or request; `None` for kinds that Puppet does not issue.
pub(super) fn alt_name(name: &GeneralName<'_>) -> Option<AltName> {
    match name {
        GeneralName::DNSName(name) => Some(AltName::Dns(name.to_ascii_lowercase())),
        GeneralName::IPAddress(bytes) => {
            let v4 = <[u8; 4]>::try_from(*bytes).map(IpAddr::from);
            let v6 = || <[u8; 16]>::try_from(*bytes).map(IpAddr::from);
            v4.or_else(|_| v6()).ok().map(AltName::Ip)
        }
        _ => None,
    }
}

/// An alternative name of a type that Puppet does not sign.
pub(super) fn other_name(name: &GeneralName<'_>) -> String {
    match name {
        GeneralName::RFC822Name(mail) => format!("mail address {mail}"),
        GeneralName::URI(uri) => format!("URI {uri}"),
        GeneralName::DirectoryName(name) => format!("directory name {name}"),
        GeneralName::IPAddress(bytes) => format!("an address of {} bytes", bytes.len()),
        GeneralName::RegisteredID(oid) => format!("registered identifier {}", oid.to_id_string()),
        GeneralName::OtherName(oid, _) => format!("other name of the type {}", oid.to_id_string()),
        GeneralName::X400Address(_) => "an X.400 address".to_owned(),
        GeneralName::EDIPartyName(_) => "an EDI party name".to_owned(),
        GeneralName::DNSName(_) | GeneralName::Invalid(..) => "a name that cannot be read".to_owned(),
    }
}
