//! What one object holds, or one CA does, is no trouble of the others.

use crate::authority::Authority;
use crate::fake_ca::{Behaviour, FakeCa};
use crate::issuing::{WEB, outside};
use crate::support::namespace::ready;
use crate::support::operator::Options;
use crate::support::{Cluster, Namespace, Operator, wait};
use k8s_openapi::api::events::v1::Event;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{Api, DynamicObject, ListParams, Patch, PatchParams, PostParams};
use openvox_crds::{Certificate, CertificateAuthority, Pool};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

fn pool(name: &str) -> Value {
    json!({"apiVersion": "openvox.voxpupuli.org/v1alpha1", "kind": "Pool", "metadata": {"name": name}, "spec": {}})
}

fn nowhere(name: &str) -> Value {
    json!({
        "apiVersion": "openvox.voxpupuli.org/v1alpha1", "kind": "Certificate", "metadata": {"name": name},
        "spec": {"authorityRef": "nowhere", "certname": name},
    })
}

/// Writes into the status of an object, as somebody may who has all rights in a namespace.
async fn forge(namespace: &Namespace, manifest: &Value, machine: Value) -> Result<(), kube::Error> {
    let api: Api<DynamicObject> = namespace.api_of(manifest);
    let patch = Patch::Merge(json!({"status": {"machine": machine}}));
    match api.patch_status(manifest["metadata"]["name"].as_str().unwrap(), &PatchParams::default(), &patch).await {
        // It was written; the answer cannot be read, which is what this is about.
        Ok(_) | Err(kube::Error::SerdeError(_)) => Ok(()),
        Err(error) => Err(error),
    }
}

async fn warned(namespace: &Namespace, reason: &str, name: &str) -> String {
    let events = namespace.api::<Event>();
    wait::until_some(&format!("a warning {reason} about {name}"), async || {
        let warnings = events.list(&ListParams::default()).await.unwrap().items.into_iter();
        let about = |event: &Event| event.regarding.as_ref().and_then(|of| of.name.as_deref()) == Some(name);
        warnings.filter(about).find(|event| event.reason.as_deref() == Some(reason)).and_then(|event| event.note)
    })
    .await
}

