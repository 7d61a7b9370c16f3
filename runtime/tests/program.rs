//! The program as the CA runs it, with requests as OpenSSL writes them.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test may panic")]

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use tempfile::TempDir;

const CERTNAME: &str = "web01.example.test";

const WEB: &str = r#"
policies:
  - name: web
    pattern: {allow: ["web*.example.test"]}
    dnsAltNames: {allow: ["*.example.test"]}
    ipAltNames: {allow: ["10.0.0.0/30", "10.0.0.9"]}
"#;
const ANY: &str = "policies: [{name: all, any: true}]";
const KEYED: &str = "policies: [{name: keyed, csrAttributes: [{name: challengePassword, value: \"hunter2\\n\"}]}]";
const CLI: &str = r#"policies: [{name: cli, csrAttributes: [{name: pp_cli_auth, value: "true"}]}]"#;

/// The answer of one run.
#[derive(Debug, PartialEq, Eq)]
struct Answer {
    code: i32,
    stderr: String,
}

struct Room {
    directory: TempDir,
}

impl Room {
    fn new() -> Self {
        Self { directory: TempDir::new().unwrap() }
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.directory.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    /// A request that `openssl req` makes for the certname, with these extensions and attributes.
    fn openssl(&self, extensions: &str, attributes: &str) -> String {
        let config = format!(
            "[req]\nprompt = no\ndistinguished_name = name\nattributes = attributes\nreq_extensions = extensions\n\
             [name]\nCN = {CERTNAME}\n[attributes]\n{attributes}\n[extensions]\n{extensions}\n"
        );
        let config = self.write("openssl.cnf", &config);
        let output = Command::new("openssl")
            .args(["req", "-new", "-newkey", "rsa:2048", "-nodes", "-keyout"])
            .arg(self.directory.path().join("key.pem"))
            .arg("-config")
            .arg(config)
            .output()
            .expect("openssl is needed to run this test");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{stderr}");
        String::from_utf8(output.stdout).unwrap()
    }

    fn ask(&self, policy: &str, csr: &str) -> Answer {
        let policy = self.write("policy.yaml", policy);
        let config = format!("--config={}", policy.display());
        run(&[&config, CERTNAME], csr.as_bytes())
    }
}

fn run(arguments: &[&str], input: &[u8]) -> Answer {
    let mut child = Command::new(env!("CARGO_BIN_EXE_openvox-autosign"))
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A run that does not get as far as reading closes the pipe, which is no matter here.
    let _ = child.stdin.take().unwrap().write_all(input);
    let output = child.wait_with_output().unwrap();
    assert!(output.stdout.is_empty());
    Answer { code: output.status.code().expect("an exit code"), stderr: String::from_utf8(output.stderr).unwrap() }
}

fn answer(code: i32, line: &str) -> Answer {
    // Without a line end, which the CA's log brings itself.
    let stderr = format!("openvox-autosign: {line}");
    Answer { code, stderr }
}

#[test]
fn a_plain_request_is_signed_by_its_pattern() {
    let room = Room::new();
    let csr = room.openssl("subjectAltName = DNS:a.example.test, IP:10.0.0.1", "");
    assert_eq!(
        room.ask(WEB, &csr),
        answer(
            0,
            r#"signed "web01.example.test": policy "web" (pattern "web*.example.test", alternative name "a.example.test" by "*.example.test", alternative name 10.0.0.1 by "10.0.0.0/30")"#
        )
    );
    assert_eq!(room.ask(ANY, &csr).code, 0);
}

#[test]
fn a_challenge_password_is_compared_and_not_shown() {
    let room = Room::new();
    let csr = room.openssl("", "challengePassword = hunter2");
    let signed = answer(0, r#"signed "web01.example.test": policy "keyed" (attribute "challengePassword")"#);
    assert_eq!(room.ask(KEYED, &csr), signed);
    let other = room.openssl("", "challengePassword = hunter3");
    assert_eq!(
        room.ask(KEYED, &other),
        answer(1, r#"refused "web01.example.test": policy "keyed": attribute "challengePassword" has another value"#)
    );
}

#[test]
fn other_addresses_and_other_types_of_names_are_refused() {
    let room = Room::new();
    let csr = room.openssl("subjectAltName = IP:10.0.0.8", "");
    assert_eq!(
        room.ask(WEB, &csr),
        answer(1, r#"refused "web01.example.test": policy "web": alternative name 10.0.0.8 lies in nothing of its ipAltNames"#)
    );
    let csr = room.openssl("subjectAltName = URI:https://a.example.test", "");
    for policy in [WEB, ANY] {
        let answer = room.ask(policy, &csr);
        assert_eq!(answer.code, 1);
        assert!(answer.stderr.contains("of type URI is never allowed"));
    }
}

#[test]
fn a_request_for_rights_is_refused_unless_named() {
    let room = Room::new();
    let csr = room.openssl("1.3.6.1.4.1.34380.1.3.39 = ASN1:UTF8String:true", "");
    assert_eq!(
        room.ask(ANY, &csr),
        answer(
            1,
            r#"refused "web01.example.test": policy "all": the authorization extension pp_cli_auth is named in neither its extensions nor its csrAttributes"#
        )
    );
    assert_eq!(room.ask(CLI, &csr).code, 0);
}

#[test]
fn a_name_that_is_not_in_the_request_is_refused() {
    let room = Room::new();
    let csr = room.openssl("", "");
    let policy = room.write("policy.yaml", ANY);
    let policy = policy.to_str().unwrap();
    assert_eq!(
        run(&["--config", policy, "db01"], csr.as_bytes()),
        answer(1, r#"refused "db01": the request is made out to the common name "web01.example.test""#)
    );
}

#[test]
fn what_cannot_be_read_is_refused_on_one_line() {
    let room = Room::new();
    let csr = room.openssl("", "");
    let policy = room.write("policy.yaml", ANY);
    let at = |path: &Path| format!("--config={}", path.display());
    let refused = |arguments: &[&str], input: &[u8], part: &str| {
        let answer = run(arguments, input);
        assert_eq!(answer.code, 1, "{answer:?}");
        assert!(answer.stderr.contains(part), "{answer:?}");
        assert_eq!(answer.stderr.lines().count(), 1, "{answer:?}");
    };
    let good = at(&policy);
    refused(&[&good, CERTNAME], b"", "0 PEM blocks");
    refused(&[&good, CERTNAME], &[0xff, 0xfe], "failed to read the request");
    refused(&[&good, CERTNAME], &vec![b'\n'; 70_000], "longer than 65536 bytes");
    refused(&[&good, "a\nb"], csr.as_bytes(), r#""a\nb""#);
    let missing = at(&room.directory.path().join("missing.yaml"));
    refused(&[&missing, CERTNAME], csr.as_bytes(), "missing.yaml");
    let directory = at(room.directory.path());
    refused(&[&directory, CERTNAME], csr.as_bytes(), "failed to read");
    let misspelled = at(&room.write("misspelled.yaml", "policies: [{name: a, anny: true}]"));
    refused(&[&misspelled, CERTNAME], csr.as_bytes(), "unknown key \"anny\"");
    let binary = room.directory.path().join("binary.yaml");
    std::fs::write(&binary, [0xff]).unwrap();
    refused(&[&at(&binary), CERTNAME], csr.as_bytes(), "not UTF-8");
    let empty = at(&room.write("empty.yaml", ""));
    refused(&[&empty, CERTNAME], csr.as_bytes(), "there are no policies");
}

#[test]
fn a_signature_that_is_not_accepted_is_refused_by_its_true_cause() {
    let room = Room::new();
    let config = room.write("openssl.cnf", &format!("[req]\nprompt = no\ndistinguished_name = name\n[name]\nCN = {CERTNAME}\n"));
    let request = |key: &str, arguments: &[&str]| {
        let output = Command::new("openssl")
            .args(["req", "-new", "-nodes", "-keyout", "/dev/null", "-newkey"])
            .args(key.split(' '))
            .args(arguments)
            .arg("-config")
            .arg(&config)
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    for (key, arguments, cause) in [
        ("rsa:1024", &["-sha256"][..], "the RSA key has 1024 bits; 2048 to 8192 are accepted"),
        ("rsa:2048", &["-md5"], "the signature algorithm is RSA with MD5; RSA and ECDSA with SHA-256"),
        ("rsa:2048", &["-sha1"], "the signature algorithm is RSA with SHA-1;"),
        ("rsa:2048", &["-sha224"], "the signature algorithm is RSA with SHA-224;"),
        ("rsa:2048", &["-sigopt", "rsa_padding_mode:pss"], "the signature algorithm is RSASSA-PSS;"),
        ("ec -pkeyopt ec_paramgen_curve:secp256k1", &[], "the public key is on the curve secp256k1; P-256"),
        ("ec -pkeyopt ec_paramgen_curve:brainpoolP256r1", &[], "the public key is on the curve brainpoolP256r1;"),
        ("ed448", &[], "the public key is of the type Ed448;"),
    ] {
        let answer = room.ask(ANY, &request(key, arguments));
        assert!(answer.code == 1 && answer.stderr.contains(cause), "{answer:?}");
    }
    for (key, arguments) in [("rsa:2048", &["-sha512"][..]), ("ec -pkeyopt ec_paramgen_curve:secp521r1", &["-sha512"]), ("ed25519", &[])] {
        assert_eq!(room.ask(ANY, &request(key, arguments)).code, 0, "{key}");
    }
}

#[test]
fn asking_for_help_or_a_wrong_argument_never_signs() {
    let room = Room::new();
    let csr = room.openssl("", "");
    let config = format!("--config={}", room.write("policy.yaml", ANY).display());
    for arguments in [
        &["-h"][..],
        &["-help"],
        &["--help"],
        &[&config, "--version", CERTNAME],
        &[&config, "-V"],
        &[&config, CERTNAME, "another"],
        &[&config, "--help"],
        &[&config, "--help", CERTNAME],
        &[&config, CERTNAME, "--help"],
        &[&config, "--", CERTNAME],
        &[&config, ""],
        &[&config],
        &[],
    ] {
        let answer = run(arguments, csr.as_bytes());
        assert_eq!(answer.code, 2, "{arguments:?}");
        assert!(answer.stderr.contains("usage: openvox-autosign"), "{arguments:?}");
    }
}
