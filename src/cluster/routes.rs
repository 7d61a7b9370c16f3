//! Which object wakes whom. One function per watched kind; each names the woken objects from references and
//! labels alone, so a wake costs no call.
//!
//! The echo of a status that we wrote wakes others, not the object itself: its reconcile went on from that very status.

use super::{Caches, Key, OwnedObject, SlimPod, Wakes, controller_of};
use crate::build::name;
use k8s_openapi::api::core::v1::{PersistentVolumeClaim, Secret};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::{Resource, ResourceExt as _};
use openvox_crds::vocabulary::{label, well_known};
use openvox_crds::{Certificate, CertificateAuthority, Config, Database, NodeClassifier, Pool, ReportProcessor, Server, SigningPolicy};

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

pub fn authority(authority: &CertificateAuthority, caches: &Caches, wakes: &Wakes) {
    let (namespace, name, cause) = place(authority);
    if !caches.authorities.is_echo(authority) {
        wakes.authority(&namespace, &name, &cause);
    }
    certificates_of_authority(caches, wakes, &namespace, &name, &cause);
    configs_of_authority(caches, wakes, &namespace, &name, &cause);
    policies_of(caches, wakes, &namespace, &name, &cause);
}

fn configs_of_authority(caches: &Caches, wakes: &Wakes, namespace: &str, authority: &str, cause: &str) {
    for config in caches.configs.all(namespace) {
        if config.spec.authority_ref.as_deref() == Some(authority) {
            wakes.config(namespace, &config.name_any(), cause);
        }
    }
}

fn certificates_of_authority(caches: &Caches, wakes: &Wakes, namespace: &str, authority: &str, cause: &str) {
    for certificate in caches.certificates.by(namespace, &Key::Authority(authority.to_owned())) {
        wakes.certificate(namespace, &certificate.name_any(), cause);
        servers_of_certificate(caches, wakes, namespace, &certificate.name_any(), cause);
    }
}

fn servers_of_certificate(caches: &Caches, wakes: &Wakes, namespace: &str, certificate: &str, cause: &str) {
    for server in caches.servers.by(namespace, &Key::Certificate(certificate.to_owned())) {
        wakes.server(namespace, &server.name_any(), cause);
    }
}

/// The authority looks at two Certificates, the operator's own and that of its server; the thousands of others are
/// none of its business.
fn authority_of_certificate(caches: &Caches, wakes: &Wakes, namespace: &str, certificate: &str, authority: &str, cause: &str) {
    let servers = || caches.servers.by(namespace, &Key::Certificate(certificate.to_owned()));
    if certificate == name::operator_signing(authority) || servers().iter().any(|server| server.spec.ca) {
        wakes.authority(namespace, authority, cause);
    }
}

pub fn certificate(certificate: &Certificate, caches: &Caches, wakes: &Wakes) {
    let (namespace, name, cause) = place(certificate);
    if !caches.certificates.is_echo(certificate) {
        wakes.certificate(&namespace, &name, &cause);
    }
    authority_of_certificate(caches, wakes, &namespace, &name, &certificate.spec.authority_ref, &cause);
    servers_of_certificate(caches, wakes, &namespace, &name, &cause);
    if certificate.meta().deletion_timestamp.is_some() {
        for other in caches.certificates.by(&namespace, &Key::Certname(certificate.spec.certname.clone())) {
            if other.name_any() != name {
                wakes.certificate(&namespace, &other.name_any(), &cause);
            }
        }
    }
}

pub fn config(config: &Config, caches: &Caches, wakes: &Wakes) {
    let (namespace, name, cause) = place(config);
    if !caches.configs.is_echo(config) {
        wakes.config(&namespace, &name, &cause);
    }
    if let Some(authority) = &config.spec.authority_ref {
        wakes.authority(&namespace, authority, &cause);
    }
    servers_of_config(caches, wakes, &namespace, &name, &cause);
}

fn servers_of_config(caches: &Caches, wakes: &Wakes, namespace: &str, config: &str, cause: &str) {
    for server in caches.servers.by(namespace, &Key::Config(config.to_owned())) {
        wakes.server(namespace, &server.name_any(), cause);
    }
}

pub fn policy(policy: &SigningPolicy, caches: &Caches, wakes: &Wakes) {
    let (namespace, name, cause) = place(policy);
    if !caches.policies.is_echo(policy) {
        wakes.policy(&namespace, &name, &cause);
    }
    wakes.authority(&namespace, &policy.spec.certificate_authority_ref, &cause);
}

