//! The history of objects, read back from the operator.

use crate::cluster::{Cluster, SYSTEM, turn};
use crate::fold::fold;
use crate::kubectl::eventually;
use crate::operator;
use crate::stack::{STACK, stand};
use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, ChildStdout, Stdio};
use std::time::Duration;

/// The history API, through a port of this machine.
pub struct HistoryApi {
    forward: Child,
    port: u16,
    token: String,
    /// kubectl ends when nobody reads what it says.
    _said: BufReader<ChildStdout>,
}

impl HistoryApi {
    /// Opens the way to it, for somebody who may view the stack.
    pub fn open(cluster: &Cluster) -> Self {
        let mut command = cluster.kubectl(SYSTEM, &["port-forward", &operator::pod(cluster), ":8082"]);
        let mut forward = command.stdout(Stdio::piped()).spawn().expect("kubectl starts");
        let mut said = BufReader::new(forward.stdout.take().expect("piped"));
        let mut line = String::new();
        said.read_line(&mut line).expect("kubectl says the port");
        let port = line.trim().trim_start_matches("Forwarding from 127.0.0.1:").split(' ').next().and_then(|port| port.parse().ok());
        let token = token_of(cluster, "viewer", "view");
        Self { forward, port: port.unwrap_or_else(|| panic!("no port in {line:?}")), token, _said: said }
    }

    /// The body of an answer.
    pub fn get(&self, path: &str) -> Value {
        let (status, body) = self.ask("GET", path, &self.token);
        assert_eq!(status, 200, "{body}");
        body
    }

    /// Status and body of an answer to somebody.
    pub fn ask(&self, method: &str, path: &str, token: &str) -> (u16, Value) {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).expect("the way is open");
        let head = format!("{method} {path} HTTP/1.0\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\nContent-Length: 0\r\n\r\n");
        stream.write_all(head.as_bytes()).expect("it listens");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("it answers");
        let (head, body) = answer.split_once("\r\n\r\n").expect("an answer of HTTP");
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
        (status, serde_json::from_str(body).unwrap_or_else(|error| panic!("{error}: {body}")))
    }

    /// The entries of one object, oldest first. The journal is written a moment after the status.
    pub fn of(&self, kind: &str, namespace: &str, name: &str, last: i64) -> Vec<Value> {
        eventually(&format!("entry {last} of {kind} {name} in the journal"), Duration::from_secs(20), || {
            let page = self.get(&format!("/api/v1/history/{kind}/{namespace}/{name}?order=asc&limit=500"));
            let entries = page["items"].as_array()?.clone();
            (entries.last()?["seq"].as_i64()? >= last).then_some(entries)
        })
    }
}

impl Drop for HistoryApi {
    fn drop(&mut self) {
        let _ = self.forward.kill();
        let _ = self.forward.wait();
    }
}

/// A token of an account of this name with a role in the namespace of the stack.
pub fn token_of(cluster: &Cluster, name: &str, role: &str) -> String {
    let account = json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name}});
    let binding = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "metadata": {"name": name},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role},
        "subjects": [{"kind": "ServiceAccount", "name": name, "namespace": STACK}],
    });
    cluster.apply(STACK, &account.to_string());
    cluster.apply(STACK, &binding.to_string());
    cluster.run(STACK, &["create", "token", name]).trim().to_owned()
}

fn fold_of(kind: &str, entries: &[Value]) -> Value {
    macro_rules! with_machine {
        ($($module:ident :: $machine:ident: $page:literal;)+) => {
            match kind {
                $(stringify!($machine) => fold::<openvox_machines::$module::State>(entries),)+
                other => panic!("{other} has no machine"),
            }
        };
    }
    openvox_machines::for_each_machine!(with_machine)
}

/// The object's entries are numbered from 1 without a gap, and lead to the state that its status shows.
pub fn assert_folds(object: &Value, entries: &[Value]) {
    let (kind, name) = (object["kind"].as_str().unwrap_or_default(), &object["metadata"]["name"]);
    let numbers: Vec<i64> = entries.iter().filter_map(|entry| entry["seq"].as_i64()).collect();
    let expected: Vec<i64> = (1..=object["status"]["machine"]["seq"].as_i64().unwrap_or_default()).collect();
    assert_eq!(numbers, expected, "numbers of {kind} {name}");
    assert_eq!(entries.last().expect("not empty")["to"], object["status"]["state"], "{kind} {name}");
    assert_eq!(fold_of(kind, entries), object["status"]["machine"]["data"], "{kind} {name}");
}

#[test]
fn the_history_of_every_object_has_no_gap_and_folds_to_its_status() {
    let Some(turn) = turn() else { return };
    stand(turn.cluster);
    let api = HistoryApi::open(turn.cluster);
    let all = turn.cluster.get(STACK, &["openvox"]);
    let objects = all["items"].as_array().expect("a list");
    assert!(objects.len() >= 8, "{} objects", objects.len());
    for object in objects {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let (kind, name) = (text(&object["kind"]), text(&object["metadata"]["name"]));
        let last = object["status"]["machine"]["seq"].as_i64().unwrap_or_default();
        assert_folds(object, &api.of(&kind, STACK, &name, last));
    }
}
