//! The state machine of an object, with its state marked.
//!
//! States and their meaning are those of `openvox-machines`. The edges come from its pages in `docs/machines`, which
//! the exploration of every machine writes and a test keeps current: walking the state space takes signals that only
//! that test has.

use super::{Api, moment};
use crate::http::access::CallerView;
use crate::http::kinds::Kind;
use crate::http::problem::Problem;
use k8s_openapi::jiff::Timestamp;
use openvox_machines::core::{Leaf, Machine, Rest, State};
use serde::Serialize;
use std::fmt::Write as _;
use std::sync::LazyLock;

/// The machine of one kind.
struct Explored {
    kind: &'static str,
    initial: &'static str,
    leaves: &'static [Leaf],
    edges: Vec<Edge>,
    mermaid: &'static str,
}

static MACHINES: LazyLock<Vec<Explored>> = LazyLock::new(|| {
    macro_rules! all {
        ($($module:ident :: $machine:ident: $page:literal;)+) => {
            vec![$(explored::<openvox_machines::$module::$machine>(include_str!(concat!("../../../docs/machines/", $page, ".md")))),+]
        };
    }
    openvox_machines::for_each_machine!(all)
});

fn explored<M: Machine>(page: &'static str) -> Explored {
    let initial = M::State::default().path();
    let diagram = page.split_once("```mermaid\n").and_then(|(_, rest)| rest.split_once("```")).map_or("", |(diagram, _)| diagram);
    let edges = diagram.lines().filter_map(|line| edge(line, M::State::LEAVES)).collect();
    Explored { kind: M::KIND, initial, leaves: M::State::LEAVES, edges, mermaid: diagram }
}

/// An edge of a state diagram, `Phase_Leaf --> Phase_Leaf : Event, Event`, between two states of the machine.
fn edge(line: &'static str, leaves: &'static [Leaf]) -> Option<Edge> {
    let path = |id: &str| leaves.iter().find(|leaf| leaf.path.replace('/', "_") == id).map(|leaf| leaf.path);
    let (ends, events) = line.split_once(" : ")?;
    let (from, to) = ends.trim().split_once(" --> ")?;
    Some(Edge { from: path(from)?, to: path(to)?, events: events.split(", ").collect() })
}

/// A machine and the state that an object is in.
#[derive(Debug, Serialize)]
pub(super) struct Graph {
    kind: &'static str,
    /// Where every object begins.
    initial: &'static str,
    /// Where this one is, unless it has not been decided about, or was written by a version with other states.
    #[serde(skip_serializing_if = "Option::is_none")]
    current: Option<&'static str>,
    states: Vec<Node>,
    edges: &'static [Edge],
    #[serde(skip)]
    mermaid: &'static str,
}

/// A leaf state.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Node {
    path: &'static str,
    phase: &'static str,
    meaning: &'static str,
    remedy: &'static str,
    rest: &'static str,
    /// Seconds after which waiting here is worth an alert.
    #[serde(skip_serializing_if = "Option::is_none")]
    deadline_seconds: Option<u32>,
    current: bool,
}

/// What leads from one state to another.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Edge {
    from: &'static str,
    to: &'static str,
    events: Vec<&'static str>,
}

impl Graph {
    fn new(machine: &'static Explored, state: Option<&str>) -> Self {
        let current = machine.leaves.iter().map(|leaf| leaf.path).find(|path| Some(*path) == state);
        let states = machine.leaves.iter().map(|leaf| Node::new(leaf, current)).collect();
        Self { kind: machine.kind, initial: machine.initial, current, states, edges: &machine.edges, mermaid: machine.mermaid }
    }

    /// The diagram with the state marked.
    pub(super) fn mermaid(&self) -> String {
        let mut text = self.mermaid.to_owned();
        if let Some(current) = self.current {
            // Writing to a String cannot fail.
            let _ =
                write!(text, "    classDef current stroke-width:4px,font-weight:bold\n    class {} current\n", current.replace('/', "_"));
        }
        text
    }
}

impl Node {
    fn new(leaf: &'static Leaf, current: Option<&str>) -> Self {
        let (rest, deadline_seconds) = match leaf.rest {
            Rest::Settled => ("settled", None),
            Rest::Waiting { deadline } => ("waiting", Some(deadline)),
            Rest::Stuck => ("stuck", None),
            Rest::Final => ("final", None),
        };
        let Leaf { path, meaning, remedy, rest: _ } = leaf;
        Self { path, phase: leaf.phase(), meaning, remedy, rest, deadline_seconds, current: Some(*path) == current }
    }
}

/// The machine of an object with the state of now, or of a time. Of an object that is gone: its last state.
///
/// # Errors
/// 404 when the kind has no machine, or nothing is known of the object.
pub(super) async fn of_object(
    api: &Api,
    view: &mut CallerView<'_>,
    kind: &'static Kind,
    namespace: &str,
    name: &str,
    at: Option<Timestamp>,
) -> Result<Graph, Problem> {
    let Some(machine) = MACHINES.iter().find(|machine| machine.kind == kind.name) else {
        return Err(Problem::not_found(format!("nothing acts on objects of kind {} in this version", kind.name)));
    };
    let now = if at.is_none() { api.objects.one(&kind.name, namespace, name) } else { None };
    let state = match now {
        Some(object) => object.state,
        None => Some(moment::of_one(api, view, kind, namespace, name, at).await?.state),
    };
    Ok(Graph::new(machine, state.as_deref()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_edge_of_a_page_is_read() {
        for machine in &*MACHINES {
            let arrows = machine.mermaid.lines().filter(|line| line.contains(" --> ") && !line.contains("[*]")).count();
            assert!(arrows > 0, "{}", machine.kind);
            assert_eq!(machine.edges.len(), arrows, "{}", machine.kind);
            for leaf in machine.leaves {
                let reached = leaf.path == machine.initial || machine.edges.iter().any(|edge| edge.to == leaf.path);
                assert!(reached, "{} {}", machine.kind, leaf.path);
            }
        }
    }

    #[test]
    fn the_state_of_the_object_is_marked_and_an_unknown_one_is_not() {
        let machine = MACHINES.iter().find(|machine| machine.kind == "Certificate").unwrap();
        let graph = Graph::new(machine, Some("Signed/Valid"));
        let marked: Vec<&str> = graph.states.iter().filter(|node| node.current).map(|node| node.path).collect();
        assert_eq!((marked, graph.current), (vec!["Signed/Valid"], Some("Signed/Valid")));
        assert!(graph.mermaid().ends_with("class Signed_Valid current\n"));
        let events = vec!["CsrReplaced", "CsrSubmitted"];
        assert!(graph.edges.contains(&Edge { from: "Requested/KeyStored", to: "Requested/Submitted", events }));

        let unknown = Graph::new(machine, Some("Signed/Imaginary"));
        assert_eq!((unknown.current, unknown.mermaid().contains("class ")), (None, false));
    }
}