pub fn server(server: &Server, caches: &Caches, wakes: &Wakes) {
    let (namespace, name, cause) = place(server);
    if !caches.servers.is_echo(server) {
        wakes.server(&namespace, &name, &cause);
    }
    if !server.spec.ca {
        return;
    }
    // A CA server decides who issues its certificate, whether the CA's volume is in use, and who runs the CA.
    wakes.certificate(&namespace, &server.spec.certificate_ref, &cause);
    if let Some(certificate) = caches.certificates.get(&namespace, &server.spec.certificate_ref) {
        ca_servers(caches, wakes, &namespace, &certificate.spec.authority_ref, &cause);
        wakes.authority(&namespace, &certificate.spec.authority_ref, &cause);
        policies_of(caches, wakes, &namespace, &certificate.spec.authority_ref, &cause);
    }
}

/// The Servers that run the CA of an authority, or wait to.
fn ca_servers(caches: &Caches, wakes: &Wakes, namespace: &str, authority: &str, cause: &str) {
    for server in caches.servers.by(namespace, &Key::RunsCa) {
        let certificate = caches.certificates.get(namespace, &server.spec.certificate_ref);
        if certificate.is_some_and(|certificate| certificate.spec.authority_ref == authority) {
            wakes.server(namespace, &server.name_any(), cause);
        }
    }
}

/// Its CA server reads the policies of an authority, or does not.
fn policies_of(caches: &Caches, wakes: &Wakes, namespace: &str, authority: &str, cause: &str) {
    for policy in caches.policies.all(namespace) {
        if policy.spec.certificate_authority_ref == authority {
            wakes.policy(namespace, &policy.name_any(), cause);
        }
    }
}

pub fn pool(pool: &Pool, caches: &Caches, wakes: &Wakes) {
    let (namespace, name, cause) = place(pool);
    if !caches.pools.is_echo(pool) {
        wakes.pool(&namespace, &name, &cause);
    }
    for server in caches.servers.by(&namespace, &Key::Pool(name)) {
        wakes.server(&namespace, &server.name_any(), &cause);
    }
}

pub fn classifier(classifier: &NodeClassifier, caches: &Caches, wakes: &Wakes) {
    let (namespace, name, cause) = place(classifier);
    for config in caches.configs.all(&namespace) {
        if config.spec.node_classifier_ref.as_deref() == Some(&name) {
            wakes.config(&namespace, &config.name_any(), &cause);
        }
    }
}

pub fn processor(processor: &ReportProcessor, _: &Caches, wakes: &Wakes) {
    let (namespace, _, cause) = place(processor);
    wakes.config(&namespace, &processor.spec.config_ref, &cause);
}

pub fn database(database: &Database, caches: &Caches, wakes: &Wakes) {
    let (namespace, name, cause) = place(database);
    for config in caches.configs.all(&namespace) {
        if config.spec.database_ref.as_deref() == Some(&name) {
            wakes.config(&namespace, &config.name_any(), &cause);
        }
    }
}

/// Secrets carry no owner where their content must outlive it, so labels lead to those who look at them.
pub fn secret(secret: &Secret, caches: &Caches, wakes: &Wakes) {
    let (namespace, _, cause) = place(secret);
    let labels = secret.labels();
    let authority = labels.get(label::CERTIFICATE_AUTHORITY);
    if let Some(certificate) = labels.get(label::CERTIFICATE) {
        wakes.certificate(&namespace, certificate, &cause);
        // A key without a certificate is of no use to a Server.
        if secret.name_any() == name::tls_secret(certificate) {
            servers_of_certificate(caches, wakes, &namespace, certificate, &cause);
        }
        if let Some(authority) = authority {
            authority_of_certificate(caches, wakes, &namespace, certificate, authority, &cause);
            // What its servers let the operator do depends on its pair.
            if *certificate == name::operator_signing(authority) {
                configs_of_authority(caches, wakes, &namespace, authority, &cause);
            }
        }
    } else if let Some(authority) = authority {
        wakes.authority(&namespace, authority, &cause);
        certificates_of_authority(caches, wakes, &namespace, authority, &cause);
        policies_of(caches, wakes, &namespace, authority, &cause);
    }
    if let Some(config) = labels.get(label::CONFIG) {
        wakes.config(&namespace, config, &cause);
        servers_of_config(caches, wakes, &namespace, config, &cause);
    }
}

/// A Secret that a user made: those that name it look again.
pub fn given_secret(meta: &ObjectMeta, caches: &Caches, wakes: &Wakes) {
    let (namespace, name) = (meta.namespace.as_deref().unwrap_or_default(), meta.name.as_deref().unwrap_or_default());
    let cause = format!("Secret {name} changed");
    for policy in caches.policies.all(namespace) {
        let names =
            |attribute: &openvox_crds::CsrAttribute| attribute.value_from.as_ref().is_some_and(|from| from.secret_key_ref.name == name);
        if policy.spec.csr_attributes.iter().any(names) {
            wakes.policy(namespace, &policy.name_any(), &cause);
            wakes.authority(namespace, &policy.spec.certificate_authority_ref, &cause);
        }
    }
    for authority in caches.authorities.all(namespace) {
        let given = authority.spec.external.iter().flat_map(|external| [&external.ca_secret_ref, &external.tls_secret_ref]);
        let brought = authority.spec.intermediate_ca.as_ref().and_then(|intermediate| intermediate.secret_name.as_ref());
        if given.flatten().chain(brought).any(|given| given == name) {
            self::authority(&authority, caches, wakes);
        }
    }
}

