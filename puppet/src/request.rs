//! What a certificate signing request asks for (PKCS #10, RFC 2986).

use crate::alt_name::AltName;
use crate::der::{BIT_STRING, BOOLEAN, CONTEXT_0, Element, INTEGER, OCTET_STRING, Reader, SEQUENCE, SET};
use crate::oid::Oid;
use crate::signature::{self, SignatureError};
use std::fmt;
use std::net::IpAddr;
use thiserror::Error;

const COMMON_NAME: &str = "2.5.4.3";
/// Identifier of the extension that holds the alternative names (RFC 5280 section 4.2.1.6).
pub const SUBJECT_ALT_NAME: &str = "2.5.29.17";
/// RFC 2985 section 5.4.2.
pub(crate) const EXTENSION_REQUEST: &str = "1.2.840.113549.1.9.14";
/// Microsoft's own identifier for the same; some programs honour it, some do not.
const MICROSOFT_EXTENSION_REQUEST: &str = "1.3.6.1.4.1.311.2.1.14";

/// A request that was parsed completely and whose signature is valid; it cannot be constructed in another way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    common_name: String,
    alt_names: Vec<AltName>,
    other_names: Vec<&'static str>,
    extensions: Vec<Carried>,
    attributes: Vec<Carried>,
}

/// An extension or attribute that the request carries. The values may be secrets, so `Debug` does not show them.
#[derive(Clone, PartialEq, Eq)]
struct Carried {
    oid: Oid,
    values: Vec<Vec<u8>>,
}

impl fmt::Debug for Carried {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (value not shown)", self.oid)
    }
}

