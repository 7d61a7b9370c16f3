use super::*;
use clap::Parser;
use rcgen::{CertificateParams, KeyPair};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use tempfile::TempDir;

#[derive(Parser)]
struct Program {
    #[command(flatten)]
    options: PodInit,
}

/// The directories of a pod with a certificate, its key and a CA in place.
struct Pod {
    root: TempDir,
}

impl Pod {
    fn new() -> Self {
        let pod = Self { root: TempDir::new().unwrap() };
        for directory in ["cert", "ca", "ssl", "programs", "source", "secret", "crl", "volume"] {
            fs::create_dir(pod.root.path().join(directory)).unwrap();
        }
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new(vec!["puppet".to_owned()]).unwrap().self_signed(&key).unwrap();
        pod.put("cert/cert.pem", &certificate.pem());
        pod.put("cert/key.pem", &key.serialize_pem());
        pod.put("ca/ca_crt.pem", "ca");
        pod.put("secret/ca_crl.pem", "crl");
        pod.put("source/openvox-autosign", "program");
        pod
    }

    fn put(&self, file: &str, content: &str) {
        fs::write(self.root.path().join(file), content).unwrap();
    }

    fn get(&self, file: &str) -> String {
        fs::read_to_string(self.root.path().join(file)).unwrap()
    }

    fn mode(&self, file: &str) -> u32 {
        fs::metadata(self.root.path().join(file)).unwrap().permissions().mode() & 0o777
    }

    fn options(&self) -> PodInit {
        let path = |name: &str| self.root.path().join(name);
        PodInit {
            cert_dir: path("cert"),
            ca_dir: path("ca"),
            ssl_dir: path("ssl"),
            crl_source: Some(path("secret")),
            crl_dir: Some(path("crl")),
            authority_dir: None,
            programs: vec!["openvox-autosign".to_owned()],
            program_dir: Some(path("programs")),
            program_source: path("source"),
        }
    }

    /// Whether nothing was written.
    fn is_untouched(&self) -> bool {
        ["ssl", "programs", "crl"].iter().all(|name| fs::read_dir(self.root.path().join(name)).unwrap().next().is_none())
    }
}

#[test]
fn everything_lies_where_puppet_server_looks_for_it() {
    let pod = Pod::new();
    lay_out(&pod.options()).unwrap();
    assert_eq!(pod.get("ssl/certs/puppet.pem"), pod.get("cert/cert.pem"));
    assert_eq!(pod.get("ssl/private_keys/puppet.pem"), pod.get("cert/key.pem"));
    assert_eq!(pod.get("ssl/certs/ca.pem"), "ca");
    assert_eq!(pod.get("crl/ca_crl.pem"), "crl");
    assert_eq!(pod.get("programs/openvox-autosign"), "program");
    assert_eq!(pod.mode("ssl/private_keys/puppet.pem"), 0o640);
    assert_eq!(pod.mode("programs/openvox-autosign"), 0o755);
    for directory in ["public_keys", "certificate_requests", "private"] {
        assert!(pod.root.path().join("ssl").join(directory).is_dir(), "{directory}");
    }
}

#[test]
fn a_container_that_starts_again_replaces_what_is_there() {
    let pod = Pod::new();
    lay_out(&pod.options()).unwrap();
    pod.put("ca/ca_crt.pem", "newer");
    lay_out(&pod.options()).unwrap();
    assert_eq!(pod.get("ssl/certs/ca.pem"), "newer");
}

#[test]
fn a_certificate_that_does_not_belong_to_its_key_is_refused_before_anything_is_written() {
    let pod = Pod::new();
    pod.put("cert/key.pem", &KeyPair::generate().unwrap().serialize_pem());
    let error = lay_out(&pod.options()).unwrap_err();
    assert!(matches!(error, PodInitError::Mismatch), "{error}");
    assert!(pod.is_untouched());
}

#[test]
fn keys_in_the_form_that_puppet_writes_are_understood() {
    let pod = Pod::new();
    let key = KeyPair::generate_for(&rcgen::PKCS_RSA_SHA256).unwrap();
    let certificate = CertificateParams::default().self_signed(&key).unwrap();
    // PKCS#8 is a header of 26 bytes before the PKCS#1 form of a 2048 bit key.
    let pkcs1 = pem::Pem::new("RSA PRIVATE KEY", &key.serialize_der()[26..]);
    pod.put("cert/cert.pem", &certificate.pem());
    pod.put("cert/key.pem", &pem::encode(&pkcs1));
    lay_out(&pod.options()).unwrap();
    pod.put("cert/key.pem", &key.serialize_pem());
    lay_out(&pod.options()).unwrap();
}

