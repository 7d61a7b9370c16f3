use super::*;
use crate::ca_setup::error::PreflightError;
use crate::ca_setup::goal::DesiredSecret;
use crate::ca_setup::prepare;
use crate::ca_setup::report::report;
use crate::openssl::openssl;
use chrono::TimeDelta;
use openvox_puppet::{AuthorityError, BundleError};
use std::fs;
use std::path::Path;
use std::sync::LazyLock;
use tempfile::TempDir;

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(Utc::now().timestamp(), 0).unwrap()
}

fn run(goal: &SetupGoal, stored: &StoredSecrets) -> Result<Vec<DesiredSecret>, SetupError> {
    prepare::run(goal, stored, now()).map(|(secrets, _)| secrets)
}

fn stored(secrets: &[DesiredSecret]) -> StoredSecrets {
    secrets.iter().map(|secret| (secret.name.clone(), secret.data.clone())).collect()
}

/// A CA that was made once; its Secrets.
static MADE: LazyLock<Vec<DesiredSecret>> = LazyLock::new(|| {
    let root = tempfile::tempdir().unwrap();
    run(&SetupGoal::for_tests(root.path()), &StoredSecrets::new()).unwrap()
});

/// The same for another one.
static OTHER: LazyLock<Vec<DesiredSecret>> = LazyLock::new(|| {
    let root = tempfile::tempdir().unwrap();
    run(&SetupGoal::for_tests(root.path()), &StoredSecrets::new()).unwrap()
});

fn value(made: &[DesiredSecret], key: &str) -> String {
    made.iter().find_map(|secret| secret.data.get(key).filter(|_| secret.certificate.is_none())).unwrap().clone()
}

fn read(root: &Path, name: &str) -> String {
    fs::read_to_string(root.join(name)).unwrap()
}

#[test]
fn a_lost_volume_is_filled_from_the_secrets_and_they_stay_as_they_are() {
    let root = tempfile::tempdir().unwrap();
    let goal = SetupGoal::for_tests(root.path());
    assert_eq!(run(&goal, &stored(&MADE)).unwrap(), *MADE);
    for file in ["ca_crt.pem", "ca_key.pem", "ca_crl.pem", "infra_crl.pem"] {
        assert_eq!(read(root.path(), file), value(&MADE, file), "{file}");
    }
    let inventory = read(root.path(), "inventory.txt");
    assert!(inventory.contains("/CN=puppet\n") && inventory.contains("/CN=main-operator\n"), "{inventory}");
    assert!(!root.path().join("root_key.pem").exists(), "only a volume has ever had it");
}

#[test]
fn serial_numbers_of_a_filled_volume_are_beyond_all_that_may_have_been_used_also_at_the_second_time() {
    let serial = |now| {
        let root = tempfile::tempdir().unwrap();
        prepare::run(&SetupGoal::for_tests(root.path()), &stored(&MADE), now).unwrap();
        read(root.path(), "serial").parse::<Serial>().unwrap()
    };
    let first = serial(now());
    assert!(first > Serial::from(0x10_0004) && first.fits_counter(), "{first}");
    // A day in which a certificate was issued every two seconds.
    let second = serial(now() + TimeDelta::days(1));
    assert!(second > first.plus(43_200), "{first} {second}");
}

#[test]
fn the_start_after_unknown_certificates_stays_within_puppet_servers_counter() {
    let start = |used: Option<u32>, year: i32| {
        let now = chrono::TimeZone::with_ymd_and_hms(&Utc, year, 1, 1, 0, 0, 0).unwrap();
        inventory::beyond_the_unknown(used.map(Serial::from), now)
    };
    for year in [1970, 2020, 2026, 2080, 2200] {
        assert!(start(None, year).fits_counter(), "{year}");
    }
    assert_eq!(start(Some(7), 1970), Serial::from(0x10_0007));
    assert_eq!(start(Some(0x7000_0000), 2026), Serial::from(0x7010_0000));
}

#[test]
fn secrets_that_do_not_belong_together_fill_no_volume() {
    for (index, part) in [(2, "ca_key.pem in Secret main-ca-key"), (3, "ca_crl.pem in Secret main-ca-crl")] {
        let mut mixed = MADE.clone();
        mixed[index] = OTHER[index].clone();
        let root = tempfile::tempdir().unwrap();
        let error = run(&SetupGoal::for_tests(root.path()), &stored(&mixed)).unwrap_err();
        assert_eq!(error.to_string(), format!("failed to check {part}"));
        assert!(!root.path().join("ca_crt.pem").exists());
    }
}

/// An intermediate CA as a user brings it.
struct Brought {
    folder: TempDir,
}

impl Brought {
    fn new() -> Self {
        let brought = Self { folder: tempfile::tempdir().unwrap() };
        brought.put("ca.pem", &value(&OTHER, "ca_crt.pem"));
        brought.put("key.pem", &value(&OTHER, "ca_key.pem"));
        brought.put("crl.pem", &value(&OTHER, "ca_crl.pem"));
        brought
    }