/// Why there is no request to decide about.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum RequestError {
    /// The PEM around the request cannot be read.
    #[error("failed to read the request: not PEM")]
    NotPem,
    /// Not exactly one PEM block.
    #[error("failed to read the request: {0} PEM blocks instead of one")]
    Blocks(usize),
    /// A PEM block of something else.
    #[error("failed to read the request: the PEM block is a {0:?}")]
    Label(String),
    /// A part of the request is not the DER that it should be.
    #[error("failed to parse the request: {0} is malformed")]
    Malformed(&'static str),
    /// No common name, or more than one, or one that is no text.
    #[error("failed to parse the request: the subject does not have exactly one readable common name")]
    CommonName,
    /// The same extension or attribute twice, so that two readers may see two values.
    #[error("failed to parse the request: {} is given twice", crate::extension::describe(.0))]
    Twice(Oid),
    /// Extensions asked for in a way that not every CA reads.
    #[error("failed to parse the request: it asks for extensions in Microsoft's own attribute")]
    MicrosoftExtensions,
    /// The signature is not accepted.
    #[error("failed to verify the signature of the request: {0}")]
    Signature(#[from] SignatureError),
}

impl Request {
    /// Reads and verifies a request.
    ///
    /// # Errors
    ///
    /// A [`RequestError`] unless the input is one PEM block with one request in strict DER, signed with its own key.
    pub fn from_pem(input: &[u8]) -> Result<Self, RequestError> {
        let blocks = pem::parse_many(input).map_err(|_| RequestError::NotPem)?;
        let [block] = blocks.as_slice() else {
            return Err(RequestError::Blocks(blocks.len()));
        };
        if is_request(block) { Self::from_der(block.contents()) } else { Err(RequestError::Label(block.tag().to_owned())) }
    }

    /// The only common name of the subject.
    #[must_use]
    pub fn common_name(&self) -> &str {
        &self.common_name
    }

    /// The subject alternative names that are host names (printable ASCII, unchanged) or addresses, in the order of the
    /// request.
    #[must_use]
    pub fn alt_names(&self) -> &[AltName] {
        &self.alt_names
    }

    /// The types of all other alternative names.
    #[must_use]
    pub fn other_names(&self) -> &[&'static str] {
        &self.other_names
    }

    /// The identifiers of the extensions that the certificate would get, the alternative names among them.
    pub fn extension_oids(&self) -> impl Iterator<Item = &Oid> {
        self.extensions.iter().map(|extension| &extension.oid)
    }

    /// The identifiers of the attributes of the request itself, the extension request apart; none of them reaches the
    /// certificate.
    pub fn attribute_oids(&self) -> impl Iterator<Item = &Oid> {
        self.attributes.iter().map(|attribute| &attribute.oid)
    }

    /// Every value given for `oid`, first those of requested extensions, then those of request attributes.
    pub fn values<'a>(&'a self, oid: &'a Oid) -> impl Iterator<Item = &'a [u8]> {
        self.extensions
            .iter()
            .chain(&self.attributes)
            .filter(move |carried| carried.oid == *oid)
            .flat_map(|carried| carried.values.iter().map(Vec::as_slice))
    }

    fn from_der(der: &[u8]) -> Result<Self, RequestError> {
        let malformed = RequestError::Malformed;
        let request = Reader::new(der).only(SEQUENCE);
        let mut parts = request.ok_or(malformed("the request"))?.inside();
        let info = parts.expect(SEQUENCE).ok_or(malformed("the request"))?;
        let algorithm = parts.expect(SEQUENCE).ok_or(malformed("the algorithm"))?;
        let signature = parts.only(BIT_STRING).ok_or(malformed("the signature"))?;

        let mut parts = info.inside();
        let version = parts.expect(INTEGER).map(|version| version.content);
        if version != Some(&[0]) {
            return Err(malformed("the version"));
        }
        let subject = parts.expect(SEQUENCE).ok_or(malformed("the subject"))?;
        let key_info = parts.expect(SEQUENCE).ok_or(malformed("the public key"))?;
        // Before anything else is read, so that the content is known to come from the holder of the key.
        signature::verify(key_info, algorithm, signature, info.whole)?;

        let common_name = common_name(subject)?;
        // Some programs omit the set when it is empty, although RFC 2986 requires it.
        let mut attributes = if parts.is_empty() {
            Vec::new()
        } else {
            let set = parts.only(CONTEXT_0).ok_or(malformed("the attributes"))?;
            parse_attributes(set).ok_or(malformed("an attribute"))?
        };
        refuse_twice(attributes.iter().map(|attribute| &attribute.oid))?;
        if attributes.iter().any(|a| a.oid.as_str() == MICROSOFT_EXTENSION_REQUEST) {
            return Err(RequestError::MicrosoftExtensions);
        }

        let mut extensions = Vec::new();
        let (mut alt_names, mut other_names) = (Vec::new(), Vec::new());
        let asked =
            attributes.iter().position(|attribute| attribute.oid.as_str() == EXTENSION_REQUEST).map(|index| attributes.remove(index));
        if let Some(asked) = asked {
            let [list] = asked.elements.as_slice() else {
                return Err(malformed("the extension request"));
            };
            let asked = parse_extensions(*list).ok_or(malformed("a requested extension"))?;
            refuse_twice(asked.iter().map(|(oid, _)| oid))?;
            for (oid, value) in asked {
                if oid.as_str() == SUBJECT_ALT_NAME {
                    (alt_names, other_names) = parse_alt_names(value).ok_or(malformed("an alternative name"))?;
                }
                extensions.push(Carried { oid, values: vec![readable(value)] });
            }
        }
        Ok(Self { common_name, alt_names, other_names, extensions, attributes: attributes.into_iter().map(Carried::from).collect() })
    }
}

/// Whether a block is labelled as a request. The second label is what old programs write (RFC 7468 section 7).
pub(crate) fn is_request(block: &pem::Pem) -> bool {
    matches!(block.tag(), "CERTIFICATE REQUEST" | "NEW CERTIFICATE REQUEST")
}

/// A request attribute and the set of its values, not yet read.
struct Attribute<'a> {
    oid: Oid,
    elements: Vec<Element<'a>>,
}

impl From<Attribute<'_>> for Carried {
    fn from(attribute: Attribute<'_>) -> Self {
        let read = |element: &Element<'_>| match element.attribute_text() {
            Some(text) => text.into_owned().into_bytes(),
            None => element.whole.to_vec(),
        };
        Self { oid: attribute.oid, values: attribute.elements.iter().map(read).collect() }
    }
}

/// The value of an extension as people write it: the text if it is a single ASN.1 string, else the bytes (Puppet wrote
/// plain bytes before version 4).
fn readable(value: &[u8]) -> Vec<u8> {
    let mut reader = Reader::new(value);
    let element = reader.element().filter(|_| reader.is_empty());
    match element.and_then(|element| element.attribute_text()) {
        Some(text) => text.into_owned().into_bytes(),
        None => value.to_vec(),
    }
}

