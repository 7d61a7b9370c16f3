//! The parts of a revocation list, without parsing its entries: an unverified list may have millions of bytes,
//! and what a library makes of each entry takes several times the room.

use x509_parser::der_parser::asn1_rs::{Any, FromDer as _, Tag};

/// The parts of a `CertificateList` (RFC 5280 section 5.1).
pub(super) struct Outline<'a> {
    /// What is signed: the `tbsCertList` with its header.
    pub message: &'a [u8],
    /// The content of `revokedCertificates`; empty without any.
    pub entries: &'a [u8],
    /// Where that begins in the list.
    pub entries_at: usize,
    /// The same list without `revokedCertificates`. Its signature is that of the whole list.
    pub head: Vec<u8>,
}

/// The outline of a list in DER; `None` when it has another form.
pub(super) fn outline(der: &[u8]) -> Option<Outline<'_>> {
    let (list, []) = element(der)? else { return None };
    let (to_be_signed, signature) = element(sequence(list)?.data)?;
    let mut rest = sequence(to_be_signed)?.data;
    let (mut kept, mut entries, mut entries_at) = (Vec::new(), [].as_slice(), 0);
    let mut dates = 0;
    while !rest.is_empty() {
        let (part, behind) = element(rest)?;
        let tag = Any::from_der(part).ok()?.1.tag();
        dates += usize::from(matches!(tag, Tag::UtcTime | Tag::GeneralizedTime));
        // Of the sequences in a list, the only one behind its dates.
        if tag == Tag::Sequence && dates > 0 {
            entries = sequence(part)?.data;
            // Its end is that of its part, and what is behind the part ends with what is signed, before the signature.
            entries_at = der.len().checked_sub(signature.len() + behind.len() + entries.len())?;
        } else {
            kept.extend_from_slice(part);
        }
        rest = behind;
    }
    let head = enclosed([enclosed(kept)?.as_slice(), signature].concat())?;
    // Every entry has its form, so that walking them later skips none.
    serials(entries).all(|serial| serial.is_some()).then_some(Outline { message: to_be_signed, entries, entries_at, head })
}

/// The serial numbers of entries, as the bytes of their integers; `None` for an entry of another form, which ends the walk.
pub(super) fn serials(entries: &[u8]) -> impl Iterator<Item = Option<&[u8]>> {
    let mut rest = Some(entries);
    std::iter::from_fn(move || {
        let here = rest.take().filter(|here| !here.is_empty())?;
        let Some((entry, behind)) = element(here) else { return Some(None) };
        let serial = sequence(entry).and_then(|entry| Any::from_der(entry.data).ok());
        let serial = serial.map(|(_, serial)| serial).filter(|serial| serial.tag() == Tag::Integer && !serial.data.is_empty());
        rest = serial.as_ref().map(|_| behind);
        Some(serial.map(|serial| serial.data))
    })
}

/// The first element with its header, and what is behind it.
fn element(der: &[u8]) -> Option<(&[u8], &[u8])> {
    let (rest, _) = Any::from_der(der).ok()?;
    Some((der.get(..der.len().checked_sub(rest.len())?)?, rest))
}

fn sequence(element: &[u8]) -> Option<Any<'_>> {
    let (_, any) = Any::from_der(element).ok()?;
    (any.tag() == Tag::Sequence).then_some(any)
}

/// A sequence with this content.
fn enclosed(content: Vec<u8>) -> Option<Vec<u8>> {
    const SEQUENCE: u8 = 0x30;
    let length = u32::try_from(content.len()).ok()?.to_be_bytes();
    let mut encoded = vec![SEQUENCE];
    if content.len() < 0x80 {
        encoded.push(u8::try_from(content.len()).ok()?);
    } else {
        let used: Vec<u8> = length.into_iter().skip_while(|byte| *byte == 0).collect();
        encoded.push(0x80 | u8::try_from(used.len()).ok()?);
        encoded.extend(used);
    }
    encoded.extend(content);
    Some(encoded)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use x509_parser::prelude::FromDer;
    use x509_parser::revocation_list::CertificateRevocationList;

    /// A list of so many revoked certificates, signed by a key of its own.
    fn list(revoked: u64) -> Vec<u8> {
        let pair = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap();
        let mut params = rcgen::CertificateParams::new(["ca".to_owned()]).unwrap();
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        params.key_usages = vec![rcgen::KeyUsagePurpose::CrlSign];
        let date = rcgen::date_time_ymd(2026, 1, 1);
        let entry = |serial: u64| rcgen::RevokedCertParams {
            serial_number: rcgen::SerialNumber::from(serial),
            revocation_time: date,
            reason_code: serial.is_multiple_of(2).then_some(rcgen::RevocationReason::KeyCompromise),
            invalidity_date: None,
        };
        let crl = rcgen::CertificateRevocationListParams {
            this_update: date,
            next_update: rcgen::date_time_ymd(2027, 1, 1),
            crl_number: rcgen::SerialNumber::from(7_u64),
            issuing_distribution_point: None,
            revoked_certs: (1..=revoked).map(entry).collect(),
            key_identifier_method: rcgen::KeyIdMethod::Sha256,
        };
        crl.signed_by(&rcgen::Issuer::new(params, pair)).unwrap().der().to_vec()
    }

    #[test]
    fn the_parts_are_those_that_the_library_finds() {
        for revoked in [0, 1, 300] {
            let der = list(revoked);
            let outline = outline(&der).unwrap();
            let (_, whole) = CertificateRevocationList::from_der(&der).unwrap();
            let ([], head) = CertificateRevocationList::from_der(&outline.head).unwrap() else { panic!("something is behind it") };
            assert_eq!(outline.message, whole.tbs_cert_list.as_ref());
            assert_eq!(head.iter_revoked_certificates().count(), 0);
            assert_eq!((head.issuer(), head.last_update(), head.next_update()), (whole.issuer(), whole.last_update(), whole.next_update()));
            assert_eq!(head.crl_number(), whole.crl_number());
            assert_eq!(head.signature_value, whole.signature_value);
            let found: Vec<&[u8]> = serials(outline.entries).map(Option::unwrap).collect();
            let expected: Vec<&[u8]> =
                whole.iter_revoked_certificates().map(x509_parser::prelude::RevokedCertificate::raw_serial).collect();
            assert_eq!(found, expected);
            assert_eq!(&der[outline.entries_at..][..outline.entries.len()], outline.entries);
        }
    }

    #[test]
    fn an_entry_of_another_form_spoils_the_list() {
        let der = list(2);
        let (at, _) = der.windows(3).enumerate().find(|(_, bytes)| *bytes == [2, 1, 2]).unwrap();
        let mut broken = der;
        broken[at] = 4;
        assert!(outline(&broken).is_none());
    }

    proptest! {
        #[test]
        fn broken_der_has_no_outline_and_causes_no_panic(bytes in prop::collection::vec(any::<u8>(), 0..300), cut in 0_usize..400) {
            let _ = outline(&bytes);
            let der = list(3);
            prop_assert!(outline(&der[..cut.min(der.len() - 1)]).is_none());
        }
    }
}
