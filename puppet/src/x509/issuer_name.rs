//! The issuer in a certificate, byte for byte as the subject of the CA.
//!
//! The certificate library holds a name as one value for each attribute, so it loses the second of two `OU`, the order in
//! a part of several attributes, and the kind of string. A certificate that names its issuer otherwise than the CA names
//! itself is not trusted by everybody (RFC 5280 section 7.1 asks for more than many programs do).

use rcgen::{KeyPair, SigningKey as _};
use x509_parser::der_parser::asn1_rs::{Any, FromDer, Sequence};

/// DER tags (X.690 section 8).
const BIT_STRING: u8 = 0x03;
const SEQUENCE: u8 = 0x30;
/// The version, which is left out in certificates of version 1.
const CONTEXT_0: u8 = 0xa0;

/// The certificate (DER) with another issuer (DER of a `Name`), signed anew by the same kind of key.
///
/// # Errors
/// If `certificate` is none, or the key does not sign.
pub(super) fn with_issuer(certificate: &[u8], issuer: &[u8], key: &KeyPair) -> Result<Vec<u8>, rcgen::Error> {
    let malformed = || rcgen::Error::CouldNotParseCertificate;
    let outer = elements(certificate).ok_or_else(malformed)?;
    let &[tbs, algorithm, _signature] = outer.as_slice() else { return Err(malformed()) };
    let mut fields = elements(tbs).ok_or_else(malformed)?;
    // RFC 5280 section 4.1: version, serial number, algorithm, issuer.
    let position = if fields.first().and_then(|first| first.first()) == Some(&CONTEXT_0) { 3 } else { 2 };
    *fields.get_mut(position).ok_or_else(malformed)? = issuer;
    let tbs = element(SEQUENCE, &fields.concat());
    let mut signature = vec![0];
    signature.extend(key.sign(&tbs)?);
    Ok(element(SEQUENCE, &[tbs.as_slice(), algorithm, &element(BIT_STRING, &signature)].concat()))
}

/// The elements of a sequence, each with its head.
fn elements(sequence: &[u8]) -> Option<Vec<&[u8]>> {
    let (_, sequence) = Sequence::from_der(sequence).ok()?;
    let std::borrow::Cow::Borrowed(mut rest) = sequence.content else { return None };
    let mut elements = Vec::new();
    while !rest.is_empty() {
        let (after, _) = Any::from_der(rest).ok()?;
        let (element, _) = rest.split_at_checked(rest.len() - after.len())?;
        elements.push(element);
        rest = after;
    }
    Some(elements)
}

/// An element with its head (X.690 section 8.1.3).
fn element(tag: u8, content: &[u8]) -> Vec<u8> {
    let length: Vec<u8> = content.len().to_be_bytes().into_iter().skip_while(|byte| *byte == 0).collect();
    let mut out = vec![tag];
    match length.as_slice() {
        [] => out.push(0),
        [short] if *short < 0x80 => out.push(*short),
        long => {
            // A length has at most eight bytes here.
            out.push(0x80 | u8::try_from(long.len()).unwrap_or(8));
            out.extend(long);
        }
    }
    out.extend(content);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_written_in_the_shortest_form() {
        assert_eq!(element(SEQUENCE, &[]), [SEQUENCE, 0]);
        assert_eq!(element(SEQUENCE, &[1; 127])[..2], [SEQUENCE, 127]);
        assert_eq!(element(SEQUENCE, &[1; 128])[..3], [SEQUENCE, 0x81, 128]);
        assert_eq!(element(SEQUENCE, &[1; 300])[..4], [SEQUENCE, 0x82, 1, 44]);
    }

    #[test]
    fn what_is_no_certificate_is_refused() {
        let key = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap();
        for bad in [&[][..], &[SEQUENCE, 0], &[SEQUENCE, 5, 1]] {
            assert!(with_issuer(bad, &[SEQUENCE, 0], &key).is_err(), "{bad:?}");
        }
    }
}
