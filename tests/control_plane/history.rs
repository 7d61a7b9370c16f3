//! What the operator tells about itself: history, metrics, traces.

use crate::fake_ca::{Behaviour, FakeCa};
use crate::issuing::{WEB, outside};
use crate::support::namespace::HasLifecycle as _;
use crate::support::{Cluster, Operator, wait};
use openvox_crds::{Certificate, CertificateAuthority, CertificateAuthorityPhase, CertificatePhase, Pool, PoolPhase};
use serde_json::Value;

#[tokio::test]
async fn every_transition_is_found_page_by_page_and_by_kind_and_namespace() {
    let namespace = Cluster::shared().namespace().await;
    let ca = FakeCa::start(Behaviour::Signs);
    let operator = Operator::in_namespace(&namespace).await;
    outside(&namespace, &ca).await;
    namespace.create_all(WEB).await;
    namespace.create_all("{apiVersion: openvox.voxpupuli.org/v1alpha1, kind: Pool, metadata: {name: agents}, spec: {}}").await;
    let certificate: Certificate = namespace.reaches("web", "Signed/Valid").await;
    namespace.reaches::<Pool>("agents", "Ready/Synced").await;
    let written = &certificate.lifecycle().unwrap().history;

    let path = format!("/certificates/{}/web?order=asc", namespace.name);
    let items = wait::until_some("the journal to have every transition", async || {
        let (_, page) = operator.history(&path);
        page["items"].as_array().filter(|items| items.len() == written.len()).cloned()
    })
    .await;
    for (item, entry) in items.iter().zip(written) {
        assert_eq!(item["uid"].as_str(), certificate.metadata.uid.as_deref());
        for (field, value) in serde_json::to_value(entry).unwrap().as_object().unwrap() {
            assert_eq!(&item[field], value, "{field} of {item}");
        }
    }

    // The same, one record a page.
    let mut paged: Vec<Value> = Vec::new();
    let mut cursor = String::new();
    loop {
        let (code, page) = operator.history(&format!("{path}&limit=1{cursor}"));
        assert_eq!(code, 200, "{page}");
        paged.extend(page["items"].as_array().unwrap().iter().cloned());
        assert!(paged.len() <= items.len(), "pages without end");
        let Some(next) = page["nextCursor"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    assert_eq!(paged, items);

    let kinds = |query: &str| -> Vec<String> {
        let (code, page) = operator.history(query);
        assert_eq!(code, 200, "{page}");
        let mut kinds: Vec<_> = page["items"].as_array().unwrap().iter().map(|item| item["kind"].as_str().unwrap().to_owned()).collect();
        kinds.sort();
        kinds.dedup();
        kinds
    };
    assert_eq!(kinds(&format!("?namespace={}", namespace.name)), ["Certificate", "CertificateAuthority", "Pool"]);
    assert_eq!(kinds("?kind=Pool"), ["Pool"]);
    assert_eq!(kinds("?namespace=nobody"), Vec::<String>::new());
}

#[tokio::test]
async fn a_malformed_parameter_is_told_what_was_expected() {
    let namespace = Cluster::shared().namespace().await;
    let operator = Operator::in_namespace(&namespace).await;
    for (query, parameter) in [
        ("?kind=Potato", "kind"),
        ("?limit=0", "limit"),
        ("?limit=many", "limit"),
        ("?since=yesterday", "since"),
        ("?cursor=%21", "cursor"),
        ("?order=up", "order"),
        ("?colour=red", "colour"),
        ("?kind=Pool&kind=Pool", "kind"),
    ] {
        let (code, answer) = operator.history(query);
        assert_eq!((code, answer["parameter"].as_str()), (400, Some(parameter)), "{query}: {answer}");
        assert!(answer["detail"].as_str().unwrap().contains("expected"), "{answer}");
    }
}

#[tokio::test]
async fn each_object_is_in_exactly_one_of_its_phases_and_in_none_when_it_is_gone() {
    let namespace = Cluster::shared().namespace().await;
    let ca = FakeCa::start(Behaviour::Signs);
    let operator = Operator::in_namespace(&namespace).await;
    outside(&namespace, &ca).await;
    namespace.create_all(WEB).await;
    namespace.create_all("{apiVersion: openvox.voxpupuli.org/v1alpha1, kind: Pool, metadata: {name: agents}, spec: {}}").await;
    namespace.reaches::<CertificateAuthority>("corp", "External/Reachable").await;
    namespace.reaches::<Certificate>("web", "Signed/Valid").await;
    namespace.reaches::<Pool>("agents", "Ready/Synced").await;
    for (kind, name, phase, phases) in [
        ("CertificateAuthority", "corp", "External", CertificateAuthorityPhase::ALL.len()),
        ("Certificate", "web", "Signed", CertificatePhase::ALL.len()),
        ("Pool", "agents", "Ready", PoolPhase::ALL.len()),
    ] {
        let (kind, name, phase) = (format!("kind=\"{kind}\""), format!("name=\"{name}\""), format!("phase=\"{phase}\""));
        let metric = |labels: &[&str]| operator.metric("openvox_resource_phase", labels);
        wait::until_some(&phase, async || (metric(&[&kind, &name, &phase]) == 1).then_some(())).await;
        assert_eq!(metric(&[&kind, &name]), 1, "one phase of {name}");
        let text = operator.metrics();
        let series =
            text.lines().filter(|line| line.starts_with("openvox_resource_phase{") && line.contains(&kind) && line.contains(&name));
        assert_eq!(series.count(), phases, "{kind}");
    }
    assert!(operator.metric("openvox_certificate_expiry_timestamp_seconds", &["name=\"web\""]) > 1_900_000_000);

    namespace.api::<Pool>().delete("agents", &kube::api::DeleteParams::default()).await.unwrap();
    wait::until_some("the Pool's series to go", async || (!operator.metrics().contains("name=\"agents\"")).then_some(())).await;
}
