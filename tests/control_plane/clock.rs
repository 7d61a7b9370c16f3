//! A clock that jumps a day ahead and back while the operator works.
//!
//! The clock of a process cannot be set; libfaketime (Debian package of that name) stands between it and the time.

use crate::api_faults::{ApiFaults, Fault};
use crate::crashes::assert_history_is_whole;
use crate::fake_ca::{Behaviour, FakeCa};
use crate::issuing::{WEB, assert_issued_once, outside};
use crate::support::namespace::{HasLifecycle as _, events};
use crate::support::operator::Options;
use crate::support::{Cluster, Namespace, Operator, wait};
use openvox_crds::{Certificate, CertificateAuthority};
use serde_json::json;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tempfile::TempDir;

/// A day, as libfaketime reads it.
const TOMORROW: &str = "+86400";
const TODAY: &str = "+0";

/// Where Debian puts the library; `None` where it is not installed.
fn library() -> Option<PathBuf> {
    let folders = std::fs::read_dir("/usr/lib").ok()?;
    folders.flatten().map(|folder| folder.path().join("faketime/libfaketimeMT.so.1")).find(|path| path.exists())
}

/// An operator with a clock of its own.
struct Jumping {
    operator: Operator,
    namespace: Namespace,
    folder: TempDir,
    /// Over plain HTTP: the API server's certificate did not exist yesterday.
    _way: ApiFaults,
}

impl Jumping {
    async fn start(namespace: Namespace) -> Option<Self> {
        let Some(library) = library() else {
            eprintln!("NOT TESTED: the Debian package libfaketime is not installed");
            return None;
        };
        let way = ApiFaults::serve(&namespace, Arc::new(|_| Fault::None)).await;
        let folder = TempDir::new().unwrap();
        std::fs::write(clock(&folder), TODAY).unwrap();
        let options = Options::new(&namespace)
            .kubeconfig(&way.kubeconfig)
            .variable("LD_PRELOAD", library.to_str().unwrap())
            .variable("FAKETIME_TIMESTAMP_FILE", clock(&folder).to_str().unwrap())
            .variable("FAKETIME_NO_CACHE", "1")
            // Timers count seconds, whatever the time is.
            .variable("FAKETIME_DONT_FAKE_MONOTONIC", "1");
        let operator = options.start();
        operator.ready().await;
        Some(Self { operator, namespace, folder, _way: way })
    }

    fn set(&self, to: &str) {
        let new = self.folder.path().join("new");
        std::fs::write(&new, to).unwrap();
        std::fs::rename(new, clock(&self.folder)).unwrap();
    }

    /// The clock jumps, and something happens to the Certificate, so that it is looked at.
    async fn jumps(&self, to: &str, certificate: &str) {
        self.set(to);
        self.namespace.merge::<Certificate>(certificate, json!({"metadata": {"labels": {"jumped": to.replace('+', "p")}}})).await;
    }
}

fn clock(folder: &TempDir) -> PathBuf {
    Path::new(folder.path()).join("clock")
}

#[tokio::test]
async fn a_renewal_that_was_due_tomorrow_is_made_once_however_often_tomorrow_comes() {
    let namespace = Cluster::shared().namespace().await;
    let ca = FakeCa::start(Behaviour::SignsForDays);
    outside(&namespace, &ca).await;
    // Ten days, renewed from 8 to 20 hours from now on, by its key.
    namespace.create_all(&WEB.replace("authorityRef", "renewBefore: 232h, authorityRef")).await;
    let Some(jumping) = Jumping::start(namespace).await else { return };
    let namespace = &jumping.namespace;
    namespace.reaches::<Certificate>("web", "Signed/Valid").await;
    assert_eq!(ca.renewals(), 0);

    jumping.jumps(TOMORROW, "web").await;
    let renewed = |certificate: &Certificate| events(certificate).last().is_some_and(|event| event == "CertificateRenewed");
    wait::until(&namespace.api::<Certificate>(), "web", "to be renewed", renewed).await;
    let before = namespace.reaches::<Certificate>("web", "Signed/Valid").await;
    ca.becomes(Behaviour::Signs);
    for (clock, name) in [(TODAY, "one"), (TOMORROW, "two"), (TODAY, "three")] {
        jumping.jumps(clock, "web").await;
        // Something else that goes its whole way shows that the operator has looked.
        namespace.create_all(&WEB.replace("{name: web}", &format!("{{name: {name}}}")).replace("web.example.test", name)).await;
        namespace.reaches::<Certificate>(name, "Signed/Valid").await;
    }
    assert_eq!(ca.renewals(), 1);
    let after = namespace.reaches::<Certificate>("web", "Signed/Valid").await;
    assert_eq!(events(&after), events(&before), "nothing happened to it any more");
    assert_history_is_whole(namespace, &jumping.operator).await;
    assert_eq!(jumping.operator.errors(), Vec::<String>::new());
}

#[tokio::test]
async fn an_attempt_that_was_put_off_until_tomorrow_is_made_today() {
    let namespace = Cluster::shared().namespace().await;
    let ca = FakeCa::start(Behaviour::Signs);
    outside(&namespace, &ca).await;
    let Some(jumping) = Jumping::start(namespace).await else { return };
    let namespace = &jumping.namespace;
    namespace.reaches::<CertificateAuthority>("corp", "External/Reachable").await;
    ca.becomes(Behaviour::MistakesNames);
    jumping.set(TOMORROW);
    namespace.create_all(WEB).await;
    let failing = namespace.says::<Certificate>("web", "Error/Retrying", "Retrying", &["other.example.test"]).await;
    let next = failing.lifecycle().unwrap().machine.as_ref().unwrap().next_attempt.as_ref().unwrap().0.as_second();
    let now = crate::authority::now().timestamp();
    assert!(next - now > 80_000, "the next attempt is {} s away", next - now);

    ca.becomes(Behaviour::Signs);
    ca.clean("web.example.test");
    jumping.jumps(TODAY, "web").await;
    namespace.reaches::<Certificate>("web", "Signed/Valid").await;
    assert_issued_once(namespace, &ca).await;
    assert_history_is_whole(namespace, &jumping.operator).await;
    assert_eq!(jumping.operator.errors(), Vec::<String>::new());
}
