//! Puppet's certificate extensions: names, object identifiers and values.

use std::fmt;
use std::str::FromStr;

use x509_parser::der_parser::asn1_rs::{Any, FromDer, Oid, Tag};

/// Puppet's registered arc (IANA private enterprise number 34380), under which all its extensions lie.
pub const PUPPET_ARC: [u64; 8] = [1, 3, 6, 1, 4, 1, 34380, 1];

/// Last parts of the identifiers below [`PUPPET_ARC`], with the names Puppet gives them.
///
/// Puppet documentation, "CSR attributes and certificate extensions". `pp_auth_token` is an old name of
/// `pp_auth_auto_renew`: it is read, but never shown, so it stands after the current one.
const NAMES: [(&str, [u64; 2]); 31] = [
    ("pp_uuid", [1, 1]),
    ("pp_instance_id", [1, 2]),
    ("pp_image_name", [1, 3]),
    ("pp_preshared_key", [1, 4]),
    ("pp_cost_center", [1, 5]),
    ("pp_product", [1, 6]),
    ("pp_project", [1, 7]),
    ("pp_application", [1, 8]),
    ("pp_service", [1, 9]),
    ("pp_employee", [1, 10]),
    ("pp_created_by", [1, 11]),
    ("pp_environment", [1, 12]),
    ("pp_role", [1, 13]),
    ("pp_software_version", [1, 14]),
    ("pp_department", [1, 15]),
    ("pp_cluster", [1, 16]),
    ("pp_provisioner", [1, 17]),
    ("pp_region", [1, 18]),
    ("pp_datacenter", [1, 19]),
    ("pp_zone", [1, 20]),
    ("pp_network", [1, 21]),
    ("pp_securitypolicy", [1, 22]),
    ("pp_cloudplatform", [1, 23]),
    ("pp_apptier", [1, 24]),
    ("pp_hostname", [1, 25]),
    ("pp_owner", [1, 26]),
    ("pp_authorization", [3, 1]),
    ("pp_auth_auto_renew", [3, 2]),
    ("pp_auth_role", [3, 13]),
    ("pp_cli_auth", [3, 39]),
    ("pp_auth_token", [3, 2]),
];

/// Object identifier of an extension below Puppet's arc.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ExtensionOid(Vec<u64>);

/// A text that names no Puppet extension.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "failed to read the extension {0:?}: it is neither a Puppet extension name such as pp_role nor a dotted object identifier below 1.3.6.1.4.1.34380.1"
)]
pub struct ExtensionError(String);

impl ExtensionOid {
    /// `pp_cli_auth`: with the value `true` its holder may administer the CA.
    #[must_use]
    pub fn cli_auth() -> Self {
        Self::below([3, 39])
    }

    /// The name Puppet gives it, if it has one.
    #[must_use]
    pub fn name(&self) -> Option<&'static str> {
        let last = self.0.strip_prefix(&PUPPET_ARC)?;
        NAMES.iter().find(|(_, id)| id == last).map(|(name, _)| *name)
    }

    /// Whether a Puppet CA ever signs a request that asks for this extension: it must lie in one of the three branches
    /// the CA knows, and must not be `pp_cli_auth`, which only the holder of the CA key can grant.
    #[must_use]
    pub fn allowed_in_request(&self) -> bool {
        let branch = self.0.get(PUPPET_ARC.len());
        matches!(branch, Some(1..=3)) && *self != Self::cli_auth()
    }

    /// Whether its value may give rights on Puppet Servers: it lies in the branch of authorization extensions.
    #[must_use]
    pub fn is_authorization(&self) -> bool {
        self.0.get(PUPPET_ARC.len()) == Some(&3)
    }

    /// The parts of the identifier.
    pub(super) fn parts(&self) -> &[u64] {
        &self.0
    }

    /// The identifier of a parsed extension, if it lies below Puppet's arc.
    pub(super) fn from_parsed(oid: &Oid<'_>) -> Option<Self> {
        Self::from_parts(oid.iter()?.collect())
    }

    fn below(last: [u64; 2]) -> Self {
        Self([PUPPET_ARC.as_slice(), last.as_slice()].concat())
    }

    fn from_parts(parts: Vec<u64>) -> Option<Self> {
        let below = parts.len() > PUPPET_ARC.len() && parts.starts_with(&PUPPET_ARC);
        below.then_some(Self(parts))
    }
}

impl FromStr for ExtensionOid {
    type Err = ExtensionError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Some((_, last)) = NAMES.iter().find(|(name, _)| *name == text) {
            return Ok(Self::below(*last));
        }
        // Signs and leading zeros are refused, so that one identifier has one spelling.
        let part = |part: &str| {
            let number = part.parse::<u64>().ok()?;
            (number.to_string() == part).then_some(number)
        };
        text.split('.').map(part).collect::<Option<Vec<u64>>>().and_then(Self::from_parts).ok_or_else(|| ExtensionError(text.to_owned()))
    }
}

