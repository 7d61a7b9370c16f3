//! A settled stack costs nothing. The first test in order, so that what runs beside these tests has the minute in which
//! this one only watches.

use crate::cluster::{Cluster, SYSTEM, skipped, turn};
use crate::kubectl::eventually;
use crate::metrics;
use crate::stack::stand;
use serde_json::Value;
use std::time::Duration;

/// Long enough for any timer of a state to come round several times.
const WATCHED: Duration = Duration::from_mins(1);

/// Writes of the operator in the audit log, as "verb resource/name". Its Lease is how it lives, not work.
fn writes(cluster: &Cluster) -> Option<Vec<String>> {
    let log = std::fs::read_to_string(cluster.audit_log()?).expect("the audit log is there");
    let user = format!("system:serviceaccount:{SYSTEM}:openvox-operator");
    let lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let reads = ["get", "list", "watch"];
    let ours = lines.filter(|line| {
        let read = line["verb"].as_str().is_some_and(|verb| reads.contains(&verb));
        line["user"]["username"] == user.as_str() && line["objectRef"]["resource"] != "leases" && !read
    });
    Some(ours.map(|line| format!("{} {}/{}", line["verb"], line["objectRef"]["resource"], line["objectRef"]["name"])).collect())
}

#[test]
fn a_settled_stack_costs_no_write_and_no_call_to_the_ca() {
    let Some(turn) = turn() else { return };
    let cluster = turn.cluster;
    stand(cluster);
    // One look at the revocation list may fall into this minute; it comes round every five.
    let looks = || metrics::sum(cluster, "openvox_ca_calls_total", Some(r#"call="crl""#));
    let counted = || {
        let [writes, calls] = ["openvox_api_writes_total", "openvox_ca_calls_total"].map(|metric| metrics::sum(cluster, metric, None));
        [writes, calls - looks()]
    };
    // What an earlier test has begun comes to its end first.
    let mut last = counted();
    eventually("an end of the operator's writes", Duration::from_mins(2), || {
        std::thread::sleep(Duration::from_secs(5));
        let before = std::mem::replace(&mut last, counted());
        (before == last).then_some(())
    });

    let (before, looked) = (writes(cluster), looks());
    std::thread::sleep(WATCHED);
    assert_eq!(counted(), last, "writes and CA calls as the operator counts them");
    assert!(looks() - looked <= 1, "looks at the revocation list: {looked} and {}", looks());
    match (before, writes(cluster)) {
        (Some(before), Some(after)) => {
            assert!(!before.is_empty(), "the audit log has the operator's writes of the set-up");
            assert_eq!(&after[before.len()..], &[] as &[String], "writes as the API server counts them");
        }
        _ => skipped("the API server's own count of writes: this cluster shows no audit log"),
    }
}
