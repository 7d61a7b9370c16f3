use crate::ca_setup::fixture::{OldCa, list, now, self_signed, stored};
use crate::ca_setup::goal::{DesiredSecret, SetupGoal, StoredSecrets};
use crate::ca_setup::prepare;
use crate::openssl::openssl;
use chrono::TimeDelta;
use std::fs;

const SUBJECT: &str = "/CN=Puppet CA: puppet.example.net";

fn secret<'a>(secrets: &'a [DesiredSecret], name: &str) -> &'a DesiredSecret {
    secrets.iter().find(|secret| secret.name == name).unwrap()
}

#[test]
fn subjects_of_every_shape_survive_and_leaf_certificates_name_them_as_they_are() {
    for subject in [
        "/C=DE/O=Example GmbH/OU=IT/OU=Puppet/CN=Puppet CA",
        "/DC=net/DC=example/DC=corp/CN=Puppet-Issuing-CA",
        "/O=Example/CN=Puppet CA+OU=Ops",
        "/CN=Puppet CA/O=Example/C=US",
        "/C=FR/O=Société d'Exemple, S.A./CN=Puppet CA/emailAddress=pki@example.net",
    ] {
        let ca = OldCa::new(subject);
        let certificate = ca.read("ca_crt.pem");
        let (secrets, _) = ca.import().unwrap();
        assert_eq!(secret(&secrets, "main-ca").data["ca_crt.pem"], certificate, "{subject}");
        let path = ca.path().join("signed/puppet.pem");
        let trust = ca.path().join("ca_crt.pem");
        let verified = openssl(&["verify", "-x509_strict", "-CAfile", trust.to_str().unwrap(), path.to_str().unwrap()], "");
        assert!(verified.ends_with("OK\n"), "{subject}: {verified}");
        let name = |pem: &str, field: &str| openssl(&["x509", "-noout", field, "-nameopt", "oneline,show_type,utf8"], pem);
        let issuer = name(&ca.read("signed/puppet.pem"), "-issuer");
        assert_eq!(issuer.strip_prefix("issuer=").unwrap(), name(&certificate, "-subject").strip_prefix("subject=").unwrap());
    }
}

#[test]
fn what_is_stored_is_what_was_checked_and_no_key_reaches_the_public_certificates() {
    let ca = OldCa::new(SUBJECT);
    let (certificate, key, lists) = (ca.read("ca_crt.pem"), ca.read("ca_key.pem"), ca.read("ca_crl.pem"));
    let indented = |text: &str| format!("  {} \r\n", text.trim_end().replace('\n', " \r\n  "));
    let mut untidy = b"# Ansprechpartner J\xfcrgen\n".to_vec();
    untidy.extend(format!("{key}{}{certificate}", indented(&certificate)).bytes());
    ca.put("ca_crt.pem", untidy);
    ca.put("ca_key.pem", format!("{certificate}{key}"));
    ca.put("ca_crl.pem", format!("\u{feff}Certificate Revocation List:\n{}", indented(&lists)));
    let (secrets, steps) = ca.import().unwrap();
    for (name, file, expected) in
        [("main-ca", "ca_crt.pem", &certificate), ("main-ca-key", "ca_key.pem", &key), ("main-ca-crl", "ca_crl.pem", &lists)]
    {
        assert_eq!(&secret(&secrets, name).data[file], expected);
        assert_eq!(&ca.read(file), expected, "Puppet Server reads {file} from the volume");
    }
    for said in [
        "would leave out of ca_crt.pem of the existing CA: a block RSA PRIVATE KEY",
        "would leave out of ca_crt.pem of the existing CA: 1 repeated or further blocks",
        "would leave out of ca_key.pem of the existing CA: a block CERTIFICATE",
        "would rewrite ca_crt.pem: only what was checked, in the form that Puppet Server reads",
        "would rewrite ca_crl.pem: only what was checked, in the form that Puppet Server reads",
    ] {
        assert!(steps.iter().any(|step| step == said), "{said} is not in {steps:#?}");
    }
}

#[test]
fn a_file_that_is_cut_off_is_refused_by_name() {
    for (file, label) in [("ca_crt.pem", "CERTIFICATE"), ("ca_crl.pem", "X509 CRL"), ("ca_key.pem", "RSA PRIVATE KEY")] {
        let ca = OldCa::new(SUBJECT);
        ca.put(file, format!("{}-----BEGIN {label}-----\nMIIC\n", ca.read(file)));
        let refused = ca.refused();
        assert!(refused.contains(&format!("failed to check {file} of the existing CA")) && refused.contains("cut off"), "{refused}");
    }
}

