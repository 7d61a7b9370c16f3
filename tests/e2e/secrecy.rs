//! Keys stay where they belong.

use crate::cluster::{Cluster, turn};
use crate::history::HistoryApi;
use crate::operator;
use crate::stack::{STACK, stand};
use serde_json::Value;
use std::collections::BTreeMap;

/// Pieces of every private key in the namespace's Secrets: a line from the middle of the PEM, and the same bytes as
/// they look inside base64, for each of the three places where they can begin in it.
fn pieces(cluster: &Cluster) -> BTreeMap<String, String> {
    let secrets = cluster.get(STACK, &["secrets"]);
    let mut pieces = BTreeMap::new();
    for secret in secrets["items"].as_array().expect("a list") {
        for (key, value) in secret["data"].as_object().into_iter().flatten() {
            let Some(pem) = value.as_str().and_then(decoded).filter(|text| text.contains("PRIVATE KEY-----")) else { continue };
            let lines: Vec<&str> = pem.lines().filter(|line| !line.starts_with("-----")).collect();
            // From the middle: the beginning of a key is the same for all keys of its kind.
            let line = lines[lines.len() / 2];
            let name = format!("{} {key}", secret["metadata"]["name"]);
            pieces.insert(line.to_owned(), name.clone());
            for skipped in 0..3 {
                let encoded = encoded(&line.as_bytes()[skipped..]);
                // The last group may hold bits of what follows.
                pieces.insert(encoded[..encoded.len() - 4].to_owned(), name.clone());
            }
        }
    }
    pieces
}

fn decoded(text: &str) -> Option<String> {
    use base64::Engine as _;
    String::from_utf8(base64::engine::general_purpose::STANDARD.decode(text).ok()?).ok()
}

fn encoded(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

#[test]
fn no_private_key_shows_in_logs_events_or_history() {
    let Some(turn) = turn() else { return };
    let cluster = turn.cluster;
    stand(cluster);
    let pieces = pieces(cluster);
    // CA, CA server, operator.
    assert!(pieces.len() >= 3 * 4, "{:?}", pieces.values());

    let history: Value = HistoryApi::open(cluster).get(&format!("/api/v1/history?namespace={STACK}&limit=500"));
    assert!(history["items"].as_array().is_some_and(|items| items.len() >= 8), "{history}");
    let places = [
        ("the operator's log", operator::log(cluster)),
        ("the Puppet Server's log", cluster.run(STACK, &["logs", "deployment/demo-ca", "--all-containers", "--tail=-1"])),
        ("the events", cluster.run(STACK, &["get", "events", "--output", "yaml"])),
        ("the history", history.to_string()),
        ("the resources", cluster.run(STACK, &["get", "openvox", "--output", "yaml"])),
        ("the ConfigMaps and workloads", cluster.run(STACK, &["get", "configmaps,pods,deployments,jobs", "--output", "yaml"])),
    ];
    for (place, text) in places {
        assert!(!text.is_empty(), "{place} is empty");
        for (piece, key) in &pieces {
            assert!(!text.contains(piece), "{place} shows a piece of {key}");
        }
    }
}
