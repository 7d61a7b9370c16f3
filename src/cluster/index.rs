//! Finding objects by what they refer to, without looking at all of them.

use super::{OwnedObject, SlimPod};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::{Resource, ResourceExt as _};
use openvox_crds::vocabulary::{label, well_known};
use openvox_crds::{Certificate, Server};
use std::any::Any;
use std::collections::{BTreeSet, HashMap};

/// What objects are found by, beside their names.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Key {
    /// Certificates of a CertificateAuthority, and Deployments and pods of the Servers that run it.
    Authority(String),
    /// Certificates with a certname.
    Certname(String),
    /// Servers that use a Certificate.
    Certificate(String),
    /// Servers that use a Config.
    Config(String),
    /// Servers behind a Pool.
    Pool(String),
    /// Servers with `ca: true`.
    RunsCa,
    /// Pods of a Server.
    Server(String),
    /// Pods of a Job.
    Job(String),
    /// Endpoints of a Service.
    Service(String),
}

impl Key {
    /// Everything that an object is found by.
    pub(super) fn of<K: Resource + 'static>(object: &K) -> Vec<Self> {
        let labelled = |name: &str| object.meta().labels.as_ref().and_then(|labels| labels.get(name).cloned());
        let runs_ca = || {
            let runs_ca = labelled(label::CA).is_some_and(|is| is == label::TRUE);
            labelled(label::CERTIFICATE_AUTHORITY).filter(|_| runs_ca).map(Self::Authority)
        };
        let object = object as &dyn Any;
        if let Some(certificate) = object.downcast_ref::<Certificate>() {
            let spec = &certificate.spec;
            vec![Self::Authority(spec.authority_ref.clone()), Self::Certname(spec.certname.clone())]
        } else if let Some(server) = object.downcast_ref::<Server>() {
            let spec = &server.spec;
            let mut keys = vec![Self::Certificate(spec.certificate_ref.clone()), Self::Config(spec.config_ref.clone())];
            keys.extend(spec.pool_refs.iter().cloned().map(Self::Pool));
            keys.extend(spec.ca.then_some(Self::RunsCa));
            keys
        } else if object.is::<SlimPod>() {
            let mut keys: Vec<Self> = labelled(label::SERVER).map(Self::Server).into_iter().collect();
            keys.extend(labelled(well_known::JOB_NAME).map(Self::Job));
            keys.extend(runs_ca());
            keys
        } else if object.is::<EndpointSlice>() {
            labelled(well_known::SERVICE_NAME).map(Self::Service).into_iter().collect()
        } else if object.is::<OwnedObject>() {
            runs_ca().into_iter().collect()
        } else {
            Vec::new()
        }
    }
}

/// Names of the objects of one kind by namespace and key. It may hold a name too many, never one too few: whoever looks
/// something up looks at what is found.
#[derive(Debug, Default)]
pub(super) struct Index {
    names: HashMap<String, HashMap<Key, BTreeSet<String>>>,
}

impl Index {
    /// Names of the objects that may have this key, in order.
    pub(super) fn names(&self, namespace: &str, key: &Key) -> Vec<String> {
        self.names.get(namespace).and_then(|keys| keys.get(key)).into_iter().flatten().cloned().collect()
    }

    /// The object exists.
    pub(super) fn add<K: Resource + 'static>(&mut self, object: &K) {
        let keys = Key::of(object);
        if keys.is_empty() {
            return;
        }
        let of_namespace = self.names.entry(object.namespace().unwrap_or_default()).or_default();
        for key in keys {
            of_namespace.entry(key).or_default().insert(object.name_any());
        }
    }

    /// The object was like this, and is so no more.
    pub(super) fn remove<K: Resource + 'static>(&mut self, object: &K) {
        let namespace = object.namespace().unwrap_or_default();
        let Some(of_namespace) = self.names.get_mut(&namespace) else { return };
        for key in Key::of(object) {
            if let Some(names) = of_namespace.get_mut(&key) {
                names.remove(&object.name_any());
                if names.is_empty() {
                    of_namespace.remove(&key);
                }
            }
        }
        if of_namespace.is_empty() {
            self.names.remove(&namespace);
        }
    }

    /// Nothing is known any more.
    pub(super) fn clear(&mut self) {
        self.names.clear();
    }
}