#[test]
fn a_file_that_is_no_certificate_or_no_key_is_named() {
    let pod = Pod::new();
    let certificate = pod.get("cert/cert.pem");
    pod.put("cert/cert.pem", "rubbish");
    assert!(matches!(lay_out(&pod.options()), Err(PodInitError::Certificate)));
    pod.put("cert/cert.pem", &certificate);
    pod.put("cert/key.pem", "rubbish");
    assert!(matches!(lay_out(&pod.options()), Err(PodInitError::Key)));
    assert!(pod.is_untouched());
}

#[test]
fn a_missing_file_stops_it_with_a_message_that_names_the_file() {
    let pod = Pod::new();
    fs::remove_file(pod.root.path().join("ca/ca_crt.pem")).unwrap();
    let message = with_causes(&lay_out(&pod.options()).unwrap_err());
    assert!(message.contains("ca/ca_crt.pem") && message.contains("No such file"), "{message}");
    assert!(pod.is_untouched());
}

#[test]
fn a_program_that_the_image_lacks_is_an_error_and_not_an_empty_directory_at_its_place() {
    let pod = Pod::new();
    let options = PodInit { programs: vec!["openvox-enc".to_owned()], ..pod.options() };
    let message = with_causes(&lay_out(&options).unwrap_err());
    assert!(message.contains("openvox-enc"), "{message}");
}

#[test]
fn the_flags_of_a_pod_are_understood() {
    let options = |args: &[&str]| {
        let always = ["pod-init", "--cert-dir=/a", "--ca-dir=/b", "--ssl-dir=/c"];
        Program::try_parse_from(always.iter().chain(args)).map(|program| program.options)
    };
    let ca = options(&["--program-dir=/d", "--program=openvox-autosign"]).unwrap();
    assert_eq!(ca.programs, ["openvox-autosign"]);
    assert_eq!(ca.program_source, std::path::Path::new("/usr/local/lib/openvox"));
    let compiler = options(&["--crl-source=/d", "--crl-dir=/e"]).unwrap();
    assert!(compiler.programs.is_empty() && compiler.crl_dir.is_some());
    assert!(options(&["--crl-source=/d"]).is_err(), "a CRL needs a place to go");
    assert!(options(&["--program=openvox-autosign"]).is_err(), "a program needs a place to go");
}

/// A CA server, whose volume holds the CA of its Secret.
fn ca_server() -> (Pod, PodInit) {
    let pod = Pod::new();
    let published = pod.get("cert/cert.pem");
    pod.put("ca/ca_crt.pem", &published);
    pod.put("volume/ca_crt.pem", &published);
    pod.put("volume/ca_crl.pem", "first list");
    let options = PodInit { crl_source: None, authority_dir: Some(pod.root.path().join("volume")), ..pod.options() };
    (pod, options)
}

#[test]
fn the_full_crl_of_a_ca_server_is_linked_so_that_a_new_list_shows_at_once() {
    let (pod, options) = ca_server();
    lay_out(&options).unwrap();
    assert_eq!(pod.get("crl/ca_crl.pem"), "first list");
    pod.put("volume/new", "second list");
    fs::rename(pod.root.path().join("volume/new"), pod.root.path().join("volume/ca_crl.pem")).unwrap();
    assert_eq!(pod.get("crl/ca_crl.pem"), "second list");
    // A container that starts again finds its link.
    lay_out(&options).unwrap();
}

#[test]
fn a_ca_server_does_not_start_on_a_volume_without_the_ca_or_with_another() {
    let (pod, options) = ca_server();
    pod.put("volume/ca_crt.pem", &Pod::new().get("cert/cert.pem"));
    let error = lay_out(&options).unwrap_err().to_string();
    assert!(error.contains("another key") && error.contains("restore"), "{error}");
    fs::remove_file(pod.root.path().join("volume/ca_crt.pem")).unwrap();
    let error = lay_out(&options).unwrap_err().to_string();
    assert!(error.contains("has no ca_crt.pem") && error.contains("set-up"), "{error}");
    assert!(!pod.root.path().join("crl/ca_crl.pem").exists());
}
