//! What a change of one object enqueues. One function per watched kind; each names the enqueued objects from references and
//! labels alone, so it costs no call.
//!
//! The echo of a status that we wrote enqueues others, not the object itself: its reconcile went on from that very status.

use super::{Caches, Key, OwnedObject, SlimPod, Watched, Workqueue, controller_of, kind_label};
use crate::build::name;
use k8s_openapi::api::core::v1::{PersistentVolumeClaim, Secret};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::{Resource, ResourceExt as _};
use openvox_crds::vocabulary::{label, well_known};
use openvox_crds::{ApiKind, Certificate, CertificateAuthority, Config, Pool, References as _, ReportProcessor, Server, SigningPolicy};
use openvox_engine::IndexKey as _;

/// Namespace, name, and "Kind name changed" for the history.
fn place<K: Resource<DynamicType = ()>>(object: &K) -> (String, String, String) {
    place_of(object.meta(), &K::kind(&()))
}

fn place_of(meta: &ObjectMeta, kind: &str) -> (String, String, String) {
    let (namespace, name) = (meta.namespace.clone().unwrap_or_default(), meta.name.clone().unwrap_or_default());
    let what = if meta.deletion_timestamp.is_some() { "is being deleted" } else { "changed" };
    let cause = format!("{kind} {name} {what}");
    (namespace, name, cause)
}

/// An object of this API enqueues itself, and those that refer to it.
pub fn changed<K: ApiKind + Watched>(object: &K, caches: &Caches, workqueue: &Workqueue) {
    let (namespace, name, cause) = place(object);
    if !K::cache(caches).is_echo(object) {
        workqueue.enqueue::<K>(&namespace, &name, &cause);
    }
    referrers(kind_label::<K>(), caches, workqueue, &namespace, &name, &cause);
}

/// The objects that refer to the object of this kind and name.
fn referrers(kind: &'static str, caches: &Caches, workqueue: &Workqueue, namespace: &str, name: &str, cause: &str) {
    let key = Key::RefersTo(kind, name.to_owned());
    macro_rules! enqueue {
        ($($kind:ident),+) => { $(enqueue_by::<openvox_crds::$kind>(&key, caches, workqueue, namespace, cause);)+ };
    }
    openvox_crds::for_each_kind!(enqueue);
}

/// The objects of one kind that have this key.
fn enqueue_by<K: ApiKind + Watched>(key: &Key, caches: &Caches, workqueue: &Workqueue, namespace: &str, cause: &str) {
    for object in K::cache(caches).by(namespace, key) {
        workqueue.enqueue::<K>(namespace, &object.name_any(), cause);
    }
}

pub fn authority(authority: &CertificateAuthority, caches: &Caches, workqueue: &Workqueue) {
    let (namespace, name, cause) = place(authority);
    changed(authority, caches, workqueue);
    certificates_of_authority(caches, workqueue, &namespace, &name, &cause);
}

/// The Certificates of an authority, and the Servers that use them.
fn certificates_of_authority(caches: &Caches, workqueue: &Workqueue, namespace: &str, authority: &str, cause: &str) {
    for certificate in caches.certificates.by(namespace, &Key::refers_to::<CertificateAuthority>(authority)) {
        workqueue.enqueue::<Certificate>(namespace, &certificate.name_any(), cause);
        servers_of_certificate(caches, workqueue, namespace, &certificate.name_any(), cause);
    }
}

fn servers_of_certificate(caches: &Caches, workqueue: &Workqueue, namespace: &str, certificate: &str, cause: &str) {
    enqueue_by::<Server>(&Key::refers_to::<Certificate>(certificate), caches, workqueue, namespace, cause);
}

/// The authority reads two Certificates, the operator's own and that of its server, and none of the thousands of others.
fn authority_of_certificate(caches: &Caches, workqueue: &Workqueue, namespace: &str, certificate: &str, authority: &str, cause: &str) {
    let servers = || caches.servers.by(namespace, &Key::refers_to::<Certificate>(certificate));
    if certificate == name::operator_signing(authority) || servers().iter().any(|server| server.spec.ca) {
        workqueue.enqueue::<CertificateAuthority>(namespace, authority, cause);
    }
}

pub fn certificate(certificate: &Certificate, caches: &Caches, workqueue: &Workqueue) {
    let (namespace, name, cause) = place(certificate);
    changed(certificate, caches, workqueue);
    authority_of_certificate(caches, workqueue, &namespace, &name, &certificate.spec.authority_ref, &cause);
    if certificate.meta().deletion_timestamp.is_some() {
        for other in caches.certificates.by(&namespace, &Key::Certname(certificate.spec.certname.clone())) {
            if other.name_any() != name {
                workqueue.enqueue::<Certificate>(&namespace, &other.name_any(), &cause);
            }
        }
    }
}

