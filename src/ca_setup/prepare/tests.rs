use super::*;
use crate::ca_setup::error::PreflightError;
use crate::ca_setup::fixture::list;
use openvox_puppet::{AuthorityError, ExtensionOid, Serial};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(Utc::now().timestamp(), 0).unwrap()
}

fn goal(directory: &Path) -> SetupGoal {
    SetupGoal::for_tests(directory)
}

/// Runs once and ends as the program does; returns the Secrets in the order of writing.
fn run(goal: &SetupGoal, stored: &StoredSecrets) -> Result<Vec<DesiredSecret>, SetupError> {
    super::run(goal, stored, now()).map(|(secrets, _)| secrets)
}

fn stored(secrets: &[DesiredSecret]) -> StoredSecrets {
    let entry = |secret: &DesiredSecret| (secret.name.clone(), secret.data.clone());
    secrets.iter().map(entry).collect()
}

fn read(root: &Path, name: &str) -> String {
    fs::read_to_string(root.join(name)).unwrap()
}

/// All files below a folder with their texts.
fn snapshot(root: &Path) -> BTreeMap<String, String> {
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(root).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(snapshot(&path));
        } else {
            files.insert(path.display().to_string(), fs::read_to_string(&path).unwrap());
        }
    }
    files
}

#[test]
fn an_empty_directory_becomes_a_ca_with_all_its_files_and_secrets() {
    let root = tempfile::tempdir().unwrap();
    let secrets = run(&goal(root.path()), &StoredSecrets::new()).unwrap();
    let names: Vec<_> = secrets.iter().map(|secret| secret.name.as_str()).collect();
    assert_eq!(names, ["puppet-tls", "main-operator-signing-tls", "main-ca-key", "main-ca-crl", "main-ca"]);
    let bundle = CaBundle::from_pem(&secrets[4].data["ca_crt.pem"]).unwrap();
    assert_eq!(bundle.signing().info().subject, "CN=Puppet CA: main.ns");
    assert!(bundle.signing().matches(&PrivateKey::from_pem(&secrets[2].data["ca_key.pem"]).unwrap()));
    for (secret, name, serial) in [(&secrets[0], "puppet", 3), (&secrets[1], "main-operator", 4)] {
        let certificate = Certificate::from_pem(&secret.data["cert.pem"]).unwrap();
        bundle.verify(&certificate).unwrap();
        assert!(certificate.matches(&PrivateKey::from_pem(&secret.data["key.pem"]).unwrap()));
        assert_eq!(certificate.info().common_name.as_deref(), Some(name));
        assert_eq!(certificate.info().serial, Serial::from(serial));
        assert!(certificate.has_extension(&ExtensionOid::cli_auth(), "true"));
        assert_eq!(read(root.path(), &format!("signed/{name}.pem")), secret.data["cert.pem"]);
    }
    assert_eq!(secrets[0].certificate.as_deref(), Some("puppet"));
    assert_eq!(secrets[1].certificate.as_deref(), Some("main-operator-signing"));
    assert_eq!(read(root.path(), "serial"), "0005\n");
    let inventory = read(root.path(), "inventory.txt");
    assert_eq!(inventory.lines().count(), 2);
    assert!(inventory.starts_with("0x0003 ") && inventory.ends_with("/CN=main-operator\n"), "{inventory}");
    let mut entries: Vec<_> = fs::read_dir(root.path()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    entries.sort();
    assert_eq!(
        entries,
        [
            ".setup.lock",
            "ca_crl.pem",
            "ca_crt.pem",
            "ca_key.pem",
            "ca_pub.pem",
            "infra_crl.pem",
            "infra_inventory.txt",
            "infra_serials",
            "inventory.txt",
            "requests",
            "root_key.pem",
            "serial",
            "signed",
        ]
    );
}

#[test]
fn a_second_run_changes_nothing() {
    let root = tempfile::tempdir().unwrap();
    let goal = goal(root.path());
    let first = run(&goal, &StoredSecrets::new()).unwrap();
    let before = snapshot(root.path());
    let second = run(&goal, &stored(&first)).unwrap();
    assert_eq!(second, first);
    assert_eq!(snapshot(root.path()), before);
}

#[test]
fn a_run_that_died_before_any_secret_was_written_is_repeated_with_the_same_keys_and_certificates() {
    let root = tempfile::tempdir().unwrap();
    let goal = goal(root.path());
    // The process is gone before it closed the directory.
    let directory = CaDirectory::open(root.path()).unwrap();
    let first = prepare(&goal, &StoredSecrets::new(), directory, now(), &mut drop).unwrap().secrets;
    let before = snapshot(root.path());
    let second = run(&goal, &StoredSecrets::new()).unwrap();
    assert_eq!(second, first);
    assert_eq!(read(root.path(), "serial"), before[&root.path().join("serial").display().to_string()]);
    // The same with every Secret that the first run may have written before it died.
    for written in 0..first.len() {
        assert_eq!(run(&goal, &stored(&first[..written.max(2)])).unwrap(), first);
    }
}

#[test]
fn a_certificate_asked_for_later_is_issued_by_the_ca_that_exists() {
    let root = tempfile::tempdir().unwrap();
    let full = goal(root.path());
    let mut operator_only = full.clone();
    operator_only.leaves.remove(0);
    let first = run(&operator_only, &StoredSecrets::new()).unwrap();
    let second = run(&full, &stored(&first)).unwrap();
    assert_eq!(second[1..], first[..]);
    let server = Certificate::from_pem(&second[0].data["cert.pem"]).unwrap();
    assert_eq!(server.info().serial, Serial::from(4));
    CaBundle::from_pem(&first[3].data["ca_crt.pem"]).unwrap().verify(&server).unwrap();
}

#[test]
fn a_server_certificate_that_lacks_a_name_is_reissued_for_the_same_key() {
    let root = tempfile::tempdir().unwrap();
    let mut goal = goal(root.path());
    let first = run(&goal, &StoredSecrets::new()).unwrap();
    goal.leaves[0].alt_names.push("10.0.0.9".parse().unwrap());
    let second = run(&goal, &stored(&first)).unwrap();
    assert_eq!(second[0].data["key.pem"], first[0].data["key.pem"]);
    assert_ne!(second[0].data["cert.pem"], first[0].data["cert.pem"]);
    assert_eq!(second[1], first[1]);
}

#[test]
fn a_lost_volume_is_not_replaced_by_a_new_ca() {
    let root = tempfile::tempdir().unwrap();
    let first = run(&goal(root.path()), &StoredSecrets::new()).unwrap();
    for survivor in &first {
        let empty = tempfile::tempdir().unwrap();
        let error = run(&goal(empty.path()), &stored(std::slice::from_ref(survivor))).unwrap_err();
        assert!(error.to_string().contains("restore the volume from a backup"), "{error}");
        assert!(!empty.path().join("ca_crt.pem").exists());
    }
}

#[test]
fn secrets_of_another_ca_are_refused_and_nothing_is_issued() {
    let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let ours = run(&goal(one.path()), &StoredSecrets::new()).unwrap();
    let theirs = run(&goal(two.path()), &StoredSecrets::new()).unwrap();
    let before = snapshot(one.path());
    for index in 0..ours.len() {
        let mut mixed = ours.clone();
        mixed[index] = theirs[index].clone();
        let error = run(&goal(one.path()), &stored(&mixed)).unwrap_err();
        let SetupError::ForeignSecret { secret, .. } = &error else {
            panic!("{error}");
        };
        assert_eq!(*secret, theirs[index].name);
        assert_eq!(snapshot(one.path()).len(), before.len());
    }
}

#[test]
fn an_incomplete_directory_is_left_as_it_is() {
    for name in ["ca_crt.pem", "ca_key.pem", "ca_crl.pem"] {
        let root = tempfile::tempdir().unwrap();
        run(&goal(root.path()), &StoredSecrets::new()).unwrap();
        fs::remove_file(root.path().join(name)).unwrap();
        let before = snapshot(root.path());
        let error = run(&goal(root.path()), &StoredSecrets::new()).unwrap_err();
        assert!(error.to_string().contains(&format!("{name} is missing")), "{error}");
        assert_eq!(snapshot(root.path()), before);
    }
}

#[test]
fn an_imported_ca_of_three_files_gets_the_missing_ones_and_keeps_its_own() {
    let origin = tempfile::tempdir().unwrap();
    run(&goal(origin.path()), &StoredSecrets::new()).unwrap();
    let root = tempfile::tempdir().unwrap();
    fs::create_dir(root.path().join("signed")).unwrap();
    for name in ["ca_crt.pem", "ca_key.pem", "ca_crl.pem", "signed/puppet.pem"] {
        fs::copy(origin.path().join(name), root.path().join(name)).unwrap();
    }
    let before = snapshot(root.path());
    let secrets = run(&goal(root.path()), &StoredSecrets::new()).unwrap();
    let mut after = snapshot(root.path());
    for (path, text) in before {
        if !path.ends_with("signed/puppet.pem") {
            assert_eq!(after.remove(&path), Some(text), "{path}");
        }
    }
    // The known certificate has number 3; nobody knows what others there are.
    let serials: Vec<_> =
        secrets[..2].iter().map(|secret| Certificate::from_pem(&secret.data["cert.pem"]).unwrap().info().serial.clone()).collect();
    assert!(serials[0] >= Serial::from(0x10_0004) && serials[1] == serials[0].next(), "{serials:?}");
    let inventory = read(root.path(), "inventory.txt");
    assert!(inventory.starts_with("0x0003 ") && inventory.lines().count() == 3, "{inventory}");
    assert_eq!(read(root.path(), "infra_crl.pem"), read(root.path(), "ca_crl.pem"));
    assert_eq!(read(root.path(), "serial"), format!("{}\n", serials[1].next()));
}

#[test]
fn a_lost_serial_file_is_made_again_from_the_inventory() {
    let root = tempfile::tempdir().unwrap();
    let goal = goal(root.path());
    let first = run(&goal, &StoredSecrets::new()).unwrap();
    fs::remove_file(root.path().join("serial")).unwrap();
    assert_eq!(run(&goal, &stored(&first)).unwrap(), first);
    assert_eq!(read(root.path(), "serial"), "0005\n");
}

#[test]
fn a_newer_revocation_list_in_the_secret_is_not_replaced_by_the_older_one_of_the_directory() {
    let root = tempfile::tempdir().unwrap();
    let goal = goal(root.path());
    let first = run(&goal, &StoredSecrets::new()).unwrap();
    let mut secrets = stored(&first);
    let own = list(&root.path().join("ca_crt.pem"), &root.path().join("ca_key.pem"), 30, 1, &[9]);
    let both = &first[3].data["ca_crl.pem"];
    let newer = own + &both[both.rfind("-----BEGIN").unwrap()..];
    // What stands around the lists is not kept.
    secrets.get_mut("main-ca-crl").unwrap().insert("ca_crl.pem".to_owned(), format!("# refreshed\n{newer}"));
    assert_eq!(run(&goal, &secrets).unwrap()[3].data["ca_crl.pem"], newer);
    // What is no list at all is repaired.
    secrets.get_mut("main-ca-crl").unwrap().insert("ca_crl.pem".to_owned(), "<html>".to_owned());
    assert_eq!(run(&goal, &secrets).unwrap()[3], first[3]);
}

#[test]
fn an_imported_ca_whose_parts_do_not_belong_together_is_refused_by_file() {
    let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    run(&goal(two.path()), &StoredSecrets::new()).unwrap();
    let first = run(&goal(one.path()), &StoredSecrets::new()).unwrap();
    let check = |name: &str, text: &str, expected: fn(&PreflightError) -> bool| {
        let good = read(one.path(), name);
        fs::write(one.path().join(name), text).unwrap();
        let error = run(&goal(one.path()), &stored(&first)).unwrap_err();
        fs::write(one.path().join(name), good).unwrap();
        let SetupError::Preflight { file, source } = &error else {
            panic!("{error}");
        };
        assert_eq!(*file, format!("{name} of the existing CA"));
        assert!(expected(source), "{source}");
    };
    check("ca_key.pem", &read(two.path(), "ca_key.pem"), |error| {
        matches!(error, PreflightError::Authority(AuthorityError::KeyMismatch { .. }))
    });
    let bundle = read(one.path(), "ca_crt.pem");
    let without_root = &bundle[..bundle.rfind("-----BEGIN").unwrap()];
    check("ca_crt.pem", without_root, |error| matches!(error, PreflightError::Bundle(_)));
    check("ca_crl.pem", &read(two.path(), "ca_crl.pem"), |error| matches!(error, PreflightError::Crl(_)));
    check("infra_crl.pem", "", |error| matches!(error, PreflightError::Crl(_)));
    check("serial", "none\n", |error| matches!(error, PreflightError::Serial(_)));
    run(&goal(one.path()), &stored(&first)).unwrap();
}
