use super::*;
use crate::openssl::openssl;
use crate::puppetca::tls_error;
use rcgen::{CertificateParams, DistinguishedName, DnType, DnValue, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use std::time::Duration;

/// A CA whose name is in this form, as PEM.
fn ca(key: &KeyPair, name: DnValue, constraints: Option<rcgen::NameConstraints>) -> String {
    let mut params = named(name);
    params.is_ca = IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.name_constraints = constraints;
    params.self_signed(key).unwrap().pem()
}

fn named(name: DnValue) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params
}

/// A server's certificate for `puppet` by this issuer.
fn server(issuer_key: &KeyPair, issuer: DnValue) -> CertificateDer<'static> {
    let mut params = CertificateParams::new(["puppet".to_owned()]).unwrap();
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let issuer = named(issuer);
    params.signed_by(&key(), &Issuer::from_params(&issuer, issuer_key)).unwrap().der().clone()
}

fn key() -> KeyPair {
    KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap()
}

fn printable(name: &str) -> DnValue {
    DnValue::PrintableString(name.try_into().unwrap())
}

fn utf8(name: &str) -> DnValue {
    DnValue::Utf8String(name.to_owned())
}

fn verify(bundle: &CaBundle, end_entity: &CertificateDer<'_>, intermediates: &[CertificateDer<'_>], name: &str) -> Result<(), String> {
    let verifier = ServerVerifier::new(bundle, ServerCheck::Verified, &rustls::crypto::aws_lc_rs::default_provider()).unwrap();
    let now = UnixTime::since_unix_epoch(Duration::from_secs(chrono::Utc::now().timestamp().try_into().unwrap()));
    let answer = verifier.verify_server_cert(end_entity, intermediates, &name.to_owned().try_into().unwrap(), &[], now);
    answer.map(|_| ()).map_err(|error| tls_error::message(&error))
}

#[test]
fn a_server_whose_issuer_is_written_in_another_string_type_is_believed() {
    let ca_key = key();
    let bundle = CaBundle::from_pem(&ca(&ca_key, printable("Puppet CA"), None)).unwrap();
    for issuer in [printable("Puppet CA"), utf8("Puppet CA"), utf8("puppet  ca"), DnValue::BmpString("Puppet CA".try_into().unwrap())] {
        assert_eq!(verify(&bundle, &server(&ca_key, issuer), &[], "puppet"), Ok(()));
    }
}

#[test]
fn a_name_alone_opens_nothing() {
    let (ca_key, stranger) = (key(), key());
    let bundle = CaBundle::from_pem(&ca(&ca_key, printable("Puppet CA"), None)).unwrap();
    let forged = verify(&bundle, &server(&stranger, utf8("Puppet CA")), &[], "puppet").unwrap_err();
    assert!(forged.contains("its signature was not made with the key of its issuer"), "{forged}");
    // Presenting a CA of that name as an intermediate does not help.
    let own_ca = CertificateDer::from(pem::parse(ca(&stranger, utf8("Puppet CA"), None)).unwrap().into_contents());
    assert!(verify(&bundle, &server(&stranger, utf8("Puppet CA")), &[own_ca], "puppet").is_err());
    let other = verify(&bundle, &server(&ca_key, utf8("Other CA")), &[], "puppet").unwrap_err();
    assert!(other.contains("no certificate of the CA bundle issued it"), "{other}");
    let name = verify(&bundle, &server(&ca_key, utf8("Puppet CA")), &[], "puppet.example.net").unwrap_err();
    assert!(name.contains("it is not for the name puppet.example.net; it is for puppet"), "{name}");
}

#[test]
fn constraints_of_the_ca_hold_under_its_other_name_too() {
    let ca_key = key();
    let constraints = rcgen::NameConstraints {
        permitted_subtrees: vec![rcgen::GeneralSubtree::DnsName("example.net".to_owned())],
        excluded_subtrees: Vec::new(),
    };
    let bundle = CaBundle::from_pem(&ca(&ca_key, printable("Puppet CA"), Some(constraints))).unwrap();
    let refusal = verify(&bundle, &server(&ca_key, utf8("Puppet CA")), &[], "puppet").unwrap_err();
    assert!(refusal.contains("name constraints of CN=Puppet CA do not permit the name \"puppet\""), "{refusal}");
}

#[test]
fn a_ca_with_a_short_key_is_refused_by_its_length_and_believed_where_that_is_allowed() {
    let folder = tempfile::TempDir::new().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (ca_key, crt, csr, leaf, names) = (path("ca.key"), path("ca.crt"), path("csr"), path("leaf.crt"), path("names"));
    openssl(&["genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:1024", "-out", &ca_key], "");
    openssl(&["req", "-x509", "-key", &ca_key, "-subj", "/CN=Puppet CA", "-sha1", "-out", &crt], "");
    let request = ["req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "/dev/null"];
    openssl(&[request.as_slice(), &["-subj", "/CN=puppet", "-out", &csr]].concat(), "");
    std::fs::write(&names, "subjectAltName=DNS:puppet").unwrap();
    openssl(&["x509", "-req", "-in", &csr, "-CA", &crt, "-CAkey", &ca_key, "-set_serial", "7", "-extfile", &names, "-out", &leaf], "");
    let read = |name: &str| std::fs::read_to_string(name).unwrap();
    let (bundle, leaf) = (CaBundle::from_pem(&read(&crt)).unwrap(), Certificate::from_pem(&read(&leaf)).unwrap());
    let leaf = CertificateDer::from(leaf.der().to_vec());
    let refusal = verify(&bundle, &leaf, &[], "puppet").unwrap_err();
    assert!(refusal.contains("the RSA key has 1024 bits"), "{refusal}");
    assert_eq!(verify(&bundle.with_strength(Strength::Legacy), &leaf, &[], "puppet"), Ok(()));
}