    fn put(&self, file: &str, text: &str) {
        fs::write(self.folder.path().join(file), text).unwrap();
    }

    fn goal(&self, root: &Path) -> SetupGoal {
        SetupGoal { intermediate: Some(self.folder.path().to_owned()), ..SetupGoal::for_tests(root) }
    }

    /// Sets a CA up with it as of `now`.
    fn take(&self, now: DateTime<Utc>) -> Result<(), SetupError> {
        let root = tempfile::tempdir().unwrap();
        let taken = prepare::run(&self.goal(root.path()), &StoredSecrets::new(), now).map(drop);
        assert_eq!(taken.is_ok(), root.path().join("ca_crt.pem").exists());
        taken
    }

    fn refused(&self, file: &str, now: DateTime<Utc>) -> PreflightError {
        let error = self.take(now).unwrap_err();
        let SetupError::Preflight { file: named, source } = error else { panic!("{error}") };
        assert_eq!(named, format!("{file} of the given intermediate CA"));
        *source
    }
}

#[test]
fn a_given_intermediate_ca_becomes_the_ca_in_puppets_layout() {
    let (brought, root) = (Brought::new(), tempfile::tempdir().unwrap());
    let secrets = run(&brought.goal(root.path()), &StoredSecrets::new()).unwrap();
    assert_eq!(read(root.path(), "ca_crt.pem"), value(&OTHER, "ca_crt.pem"));
    assert_eq!(read(root.path(), "ca_key.pem"), value(&OTHER, "ca_key.pem"));
    assert_eq!(read(root.path(), "infra_crl.pem"), read(root.path(), "ca_crl.pem"));
    let bundle = openvox_puppet::CaBundle::from_pem(&value(&OTHER, "ca_crt.pem")).unwrap();
    let server = Certificate::from_pem(&secrets[0].data["cert.pem"]).unwrap();
    bundle.verify(&server).unwrap();
    assert!(server.info().serial > Serial::from(0x10_0000), "{}", server.info().serial);
    // The Secret may go afterwards.
    let later = SetupGoal { intermediate: None, ..brought.goal(root.path()) };
    assert_eq!(run(&later, &stored(&secrets)).unwrap(), secrets);
}

#[test]
fn a_missing_part_of_a_given_ca_is_named_with_the_remedy() {
    for file in ["ca.pem", "key.pem", "crl.pem"] {
        let brought = Brought::new();
        fs::remove_file(brought.folder.path().join(file)).unwrap();
        let error = brought.take(now()).unwrap_err().to_string();
        assert!(error.contains(&format!("has no {file};")) && error.contains("spec.intermediateCA"), "{error}");
    }
}

#[test]
fn parts_of_a_given_ca_that_are_of_no_use_are_refused_by_name() {
    let brought = Brought::new();
    brought.put("key.pem", &value(&MADE, "ca_key.pem"));
    assert!(matches!(brought.refused("key.pem", now()), PreflightError::Authority(AuthorityError::KeyMismatch { .. })));

    let brought = Brought::new();
    let chain = value(&OTHER, "ca_crt.pem");
    brought.put("ca.pem", &chain[..chain.rfind("-----BEGIN").unwrap()]);
    assert!(matches!(brought.refused("ca.pem", now()), PreflightError::Bundle(BundleError::NotSigned { .. })));

    let brought = Brought::new();
    brought.put("crl.pem", &value(&MADE, "ca_crl.pem"));
    assert!(matches!(brought.refused("crl.pem", now()), PreflightError::Crl(_)));

    let lists = value(&OTHER, "ca_crl.pem");
    let brought = Brought::new();
    brought.put("crl.pem", &lists[..lists.rfind("-----BEGIN").unwrap()]);
    let error = brought.refused("crl.pem", now());
    assert!(matches!(&error, PreflightError::NoList { subject } if subject.contains("Root")), "{error}");

    let late = now() + TimeDelta::days(400);
    let error = Brought::new().refused("ca.pem", late);
    assert!(matches!(error, PreflightError::Expired { .. }), "{error}");
}

#[test]
fn an_intermediate_ca_with_another_key_than_rsa_is_refused_because_puppet_server_cannot_sign_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let key = folder.path().join("key.pem");
    let args = ["ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", key.to_str().unwrap()];
    openssl(&args, "");
    let made =
        ["req", "-x509", "-new", "-key", key.to_str().unwrap(), "-subj", "/CN=Curved", "-addext", "basicConstraints=critical,CA:TRUE"];
    let ca = openssl(&made, "");
    let brought = Brought::new();
    brought.put("ca.pem", &ca[ca.find("-----BEGIN").unwrap()..]);
    brought.put("key.pem", &fs::read_to_string(&key).unwrap());
    assert!(matches!(brought.refused("key.pem", now()), PreflightError::Authority(AuthorityError::NotRsa)));
}