fn refuse_twice<'a>(oids: impl Iterator<Item = &'a Oid>) -> Result<(), RequestError> {
    let mut seen = std::collections::BTreeSet::new();
    for oid in oids {
        if !seen.insert(oid) {
            return Err(RequestError::Twice(oid.clone()));
        }
    }
    Ok(())
}

/// The one common name of a subject (RFC 5280 section 4.1.2.4).
fn common_name(subject: Element<'_>) -> Result<String, RequestError> {
    let malformed = RequestError::Malformed("the subject");
    let mut found = None;
    let mut sets = subject.inside();
    while !sets.is_empty() {
        let mut pairs = sets.expect(SET).ok_or(malformed.clone())?.inside();
        while !pairs.is_empty() {
            let (oid, value) = pair(&mut pairs).ok_or(malformed.clone())?;
            if oid.as_str() != COMMON_NAME {
                continue;
            }
            let name = value.text().ok_or(RequestError::CommonName)?;
            if found.replace(name.into_owned()).is_some() {
                return Err(RequestError::CommonName);
            }
        }
    }
    found.ok_or(RequestError::CommonName)
}

/// A sequence of an identifier and one value.
fn pair<'a>(reader: &mut Reader<'a>) -> Option<(Oid, Element<'a>)> {
    let mut parts = reader.expect(SEQUENCE)?.inside();
    let oid = parts.oid()?;
    let value = parts.element()?;
    parts.is_empty().then_some((oid, value))
}

fn parse_attributes(set: Element<'_>) -> Option<Vec<Attribute<'_>>> {
    let mut attributes = Vec::new();
    let mut reader = set.inside();
    while !reader.is_empty() {
        let (oid, values) = pair(&mut reader)?;
        if values.tag != SET {
            return None;
        }
        let mut elements = Vec::new();
        let mut inside = values.inside();
        while !inside.is_empty() {
            elements.push(inside.element()?);
        }
        attributes.push(Attribute { oid, elements });
    }
    Some(attributes)
}

/// The extensions of an extension request with the contents of their OCTET STRINGs (RFC 5280 section 4.1).
fn parse_extensions(list: Element<'_>) -> Option<Vec<(Oid, &[u8])>> {
    if list.tag != SEQUENCE {
        return None;
    }
    let mut extensions = Vec::new();
    let mut reader = list.inside();
    while !reader.is_empty() {
        let mut parts = reader.expect(SEQUENCE)?.inside();
        let oid = parts.oid()?;
        let _critical = parts.expect(BOOLEAN);
        extensions.push((oid, parts.only(OCTET_STRING)?.content));
    }
    Some(extensions)
}

/// The general names in a `SubjectAltName` (RFC 5280 section 4.2.1.6): host names and addresses, and the types of the others.
fn parse_alt_names(value: &[u8]) -> Option<(Vec<AltName>, Vec<&'static str>)> {
    let (mut names, mut others) = (Vec::new(), Vec::new());
    let mut reader = Reader::new(value).only(SEQUENCE)?.inside();
    while !reader.is_empty() {
        let name = reader.element()?;
        match name.tag {
            0x82 => names.push(AltName::Dns(dns_name(name.content)?)),
            0x87 => names.push(AltName::Ip(ip_address(name.content)?)),
            0xa0 => others.push("other name"),
            0x81 => others.push("mail address"),
            0xa3 => others.push("X.400 address"),
            0xa4 => others.push("directory name"),
            0xa5 => others.push("EDI party name"),
            0x86 => others.push("URI"),
            0x88 => others.push("registered identifier"),
            _ => return None,
        }
    }
    Some((names, others))
}

fn dns_name(bytes: &[u8]) -> Option<String> {
    let printable = !bytes.is_empty() && bytes.iter().all(u8::is_ascii_graphic);
    let text = std::str::from_utf8(bytes).ok()?;
    printable.then(|| text.to_owned())
}

fn ip_address(bytes: &[u8]) -> Option<IpAddr> {
    match bytes.len() {
        4 => <[u8; 4]>::try_from(bytes).ok().map(IpAddr::from),
        _ => <[u8; 16]>::try_from(bytes).ok().map(IpAddr::from),
    }
}
