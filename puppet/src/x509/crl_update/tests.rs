use super::*;
use crate::x509::{AuthorityFiles, KeyAlgorithm, NewAuthority, PrivateKey};
use rcgen::{CertificateRevocationListParams, Issuer, KeyIdMethod, SerialNumber};
use std::sync::LazyLock;
use std::time::Duration;

struct Ca {
    key: PrivateKey,
    files: AuthorityFiles,
    bundle: CaBundle,
}

/// Root and signing CA share a key here, so that one key signs both kinds of lists.
fn ca() -> Ca {
    let key = PrivateKey::generate(KeyAlgorithm::Rsa2048).unwrap();
    let lifetime = Duration::from_hours(24 * 365);
    let files = NewAuthority { root_key: &key, signing_key: &key, name: "main", root_suffix: "00", lifetime, now: at(0) }.create().unwrap();
    let bundle = CaBundle::from_pem(&files.bundle_pem).unwrap();
    Ca { key, files, bundle }
}

static CA: LazyLock<Ca> = LazyLock::new(ca);
static STRANGER: LazyLock<Ca> = LazyLock::new(ca);

/// Seconds after a moment in 2026.
fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_780_000_000 + seconds, 0).unwrap()
}

/// A list of the signing CA: number, issued at, next one due at.
fn signed_by(ca: &Ca, number: u64, this_update: i64, next_update: i64) -> String {
    let signing = rustls::pki_types::CertificateDer::from(ca.bundle.signing().der().to_vec());
    let issuer = Issuer::from_ca_cert_der(&signing, rcgen::KeyPair::from_pem(ca.key.to_pem()).unwrap()).unwrap();
    let time = |seconds| {
        let since_1970 = u64::try_from(at(seconds).timestamp()).unwrap();
        rcgen::date_time_ymd(1970, 1, 1) + Duration::from_secs(since_1970)
    };
    let params = CertificateRevocationListParams {
        this_update: time(this_update),
        next_update: time(next_update),
        crl_number: SerialNumber::from(number),
        issuing_distribution_point: None,
        revoked_certs: Vec::new(),
        key_identifier_method: KeyIdMethod::Sha256,
    };
    params.signed_by(&issuer).unwrap().pem().unwrap()
}

fn list(number: u64, this_update: i64, next_update: i64) -> String {
    signed_by(&CA, number, this_update, next_update)
}

fn bundle(text: &str) -> CrlBundle {
    CrlBundle::from_pem(text).unwrap()
}

/// `offered` against `stored` at second 1000.
fn update(stored: &str, offered: &str) -> Result<CrlUpdate, CrlRefusal> {
    bundle(offered).update_of(Some(&bundle(stored)), &CA.bundle, at(1000))
}

#[test]
fn a_higher_number_is_newer_and_the_same_text_is_the_same() {
    let stored = list(7, 0, 9000);
    assert_eq!(update(&stored, &list(8, 900, 9000)), Ok(CrlUpdate::Newer));
    assert_eq!(update(&stored, &stored), Ok(CrlUpdate::Same));
    // Windows line ends are no other list.
    assert_eq!(update(&stored, &stored.replace('\n', "\r\n")), Ok(CrlUpdate::Same));
    assert_eq!(bundle(&stored).update_of(None, &CA.bundle, at(1000)), Ok(CrlUpdate::Newer));
}

#[test]
fn a_lower_number_is_refused_even_if_it_was_issued_later() {
    let refusal = update(&list(0x1f, 0, 9000), &list(0x1e, 900, 9000)).unwrap_err();
    assert_eq!(
        refusal.to_string(),
        "the CRL of CN=Puppet CA: main has number 001E, and the stored one has 001F: it is older, and revocations would be lost"
    );
}

#[test]
fn of_two_lists_with_one_number_the_one_that_was_issued_later_counts() {
    assert_eq!(update(&list(7, 0, 9000), &list(7, 1, 9000)), Ok(CrlUpdate::Newer));
    for other in [list(7, 0, 9001), list(7, -1, 9000)] {
        assert!(matches!(update(&list(7, 0, 9000), &other), Err(CrlRefusal::Ambiguous { found, .. }) if found == "0007"));
    }
}

#[test]
fn a_list_from_the_future_is_refused_unless_clocks_explain_it() {
    assert_eq!(update(&list(7, 0, 9000), &list(8, 1300, 9000)), Ok(CrlUpdate::Newer));
    let refusal = update(&list(7, 0, 9000), &list(8, 1301, 9000)).unwrap_err();
    assert!(matches!(refusal, CrlRefusal::FromTheFuture { .. }), "{refusal}");
}

#[test]
fn a_list_that_has_run_out_is_refused_but_the_stored_one_stays_the_same() {
    assert!(matches!(update(&list(7, 0, 9000), &list(8, 0, 1000)), Err(CrlRefusal::Ended { .. })));
    assert_eq!(update(&list(7, 0, 900), &list(7, 0, 900)), Ok(CrlUpdate::Same));
}

