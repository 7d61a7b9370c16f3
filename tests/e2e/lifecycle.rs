//! A certificate in use, at a real CA: renewal, a new key, other names, a lost Secret, and crashes on the way.

use crate::cluster::{Cluster, Turn, turn};
use crate::crash::{no_place, take_over};
use crate::deletion::certificate;
use crate::host_operator::Place;
use crate::kubectl::eventually;
use crate::stack::{STACK, stand};
use base64::Engine as _;
use openvox_puppet::{Certificate, PrivateKey};
use serde_json::Value;
use std::time::Duration;

/// Any step of these takes a few seconds, unless a CA server has to start.
const PATIENCE: Duration = Duration::from_mins(3);

/// One Certificate of the stack.
struct Subject<'a> {
    cluster: &'a Cluster,
    name: &'static str,
}

impl<'a> Subject<'a> {
    fn signed(turn: &'a Turn, name: &'static str) -> Self {
        let cluster = turn.cluster;
        stand(cluster);
        cluster.apply(STACK, &certificate(name));
        cluster.reaches(STACK, &format!("certificate/{name}"), "Signed");
        Self { cluster, name }
    }

    fn object(&self) -> Value {
        self.cluster.get(STACK, &["certificate", self.name])
    }

    /// The pair in the Secret, which belongs together.
    fn pair(&self) -> (Certificate, PrivateKey) {
        let secret = self.cluster.get(STACK, &["secret", &format!("{}-tls", self.name)]);
        let text = |key: &str| {
            let value = secret["data"][key].as_str().unwrap_or_else(|| panic!("no {key}"));
            String::from_utf8(base64::engine::general_purpose::STANDARD.decode(value).expect("base64")).expect("text")
        };
        let (certificate, key) = (text("cert.pem").parse_certificate(), PrivateKey::from_pem(&text("key.pem")).expect("a key"));
        assert!(certificate.matches(&key), "certificate and key do not belong together");
        (certificate, key)
    }

    /// What the CA keeps for this name.
    fn at_the_ca(&self) -> Certificate {
        let file = format!("/etc/puppetlabs/puppetserver/ca/signed/{}.demo.test.pem", self.name);
        self.cluster.in_ca(STACK, &["cat", &file]).parse_certificate()
    }

    /// How many certificates the CA has issued for this name.
    fn issued(&self) -> usize {
        let inventory = self.cluster.in_ca(STACK, &["cat", "/etc/puppetlabs/puppetserver/ca/inventory.txt"]);
        inventory.lines().filter(|line| line.ends_with(&format!("/CN={}.demo.test", self.name))).count()
    }

    fn ask(&self, what: &str, value: &str) {
        let annotation = format!("openvox.voxpupuli.org/{what}={value}");
        self.cluster.run(STACK, &["annotate", "--overwrite", "certificate", self.name, &annotation]);
    }

    fn patch(&self, patch: &str) {
        self.cluster.run(STACK, &["patch", "certificate", self.name, "--type=merge", "--patch", patch]);
    }

    /// Waits until its history ends with this event.
    fn ends_with(&self, event: &str) -> Value {
        eventually(&format!("{event} of {}", self.name), PATIENCE, || {
            let object = self.object();
            let history = object["status"]["history"].as_array()?;
            (history.last()?["event"] == event).then_some(object)
        })
    }

    /// The newest transitions, which the status still has, are numbered without a gap, and each begins where the last ended.
    fn assert_whole(&self) {
        let object = self.object();
        let history = object["status"]["history"].as_array().expect("a history");
        for (entry, next) in history.iter().zip(history.iter().skip(1)) {
            assert_eq!(next["seq"].as_i64(), entry["seq"].as_i64().map(|seq| seq + 1), "{history:?}");
            assert_eq!(next["from"], entry["to"], "{history:?}");
        }
        assert_eq!(history.last().map(|entry| &entry["seq"]), Some(&object["status"]["machine"]["seq"]));
    }

    fn events(&self) -> Vec<String> {
        let object = self.object();
        let history = object["status"]["history"].as_array().cloned().unwrap_or_default();
        history.iter().filter_map(|entry| Some(entry["event"].as_str()?.to_owned())).collect()
    }
}

trait Pem {
    fn parse_certificate(&self) -> Certificate;
}

impl Pem for String {
    fn parse_certificate(&self) -> Certificate {
        Certificate::from_pem(self).expect("a certificate")
    }
}

