//! Distinguished names, compared by RFC 5280 section 7.1.

use std::borrow::Cow;
use std::fmt;
use x509_parser::der_parser::asn1_rs::{Any, FromDer, Tag};
use x509_parser::x509::X509Name;

/// The name of a certificate's subject or issuer.
///
/// Two names are equal if their attributes are, in the same order, whatever string types they are written in, and whatever
/// the case and the number of blanks. Puppet Server writes the issuer of what it signs in `UTF8String`, also where the CA's own
/// certificate has a `PrintableString`: byte by byte, these names differ.
#[derive(Clone)]
pub struct DistinguishedName {
    text: String,
    /// What TLS compares: the content of the name's SEQUENCE.
    content: Vec<u8>,
    /// The attributes of each relative name, sorted: their order has no meaning.
    prepared: Vec<Vec<(String, Value)>>,
}

/// The value of an attribute in the form in which it is compared.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Value {
    /// Text of any string type.
    Text(String),
    /// A value of another type: its tag and its bytes.
    Other(u32, Vec<u8>),
}

impl DistinguishedName {
    pub(super) fn of(name: &X509Name<'_>) -> Self {
        let prepared = name.iter_rdn().map(|relative| {
            let mut attributes: Vec<_> =
                relative.iter().map(|attribute| (attribute.attr_type().to_id_string(), Value::of(attribute.attr_value()))).collect();
            attributes.sort();
            attributes
        });
        let content = Any::from_der(name.as_raw()).map(|(_, sequence)| sequence.data.to_vec()).unwrap_or_default();
        Self { text: name.to_string(), content, prepared: prepared.collect() }
    }

    /// Whether it has no attribute.
    pub(super) fn is_empty(&self) -> bool {
        self.prepared.is_empty()
    }

    /// Whether it is `base`, or an entry below it in the directory.
    pub(super) fn is_within(&self, base: &Self) -> bool {
        self.prepared.starts_with(&base.prepared)
    }

    /// The bytes inside the SEQUENCE, as TLS libraries keep and compare them.
    #[must_use]
    pub fn content(&self) -> &[u8] {
        &self.content
    }
}

impl PartialEq for DistinguishedName {
    fn eq(&self, other: &Self) -> bool {
        self.prepared == other.prepared
    }
}

impl Eq for DistinguishedName {}

impl fmt::Display for DistinguishedName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for DistinguishedName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DistinguishedName({})", self.text)
    }
}

impl Value {
    fn of(value: &Any<'_>) -> Self {
        match text(value) {
            Some(text) => Self::Text(prepare(&text)),
            None => Self::Other(value.tag().0, value.data.to_vec()),
        }
    }
}

/// The text of a value of a string type; `None` for other types and for bytes that are no such text.
fn text<'a>(value: &'a Any<'_>) -> Option<Cow<'a, str>> {
    let bytes = value.data;
    match value.tag() {
        Tag::Utf8String | Tag::NumericString | Tag::PrintableString | Tag::Ia5String | Tag::VisibleString => {
            std::str::from_utf8(bytes).ok().map(Cow::Borrowed)
        }
        // As OpenSSL and Java read it: ISO 8859-1, whose code points are those of Unicode.
        Tag::T61String => Some(bytes.iter().map(|byte| char::from(*byte)).collect()),
        Tag::BmpString => {
            let (units, rest) = bytes.as_chunks::<2>();
            let text: Option<String> = units.iter().map(|unit| char::from_u32(u16::from_be_bytes(*unit).into())).collect();
            text.filter(|_| rest.is_empty()).map(Cow::Owned)
        }
        Tag::UniversalString => {
            let (units, rest) = bytes.as_chunks::<4>();
            let text: Option<String> = units.iter().map(|unit| char::from_u32(u32::from_be_bytes(*unit))).collect();
            text.filter(|_| rest.is_empty()).map(Cow::Owned)
        }
        _ => None,
    }
}