#[test]
fn a_list_of_a_stranger_with_the_same_name_is_refused() {
    let refusal = update(&list(7, 0, 9000), &signed_by(&STRANGER, 8, 900, 9000)).unwrap_err();
    assert!(matches!(refusal, CrlRefusal::Unverified(CrlError::NotSigned { .. })), "{refusal}");
}

#[test]
fn every_ca_of_the_chain_keeps_a_list() {
    let both = CA.files.crl_pem.clone();
    let number = |text: &str| bundle(text).of_signing_ca(&CA.bundle).unwrap().info().number.clone();
    assert_eq!(number(&both), Some(super::super::serial::Serial::from(0)));
    let refusal = update(&both, &list(8, 900, 9000)).unwrap_err();
    assert!(matches!(&refusal, CrlRefusal::Dropped { issuer } if issuer.contains("Root")), "{refusal}");
    let root = &both[both.rfind("-----BEGIN").unwrap()..];
    assert_eq!(update(&both, &(list(8, 900, 9000) + root)), Ok(CrlUpdate::Newer));
    let refusal = update(&both, root).unwrap_err();
    assert!(matches!(refusal, CrlRefusal::Unverified(CrlError::Missing { .. })), "{refusal}");
}

/// The list without its number, or with another extension in the place of the number, signed anew.
fn altered(pem: &str, change: impl Fn(&mut Vec<u8>)) -> String {
    let mut der = pem::parse(pem).unwrap().into_contents();
    change(&mut der);
    let (_, parsed) =
        <x509_parser::revocation_list::CertificateRevocationList<'_> as x509_parser::prelude::FromDer<'_, _>>::from_der(&der).unwrap();
    let signed = rcgen::SigningKey::sign(&rcgen::KeyPair::from_pem(CA.key.to_pem()).unwrap(), parsed.tbs_cert_list.as_ref()).unwrap();
    let end = der.len() - signed.len();
    der.splice(end.., signed);
    pem::encode(&pem::Pem::new("X509 CRL", der))
}

/// Writes another last part of an identifier `2.5.29.x` in place of that of the CRL number.
fn instead_of_the_number(last: u8) -> impl Fn(&mut Vec<u8>) {
    move |der| {
        let at = der.windows(5).position(|window| window == [0x06, 0x03, 0x55, 0x1d, 20]).unwrap();
        der[at + 4] = last;
    }
}

#[test]
fn without_numbers_the_date_decides_and_the_stored_list_stays_where_it_says_nothing() {
    // 2.5.29.99 is not defined, and not critical.
    let nameless = |list: &str| altered(list, instead_of_the_number(99));
    let stored = nameless(&list(7, 100, 9000));
    assert_eq!(bundle(&stored).lists().next().unwrap().info().number, None);
    assert_eq!(update(&stored, &nameless(&list(7, 101, 9000))), Ok(CrlUpdate::Newer));
    for other in [list(7, 99, 9000), list(7, 100, 9001)] {
        assert!(matches!(update(&stored, &nameless(&other)), Err(CrlRefusal::Ambiguous { .. })));
    }
    // One number says nothing: a list that begins to have one is newer by its date, one that has lost it never.
    assert_eq!(update(&stored, &list(8, 101, 9000)), Ok(CrlUpdate::Newer));
    assert!(matches!(update(&stored, &list(8, 99, 9000)), Err(CrlRefusal::Ambiguous { .. })));
    assert!(matches!(update(&list(8, 100, 9000), &nameless(&list(9, 900, 9000))), Err(CrlRefusal::Older { .. })));
    // Of several lists in one text, too.
    let (old, new) = (nameless(&list(7, 100, 9000)), nameless(&list(7, 200, 9000)));
    for text in [old.clone() + &new, new.clone() + &old] {
        assert_eq!(bundle(&text).of_signing_ca(&CA.bundle).unwrap().info().this_update, at(200));
    }
}

#[test]
fn a_part_of_a_list_or_a_number_that_cannot_be_read_never_takes_the_place_of_a_list() {
    // The delta indicator has the same content as the number.
    let delta = altered(&list(9, 900, 9000), |der| {
        instead_of_the_number(27)(der);
    });
    // rcgen writes the number as not critical, so the indicator is, too; it says what the list is all the same.
    assert!(matches!(CrlBundle::from_pem(&delta), Err(CrlError::Partial { extension, .. }) if extension == "2.5.29.27"));
    let damaged = altered(&list(9, 900, 9000), |der| {
        let at = der.windows(5).position(|window| window == [0x06, 0x03, 0x55, 0x1d, 20]).unwrap();
        // The INTEGER inside becomes a BOOLEAN.
        let inside = der[at..].windows(2).position(|window| window == [0x02, 0x01]).unwrap();
        der[at + inside] = 0x01;
    });
    assert_eq!(CrlBundle::from_pem(&damaged), Err(CrlError::Malformed));
}
