//! From an object that is blocked to the one that everything waits for.

use crate::fleet::{Fleet, Member, kind};
use crate::gate::{Gate, gate};
use crate::time::utc;
use chrono::{DateTime, Utc};
use openvox_machines::reason;
use openvox_operator::http::history::{Object, Reference};
use serde::Serialize;

/// An object by kind and name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Named {
    /// Its kind.
    pub kind: String,
    /// Its name.
    pub name: String,
}

/// Why an object is blocked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Chain {
    /// The object itself, what it waits for, what that waits for, and so on; the last is the root.
    pub way: Vec<Named>,
    /// State of the root; none for one that does not exist or has no status yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// The last of the way does not exist.
    pub missing: bool,
    /// What the root says.
    pub gate: Gate,
    /// When the root tries again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_attempt: Option<DateTime<Utc>>,
    /// When waiting counts as failure.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deadline: Option<DateTime<Utc>>,
    /// What somebody can do about it.
    pub remedy: String,
}

impl Chain {
    /// The chain from an object; `None` if nothing blocks it.
    pub fn of(fleet: &Fleet, from: &Object) -> Option<Self> {
        let mut way = vec![from];
        let mut last = (from, gate(from)?);
        loop {
            let (object, blocked) = &last;
            let next = match waits_for(fleet, object, &blocked.reason) {
                Some(Next::Missing(to)) => return Some(Self::to_missing(&way, &to, blocked.clone())),
                // An object that says that it waits for one that is fine is right a moment later; and nobody goes in circles.
                Some(Next::Object(next)) if !way.iter().any(|seen| seen.uid == next.uid) => gate(next).map(|gate| (next, gate)),
                _ => None,
            };
            let Some(next) = next else { break };
            way.push(next.0);
            last = next;
        }
        let (root, gate) = last;
        let leaf = kind(root).zip(root.state.as_deref()).and_then(|(kind, state)| kind.leaf(state));
        Some(Self {
            way: way.iter().map(|object| named(object)).collect(),
            state: root.state.clone(),
            missing: false,
            next_attempt: root.next_attempt.as_ref().map(utc),
            deadline: root.deadline.as_ref().map(utc),
            remedy: match leaf {
                _ if gate.reason == reason::PAUSED => format!("kubectl openvox resume {}/{}", root.kind.to_lowercase(), root.name),
                Some(leaf) => leaf.remedy.to_owned(),
                None => "see that an operator runs and watches this namespace".to_owned(),
            },
            gate: Gate { since: root.since.as_ref().map(utc).or(gate.since), ..gate },
        })
    }

    fn to_missing(way: &[&Object], to: &Reference, gate: Gate) -> Self {
        let mut way: Vec<Named> = way.iter().map(|object| named(object)).collect();
        way.push(Named { kind: to.kind.to_owned(), name: to.name.clone() });
        let remedy = "create it or change the reference".to_owned();
        Self { way, state: None, missing: true, gate, next_attempt: None, deadline: None, remedy }
    }
}

fn named(object: &Object) -> Named {
    Named { kind: object.kind.clone(), name: object.name.clone() }
}

enum Next<'f> {
    Object(&'f Object),
    Missing(Reference),
}

/// What an object waits for, by the reason that it gives.
fn waits_for<'f>(fleet: &'f Fleet, object: &'f Object, why: &str) -> Option<Next<'f>> {
    let referred = |kind: &str| {
        let to = object.uses.iter().find(|to| to.kind == kind)?;
        Some(match fleet.referred(&object.namespace, to) {
            Some(member) => Next::Object(&member.object),
            None => Next::Missing(to.clone()),
        })
    };
    match why {
        reason::AUTHORITY_NOT_FOUND if object.kind == "Server" => referred("Certificate"),
        reason::AUTHORITY_NOT_FOUND | reason::AUTHORITY_NOT_USABLE | reason::ISSUED_BY_SETUP | reason::EXPIRING => {
            referred("CertificateAuthority")
        }
        reason::AUTHORITY_NOT_ANSWERING => ca_server(fleet, object),
        // The file is written by the authority and read by its server.
        reason::RENDERING_POLICY => {
            let authority = referred("CertificateAuthority")?;
            match &authority {
                Next::Object(ca) if gate(ca).is_none() => ca_server(fleet, object),
                _ => Some(authority),
            }
        }
        reason::CERTIFICATE_NOT_FOUND | reason::WAITING_FOR_CERTIFICATE => referred("Certificate"),
        reason::CONFIG_NOT_FOUND | reason::CONFIG_NOT_READY if object.kind == "Server" => referred("Config"),
        reason::POOL_NOT_FOUND => {
            let missing = |to: &&Reference| to.kind == "Pool" && fleet.referred(&object.namespace, to).is_none();
            object.uses.iter().find(missing).map(|to| Next::Missing(to.clone()))
        }
        reason::DATABASE_NOT_FOUND => referred("Database"),
        reason::NODE_CLASSIFIER_NOT_FOUND => referred("NodeClassifier"),
        _ => None,
    }
}