#[test]
fn a_root_that_allows_no_intermediate_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let root = openssl(
        &[
            "req",
            "-x509",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-keyout",
            &path("root.key"),
            "-subj",
            "/CN=Root",
            "-addext",
            "basicConstraints=critical,CA:TRUE,pathlen:0",
        ],
        "",
    );
    fs::write(path("root.pem"), &root[root.find("-----BEGIN").unwrap()..]).unwrap();
    openssl(
        &["req", "-new", "-newkey", "rsa:2048", "-nodes", "-keyout", &path("key.pem"), "-subj", "/CN=Inter", "-out", &path("csr.pem")],
        "",
    );
    fs::write(path("ext"), "basicConstraints=critical,CA:TRUE\n").unwrap();
    let args = [
        "x509",
        "-req",
        "-in",
        &path("csr.pem"),
        "-CA",
        &path("root.pem"),
        "-CAkey",
        &path("root.key"),
        "-CAcreateserial",
        "-extfile",
        &path("ext"),
        "-out",
        &path("inter.pem"),
    ];
    openssl(&args, "");
    let bundle = fs::read_to_string(path("inter.pem")).unwrap() + &fs::read_to_string(path("root.pem")).unwrap();
    let bundle = openvox_puppet::CaBundle::from_pem(&bundle).unwrap();
    bundle.verify_chain().unwrap();
    let error = bundle.verify_path_lengths().unwrap_err();
    assert_eq!(error.to_string(), "failed to verify the chain: CN=Root allows 0 CAs below itself, and there are 1");
    openvox_puppet::CaBundle::from_pem(&value(&MADE, "ca_crt.pem")).unwrap().verify_path_lengths().unwrap();
}

/// The report of a dry run, and that it has changed nothing.
fn dry(goal: &SetupGoal, stored: &StoredSecrets) -> Result<String, SetupError> {
    let files = || fs::read_dir(&goal.directory).map_or(0, Iterator::count);
    let before = files();
    let lines = report(goal, stored, now());
    assert_eq!(files(), before, "a dry run writes nothing");
    lines.map(|lines| lines.join("\n"))
}

#[test]
fn a_dry_run_says_what_would_be_made_filled_taken_or_imported() {
    let root = tempfile::tempdir().unwrap();
    let goal = SetupGoal::for_tests(root.path());
    let new = dry(&goal, &StoredSecrets::new()).unwrap();
    assert!(new.contains("would make a root and a signing CA") && new.contains("valid for 365 days"), "{new}");
    let filled = dry(&goal, &stored(&MADE)).unwrap();
    assert!(filled.contains("would put the Secrets main-ca, main-ca-key and main-ca-crl on the empty volume"), "{filled}");
    assert!(filled.contains("would go on with serial number"), "{filled}");
    let taken = dry(&Brought::new().goal(root.path()), &StoredSecrets::new()).unwrap();
    assert!(taken.contains("would put the given intermediate CA"), "{taken}");

    let imported = tempfile::tempdir().unwrap();
    for file in ["ca_crt.pem", "ca_key.pem", "ca_crl.pem"] {
        fs::write(imported.path().join(file), value(&MADE, file)).unwrap();
    }
    let goal = SetupGoal::for_tests(imported.path());
    let report = dry(&goal, &StoredSecrets::new()).unwrap();
    for line in [
        "CN=Puppet CA: main.ns, valid until",
        "found its revocation list, number 0000, with 0 revoked certificates",
        "would add to the CA directory: ca_pub.pem, infra_crl.pem, infra_inventory.txt, infra_serials, serial, inventory.txt",
        "would make a key for, and issue, the certificate of puppet in Secret puppet-tls",
        "would create Secret main-ca-key",
    ] {
        assert!(report.contains(line), "{line} is not in\n{report}");
    }
    let after = dry(&goal, &stored(&run(&goal, &StoredSecrets::new()).unwrap())).unwrap();
    assert!(
        after.contains("would keep the certificate of puppet") && after.contains("would leave as it is: Secret main-ca-crl"),
        "{after}"
    );
}

#[test]
fn a_dry_run_fails_with_the_error_of_the_run() {
    let root = tempfile::tempdir().unwrap();
    let goal = SetupGoal::for_tests(root.path());
    let mut mixed = MADE.clone();
    mixed[2] = OTHER[2].clone();
    let (dry, real) = (dry(&goal, &stored(&mixed)).unwrap_err(), run(&goal, &stored(&mixed)).unwrap_err());
    assert_eq!(dry.to_string(), real.to_string());
    let mut half = MADE.clone();
    half.remove(2);
    assert!(matches!(report(&goal, &stored(&half), now()), Err(SetupError::VolumeLost { .. })));
}