#[test]
fn a_ca_whose_time_has_not_come_or_is_over_is_not_imported() {
    let ca = OldCa::new(SUBJECT);
    let refused = ca.refused_at(now() + TimeDelta::days(31));
    assert!(refused.contains("ca_crt.pem of the existing CA: the certificate of CN=Puppet CA: puppet.example.net ended at"), "{refused}");
    let refused = ca.refused_at(now() - TimeDelta::days(3));
    assert!(refused.contains("ca_crt.pem of the existing CA") && refused.contains("is valid from"), "{refused}");
    ca.put("ca_crl.pem", ca.list(2, 1, &[2]));
    let refused = ca.refused_at(now() + TimeDelta::days(4));
    assert!(
        refused.contains("ca_crl.pem of the existing CA: the CRL of CN=Puppet CA: puppet.example.net had to be renewed by"),
        "{refused}"
    );
    ca.import().unwrap();
}

#[test]
fn a_list_from_the_future_is_not_imported() {
    let ca = OldCa::new(SUBJECT);
    let made = now();
    std::thread::sleep(std::time::Duration::from_millis(2100));
    ca.put("ca_crl.pem", ca.list(30, 2, &[2]));
    let refused = ca.refused_at(made + TimeDelta::seconds(1));
    assert!(refused.contains("the CRL of CN=Puppet CA: puppet.example.net is issued at"), "{refused}");
}

#[test]
fn a_ca_that_was_extended_is_imported_with_its_old_certificate_behind_the_new_one() {
    let ca = OldCa::new(SUBJECT);
    let old = ca.read("ca_crt.pem");
    let new = self_signed(&ca.path().join("ca_key.pem"), SUBJECT, 400);
    ca.put("ca_crl.pem", ca.list(400, 2, &[2]));
    let later = now() + TimeDelta::days(40);
    ca.put("ca_crt.pem", format!("{old}{new}"));
    assert!(ca.refused_at(later).contains("ended at"));
    ca.put("ca_crt.pem", format!("{new}{old}"));
    let (secrets, _) = ca.import_at(later).unwrap();
    assert_eq!(secret(&secrets, "main-ca").data["ca_crt.pem"], format!("{new}{old}"));
}

#[test]
fn an_encrypted_key_is_refused_naming_the_file_with_its_passphrase() {
    let ca = OldCa::new(SUBJECT);
    let key = ca.path().join("ca_key.pem");
    let encrypted = openssl(&["rsa", "-traditional", "-aes128", "-passout", "pass:fF7,kQ2x", "-in", key.to_str().unwrap()], "");
    ca.put("ca_key.pem", &encrypted[encrypted.find("-----BEGIN").unwrap()..]);
    let refused = ca.refused();
    assert!(refused.contains("ca_key.pem of the existing CA") && refused.contains("store it without a passphrase"), "{refused}");
    fs::create_dir(ca.path().join("private")).unwrap();
    ca.put("private/ca.pass", "fF7,kQ2x");
    let refused = ca.refused();
    assert!(refused.contains("its passphrase is in private/ca.pass: write the key without it"), "{refused}");
    assert!(!refused.contains("fF7,kQ2x"));
}

/// A chain of two CAs as Puppet makes it, with the key of the root beside it.
fn chain() -> OldCa {
    let ca = OldCa::new("/CN=replaced");
    let made = tempfile::tempdir().unwrap();
    prepare::run(&SetupGoal::for_tests(made.path()), &StoredSecrets::new(), now()).unwrap();
    for file in ["ca_crt.pem", "ca_key.pem", "ca_crl.pem", "root_key.pem"] {
        ca.put(file, fs::read(made.path().join(file)).unwrap());
    }
    let certificates = ca.read("ca_crt.pem");
    ca.put("root_crt.pem", &certificates[certificates.rfind("-----BEGIN").unwrap()..]);
    ca
}

/// The list of the root of a chain.
fn of_root(ca: &OldCa, days: u32, number: u32) -> String {
    list(&ca.path().join("root_crt.pem"), &ca.path().join("root_key.pem"), days, number, &[])
}

#[test]
fn an_import_needs_a_current_list_of_each_ca_of_the_chain() {
    let ca = chain();
    let own = ca.list(30, 7, &[5, 6]);
    ca.put("ca_crl.pem", &own);
    let refused = ca.refused();
    assert!(refused.contains("ca_crl.pem of the existing CA: there is no CRL of CN=Puppet Root CA"), "{refused}");
    ca.put("ca_crl.pem", own.clone() + &of_root(&ca, 2, 3));
    let refused = ca.refused_at(now() + TimeDelta::days(3));
    assert!(refused.contains("the CRL of CN=Puppet Root CA") && refused.contains("had to be renewed by"), "{refused}");
    ca.put("ca_crl.pem", own + &of_root(&ca, 30, 3));
    ca.import_at(now() + TimeDelta::days(3)).unwrap();
}