/// An object with a controller wakes it.
pub fn owned(object: &OwnedObject, kind: &str, caches: &Caches, wakes: &Wakes) {
    let (namespace, _, cause) = place_of(object.meta(), kind);
    let Some(owner) = controller_of(object.meta()) else { return };
    match owner.kind.as_str() {
        "CertificateAuthority" => wakes.authority(&namespace, &owner.name, &cause),
        "Certificate" => wakes.certificate(&namespace, &owner.name, &cause),
        "Config" => {
            wakes.config(&namespace, &owner.name, &cause);
            servers_of_config(caches, wakes, &namespace, &owner.name, &cause);
        }
        "Server" => wakes.server(&namespace, &owner.name, &cause),
        "Pool" => wakes.pool(&namespace, &owner.name, &cause),
        _ => {}
    }
}

fn labelled_authority(meta: &ObjectMeta, kind: &str, wakes: &Wakes) {
    let (namespace, _, cause) = place_of(meta, kind);
    if let Some(authority) = meta.labels.as_ref().and_then(|labels| labels.get(label::CERTIFICATE_AUTHORITY)) {
        wakes.authority(&namespace, authority, &cause);
    }
}

pub fn claim(claim: &PersistentVolumeClaim, caches: &Caches, wakes: &Wakes) {
    let (namespace, _, cause) = place(claim);
    if let Some(authority) = claim.labels().get(label::CERTIFICATE_AUTHORITY) {
        wakes.authority(&namespace, authority, &cause);
        ca_servers(caches, wakes, &namespace, authority, &cause);
    }
}

pub fn job(job: &OwnedObject, kind: &str, _: &Caches, wakes: &Wakes) {
    labelled_authority(job.meta(), kind, wakes);
}

pub fn deployment(deployment: &OwnedObject, kind: &str, caches: &Caches, wakes: &Wakes) {
    owned(deployment, kind, caches, wakes);
    // A CA server's pods hold the CA's volume.
    labelled_authority(deployment.meta(), kind, wakes);
    if let Some(Key::Authority(authority)) = Key::of(deployment).first() {
        let (namespace, _, cause) = place_of(deployment.meta(), kind);
        ca_servers(caches, wakes, &namespace, authority, &cause);
    }
    // One that somebody else controls stands in the way of the Server of its name.
    let (namespace, name, cause) = place_of(deployment.meta(), kind);
    if caches.servers.get(&namespace, &name).is_some() {
        wakes.server(&namespace, &name, &cause);
    }
}

pub fn service(service: &OwnedObject, kind: &str, caches: &Caches, wakes: &Wakes) {
    owned(service, kind, caches, wakes);
    // One that somebody else controls stands in the way of the Pool of its name.
    let (namespace, name, cause) = place_of(service.meta(), kind);
    if caches.pools.get(&namespace, &name).is_some() {
        wakes.pool(&namespace, &name, &cause);
    }
}

/// Pods belong to ReplicaSets and Jobs, so labels lead to whose they are.
pub fn pod(pod: &SlimPod, caches: &Caches, wakes: &Wakes) {
    let (namespace, _, cause) = place(pod);
    if let (Some(_), Some(authority)) = (pod.labels().get(label::CA), pod.labels().get(label::CERTIFICATE_AUTHORITY)) {
        ca_servers(caches, wakes, &namespace, authority, &cause);
    }
    if let Some(server) = pod.labels().get(label::SERVER) {
        wakes.server(&namespace, server, &cause);
    } else if let Some(authority) = pod.labels().get(label::CERTIFICATE_AUTHORITY) {
        wakes.authority(&namespace, authority, &cause);
    }
}

/// The endpoints of a Pool are its status; those of a CA's own Service say whether it can be asked.
pub fn endpoint_slice(slice: &EndpointSlice, caches: &Caches, wakes: &Wakes) {
    let (namespace, _, _) = place(slice);
    let Some(service) = slice.labels().get(well_known::SERVICE_NAME) else { return };
    let cause = format!("endpoints of Service {service} changed");
    if caches.pools.get(&namespace, service).is_some() {
        wakes.pool(&namespace, service, &cause);
    }
    if let Some(authority) = slice.labels().get(label::CERTIFICATE_AUTHORITY) {
        wakes.authority(&namespace, authority, &cause);
        for certificate in caches.certificates.by(&namespace, &Key::Authority(authority.clone())) {
            wakes.certificate(&namespace, &certificate.name_any(), &cause);
        }
        policies_of(caches, wakes, &namespace, authority, &cause);
    }
}
