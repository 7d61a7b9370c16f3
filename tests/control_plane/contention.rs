//! Others at work on the same objects: conflicts without end, and two operators at once.

use crate::api_faults::{ApiFaults, Fault};
use crate::crashes::assert_history_is_whole;
use crate::fake_ca::{Behaviour, FakeCa};
use crate::issuing::{WEB, assert_issued_once, outside};
use crate::support::operator::Options;
use crate::support::{Cluster, wait};
use axum::extract::Request;
use openvox_crds::Certificate;
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

#[tokio::test]
async fn fifty_conflicts_in_a_row_change_nothing_about_the_end() {
    let namespace = Cluster::shared().namespace().await;
    let ca = FakeCa::start(Behaviour::Signs);
    outside(&namespace, &ca).await;
    let left = Arc::new(AtomicU32::new(50));
    let counted = Arc::clone(&left);
    let conflicts = move |request: &Request| {
        let of_a_status = request.method() == "PUT" && request.uri().path().ends_with("/certificates/web/status");
        let one_less = |left: u32| left.checked_sub(1);
        let met = of_a_status && counted.fetch_update(Ordering::SeqCst, Ordering::SeqCst, one_less).is_ok();
        if met { Fault::Conflict } else { Fault::None }
    };
    let way = ApiFaults::serve(&namespace, Arc::new(conflicts)).await;
    let operator = Options::new(&namespace).kubeconfig(&way.kubeconfig).start();
    operator.ready().await;
    namespace.create_all(WEB).await;
    namespace.reaches::<Certificate>("web", "Signed/Valid").await;
    assert_eq!(left.load(Ordering::SeqCst), 0, "all conflicts were met");
    assert_issued_once(&namespace, &ca).await;
    assert_history_is_whole(&namespace, &operator).await;
    assert_eq!(operator.errors(), Vec::<String>::new());
}

#[tokio::test]
async fn a_lease_that_is_lost_in_the_middle_of_a_renewal_leads_to_one_renewal() {
    let namespace = Cluster::shared().namespace().await;
    let ca = FakeCa::start(Behaviour::Signs);
    outside(&namespace, &ca).await;
    namespace.create_all(WEB).await;
    let options = Options::new(&namespace).argument("--leader-elect");
    let mut first = options.start_with("POD_NAME", "first");
    namespace.reaches::<Certificate>("web", "Signed/Valid").await;
    let second = options.start_with("POD_NAME", "second");
    second.ready().await;

    ca.becomes(Behaviour::HoldsRenewals);
    let wish = json!({"metadata": {"annotations": {"openvox.voxpupuli.org/renew": "now"}}});
    namespace.merge::<Certificate>("web", wish).await;
    wait::until_some("the CA to renew", async || (ca.renewals() == 1).then_some(())).await;
    // The CA has renewed, and the answer never reaches whoever asked in time.
    first.freeze(true);
    ca.becomes(Behaviour::Signs);
    let last = |certificate: &Certificate| crate::support::namespace::events(certificate).last().cloned();
    let renewed = |certificate: &Certificate| last(certificate).as_deref() == Some("CertificateRenewed");
    wait::until(&namespace.api::<Certificate>(), "web", "to be renewed by the second operator", renewed).await;
    // The first one wakes up with the answer in its hands and the lease in another's.
    first.freeze(false);
    first.ended().await;
    assert_eq!(ca.renewals(), 1);
    assert_issued_once(&namespace, &ca).await;
    assert_history_is_whole(&namespace, &second).await;
}