#[test]
fn a_certificate_is_renewed_rekeyed_reissued_and_healed_and_each_costs_one_issue() {
    let Some(turn) = turn() else { return };
    let subject = Subject::signed(&turn, "cycle");
    let (first, key) = subject.pair();

    subject.ask("renew", "1");
    subject.ends_with("CertificateRenewed");
    let (renewed, same_key) = subject.pair();
    assert_ne!(renewed.info().serial, first.info().serial);
    assert_eq!(same_key.public_key(), key.public_key(), "a renewal keeps the key");
    assert_eq!(subject.at_the_ca().info().serial, renewed.info().serial, "the CA hands out the renewed one");
    assert_eq!(subject.issued(), 2);

    subject.ask("rekey", "1");
    subject.ends_with("CertificateRekeyed");
    let (rekeyed, new_key) = subject.pair();
    assert_ne!(new_key.public_key(), key.public_key());
    assert_eq!(subject.issued(), 3);

    subject.patch(r#"{"spec": {"dnsAltNames": ["cycle", "cycle.example.test"]}}"#);
    eventually("a certificate with the new names", PATIENCE, || {
        let names = subject.pair().0.info().alt_names.clone();
        let has = |name: &str| names.iter().any(|found| found.to_string() == name);
        (has("cycle") && has("cycle.example.test")).then_some(())
    });
    subject.ends_with("CertificateRekeyed");
    assert_ne!(subject.pair().0.info().serial, rekeyed.info().serial);
    assert_eq!(subject.issued(), 4);

    let (reissued, last_key) = subject.pair();
    subject.cluster.run(STACK, &["patch", "secret", "cycle-tls", "--type=merge", "--patch", r#"{"stringData": {"cert.pem": "?"}}"#]);
    eventually("the certificate to be back", PATIENCE, || {
        let text = subject.cluster.run(STACK, &["get", "secret", "cycle-tls", "--output", r"jsonpath={.data.cert\.pem}"]);
        (text.len() > 100).then_some(())
    });
    assert_eq!(subject.pair().0.info().serial, reissued.info().serial, "it was fetched, not issued");
    assert_eq!((subject.issued(), subject.pair().1.public_key()), (4, last_key.public_key()));
    subject.cluster.reaches(STACK, "certificate/cycle", "Signed");

    subject.cluster.run(STACK, &["delete", "secret", "cycle-tls"]);
    eventually("a pair in place of the lost one", PATIENCE, || subject.cluster.exists(STACK, "secret", "cycle-tls").then_some(()));
    assert_ne!(subject.pair().1.public_key(), last_key.public_key(), "the lost key is not to be had again");
    assert_eq!(subject.issued(), 5);
    subject.cluster.reaches(STACK, "certificate/cycle", "Signed");
    subject.assert_whole();
}

#[test]
fn where_the_ca_does_not_renew_a_new_key_takes_the_place_of_the_renewal() {
    let Some(turn) = turn() else { return };
    let subject = Subject::signed(&turn, "fallback");
    let before = subject.pair().1;
    let renewing = |allowed: bool| {
        let patch = format!(r#"{{"spec": {{"allowAutoRenewal": {allowed}}}}}"#);
        subject.cluster.run(STACK, &["patch", "certificateauthority", "demo-ca", "--type=merge", "--patch", &patch]);
        eventually("the CA server with the setting", PATIENCE, || {
            let file = "/etc/puppetlabs/puppetserver/conf.d/ca.conf";
            let mut command =
                subject.cluster.kubectl(STACK, &["exec", "deployment/demo-ca", "--container", "openvox-server", "--", "cat", file]);
            let text = String::from_utf8(command.output().ok()?.stdout).ok()?;
            let line = text.lines().find(|line| line.contains("allow-auto-renewal:"))?.to_owned();
            line.contains(&allowed.to_string()).then_some(())
        });
        subject.cluster.run(STACK, &["rollout", "status", "deployment/demo-ca", "--timeout=180s"]);
        subject.cluster.reaches(STACK, "server/demo-ca", "Running");
    };
    renewing(false);
    subject.ask("renew", "now");
    subject.ends_with("CertificateRekeyed");
    let events = subject.events();
    assert!(events.iter().any(|event| event == "RenewalRefused"), "{events:?}");
    assert_ne!(subject.pair().1.public_key(), before.public_key());
    assert_eq!(subject.issued(), 2);
    renewing(true);
}

#[test]
fn a_renewal_survives_a_crash_at_every_step_and_is_made_once() {
    let Some(turn) = turn() else { return };
    let Some(place) = Place::new(turn.cluster, STACK) else {
        return no_place();
    };
    let subject = Subject::signed(&turn, "mortal");
    let key = subject.pair().1.public_key();
    let _paused = take_over(&turn);
    let mut deaths = 0;
    for point in ["commit", "effect", "answer", "done"] {
        for step in 1..10 {
            assert!(step < 9, "still dying at {point} {step}");
            let (issued, wish) = (subject.issued(), format!("{point}-{step}"));
            subject.ask("renew", &wish);
            let done = || {
                let status = &subject.object()["status"];
                status["lastHandledRenewAt"] == wish.as_str() && status["state"] == "Signed/Valid"
            };
            let died = place.start(Some(&format!("Certificate/{point}/{step}"))).dies_before(&wish, done);
            if died {
                deaths += 1;
                assert!(!place.start(None).dies_before(&wish, done), "nobody asked it to die");
            }
            assert_eq!(subject.issued(), issued + 1, "issues for one renewal, dying at {point} {step}");
            assert_eq!(subject.pair().1.public_key(), key);
            if !died {
                break;
            }
        }
    }
    // Two commits, one effect begun and ended, two answers.
    assert!(deaths >= 6, "{deaths} deaths only: nothing was tried");
    subject.assert_whole();
}
