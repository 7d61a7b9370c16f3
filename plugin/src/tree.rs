//! The tree of all objects: Config, its CertificateAuthority, policies and Certificates of that, Servers, Pools.

use crate::fleet::{Fleet, Member};
use crate::gate::{Gate, gate, is_ready};
use openvox_operator::http::history::Object;
use serde::Serialize;
use std::collections::HashSet;

/// Parent and child kinds, in the order in which they are shown: kinds with few objects first. One of a pair refers to the
/// other; references between other kinds are not shown.
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

/// An object and its children.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Node<'f> {
    /// The object with its state.
    #[serde(flatten)]
    pub object: &'f Object,
    /// What blocks it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gate: Option<Gate>,
    /// Why it has no parent, for an object that is not connected.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub loose: Vec<String>,
    /// It was shown before, with its children.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub again: bool,
    /// Its children.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub children: Vec<Node<'f>>,
}

/// The objects of one namespace.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Forest<'f> {
    /// The namespace.
    pub namespace: &'f str,
    /// Connected objects.
    pub trees: Vec<Node<'f>>,
    /// Objects that refer to something that does not exist, or that no object refers to, with their children.
    pub not_connected: Vec<Node<'f>>,
}

impl Node<'_> {
    /// This object and all below it are ready.
    pub fn is_ready(&self) -> bool {
        is_ready(self.object) && self.children.iter().all(Self::is_ready)
    }

    /// Reduces the tree to objects of this name, their ancestors and their descendants. False if there is none.
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
        let mut builder = Builder { members: &members, placed: HashSet::new() };
        let mut trees = Vec::new();
        // Configs first: an authority that none of them names is a tree of its own.
        for kind in ["Config", "CertificateAuthority"] {
            for member in members.iter().filter(|member| member.object.kind == kind) {
                if builder.dangling(&member.object).is_empty() && !builder.placed.contains(&member.object.uid) {
                    trees.push(builder.node(&member.object, Vec::new()));
                }
            }
        }
        let mut not_connected = Vec::new();
        for has_dangling in [true, false] {
            for member in &members {
                let loose = builder.dangling(&member.object);
                if !builder.placed.contains(&member.object.uid) && loose.is_empty() != has_dangling {
                    let loose = if has_dangling { loose } else { vec!["no connected object names it".to_owned()] };
                    not_connected.push(builder.node(&member.object, loose));
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

    /// It has no objects.
    pub fn is_empty(&self) -> bool {
        self.trees.is_empty() && self.not_connected.is_empty()
    }

    /// All objects are ready.
    pub fn is_ready(&self) -> bool {
        self.trees.iter().chain(&self.not_connected).all(Node::is_ready)
    }
}

struct Builder<'m, 'f> {
    members: &'m [&'f Member],
    placed: HashSet<String>,
}

impl<'f> Builder<'_, 'f> {
    fn find(&self, kind: &str, name: &str) -> Option<&'f Object> {
        self.members.iter().map(|member| &member.object).find(|object| object.kind == kind && object.name == name)
    }

    /// Dangling references, in words.
    fn dangling(&self, object: &Object) -> Vec<String> {
        let missing = object.uses.iter().filter(|to| self.find(to.kind, &to.name).is_none());
        missing.map(|to| format!("names {} {}, which does not exist", to.kind, to.name)).collect()
    }

    fn node(&mut self, object: &'f Object, loose: Vec<String>) -> Node<'f> {
        let again = !self.placed.insert(object.uid.clone());
        let children = if again { Vec::new() } else { self.children(object) };
        Node { object, gate: gate(object), loose, again, children }
    }

    /// The children of an object: of its child kinds in [`TREE`], the objects that it refers to or that refer to it.
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
        referred.chain(of_kind.filter(|other| refers(other) && self.dangling(other).is_empty())).collect()
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
    fn every_kind_has_a_place_in_the_tree() {
        for kind in Kind::all() {
            assert!(TREE.iter().any(|pair| [pair.0, pair.1].contains(&kind.name())), "{} is in no pair of TREE", kind.name());
        }
    }

    #[test]
    fn connected_objects_are_one_tree() {
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
    fn an_object_with_a_dangling_reference_is_not_connected_and_keeps_its_children() {
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
    fn the_part_around_a_name_keeps_ancestors_and_descendants() {
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
