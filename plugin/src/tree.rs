//! The tree of all objects: Config, its CertificateAuthority, policies and Certificates of that, Servers, Pools.

use crate::fleet::{Fleet, Member};
use crate::gate::{Gate, gate, is_ready};
use openvox_operator::http::history::Object;
use serde::Serialize;
use std::collections::HashSet;

/// Which kind hangs at which, in the order in which it is shown: kinds with few objects first. Of a pair, one refers to the
/// other; a reference of kinds that are no pair is not shown.
const TREE: &[(&str, &str)] = &[
    ("Config", "CertificateAuthority"),
    ("Config", "NodeClassifier"),
    ("Config", "ReportProcessor"),
    ("CertificateAuthority", "SigningPolicy"),
    ("CertificateAuthority", "Certificate"),
    ("Certificate", "Database"),
    ("Certificate", "Server"),
    ("Server", "Pool"),
];

/// An object, and what hangs at it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Node<'f> {
    /// Where it stands.
    #[serde(flatten)]
    pub object: &'f Object,
    /// What blocks it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gate: Option<Gate>,
    /// Why it hangs nowhere, for what is not connected.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub loose: Vec<String>,
    /// It was shown before, with what hangs at it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub again: bool,
    /// What hangs at it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub children: Vec<Node<'f>>,
}

/// The objects of one namespace.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Forest<'f> {
    /// The namespace.
    pub namespace: &'f str,
    /// What hangs together.
    pub trees: Vec<Node<'f>>,
    /// What names something that does not exist, or what nobody names, with what hangs at it.
    pub not_connected: Vec<Node<'f>>,
}

impl Node<'_> {
    /// This object and all below it do their work.
    pub fn is_ready(&self) -> bool {
        is_ready(self.object) && self.children.iter().all(Self::is_ready)
    }

    /// Reduces the tree to objects of this name, what leads to them, and what hangs at them. False if there is none.
    fn reduce(&mut self, name: &str) -> bool {
        if self.object.name == name {
            return true;
        }
        self.children.retain_mut(|child| child.reduce(name));
        !self.children.is_empty()
    }
}

impl<'f> Forest<'f> {
    /// The forest of a namespace.
    pub fn of(fleet: &'f Fleet, namespace: &'f str) -> Self {
        let members: Vec<&Member> = fleet.0.iter().filter(|member| member.object.namespace == namespace).collect();
        let mut grower = Grower { members: &members, placed: HashSet::new() };
        let mut trees = Vec::new();
        // Configs first: an authority that none of them names is a tree of its own.
        for kind in ["Config", "CertificateAuthority"] {
            for member in members.iter().filter(|member| member.object.kind == kind) {
                if grower.loose(&member.object).is_empty() && !grower.placed.contains(&member.object.uid) {
                    trees.push(grower.node(&member.object, Vec::new()));
                }
            }
        }
        let mut not_connected = Vec::new();
        for dangling in [true, false] {
            for member in &members {
                let loose = grower.loose(&member.object);
                if !grower.placed.contains(&member.object.uid) && loose.is_empty() != dangling {
                    let loose = if dangling { loose } else { vec!["no connected object names it".to_owned()] };
                    not_connected.push(grower.node(&member.object, loose));
                }
            }
        }
        Self { namespace, trees, not_connected }
    }

    /// Reduces the forest to what is connected to objects of this name.
    pub fn reduce(&mut self, name: &str) {
        self.trees.retain_mut(|tree| tree.reduce(name));
        self.not_connected.retain_mut(|tree| tree.reduce(name));
    }

    /// Nothing is left of it.
    pub fn is_empty(&self) -> bool {
        self.trees.is_empty() && self.not_connected.is_empty()
    }

    /// All of it does its work. What names something missing does not.
    pub fn is_ready(&self) -> bool {
        self.trees.iter().chain(&self.not_connected).all(Node::is_ready)
    }
}

struct Grower<'m, 'f> {
    members: &'m [&'f Member],
    placed: HashSet<String>,
}