pub fn config(config: &Config, caches: &Caches, workqueue: &Workqueue) {
    let (namespace, _, cause) = place(config);
    changed(config, caches, workqueue);
    // Whether a Config refers to them is part of what they show.
    for to in config.references() {
        workqueue.enqueue_kind(to.kind, &namespace, to.name, &cause);
    }
}

fn servers_of_config(caches: &Caches, workqueue: &Workqueue, namespace: &str, config: &str, cause: &str) {
    enqueue_by::<Server>(&Key::refers_to::<Config>(config), caches, workqueue, namespace, cause);
}

pub fn policy(policy: &SigningPolicy, caches: &Caches, workqueue: &Workqueue) {
    let (namespace, _, cause) = place(policy);
    changed(policy, caches, workqueue);
    workqueue.enqueue::<CertificateAuthority>(&namespace, &policy.spec.certificate_authority_ref, &cause);
}

pub fn server(server: &Server, caches: &Caches, workqueue: &Workqueue) {
    let (namespace, _, cause) = place(server);
    changed(server, caches, workqueue);
    if !server.spec.ca {
        return;
    }
    // A CA server decides who issues its certificate, whether the CA's volume is in use, and who runs the CA.
    workqueue.enqueue::<Certificate>(&namespace, &server.spec.certificate_ref, &cause);
    if let Some(certificate) = caches.certificates.get(&namespace, &server.spec.certificate_ref) {
        ca_servers(caches, workqueue, &namespace, &certificate.spec.authority_ref, &cause);
        workqueue.enqueue::<CertificateAuthority>(&namespace, &certificate.spec.authority_ref, &cause);
        policies_of(caches, workqueue, &namespace, &certificate.spec.authority_ref, &cause);
    }
}

/// The Servers that run the CA of an authority, or wait to.
fn ca_servers(caches: &Caches, workqueue: &Workqueue, namespace: &str, authority: &str, cause: &str) {
    for server in caches.servers.by(namespace, &Key::RunsCa) {
        let certificate = caches.certificates.get(namespace, &server.spec.certificate_ref);
        if certificate.is_some_and(|certificate| certificate.spec.authority_ref == authority) {
            workqueue.enqueue::<Server>(namespace, &server.name_any(), cause);
        }
    }
}

/// Its CA server reads the policies of an authority, or does not.
fn policies_of(caches: &Caches, workqueue: &Workqueue, namespace: &str, authority: &str, cause: &str) {
    enqueue_by::<SigningPolicy>(&Key::refers_to::<CertificateAuthority>(authority), caches, workqueue, namespace, cause);
}

pub fn processor(processor: &ReportProcessor, caches: &Caches, workqueue: &Workqueue) {
    let (namespace, _, cause) = place(processor);
    changed(processor, caches, workqueue);
    workqueue.enqueue::<Config>(&namespace, &processor.spec.config_ref, &cause);
}

/// Secrets have no owner where their content must outlive it, so labels lead to the objects that read them.
pub fn secret(secret: &Secret, caches: &Caches, workqueue: &Workqueue) {
    let (namespace, _, cause) = place(secret);
    let labels = secret.labels();
    let authority = labels.get(label::CERTIFICATE_AUTHORITY);
    if let Some(certificate) = labels.get(label::CERTIFICATE) {
        workqueue.enqueue::<Certificate>(&namespace, certificate, &cause);
        // A key without a certificate is of no use to a Server.
        if secret.name_any() == name::tls_secret(certificate) {
            servers_of_certificate(caches, workqueue, &namespace, certificate, &cause);
        }
        if let Some(authority) = authority {
            authority_of_certificate(caches, workqueue, &namespace, certificate, authority, &cause);
            // What its servers let the operator do depends on its pair.
            if *certificate == name::operator_signing(authority) {
                enqueue_by::<Config>(&Key::refers_to::<CertificateAuthority>(authority), caches, workqueue, &namespace, &cause);
            }
        }
    } else if let Some(authority) = authority {
        workqueue.enqueue::<CertificateAuthority>(&namespace, authority, &cause);
        certificates_of_authority(caches, workqueue, &namespace, authority, &cause);
        policies_of(caches, workqueue, &namespace, authority, &cause);
    }
    if let Some(config) = labels.get(label::CONFIG) {
        workqueue.enqueue::<Config>(&namespace, config, &cause);
        servers_of_config(caches, workqueue, &namespace, config, &cause);
    }
}

/// A Secret that a user made enqueues those that name it.
pub fn user_secret(meta: &ObjectMeta, caches: &Caches, workqueue: &Workqueue) {
    let (namespace, name) = (meta.namespace.as_deref().unwrap_or_default(), meta.name.as_deref().unwrap_or_default());
    let cause = format!("Secret {name} changed");
    let key = Key::refers_to::<Secret>(name);
    referrers("Secret", caches, workqueue, namespace, name, &cause);
    for policy in caches.policies.by(namespace, &key) {
        workqueue.enqueue::<CertificateAuthority>(namespace, &policy.spec.certificate_authority_ref, &cause);
    }
    for authority in caches.authorities.by(namespace, &key) {
        self::authority(&authority, caches, workqueue);
    }
    // Its Config writes the credentials into the settings.
    for classifier in caches.classifiers.by(namespace, &key) {
        referrers("NodeClassifier", caches, workqueue, namespace, &classifier.name_any(), &cause);
    }
}