#[tokio::test]
async fn a_status_that_cannot_be_read_counts_as_none_and_stops_nobody() {
    let namespace = Cluster::shared().namespace().await;
    let options = Options::new(&namespace);
    let operator = options.start();
    let nested = (0..200).fold(json!("innermost"), |inner, _| json!([inner]));
    let pools = [("nested", json!({"data": nested})), ("zone", json!({"since": "2026-01-01T00:00:00+99:99"}))];
    for (name, _) in &pools {
        namespace.create_one(&pool(name)).await.unwrap();
        namespace.reaches::<Pool>(name, "Ready/Synced").await;
    }
    namespace.create_one(&nowhere("late")).await.unwrap();
    namespace.reaches::<Certificate>("late", "Pending/WaitingForAuthority").await;

    let refused = forge(&namespace, &pool("zone"), json!({"attempt": 4_294_967_296_i64})).await.unwrap_err();
    assert!(refused.to_string().contains("4294967295"), "{refused}");

    let poison = async || {
        for (name, machine) in &pools {
            forge(&namespace, &pool(name), machine.clone()).await.unwrap();
        }
        forge(&namespace, &nowhere("late"), json!({"since": "9999-12-30T21:59:59Z"})).await.unwrap();
    };
    let healed = async || {
        for (name, _) in &pools {
            namespace.reaches::<Pool>(name, "Ready/Synced").await;
        }
        // It is looked at once more than its new status makes it.
        namespace.merge::<Certificate>("late", json!({"metadata": {"annotations": {"look": "again"}}})).await;
        namespace.create_one(&pool("after")).await.unwrap();
        namespace.reaches::<Pool>("after", "Ready/Synced").await;
        namespace.api::<Pool>().delete("after", &kube::api::DeleteParams::default()).await.unwrap();
        wait::until_gone(&namespace.api::<Pool>(), "after").await;
    };
    poison().await;
    healed().await;
    assert!(operator.is_ready());

    operator.kill();
    poison().await;
    let next = Operator::in_namespace(&namespace).await;
    healed().await;
    assert!(warned(&namespace, "StatusUnreadable", "nested").await.contains("counts as none"));
    assert_eq!(next.metric("openvox_watch_synced", &[r#"kind="Pool""#]), 1);
    wait::until_some("the poisoned status to be written anew", async || {
        (next.metric("openvox_unreadable_objects", &[r#"kind="Pool""#]) == 0).then_some(())
    })
    .await;
}

#[tokio::test]
async fn an_object_whose_spec_cannot_be_read_is_put_aside_and_named_and_slow_cas_elsewhere_hold_up_nobody() {
    let Some(cluster) = Cluster::own("apart") else { return };
    let (slow, others) = (cluster.own_namespace().await, cluster.own_namespace().await);
    let definitions: Api<CustomResourceDefinition> = Api::all(slow.client.clone());
    let mut loose = serde_json::to_value(definitions.get("pools.openvox.voxpupuli.org").await.unwrap()).unwrap();
    loose["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"] =
        json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true});
    let loose: CustomResourceDefinition = serde_json::from_value(loose).unwrap();
    definitions.replace("pools.openvox.voxpupuli.org", &PostParams::default(), &loose).await.unwrap();
    let odd = wait::until_some("the API server to take any spec", async || {
        let odd = json!({"apiVersion": "openvox.voxpupuli.org/v1alpha1", "kind": "Pool", "metadata": {"name": "odd"}, "spec": {"service": {"port": "many"}}});
        slow.create_one(&odd).await.ok()
    })
    .await;
    assert_eq!(odd.metadata.name.as_deref(), Some("odd"));
    let operator = Options::new(&slow).everywhere().start();
    operator.ready().await;
    slow.create_one(&pool("even")).await.unwrap();
    slow.reaches::<Pool>("even", "Ready/Synced").await;
    assert!(warned(&slow, "Unreadable", "odd").await.contains("many"));
    assert_eq!(operator.metric("openvox_unreadable_objects", &[r#"kind="Pool""#, r#"part="object""#]), 1);

    let tarpit = FakeCa::start(Behaviour::AnswersNobody);
    let bundle = &Authority::shared().files.bundle_pem;
    let trust = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "trust"}, "stringData": {"ca_crt.pem": bundle}});
    slow.create_one(&trust).await.unwrap();
    for number in 0..60 {
        let authority = json!({
            "apiVersion": "openvox.voxpupuli.org/v1alpha1", "kind": "CertificateAuthority", "metadata": {"name": format!("slow-{number}")},
            "spec": {"external": {"url": tarpit.url, "caSecretRef": "trust"}},
        });
        slow.create_one(&authority).await.unwrap();
    }
    slow.reaches::<CertificateAuthority>("slow-59", "External/Probing").await;
    let began = Instant::now();
    let ca = FakeCa::start(Behaviour::Signs);
    outside(&others, &ca).await;
    others.reaches::<CertificateAuthority>("corp", "External/Reachable").await;
    others.create_all(WEB).await;
    others.reaches::<Certificate>("web", "Signed/Valid").await;
    // A call to the others is given up after thirty seconds.
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
    let unanswered = slow.api::<CertificateAuthority>().get("slow-0").await.unwrap();
    assert!(ready(&unanswered).is_some());
}

/// A revocation list of the shared CA, of so many certificates, that nobody has signed.
fn forged(revoked: usize) -> String {
    let element = |tag: u8, content: &[u8]| {
        let length: Vec<u8> = content.len().to_be_bytes().into_iter().skip_while(|byte| *byte == 0).collect();
        let long = if content.len() < 0x80 { Vec::new() } else { vec![0x80 | u8::try_from(length.len()).unwrap()] };
        [&[tag], long.as_slice(), &length, content].concat()
    };
    let algorithm = element(0x30, &element(6, &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0b]));
    let bundle = pem::parse_many(&Authority::shared().files.bundle_pem).unwrap();
    let (_, signing) = x509_parser::parse_x509_certificate(bundle[0].contents()).unwrap();
    let issuer = signing.subject().as_raw().to_vec();
    let (from, until) = (element(0x17, b"260101000000Z"), element(0x17, b"400101000000Z"));
    let entry = element(0x30, &[element(2, &[5]), from.clone()].concat());
    let entries = element(0x30, &entry.repeat(revoked));
    let signed = element(0x30, &[element(2, &[1]), algorithm.clone(), issuer, from, until, entries].concat());
    let list = element(0x30, &[signed, algorithm, element(3, &[0; 257])].concat());
    pem::encode(&pem::Pem::new("X509 CRL", list))
}

#[tokio::test]
async fn large_lists_of_many_cas_are_in_memory_one_after_the_other() {
    const CAS: usize = 12;
    let namespace = Cluster::shared().namespace().await;
    let ca = FakeCa::start(Behaviour::Signs);
    ca.shows(&forged(120_000));
    let operator = Operator::in_namespace(&namespace).await;
    let memory = || operator.metric("process_resident_memory_bytes", &[]) / 1024 / 1024;
    let before = memory();
    let bundle = &Authority::shared().files.bundle_pem;
    let trust = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "trust"}, "stringData": {"ca_crt.pem": bundle}});
    namespace.create_one(&trust).await.unwrap();
    for number in 0..CAS {
        let authority = json!({
            "apiVersion": "openvox.voxpupuli.org/v1alpha1", "kind": "CertificateAuthority", "metadata": {"name": format!("large-{number}")},
            "spec": {"external": {"url": ca.url, "caSecretRef": "trust"}},
        });
        namespace.create_one(&authority).await.unwrap();
    }
    let mut most = before;
    wait::until_some("some of the lists to be refused", async || {
        most = most.max(memory());
        let all = namespace.api::<CertificateAuthority>().list(&ListParams::default()).await.unwrap().items;
        let refused = all
            .iter()
            .filter(|authority| ready(*authority).is_some_and(|(_, message)| message.contains("no certificate of the CA bundle")));
        (refused.count() >= 3).then_some(())
    })
    .await;
    // One has 5 MiB as text: all at a time would be 60 before anything is made of them.
    assert!(most < before + 48, "from {before} to {most} MiB");
}
