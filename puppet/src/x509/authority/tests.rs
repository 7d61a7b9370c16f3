use super::*;
use crate::x509::crl::{CrlBundle, CrlError};
use crate::x509::key::KeyAlgorithm;
use crate::x509::openssl::openssl;
use proptest::prelude::*;

const YEAR: Duration = Duration::from_hours(365 * 24);

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(Utc::now().timestamp(), 0).unwrap()
}

struct Ca {
    files: AuthorityFiles,
    bundle: CaBundle,
    key: PrivateKey,
}

fn ca(name: &str) -> Ca {
    let root_key = PrivateKey::generate(KeyAlgorithm::Rsa2048).unwrap();
    let key = PrivateKey::generate(KeyAlgorithm::Rsa2048).unwrap();
    let authority =
        NewAuthority { root_key: &root_key, signing_key: &key, name, root_suffix: "0a1b2c3d4e5f60", lifetime: 5 * YEAR, now: now() };
    let files = authority.create().unwrap();
    let bundle = CaBundle::from_pem(&files.bundle_pem).unwrap();
    Ca { files, bundle, key }
}

fn leaf(ca: &Ca, key: &PrivateKey, lifetime: Duration) -> String {
    let authority = SigningAuthority::new(&ca.bundle, &ca.key).unwrap();
    let request = LeafRequest {
        certname: &"puppet".parse().unwrap(),
        alt_names: &["puppet", "main-internal.ns.svc", "10.0.0.1"].map(|name| name.parse().unwrap()),
        extensions: &[(ExtensionOid::cli_auth(), "true".to_owned())],
        key,
        serial: &ca.files.next_serial,
        lifetime,
        now: now(),
    };
    authority.issue(&request).unwrap()
}

#[test]
fn the_new_ca_is_a_closed_chain_of_two_with_an_empty_list_each() {
    let ca = ca("main");
    ca.bundle.verify_chain().unwrap();
    let subjects: Vec<_> = ca.bundle.certificates().map(|c| c.info().subject.clone()).collect();
    assert_eq!(subjects, ["CN=Puppet CA: main", "CN=Puppet Root CA: 0a1b2c3d4e5f60"]);
    let crl = CrlBundle::from_pem(&ca.files.crl_pem).unwrap();
    crl.verify(&ca.bundle).unwrap();
    assert!(crl.lists().all(|list| list.info().revoked.is_empty() && list.info().number == Some(Serial::from(0))));
    assert_eq!(ca.files.next_serial.to_string(), "0003");
    let end = now() + TimeDelta::from_std(5 * YEAR).unwrap();
    assert!((ca.bundle.signing().info().not_after - end).num_seconds().abs() < 60);
}

#[test]
fn a_leaf_has_its_names_its_extensions_and_its_key() {
    let ca = ca("main");
    let key = PrivateKey::generate(KeyAlgorithm::EcdsaP256).unwrap();
    let leaf = Certificate::from_pem(&leaf(&ca, &key, YEAR)).unwrap();
    let info = leaf.info();
    assert!(leaf.matches(&key) && leaf.has_extension(&ExtensionOid::cli_auth(), "true") && !info.is_ca);
    assert_eq!(info.alt_names, ["puppet", "main-internal.ns.svc", "10.0.0.1"].map(|name| name.parse().unwrap()));
    assert_eq!(info.common_name.as_deref(), Some("puppet"));
    ca.bundle.verify(&leaf).unwrap();
    let line = inventory_line(&leaf);
    let words: Vec<_> = line.trim_end().split(' ').collect();
    assert_eq!((words[0], words[3], words.len()), ("0x0003", "/CN=puppet", 4));
    assert!(words[1].ends_with("UTC") && words[1].len() == "2026-11-19T21:18:48UTC".len(), "{line}");
}

#[test]
fn a_leaf_does_not_outlive_its_ca() {
    let ca = ca("main");
    let key = PrivateKey::generate(KeyAlgorithm::EcdsaP256).unwrap();
    let leaf = Certificate::from_pem(&leaf(&ca, &key, 100 * YEAR)).unwrap();
    assert_eq!(leaf.info().not_after, ca.bundle.signing().info().not_after);
}

