//! Which Server runs a CA: one at a time. Two CA processes on one volume would issue the same serial numbers.

use super::certificate_authority::claim;
use super::server::Servers;
use crate::build::name;
use crate::cluster::{Caches, Key};
use crate::reconcile::{Context, state_of};
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
    caches.deployments.by(namespace, &Key::Authority(authority.to_owned())).iter().map(|deployment| deployment.name_any()).collect()
}

/// Why a Server may not run the CA of its Certificate now.
pub fn blocked(context: &Context, namespace: &str, server: &Server) -> Option<Blocked> {
    let caches = &context.caches;
    let certificate = caches.certificates.get(namespace, &server.spec.certificate_ref).filter(|_| server.spec.ca)?;
    let authority = caches.authorities.get(namespace, &certificate.spec.authority_ref)?;
    if authority.spec.external.is_some() {
        return None;
    }
    served(caches, namespace, server, &authority.name_any()).or_else(|| volume(context, namespace, &authority))
}

/// Another Server runs the CA, or one of its pods still does.
fn served(caches: &Caches, namespace: &str, server: &Server, authority: &str) -> Option<Blocked> {
    let (own, deployed) = (server.name_any(), deployments(caches, namespace, authority));
    let waiting = |message: String| Some(Blocked::waiting(reason::CA_SERVED_BY_ANOTHER, message));
    let holder = candidates(caches, namespace, authority).first().map(|holder| holder.name_any());
    if let Some(holder) = holder.filter(|holder| *holder != own) {
        let remedy = "this one takes over once that Server is deleted or no longer has ca: true";
        let message = format!(
            "spec.ca: true, but Server {holder} runs CertificateAuthority {authority}, and two would issue the same serial numbers"
        );
        return waiting(message).map(|blocked| blocked.remedy(remedy));
    }
    if deployed.contains(&own) {
        return None;
    }
    if let Some(other) = deployed.first() {
        return waiting(format!("Deployment {other} still runs CertificateAuthority {authority}"));
    }
    let pods = caches.pods.by(namespace, &Key::Authority(authority.to_owned()));
    let pod = pods.iter().find(|pod| pod.labels().get(label::SERVER) != Some(&own) && !pod.has_ended())?;
    waiting(format!("pod {} still runs CertificateAuthority {authority}", pod.name_any()))
}

/// The volume of the CA is not there, or is somebody else's.
fn volume(context: &Context, namespace: &str, authority: &CertificateAuthority) -> Option<Blocked> {
    let (claim, authority_name) = (claim::usable(context, namespace, authority), authority.name_any());
    let message =
        || format!("CertificateAuthority {authority_name} has no PersistentVolumeClaim {} that it may use", name::ca_data(&authority_name));
    claim.is_none().then(|| Blocked::waiting(reason::AUTHORITY_NOT_USABLE, message()).remedy("its own Ready condition says why"))
}