#[test]
fn a_ca_that_is_published_already_is_completed_also_when_a_list_of_its_chain_has_ended() {
    let ca = chain();
    ca.put("ca_crl.pem", ca.list(2, 7, &[5, 6]) + &of_root(&ca, 30, 3));
    let (secrets, _) = ca.import().unwrap();
    let later = now() + TimeDelta::days(3);
    let (again, _) = prepare::run(&ca.goal(), &stored(&secrets), later).unwrap();
    assert_eq!(again, secrets);
}

#[test]
fn lists_that_are_left_over_are_ignored_with_a_word_and_the_own_list_comes_first() {
    let (ca, other) = (chain(), OldCa::new("/CN=Example Root G1"));
    let (older, own, root) = (ca.list(30, 6, &[5]), ca.list(30, 7, &[5, 6]), of_root(&ca, 30, 3));
    ca.put("ca_crl.pem", format!("{older}{}{root}{own}", other.list(30, 44, &[9])));
    let (secrets, steps) = ca.import().unwrap();
    assert_eq!(secret(&secrets, "main-ca-crl").data["ca_crl.pem"], format!("{own}{root}"));
    assert_eq!(ca.read("ca_crl.pem"), format!("{own}{root}"));
    for said in [
        "would leave out of ca_crl.pem of the existing CA: the CRL of CN=Example Root G1, which is no CA of the chain",
        "would leave out of ca_crl.pem of the existing CA: the CRL of CN=Puppet CA: main.ns, of which there is a newer one",
    ] {
        assert!(steps.iter().any(|step| step == said), "{said} is not in {steps:#?}");
    }
}

#[test]
fn a_list_that_bears_the_name_of_the_ca_and_not_its_signature_is_refused_where_there_is_no_other() {
    let (ca, namesake) = (OldCa::new(SUBJECT), OldCa::new(SUBJECT));
    let (own, forged) = (ca.read("ca_crl.pem"), namesake.list(30, 9, &[2]));
    ca.put("ca_crl.pem", &forged);
    assert!(ca.refused().contains("failed to verify the CRL of CN=Puppet CA: puppet.example.net"));
    ca.put("ca_crl.pem", forged + &own);
    let (secrets, _) = ca.import().unwrap();
    assert_eq!(secret(&secrets, "main-ca-crl").data["ca_crl.pem"], own);
}

#[test]
fn a_list_of_twelve_thousand_fits_because_it_is_stored_once() {
    let ca = OldCa::new(SUBJECT);
    ca.put("ca_crl.pem", ca.list(30, 12_000, &(2..12_002).collect::<Vec<_>>()));
    let (secrets, _) = ca.import().unwrap();
    let lists = secret(&secrets, "main-ca-crl");
    assert_eq!(lists.data.keys().collect::<Vec<_>>(), ["ca_crl.pem"]);
    assert_eq!(lists.removed, ["infra_crl.pem"]);
    assert_eq!(ca.read("infra_crl.pem"), ca.read("ca_crl.pem"), "Puppet Server wants both files");
    // A volume that is lost afterwards is filled with both files, too.
    let empty = tempfile::tempdir().unwrap();
    let (again, _) = prepare::run(&SetupGoal::for_tests(empty.path()), &stored(&secrets), now()).unwrap();
    assert_eq!(again, secrets);
    assert_eq!(fs::read_to_string(empty.path().join("infra_crl.pem")).unwrap(), ca.read("ca_crl.pem"));
}

#[test]
fn a_list_that_outgrows_its_secret_leaves_the_stored_one_and_keeps_nobody_from_a_certificate() {
    let ca = OldCa::new(SUBJECT);
    let (secrets, _) = ca.import().unwrap();
    ca.put("ca_crl.pem", ca.list(30, 9, &(2..40_002).collect::<Vec<_>>()));
    let (again, _) = prepare::run(&ca.goal(), &stored(&secrets), now()).unwrap();
    assert_eq!(secret(&again, "main-ca-crl").data["ca_crl.pem"], secret(&secrets, "main-ca-crl").data["ca_crl.pem"]);
}

#[test]
fn a_list_that_no_secret_can_hold_is_refused_before_anything_is_written() {
    let ca = OldCa::new(SUBJECT);
    // `openssl` writes no reason here, so an entry takes 27 bytes; Puppet's take 35.
    ca.put("ca_crl.pem", ca.list(30, 40_000, &(2..40_002).collect::<Vec<_>>()));
    let refused = ca.refused();
    for words in ["Secret main-ca-crl would hold", "1048576", "names 40000 certificates", "puppetserver ca prune"] {
        assert!(refused.contains(words), "{words} is not in {refused}");
    }
}
