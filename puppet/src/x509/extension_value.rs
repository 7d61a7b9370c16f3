//! Puppet's extensions as parsed certificates and requests hold them, and their values.

use crate::extension::ExtensionOid;
use x509_parser::der_parser::asn1_rs::{Any, FromDer, Oid, Tag};

/// The identifier of a parsed extension, if it lies below Puppet's arc.
pub(super) fn extension_oid(oid: &Oid<'_>) -> Option<ExtensionOid> {
    ExtensionOid::new(crate::oid::Oid::from_dotted(&oid.to_id_string())?)
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
    use super::*;
    use proptest::prelude::*;

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