impl<'f> Grower<'_, 'f> {
    fn find(&self, kind: &str, name: &str) -> Option<&'f Object> {
        self.members.iter().map(|member| &member.object).find(|object| object.kind == kind && object.name == name)
    }

    /// References that lead nowhere, in words.
    fn loose(&self, object: &Object) -> Vec<String> {
        let missing = object.uses.iter().filter(|to| self.find(to.kind, &to.name).is_none());
        missing.map(|to| format!("names {} {}, which does not exist", to.kind, to.name)).collect()
    }

    fn node(&mut self, object: &'f Object, loose: Vec<String>) -> Node<'f> {
        let again = !self.placed.insert(object.uid.clone());
        let children = if again { Vec::new() } else { self.children(object) };
        Node { object, gate: gate(object), loose, again, children }
    }

    /// The objects that hang at an object: of the kinds that [`TREE`] says, those that it refers to or that refer to it.
    fn children(&mut self, object: &'f Object) -> Vec<Node<'f>> {
        let kinds = TREE.iter().filter(|(parent, _)| *parent == object.kind).map(|(_, child)| *child);
        let children: Vec<&Object> = kinds.flat_map(|kind| self.connected(object, kind)).collect();
        children.into_iter().map(|child| self.node(child, Vec::new())).collect()
    }

    /// The objects of a kind that an object refers to, in the order of its fields, and those that refer to it and to nothing
    /// that does not exist.
    fn connected(&self, object: &'f Object, kind: &str) -> Vec<&'f Object> {
        let referred = object.uses.iter().filter(|to| to.kind == kind).filter_map(|to| self.find(to.kind, &to.name));
        let of_kind = self.members.iter().map(|member| &member.object).filter(|other| other.kind == kind);
        let refers = |other: &Object| other.uses.iter().any(|to| to.kind == object.kind && to.name == object.name);
        referred.chain(of_kind.filter(|other| refers(other) && self.loose(other).is_empty())).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fleet::tests::fleet;
    use crate::kind::Kind;

    fn show(node: &Node, depth: usize) -> String {
        let again = if node.again { " (again)" } else { "" };
        let line = format!("{}{} {}{again} {}", "  ".repeat(depth), node.object.kind, node.object.name, node.loose.join("; "));
        let below: String = node.children.iter().map(|child| show(child, depth + 1)).collect();
        format!("{}\n{below}", line.trim_end())
    }

    /// Kind, name and spec of objects, one a line.
    fn forest(lines: &str) -> String {
        let yaml: Vec<String> = lines
            .lines()
            .map(|line| {
                let (kind, rest) = line.trim().split_once(' ').unwrap();
                let (name, spec) = rest.split_once(' ').unwrap();
                format!(
                    "{{apiVersion: openvox.voxpupuli.org/v1alpha1, kind: {kind}, metadata: {{name: {name}, namespace: puppet, uid: {kind}-{name}}}, spec: {spec}}}"
                )
            })
            .collect();
        let fleet = fleet(&yaml.join("\n---\n"));
        let forest = Forest::of(&fleet, "puppet");
        let shown = |nodes: &[Node]| nodes.iter().map(|node| show(node, 0)).collect::<String>();
        format!("{}--\n{}", shown(&forest.trees), shown(&forest.not_connected))
    }

    #[test]
    fn every_kind_hangs_somewhere() {
        for kind in Kind::all() {
            assert!(TREE.iter().any(|pair| [pair.0, pair.1].contains(&kind.name())), "{} is in no pair of TREE", kind.name());
        }
    }

    #[test]
    fn what_belongs_together_is_one_tree() {
        let text = forest(
            "CertificateAuthority ca {}
             Certificate web {authorityRef: ca}
             Certificate alone {authorityRef: ca}
             Config main {authorityRef: ca, image: {}}
             Pool agents {}
             Server a {configRef: main, certificateRef: web, poolRefs: [agents]}
             Server b {configRef: main, certificateRef: web, poolRefs: [agents]}
             SigningPolicy all {certificateAuthorityRef: ca, any: true}",
        );
        insta::assert_snapshot!(text, @r"
        Config main
          CertificateAuthority ca
            SigningPolicy all
            Certificate web
              Server a
                Pool agents
              Server b
                Pool agents (again)
            Certificate alone
        --
        ");
    }

    #[test]
    fn what_names_something_missing_is_not_connected_and_takes_along_what_hangs_at_it() {
        let text = forest(
            "CertificateAuthority ca {}
             Certificate lost {authorityRef: nowhere}
             Config main {authorityRef: gone, image: {}}
             Pool agents {}
             Pool unused {}
             Server a {configRef: main, certificateRef: lost, poolRefs: [agents]}
             SigningPolicy all {certificateAuthorityRef: ca, any: true}",
        );
        insta::assert_snapshot!(text, @r"
        CertificateAuthority ca
          SigningPolicy all
        --
        Certificate lost names CertificateAuthority nowhere, which does not exist
          Server a
            Pool agents
        Config main names CertificateAuthority gone, which does not exist
        Pool unused no connected object names it
        ");
    }

    #[test]
    fn the_part_around_a_name_keeps_the_way_there_and_what_hangs_at_it() {
        let yaml =
            "{apiVersion: openvox.voxpupuli.org/v1alpha1, kind: CertificateAuthority, metadata: {name: ca, namespace: puppet, uid: a}, spec: {}}
---
{apiVersion: openvox.voxpupuli.org/v1alpha1, kind: Certificate, metadata: {name: web, namespace: puppet, uid: b}, spec: {authorityRef: ca}}
---
{apiVersion: openvox.voxpupuli.org/v1alpha1, kind: Certificate, metadata: {name: other, namespace: puppet, uid: c}, spec: {authorityRef: ca}}";
        let fleet = fleet(yaml);
        let mut forest = Forest::of(&fleet, "puppet");
        forest.reduce("web");
        let names: Vec<&str> = forest.trees[0].children.iter().map(|child| &*child.object.name).collect();
        assert_eq!((&*forest.trees[0].object.name, names), ("ca", vec!["web"]));
        forest.reduce("nobody");
        assert!(forest.is_empty());
    }
}
