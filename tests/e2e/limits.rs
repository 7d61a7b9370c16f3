//! Whether Puppet Server takes what the operator lets through, at its borders, and refuses what lies beyond them.
//!
//! Its own code is asked, in the file system of the server image, by `limits.clj`. No cluster is needed, but root is.

#![expect(clippy::unwrap_used, clippy::format_collect, reason = "a test fails by panicking")]

use openvox_crds::{CertificateAuthoritySpec, ConfigSpec};
use openvox_operator::render::{self, Authority, RenderInputs};
use openvox_puppet::{CaBundle, KeyAlgorithm, NewAuthority, PrivateKey, inventory_line};
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

/// The folder of this checkout.
const CHECKOUT: &str = env!("CARGO_MANIFEST_DIR");

/// Unpacks the server image.
fn unpack(root: &Path) {
    let built = Command::new(format!("{CHECKOUT}/tests/images/build.sh")).arg("server").stderr(Stdio::inherit()).output().unwrap();
    assert!(built.status.success(), "tests/images/build.sh failed; it says why above");
    let archive = String::from_utf8(built.stdout).unwrap();
    let archive = archive.lines().last().expect("build.sh prints the archive").to_owned();
    let tar = |args: &[&str]| {
        let output = Command::new("tar").args(args).stderr(Stdio::inherit()).output().unwrap();
        assert!(output.status.success(), "tar {args:?}");
        output.stdout
    };
    let manifest: serde_json::Value = serde_json::from_slice(&tar(&["-xOf", &archive, "manifest.json"])).unwrap();
    for layer in manifest[0]["Layers"].as_array().expect("layers") {
        let file = root.with_extension("layer");
        std::fs::write(&file, tar(&["-xOf", &archive, layer.as_str().expect("a path")])).unwrap();
        tar(&["-C", root.to_str().unwrap(), "-xf", file.to_str().unwrap()]);
        std::fs::remove_file(file).unwrap();
    }
}

/// Asks questions, each a kind and a value; returns the answers in the same order.
fn ask(root: &Path, questions: &[(&str, String)]) -> Vec<String> {
    std::fs::copy(format!("{CHECKOUT}/tests/e2e/limits.clj"), root.join("limits.clj")).unwrap();
    std::fs::create_dir_all(root.join("proc")).unwrap();
    let jars = "/usr/share/puppetserver/puppetserver-aot.jar:/usr/share/puppetserver/puppetserver.jar";
    let java = "java -XX:TieredStopAtLevel=1 -XX:+UseSerialGC -Xmx512m";
    let script =
        format!("mount -t proc proc \"$0/proc\" && exec chroot \"$0\" env LANG=C.UTF-8 {java} -cp {jars} clojure.main /limits.clj");
    // Namespaces of its own: no network, and a mount that goes with it.
    let mut child = Command::new("unshare")
        .args(["--net", "--mount", "sh", "-c", &script])
        .arg(root)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let text: String = questions.iter().map(|(kind, value)| format!("{kind}\t{value}\n")).collect();
    child.stdin.take().expect("a pipe").write_all(text.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "Puppet Server's code did not run");
    let answers: Vec<String> = String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect();
    assert_eq!(answers.len(), questions.len(), "{answers:#?}");
    answers.iter().map(|line| line.rsplit('\t').next().unwrap_or_default().to_owned()).collect()
}

/// What stands behind a name in a file, without quotes.
fn value(text: &str, name: &str) -> String {
    let line = text.lines().find(|line| line.trim().starts_with(name)).unwrap_or_else(|| panic!("{name} is not in {text}"));
    line.trim().trim_start_matches(name).trim_matches([' ', ':', '=', '"']).to_owned()
}

/// A line of the inventory as the operator writes it.
fn written_line() -> String {
    let key = PrivateKey::generate(KeyAlgorithm::Rsa2048).unwrap();
    let now = chrono::DateTime::from_timestamp(chrono::Utc::now().timestamp(), 0).unwrap();
    let lifetime = Duration::from_secs(openvox_puppet::duration::MAX_SECONDS.unsigned_abs());
    let made = NewAuthority { root_key: &key, signing_key: &key, name: "limits", root_suffix: "limits", lifetime, now }.create().unwrap();
    inventory_line(CaBundle::from_pem(&made.bundle_pem).unwrap().signing()).trim_end().to_owned()
}

#[test]
fn puppet_server_takes_every_value_at_the_borders_and_none_beyond() {
    let mut taken = Vec::new();
    for lifetime in ["1", "1s", "60m", "50y", "1576800000", "1576800000s"] {
        let spec = CertificateAuthoritySpec { ttl: lifetime.to_owned(), auto_renewal_cert_ttl: lifetime.to_owned(), ..Default::default() };
        let authority = Authority { name: "corp".to_owned(), spec, operator_by_name: false };
        let inputs = RenderInputs { authority: Some(authority), ..RenderInputs::default() };
        let files = render::render(&ConfigSpec::default(), &inputs).unwrap();
        let seconds = openvox_puppet::duration::lifetime_seconds(lifetime).unwrap().expect("a lifetime").to_string();
        taken.push(("auto-renewal-cert-ttl", value(&files["ca.conf"], "auto-renewal-cert-ttl"), Some(seconds.clone())));
        taken.push(("ca_ttl", value(&files["puppet.conf"], "ca_ttl"), Some(seconds)));
    }
    // The last number from which the set-up lets Puppet Server count on, and what follows it.
    taken.push(("serial", "0001".to_owned(), Some("2".to_owned())));
    taken.push(("serial", "7FFEFFFF".to_owned(), Some(0x7FFF_0000.to_string())));
    taken.push(("inventory", written_line(), None));
    taken.push(("inventory", "0x0004 2015-11-30T17:07:23UTC 2016-11-29T17:07:23UTC /CN=büro".to_owned(), Some("4".to_owned())));
    let beyond = [
        ("auto-renewal-cert-ttl", "300"),
        ("auto-renewal-cert-ttl", "-1d"),
        ("ca_ttl", "1576800001"),
        ("serial", "0x0010"),
        ("serial", "7FFFFFFF"),
        ("serial", "80000000"),
        ("serial", ""),
        ("inventory", "0x0004 2015-11-30T17:07:23+00:00 2016-11-29T17:07:23+00:00 /CN=web01"),
        ("inventory", "# Inventory of signed certificates"),
        ("inventory", ""),
    ];
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("root");
    std::fs::create_dir(&root).unwrap();
    unpack(&root);
    let mut questions: Vec<_> = taken.iter().map(|(kind, value, _)| (*kind, value.clone())).collect();
    questions.extend(beyond.iter().map(|(kind, value)| (*kind, (*value).to_owned())));
    let answers = ask(&root, &questions);
    let (good, bad) = answers.split_at(taken.len());
    for ((kind, value, expected), answer) in taken.iter().zip(good) {
        assert!(!answer.starts_with("refused"), "{kind} {value:?}: {answer}");
        assert!(expected.as_ref().is_none_or(|expected| expected == answer), "{kind} {value:?}: {answer}, not {expected:?}");
    }
    for ((kind, value), answer) in beyond.iter().zip(bad) {
        assert!(answer.starts_with("refused"), "{kind} {value:?} is taken now, as {answer}: the rule can be relaxed");
    }
}