/// String preparation by RFC 4518, with case folding. Text that it prohibits stays as it is.
fn prepare(text: &str) -> String {
    // The library either folds or normalises; folding is defined on normalised text, and may undo that.
    let prepared = [false, true, false].into_iter().try_fold(text.to_owned(), |text, fold| {
        let step = stringprep::x520prep(&text, fold)?.into_owned();
        Ok::<_, stringprep::Error>(step)
    });
    let Ok(prepared) = prepared else { return text.to_owned() };
    // Insignificant blanks: none at the ends, one between words (section 2.6.1).
    prepared.split(' ').filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const PRINTABLE: u8 = 0x13;
    const UTF8: u8 = 0x0c;
    const T61: u8 = 0x14;
    const BMP: u8 = 0x1e;
    const OCTETS: u8 = 0x04;
    const COMMON_NAME: &[u8] = &[0x55, 4, 3];
    const ORGANISATION: &[u8] = &[0x55, 4, 10];

    fn der(tag: u8, content: &[u8]) -> Vec<u8> {
        assert!(content.len() < 0x80);
        [&[tag, u8::try_from(content.len()).unwrap()], content].concat()
    }

    /// Identifier, tag and bytes.
    type Attribute<'a> = (&'a [u8], u8, &'a [u8]);

    /// A name of relative names of attributes.
    fn name(relative: &[&[Attribute<'_>]]) -> DistinguishedName {
        let sets = relative.iter().map(|attributes| {
            let pairs = attributes.iter().map(|(oid, tag, value)| der(0x30, &[der(0x06, oid), der(*tag, value)].concat()));
            der(0x31, &pairs.collect::<Vec<_>>().concat())
        });
        let bytes = der(0x30, &sets.collect::<Vec<_>>().concat());
        DistinguishedName::of(&X509Name::from_der(&bytes).unwrap().1)
    }

    fn common(tag: u8, value: &[u8]) -> DistinguishedName {
        name(&[&[(COMMON_NAME, tag, value)]])
    }

    #[test]
    fn string_type_case_and_blanks_make_no_other_name() {
        let ca = common(UTF8, "Grüße CA".as_bytes());
        let same = [
            common(T61, b"Gr\xfc\xdfe CA"),
            common(BMP, b"\0G\0r\0\xfc\0\xdf\0e\0 \0C\0A"),
            common(UTF8, "  GRÜSSE   ca ".as_bytes()),
            common(UTF8, "Gru\u{308}ße\u{ad} CA".as_bytes()),
        ];
        for other in same {
            assert_eq!(ca, other);
        }
        assert_eq!(common(PRINTABLE, b"Puppet CA"), common(UTF8, b"Puppet CA"));
        assert_ne!(common(PRINTABLE, b"Puppet CA").content(), common(UTF8, b"Puppet CA").content());
    }

    #[test]
    fn other_words_other_attributes_and_another_order_make_another_name() {
        let ca = name(&[&[(ORGANISATION, UTF8, b"Example")], &[(COMMON_NAME, UTF8, b"CA")]]);
        for other in [
            name(&[&[(COMMON_NAME, UTF8, b"CA")], &[(ORGANISATION, UTF8, b"Example")]]),
            name(&[&[(COMMON_NAME, UTF8, b"CA")]]),
            name(&[&[(ORGANISATION, UTF8, b"Example"), (COMMON_NAME, UTF8, b"CA")]]),
            name(&[&[(ORGANISATION, UTF8, b"Examp le")], &[(COMMON_NAME, UTF8, b"CA")]]),
            name(&[&[(ORGANISATION, OCTETS, b"Example")], &[(COMMON_NAME, UTF8, b"CA")]]),
            name(&[]),
        ] {
            assert_ne!(ca, other);
        }
    }

    #[test]
    fn the_attributes_of_one_relative_name_have_no_order() {
        let one = name(&[&[(ORGANISATION, UTF8, b"Example"), (COMMON_NAME, PRINTABLE, b"CA")]]);
        assert_eq!(one, name(&[&[(COMMON_NAME, UTF8, b"ca"), (ORGANISATION, UTF8, b"Example")]]));
    }

    #[test]
    fn text_that_cannot_be_prepared_is_compared_as_it_is() {
        assert_eq!(common(UTF8, "\u{e000}A".as_bytes()), common(UTF8, "\u{e000}A".as_bytes()));
        assert_ne!(common(UTF8, "\u{e000}A".as_bytes()), common(UTF8, "\u{e000}a".as_bytes()));
        assert_ne!(common(UTF8, b"\xff"), common(UTF8, b"\xfe"));
    }

    proptest! {
        #[test]
        fn a_name_equals_itself_in_every_string_type_that_can_hold_it(text in "[ -~]{1,40}") {
            let wide: Vec<u8> = text.bytes().flat_map(|byte| [0, byte]).collect();
            prop_assert_eq!(common(UTF8, text.as_bytes()), common(BMP, &wide));
            prop_assert_eq!(common(PRINTABLE, text.as_bytes()), common(T61, text.to_ascii_uppercase().as_bytes()));
        }
    }
}