/// The Server that runs the authority which an object names: one whose Certificate is of that authority.
fn ca_server<'f>(fleet: &'f Fleet, object: &Object) -> Option<Next<'f>> {
    let authority = object.uses.iter().find(|to| to.kind == "CertificateAuthority")?;
    let runs_it = |server: &&Member| {
        let certificates = server.object.uses.iter().filter(|to| to.kind == "Certificate");
        let mut authorities = certificates.filter_map(|to| fleet.referred(&object.namespace, to)).flat_map(|of| &of.object.uses);
        server.runs_ca && server.object.namespace == object.namespace && authorities.any(|of| of == authority)
    };
    fleet.0.iter().find(runs_it).map(|server| Next::Object(&server.object))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fleet::tests::fleet;

    /// Kind, name, spec, state, reason of what blocks (`-` for nothing), one object a line.
    fn blocked(lines: &str, kind: &str, name: &str) -> Option<Chain> {
        let yaml: Vec<String> = lines
            .lines()
            .map(|line| {
                let [kind, name, state, why, spec]: [&str; 5] = line.trim().splitn(5, ' ').collect::<Vec<_>>().try_into().unwrap();
                let ready = if why == "-" { "True" } else { "False" };
                let reason = if why == "-" { "Fine" } else { why };
                format!(
                    "{{apiVersion: openvox.voxpupuli.org/v1alpha1, kind: {kind}, metadata: {{name: {name}, namespace: puppet, uid: {kind}-{name}}}, spec: {spec}, \
                     status: {{state: {state}, machine: {{version: 1, seq: 1, since: '2026-01-31T12:00:00Z'}}, conditions: [{{type: Ready, status: '{ready}', \
                     reason: {reason}, message: about {name}, lastTransitionTime: '2026-01-31T12:00:00Z'}}]}}}}"
                )
            })
            .collect();
        let fleet = fleet(&yaml.join("\n---\n"));
        Chain::of(&fleet, &fleet.get(kind, "puppet", name).unwrap().object)
    }

    fn way(chain: &Chain) -> String {
        chain.way.iter().map(|named| format!("{}/{}", named.kind, named.name)).collect::<Vec<_>>().join(" < ")
    }

    #[test]
    fn a_chain_leads_to_the_object_that_waits_for_nobody() {
        let chain = blocked(
            "CertificateAuthority ca External/Unreachable ExternalCAUnreachable {}
             Certificate web Pending/WaitingForAuthority AuthorityNotUsable {authorityRef: ca}
             Server a WaitingForCert/WaitingForCert WaitingForCertificate {configRef: main, certificateRef: web}",
            "Server",
            "a",
        )
        .unwrap();
        assert_eq!(way(&chain), "Server/a < Certificate/web < CertificateAuthority/ca");
        assert_eq!((&*chain.gate.message, chain.state.as_deref()), ("about ca", Some("External/Unreachable")));
        assert_eq!(chain.remedy, Kind::named("ca").unwrap().leaf("External/Unreachable").unwrap().remedy);
    }

    #[test]
    fn a_reference_that_leads_nowhere_is_the_root() {
        let chain =
            blocked("Certificate web Pending/WaitingForAuthority AuthorityNotFound {authorityRef: gone}", "Certificate", "web").unwrap();
        assert_eq!((way(&chain), chain.missing), ("Certificate/web < CertificateAuthority/gone".to_owned(), true));
        let lines = "Pool one Ready/Synced - {}
             Server a Pending/ResolvingReferences PoolNotFound {configRef: main, certificateRef: web, poolRefs: [one, two]}";
        assert_eq!(way(&blocked(lines, "Server", "a").unwrap()), "Server/a < Pool/two");
    }

    #[test]
    fn a_certificate_that_no_ca_server_answers_for_waits_for_that_server() {
        let chain = blocked(
            "CertificateAuthority ca Ready/Valid - {}
             Certificate ca-server Signed/Valid - {authorityRef: ca}
             Certificate web Pending/WaitingForAuthority AuthorityNotAnswering {authorityRef: ca}
             Server compiler Running/Available - {configRef: main, certificateRef: web}
             Server the-ca Pending/Deploying Deploying {configRef: main, certificateRef: ca-server, ca: true}",
            "Certificate",
            "web",
        )
        .unwrap();
        assert_eq!(way(&chain), "Certificate/web < Server/the-ca");
    }

    #[test]
    fn what_it_waited_for_and_is_fine_by_now_is_not_the_root() {
        let lines = "CertificateAuthority ca Ready/Valid - {}
             Certificate web Pending/WaitingForAuthority AuthorityNotUsable {authorityRef: ca}";
        assert_eq!(way(&blocked(lines, "Certificate", "web").unwrap()), "Certificate/web");
        assert_eq!(blocked(lines, "CertificateAuthority", "ca"), None);
    }

    use crate::kind::Kind;
}
