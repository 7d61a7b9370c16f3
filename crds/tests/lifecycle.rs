//! Status as it stands on the wire.

use k8s_openapi::{apimachinery::pkg::apis::meta::v1::Time, jiff::Timestamp};
use openvox_crds::{CertificatePhase, CertificateStatus, HistoryEntry, Lifecycled, MachineStatus, PoolStatus, ServerStatus};
use serde_json::json;

#[test]
fn a_status_is_flat_and_reads_back_as_it_was_written() {
    let since = Time(Timestamp::from_second(1_800_000_000).expect("a time"));
    let mut status = CertificateStatus::default();
    status.set_phase("Renewing").expect("a phase of Certificate");
    let lifecycle = status.lifecycle_mut();
    lifecycle.state = Some("Renewing/Rekeying".into());
    lifecycle.observed_generation = Some(3);
    lifecycle.machine = Some(MachineStatus {
        version: 1,
        seq: 7,
        since: since.clone(),
        failing_since: None,
        attempt: Some(2),
        next_attempt: Some(since.clone()),
        deadline: None,
        data: Some(json!({"serial": "0x2a"}).into()),
    });
    lifecycle.history.push(HistoryEntry {
        seq: 7,
        at: since,
        event: "RenewalStarted".into(),
        version: 1,
        from: "Signed/Expiring".into(),
        to: "Renewing/Rekeying".into(),
        phase: "Renewing".into(),
        cause: None,
        trace_id: Some("4bf92f3577b34da6a3ce929d0e0e4736".into()),
        data: None,
    });

    let written = serde_json::to_value(&status).expect("JSON");
    assert_eq!(
        written,
        json!({
            "phase": "Renewing",
            "state": "Renewing/Rekeying",
            "observedGeneration": 3,
            "machine": {
                "version": 1, "seq": 7, "since": "2027-01-15T08:00:00Z", "attempt": 2,
                "nextAttempt": "2027-01-15T08:00:00Z", "data": {"serial": "0x2a"},
            },
            "history": [{
                "seq": 7, "at": "2027-01-15T08:00:00Z", "event": "RenewalStarted", "version": 1,
                "from": "Signed/Expiring", "to": "Renewing/Rekeying", "phase": "Renewing",
                "traceId": "4bf92f3577b34da6a3ce929d0e0e4736",
            }],
        })
    );
    let read: CertificateStatus = serde_json::from_value(written).expect("a status");
    assert_eq!(read, status);
}

#[test]
fn numbers_of_a_status_are_written_even_when_they_are_zero() {
    assert_eq!(serde_json::to_value(ServerStatus::default()).expect("JSON"), json!({"ready": 0, "desired": 0, "replicas": 0}));
    assert_eq!(serde_json::to_value(PoolStatus::default()).expect("JSON"), json!({"endpoints": 0}));
}

#[test]
fn a_status_written_by_an_earlier_operator_can_be_read() {
    let written = json!({
        "phase": "Requesting",
        "conditions": [{
            "type": "CertSigned", "status": "False", "reason": "SigningFailed",
            "message": "no answer", "lastTransitionTime": "2026-05-04T00:00:00Z",
        }],
    });
    let status: CertificateStatus = serde_json::from_value(written).expect("a status");
    assert_eq!(status.phase, Some(CertificatePhase::Requesting));
    assert_eq!(status.lifecycle.conditions.len(), 1);
    assert_eq!(status.lifecycle.machine, None);
}

#[test]
fn a_phase_of_another_kind_is_refused_and_changes_nothing() {
    let mut status = PoolStatus::default();
    let error = status.set_phase("Signed").expect_err("not a phase of Pool");
    assert_eq!(error.to_string(), "failed to read phase \"Signed\": known are Pending, Ready, Error");
    assert_eq!(status, PoolStatus::default());
}
