//! `status`: the tree of all objects.

use crate::connection::Connection;
use crate::fleet::Fleet;
use crate::format::Format;
use crate::gate::is_ready;
use crate::outcome::Outcome;
use crate::paint::{Paint, Tone};
use crate::table::{Cell, Table};
use crate::time::{short, utc};
use crate::tree::{Forest, Node};
use anyhow::bail;
use chrono::{DateTime, Utc};
use std::collections::BTreeSet;

/// Shows the forest of each namespace, or the part of it around a name.
///
/// # Errors
/// If the objects cannot be listed, or none has the name.
pub async fn run(connection: &Connection, name: Option<&str>, format: Format) -> anyhow::Result<Outcome> {
    let fleet = Fleet::list(&connection.client, connection.namespace.as_deref()).await?;
    let namespaces: BTreeSet<&str> = fleet.0.iter().map(|member| &*member.object.namespace).collect();
    let mut forests: Vec<Forest> = namespaces.into_iter().map(|namespace| Forest::of(&fleet, namespace)).collect();
    if let Some(name) = name {
        for forest in &mut forests {
            forest.reduce(name);
        }
        forests.retain(|forest| !forest.is_empty());
        if forests.is_empty() {
            bail!("no object is called {name:?} in {}; without a name, all are shown", place(connection));
        }
    }
    format.print(&forests, || match &*forests {
        [] => format!("There are no objects in {}; --namespace or --all-namespaces looks elsewhere.\n", place(connection)),
        forests => forests.iter().map(|forest| text(forest, Paint::of_stdout(), Utc::now())).collect::<Vec<_>>().join("\n"),
    })?;
    Ok(Outcome::fine_if(forests.iter().all(Forest::is_ready)))
}

fn place(connection: &Connection) -> String {
    connection.namespace.as_ref().map_or_else(|| "any namespace".to_owned(), |namespace| format!("namespace {namespace}"))
}

/// The forest as a table whose first column is drawn as a tree.
fn text(forest: &Forest, paint: Paint, now: DateTime<Utc>) -> String {
    let mut table = Table::headed(&[&format!("NAMESPACE {}", forest.namespace), "STATE", "SINCE", "WHAT BLOCKS"]);
    for tree in &forest.trees {
        rows(&mut table, tree, "", "", now);
    }
    if !forest.not_connected.is_empty() {
        table.row(["not connected".into()]);
        branches(&mut table, &forest.not_connected, "", now);
    }
    table.show(paint)
}

fn branches(table: &mut Table, nodes: &[Node], indent: &str, now: DateTime<Utc>) {
    for (index, node) in nodes.iter().enumerate() {
        let (branch, below) = if index + 1 == nodes.len() { ("└─ ", "   ") } else { ("├─ ", "│  ") };
        rows(table, node, &format!("{indent}{branch}"), &format!("{indent}{below}"), now);
    }
}

fn rows(table: &mut Table, node: &Node, first: &str, below: &str, now: DateTime<Utc>) {
    let object = node.object;
    let name = format!("{first}{} {}", object.kind, object.name);
    if node.again {
        return table.row([name.into(), Cell("see above".to_owned(), Some(Tone::Quiet))]);
    }
    let tone = match &node.gate {
        None => Tone::Good,
        Some(gate) if gate.stuck => Tone::Bad,
        Some(_) if is_ready(object) => Tone::Good,
        Some(_) => Tone::Waiting,
    };
    let since = object.since.as_ref().map(|since| short(now - utc(since))).unwrap_or_default();
    let mut blocks: Vec<String> = node.loose.clone();
    blocks.extend(node.gate.as_ref().map(|gate| format!("{}: {}", gate.reason, gate.message)));
    table.row([
        name.into(),
        Cell(object.state.clone().unwrap_or_else(|| "-".to_owned()), Some(tone)),
        since.into(),
        blocks.join("; ").into(),
    ]);
    branches(table, &node.children, below, now);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fleet::tests::fleet;

    #[test]
    fn the_tree_is_drawn_with_state_age_and_gate_beside_it() {
        let object = |kind: &str, name: &str, spec: &str, state: &str, ready: &str, message: &str| {
            let phase = state.split('/').next().unwrap();
            format!(
                "{{apiVersion: openvox.voxpupuli.org/v1alpha1, kind: {kind}, metadata: {{name: {name}, namespace: puppet, uid: {kind}-{name}}}, spec: {spec}, \
                 status: {{phase: {phase}, state: {state}, machine: {{version: 1, seq: 1, since: '2026-01-31T12:00:00Z'}}, conditions: [{{type: Ready, status: '{ready}', \
                 reason: Because, message: '{message}', lastTransitionTime: '2026-01-31T12:00:00Z'}}]}}}}"
            )
        };
        let yaml = [
            object("CertificateAuthority", "corp", "{}", "External/Reachable", "True", "fine"),
            object("Certificate", "web", "{authorityRef: corp}", "WaitingForSigning/WaitingForSigning", "False", "sign it"),
            object("Certificate", "api", "{authorityRef: corp}", "Signed/Valid", "True", "fine"),
            object("Certificate", "lost", "{authorityRef: nowhere}", "Pending/WaitingForAuthority", "False", "it is missing"),
        ];
        let fleet = fleet(&yaml.join("\n---\n"));
        let now = "2026-01-31T12:02:05Z".parse().unwrap();
        insta::assert_snapshot!(text(&Forest::of(&fleet, "puppet"), Paint::PLAIN, now));
    }
}