#[test]
fn openssl_accepts_the_chain_with_its_revocation_lists() {
    let ca = ca("main");
    let key = PrivateKey::generate(KeyAlgorithm::Rsa2048).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    let leaf = leaf(&ca, &key, YEAR);
    std::fs::write(path("ca.pem"), &ca.files.bundle_pem).unwrap();
    std::fs::write(path("crl.pem"), &ca.files.crl_pem).unwrap();
    std::fs::write(path("leaf.pem"), &leaf).unwrap();
    for purpose in ["sslserver", "sslclient"] {
        let verdict = openssl(
            &[
                "verify",
                "-x509_strict",
                "-crl_check_all",
                "-purpose",
                purpose,
                "-verify_hostname",
                "main-internal.ns.svc",
                "-CAfile",
                &path("ca.pem"),
                "-CRLfile",
                &path("crl.pem"),
                &path("leaf.pem"),
            ],
            "",
        );
        assert!(verdict.contains(": OK"), "{verdict}");
    }
    let text = openssl(&["x509", "-noout", "-text"], &leaf);
    for part in [
        "DNS:puppet, DNS:main-internal.ns.svc, IP Address:10.0.0.1",
        "1.3.6.1.4.1.34380.1.3.39:",
        "CA:FALSE",
        "Digital Signature, Key Encipherment",
        "TLS Web Server Authentication, TLS Web Client Authentication",
        "X509v3 Authority Key Identifier",
        "X509v3 Subject Key Identifier",
    ] {
        assert!(text.contains(part), "{part} is missing in {text}");
    }
    // ASN.1 UTF8String "true".
    let asn1 = openssl(&["asn1parse"], &leaf);
    assert!(asn1.contains("0C0474727565"), "{asn1}");
}

#[test]
fn an_imported_ca_made_by_openssl_signs_leaves_that_openssl_accepts() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    openssl(
        &[
            "req",
            "-x509",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-keyout",
            &path("key.pem"),
            "-out",
            &path("ca.pem"),
            "-subj",
            "/O=Example/CN=Puppet CA",
            "-days",
            "30",
            "-addext",
            "keyUsage=critical,keyCertSign,cRLSign",
        ],
        "",
    );
    let read = |name: &str| std::fs::read_to_string(path(name)).unwrap();
    let ca = Ca {
        files: AuthorityFiles { bundle_pem: read("ca.pem"), crl_pem: String::new(), next_serial: Serial::from(0x8000) },
        bundle: CaBundle::from_pem(&read("ca.pem")).unwrap(),
        key: PrivateKey::from_pem(&read("key.pem")).unwrap(),
    };
    let key = PrivateKey::generate(KeyAlgorithm::EcdsaP256).unwrap();
    std::fs::write(path("leaf.pem"), leaf(&ca, &key, YEAR)).unwrap();
    let verdict = openssl(&["verify", "-x509_strict", "-CAfile", &path("ca.pem"), &path("leaf.pem")], "");
    assert!(verdict.contains(": OK"), "{verdict}");
}

#[test]
fn a_key_that_puppet_server_cannot_sign_with_or_of_another_ca_is_refused() {
    let (one, two) = (ca("one"), ca("two"));
    let error = SigningAuthority::new(&one.bundle, &two.key).unwrap_err();
    assert!(matches!(error, AuthorityError::KeyMismatch { .. }), "{error}");
    let ec = PrivateKey::generate(KeyAlgorithm::EcdsaP256).unwrap();
    assert!(matches!(SigningAuthority::new(&one.bundle, &ec), Err(AuthorityError::NotRsa)));
    let new = NewAuthority { root_key: &ec, signing_key: &one.key, name: "x", root_suffix: "x", lifetime: YEAR, now: now() };
    assert!(matches!(new.create(), Err(AuthorityError::NotRsa)));
}

#[test]
fn lists_of_another_ca_are_refused() {
    let (one, two) = (ca("main"), ca("main"));
    let crl = CrlBundle::from_pem(&two.files.crl_pem).unwrap();
    assert!(matches!(crl.verify(&one.bundle), Err(CrlError::NotSigned { .. })));
    let root_list = &one.files.crl_pem[one.files.crl_pem.rfind("-----BEGIN").unwrap()..];
    let root_only = CrlBundle::from_pem(root_list).unwrap();
    assert!(matches!(root_only.verify(&one.bundle), Err(CrlError::Missing { .. })));
}

proptest! {
    #[test]
    fn any_lifetime_gives_an_end_after_the_start_or_an_error(seconds: u64) {
        if let Ok(end) = end(now(), Duration::from_secs(seconds)) {
            prop_assert!(end >= now() && chrono::Datelike::year(&end) <= 9999);
        } else {
            prop_assert!(seconds == 0 || seconds > 7_000 * YEAR.as_secs());
        }
    }
}
