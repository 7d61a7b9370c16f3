//! Which Server runs a CA: one at a time. Two CA processes on one volume would issue the same serial numbers.

use super::certificate_authority::claim;
use super::server::Servers;
use crate::build::name;
use crate::cluster::{Caches, Key};
use crate::reconcile::state_of;
use kube::ResourceExt as _;
use openvox_crds::vocabulary::label;
use openvox_crds::{CertificateAuthority, Server};
use openvox_machines::core::Blocked;
use openvox_machines::reason;
use std::collections::BTreeSet;
use std::sync::Arc;

/// The Servers with `ca: true` whose Certificate names this authority. First the one whose Deployment runs the CA, or is
/// about to, then the oldest; of two of one age, the one whose name comes first.
pub fn candidates(caches: &Caches, namespace: &str, authority: &str) -> Vec<Arc<Server>> {
    let names = |server: &Server| {
        let certificate = caches.certificates.get(namespace, &server.spec.certificate_ref);
        certificate.is_some_and(|certificate| certificate.spec.authority_ref == authority)
    };
    let deployed = deployments(caches, namespace, authority);
    let mut servers = caches.servers.by(namespace, &Key::RunsCa);
    servers.retain(|server| server.metadata.deletion_timestamp.is_none() && names(server));
    servers.sort_by_cached_key(|server| {
        let name = server.name_any();
        // One that has a Deployment without the CA was decided as another Server than it is now.
        let deploys = state_of::<Servers>(server).plan().is_some() && caches.deployments.get(namespace, &name).is_none();
        (!deployed.contains(&name), !deploys, server.creation_timestamp().map(|time| time.0), name)
    });
    servers
}

/// Names of the Deployments that run the CA.
fn deployments(caches: &Caches, namespace: &str, authority: &str) -> BTreeSet<String> {
    caches
        .deployments
        .by(namespace, &Key::refers_to::<CertificateAuthority>(authority))
        .iter()
        .map(|deployment| deployment.name_any())
        .collect()
}

/// Who runs a CA, as far as a Server has to know that is to run it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Facts {
    /// The Server that runs the CA, or is about to.
    holder: Option<String>,
    /// Names of the Deployments that run the CA.
    deployed: BTreeSet<String>,
    /// A pod of another Server that still runs the CA.
    pod: Option<String>,
    /// The CA has a volume that it may use.
    has_volume: bool,
}

/// Reads who runs the CA (client required); `None` if the Server is to run none of ours.
pub fn look(caches: &Caches, namespace: &str, server: &Server, authority: &CertificateAuthority) -> Option<Facts> {
    if !server.spec.ca || authority.spec.external.is_some() {
        return None;
    }
    let (own, name) = (server.name_any(), authority.name_any());
    let pods = caches.pods.by(namespace, &Key::refers_to::<CertificateAuthority>(&name));
    let pod = pods.iter().find(|pod| pod.labels().get(label::SERVER) != Some(&own) && !pod.has_ended());
    Some(Facts {
        holder: candidates(caches, namespace, &name).first().map(|holder| holder.name_any()),
        deployed: deployments(caches, namespace, &name),
        pod: pod.map(|pod| pod.name_any()),
        has_volume: claim::usable(caches, namespace, authority).is_some(),
    })
}

/// Why a Server may not run the CA of its Certificate now (no client required).
pub fn judge(server: &Server, authority: &CertificateAuthority, facts: &Facts) -> Option<Blocked> {
    let authority = authority.name_any();
    served(&server.name_any(), &authority, facts).or_else(|| {
        let message =
            format!("CertificateAuthority {authority} has no PersistentVolumeClaim {} that it may use", name::ca_data(&authority));
        let blocked = || Blocked::waiting(reason::AUTHORITY_NOT_USABLE, message).remedy("its own Ready condition says why");
        (!facts.has_volume).then(blocked)
    })
}

/// Another Server runs the CA, or one of its pods still does.
fn served(own: &str, authority: &str, facts: &Facts) -> Option<Blocked> {
    let waiting = |message: String| Some(Blocked::waiting(reason::CA_SERVED_BY_ANOTHER, message));
    if let Some(holder) = facts.holder.as_ref().filter(|holder| *holder != own) {
        let remedy = "this one takes over once that Server is deleted or no longer has ca: true";
        let message = format!(
            "spec.ca: true, but Server {holder} runs CertificateAuthority {authority}, and two would issue the same serial numbers"
        );
        return waiting(message).map(|blocked| blocked.remedy(remedy));
    }
    if facts.deployed.contains(own) {
        return None;
    }
    if let Some(other) = facts.deployed.first() {
        return waiting(format!("Deployment {other} still runs CertificateAuthority {authority}"));
    }
    waiting(format!("pod {} still runs CertificateAuthority {authority}", facts.pod.as_ref()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_server_runs_the_ca_once_no_other_does_and_there_is_a_volume() {
        let server: Server =
            serde_json::from_value(json!({"metadata": {"name": "ca"}, "spec": {"configRef": "c", "certificateRef": "c"}})).unwrap();
        let authority: CertificateAuthority = serde_json::from_value(json!({"metadata": {"name": "corp"}, "spec": {}})).unwrap();
        let facts = |holder: &str, deployed: &[&str], pod: Option<&str>, has_volume: bool| Facts {
            holder: Some(holder.to_owned()),
            deployed: deployed.iter().map(|name| (*name).to_owned()).collect(),
            pod: pod.map(str::to_owned),
            has_volume,
        };
        for (facts, words) in [
            (facts("ca", &[], None, true), None),
            (facts("ca", &["ca"], Some("other-1"), true), None),
            (facts("other", &["ca"], None, true), Some("Server other runs CertificateAuthority corp")),
            (facts("ca", &["other"], None, true), Some("Deployment other still runs")),
            (facts("ca", &[], Some("other-1"), true), Some("pod other-1 still runs")),
            (facts("ca", &["ca"], None, false), Some("no PersistentVolumeClaim corp-data")),
        ] {
            let message = judge(&server, &authority, &facts).map(|blocked| blocked.message);
            assert_eq!(message.is_some(), words.is_some(), "{facts:?}: {message:?}");
            assert!(message.unwrap_or_default().contains(words.unwrap_or_default()), "{facts:?}");
        }
    }
}