/// An object enqueues its controller.
pub fn owned(object: &OwnedObject, kind: &str, caches: &Caches, workqueue: &Workqueue) {
    let (namespace, _, cause) = place_of(object.meta(), kind);
    let Some(owner) = controller_of(object.meta()) else { return };
    workqueue.enqueue_kind(&owner.kind, &namespace, &owner.name, &cause);
    if owner.kind == "Config" {
        servers_of_config(caches, workqueue, &namespace, &owner.name, &cause);
    }
}

fn labelled_authority(meta: &ObjectMeta, kind: &str, workqueue: &Workqueue) {
    let (namespace, _, cause) = place_of(meta, kind);
    if let Some(authority) = meta.labels.as_ref().and_then(|labels| labels.get(label::CERTIFICATE_AUTHORITY)) {
        workqueue.enqueue::<CertificateAuthority>(&namespace, authority, &cause);
    }
}

pub fn claim(claim: &PersistentVolumeClaim, caches: &Caches, workqueue: &Workqueue) {
    let (namespace, _, cause) = place(claim);
    if let Some(authority) = claim.labels().get(label::CERTIFICATE_AUTHORITY) {
        workqueue.enqueue::<CertificateAuthority>(&namespace, authority, &cause);
        ca_servers(caches, workqueue, &namespace, authority, &cause);
    }
}

pub fn job(job: &OwnedObject, kind: &str, _: &Caches, workqueue: &Workqueue) {
    labelled_authority(job.meta(), kind, workqueue);
}

pub fn deployment(deployment: &OwnedObject, kind: &str, caches: &Caches, workqueue: &Workqueue) {
    owned(deployment, kind, caches, workqueue);
    // A CA server's pods hold the CA's volume.
    labelled_authority(deployment.meta(), kind, workqueue);
    if let Some(Key::RefersTo(_, authority)) = Key::of(deployment).first() {
        let (namespace, _, cause) = place_of(deployment.meta(), kind);
        ca_servers(caches, workqueue, &namespace, authority, &cause);
    }
    // One that somebody else controls blocks the Server of its name.
    let (namespace, name, cause) = place_of(deployment.meta(), kind);
    if caches.servers.get(&namespace, &name).is_some() {
        workqueue.enqueue::<Server>(&namespace, &name, &cause);
    }
}

pub fn service(service: &OwnedObject, kind: &str, caches: &Caches, workqueue: &Workqueue) {
    owned(service, kind, caches, workqueue);
    // One that somebody else controls blocks the Pool of its name.
    let (namespace, name, cause) = place_of(service.meta(), kind);
    if caches.pools.get(&namespace, &name).is_some() {
        workqueue.enqueue::<Pool>(&namespace, &name, &cause);
    }
}

/// Pods are controlled by ReplicaSets and Jobs, so labels lead to the object that they were made for.
pub fn pod(pod: &SlimPod, caches: &Caches, workqueue: &Workqueue) {
    let (namespace, _, cause) = place(pod);
    if let (Some(_), Some(authority)) = (pod.labels().get(label::CA), pod.labels().get(label::CERTIFICATE_AUTHORITY)) {
        ca_servers(caches, workqueue, &namespace, authority, &cause);
    }
    if let Some(server) = pod.labels().get(label::SERVER) {
        workqueue.enqueue::<Server>(&namespace, server, &cause);
    } else if let Some(authority) = pod.labels().get(label::CERTIFICATE_AUTHORITY) {
        workqueue.enqueue::<CertificateAuthority>(&namespace, authority, &cause);
    }
}

/// The endpoints of a Pool are its status; those of a CA's own Service say whether it can be asked.
pub fn endpoint_slice(slice: &EndpointSlice, caches: &Caches, workqueue: &Workqueue) {
    let (namespace, _, _) = place(slice);
    let Some(service) = slice.labels().get(well_known::SERVICE_NAME) else { return };
    let cause = format!("endpoints of Service {service} changed");
    if caches.pools.get(&namespace, service).is_some() {
        workqueue.enqueue::<Pool>(&namespace, service, &cause);
    }
    if let Some(authority) = slice.labels().get(label::CERTIFICATE_AUTHORITY) {
        workqueue.enqueue::<CertificateAuthority>(&namespace, authority, &cause);
        enqueue_by::<Certificate>(&Key::refers_to::<CertificateAuthority>(authority), caches, workqueue, &namespace, &cause);
        policies_of(caches, workqueue, &namespace, authority, &cause);
    }
}
