//! A reader for the DER that a certificate request is made of (ITU-T X.690).
//!
//! It is stricter than general parsers, because two programs read the same bytes: this one decides and the CA signs. What
//! one of them might read differently (indefinite or padded lengths, long tags, bytes left over) is refused here.

use crate::oid::Oid;
use std::borrow::Cow;

pub(crate) const BIT_STRING: u8 = 0x03;
pub(crate) const OCTET_STRING: u8 = 0x04;
pub(crate) const BOOLEAN: u8 = 0x01;
pub(crate) const INTEGER: u8 = 0x02;
pub(crate) const OBJECT_IDENTIFIER: u8 = 0x06;
pub(crate) const SEQUENCE: u8 = 0x30;
pub(crate) const SET: u8 = 0x31;
/// `[0]`, constructed: the attributes of a PKCS #10 request.
pub(crate) const CONTEXT_0: u8 = 0xa0;

const UTF8_STRING: u8 = 0x0c;
const NUMERIC_STRING: u8 = 0x12;
const PRINTABLE_STRING: u8 = 0x13;
const T61_STRING: u8 = 0x14;
const IA5_STRING: u8 = 0x16;
const VISIBLE_STRING: u8 = 0x1a;
const BMP_STRING: u8 = 0x1e;

/// The identifier octet's low five bits when the tag number goes on in further octets.
const LONG_TAG: u8 = 0x1f;

/// One value with its tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Element<'a> {
    /// The identifier octet: class, constructed bit and tag number.
    pub tag: u8,
    /// What is inside.
    pub content: &'a [u8],
    /// Header and content, as signatures cover them.
    pub whole: &'a [u8],
}

impl<'a> Element<'a> {
    /// The text of a string type, `None` for any other type or for bytes that are no such text.
    pub fn text(&self) -> Option<Cow<'a, str>> {
        match self.tag {
            UTF8_STRING => std::str::from_utf8(self.content).ok().map(Cow::Borrowed),
            NUMERIC_STRING | PRINTABLE_STRING | T61_STRING | IA5_STRING | VISIBLE_STRING => {
                // Outside ASCII these types differ in what a byte means.
                std::str::from_utf8(self.content).ok().filter(|text| text.is_ascii()).map(Cow::Borrowed)
            }
            BMP_STRING => {
                let (pairs, rest) = self.content.as_chunks::<2>();
                let units = pairs.iter().map(|pair| u16::from_be_bytes(*pair));
                let text = char::decode_utf16(units).collect::<Result<String, _>>();
                text.ok().filter(|_| rest.is_empty()).map(Cow::Owned)
            }
            _ => None,
        }
    }

    /// The text of an attribute of a request. Puppet writes each as a `PrintableString`, whatever its text
    /// (`certificate_request.rb`, `add_csr_attributes`), and reads the same bytes again: here, that type may hold any UTF-8.
    pub fn attribute_text(&self) -> Option<Cow<'a, str>> {
        match self.tag {
            PRINTABLE_STRING => std::str::from_utf8(self.content).ok().map(Cow::Borrowed),
            _ => self.text(),
        }
    }

    /// A reader over what is inside.
    pub fn inside(&self) -> Reader<'a> {
        Reader { rest: self.content }
    }
}

/// Reads elements one after the other. Every `None` means: not the DER that was asked for.
#[derive(Clone, Debug)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// Starts at the first byte.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// Whether everything was read.
    pub fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// The next element, of whatever type.
    pub fn element(&mut self) -> Option<Element<'a>> {
        let start = self.rest;
        let (&tag, after_tag) = start.split_first()?;
        if tag & LONG_TAG == LONG_TAG {
            return None;
        }
        let (&first, after_first) = after_tag.split_first()?;
        let (length, body) = if first < 0x80 {
            (usize::from(first), after_first)
        } else {
            // Two octets of length are 64 KiB, more than a request may have; X.690 10.1 requires the shortest form.
            match (first, after_first) {
                (0x81, [length @ 0x80..=0xff, body @ ..]) => (usize::from(*length), body),
                (0x82, [high @ 1..=0xff, low, body @ ..]) => (usize::from(u16::from_be_bytes([*high, *low])), body),
                _ => return None,
            }
        };
        let (content, rest) = body.split_at_checked(length)?;
        let whole = start.get(..start.len() - rest.len())?;
        self.rest = rest;
        Some(Element { tag, content, whole })
    }

    /// The next element if it has this tag.
    pub fn expect(&mut self, tag: u8) -> Option<Element<'a>> {
        let mut ahead = self.clone();
        let element = ahead.element().filter(|element| element.tag == tag)?;
        *self = ahead;
        Some(element)
    }

    /// The next element if it is an object identifier.
    pub fn oid(&mut self) -> Option<Oid> {
        Oid::from_der_content(self.expect(OBJECT_IDENTIFIER)?.content)
    }

    /// The one element with this tag that makes up all that is left.
    pub fn only(mut self, tag: u8) -> Option<Element<'a>> {
        let element = self.expect(tag)?;
        self.is_empty().then_some(element)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn lengths_must_take_the_shortest_form() {
        let read = |bytes: &[u8]| Reader::new(bytes).element().map(|e| e.content.len());
        assert_eq!(read(&[0x04, 0x01, 7]), Some(1));
        assert_eq!(read(&[0x04, 0x81, 0x01, 7]), None);
        assert_eq!(read(&[0x04, 0x82, 0x00, 0x01, 7]), None);
        assert_eq!(read(&[0x30, 0x80, 0x00, 0x00]), None, "indefinite");
        assert_eq!(read(&[0x04, 0x02, 7]), None, "longer than the input");
        let mut long = vec![0x04, 0x81, 0x80];
        long.extend([0; 0x80]);
        assert_eq!(read(&long), Some(0x80));
        let mut longer = vec![0x04, 0x82, 0x01, 0x00];
        longer.extend([0; 0x100]);
        assert_eq!(read(&longer), Some(0x100));
    }

    #[test]
    fn text_is_read_from_string_types_only() {
        let text = |bytes: &[u8]| {
            let element = Reader::new(bytes).element().unwrap();
            element.text().map(Cow::into_owned)
        };
        assert_eq!(text(b"\x0c\x03web").as_deref(), Some("web"));
        assert_eq!(text(b"\x13\x03web").as_deref(), Some("web"));
        assert_eq!(text(b"\x1e\x04\x00w\x00e").as_deref(), Some("we"));
        assert_eq!(text(b"\x1e\x03\x00w\x00"), None);
        assert_eq!(text(b"\x16\x02\xc3\xa4"), None);
        assert_eq!(text(b"\x0c\x02\xc3\xa4").as_deref(), Some("ä"));
        assert_eq!(text(b"\x04\x03web"), None);
    }

    proptest! {
        #[test]
        fn reading_any_bytes_ends_and_never_reads_past_them(bytes: Vec<u8>) {
            let mut reader = Reader::new(&bytes);
            let mut read = 0;
            while let Some(element) = reader.element() {
                read += element.whole.len();
                let _ = element.text();
            }
            prop_assert!(read <= bytes.len());
        }
    }
}