impl fmt::Display for ExtensionOid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, part) in self.0.iter().enumerate() {
            let dot = if index == 0 { "" } else { "." };
            write!(f, "{dot}{part}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for ExtensionOid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ExtensionOid({self})")
    }
}

/// DER of an ASN.1 `UTF8String`, the form in which Puppet writes extension values.
pub(super) fn encode_value(value: &str) -> Vec<u8> {
    const UTF8_STRING: u8 = 0x0c;
    let length = value.len();
    let mut der = vec![UTF8_STRING];
    match u8::try_from(length) {
        Ok(short) if short < 0x80 => der.push(short),
        _ => {
            let bytes = length.to_be_bytes();
            let significant = bytes.iter().copied().skip_while(|byte| *byte == 0);
            let count = u8::try_from(significant.clone().count()).unwrap_or(u8::MAX);
            der.push(0x80 | count);
            der.extend(significant);
        }
    }
    der.extend_from_slice(value.as_bytes());
    der
}

/// The text of an extension value: the content of an ASN.1 string of any common kind, else the bytes as they are.
pub(super) fn decode_value(der: &[u8]) -> String {
    let string = Any::from_der(der).ok().and_then(|(rest, any)| {
        let is_string = matches!(any.tag(), Tag::Utf8String | Tag::PrintableString | Tag::Ia5String | Tag::VisibleString | Tag::T61String);
        (rest.is_empty() && is_string).then_some(any.data)
    });
    String::from_utf8_lossy(string.unwrap_or(der)).into_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_name_and_its_dotted_form_are_the_same_extension() {
        for (name, _) in NAMES {
            let oid: ExtensionOid = name.parse().unwrap();
            assert_eq!(oid.to_string().parse(), Ok(oid.clone()));
            if name != "pp_auth_token" {
                assert_eq!(oid.name(), Some(name));
            }
        }
    }

    #[test]
    fn the_authorization_names_have_the_identifiers_puppet_gives_them() {
        let dotted = |name: &str| name.parse::<ExtensionOid>().unwrap().to_string();
        assert_eq!(dotted("pp_cli_auth"), "1.3.6.1.4.1.34380.1.3.39");
        assert_eq!(dotted("pp_auth_role"), "1.3.6.1.4.1.34380.1.3.13");
        assert_eq!(dotted("pp_auth_auto_renew"), "1.3.6.1.4.1.34380.1.3.2");
        assert_eq!(dotted("pp_auth_token"), dotted("pp_auth_auto_renew"));
        assert_eq!(ExtensionOid::cli_auth().to_string(), dotted("pp_cli_auth"));
    }

    #[test]
    fn custom_identifiers_are_accepted_below_the_puppet_arc_only() {
        for good in ["1.3.6.1.4.1.34380.1.2.1", "1.3.6.1.4.1.34380.1.2.99.7"] {
            let oid: ExtensionOid = good.parse().unwrap();
            assert_eq!((oid.to_string().as_str(), oid.name()), (good, None));
        }
        for bad in [
            "",
            "pp_unknown",
            "challengePassword",
            "2.5.29.19",
            "1.3.6.1.4.1.34380.1",
            "1.3.6.1.4.1.34380.10.1",
            "1.3.6.1.4.1.34380.1.02",
            "1.3.6.1.4.1.34380.1.+2",
            "1.3.6.1.4.1.34380.1.",
        ] {
            assert!(bad.parse::<ExtensionOid>().is_err(), "{bad}");
        }
    }

    #[test]
    fn extensions_the_ca_never_signs_are_known_before_asking() {
        let allowed = |text: &str| text.parse::<ExtensionOid>().unwrap().allowed_in_request();
        assert!(allowed("pp_role") && allowed("pp_auth_role") && allowed("1.3.6.1.4.1.34380.1.2.5"));
        assert!(!allowed("pp_cli_auth") && !allowed("1.3.6.1.4.1.34380.1.4.1"));
    }

    proptest! {
        #[test]
        fn a_value_survives_encoding(value in ".{0,300}") {
            prop_assert_eq!(decode_value(&encode_value(&value)), value);
        }
    }

    #[test]
    fn values_in_other_string_types_or_without_a_type_are_read() {
        assert_eq!(decode_value(b"\x13\x03web"), "web");
        assert_eq!(decode_value(b"\x16\x03web"), "web");
        assert_eq!(decode_value(b"web"), "web");
        assert_eq!(decode_value(b""), "");
    }
}
