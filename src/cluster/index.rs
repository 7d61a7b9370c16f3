//! Finding objects by what they refer to, without looking at all of them.

use super::{OwnedObject, SlimPod, kind_label};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::{Resource, ResourceExt as _};
use openvox_crds::vocabulary::{label, well_known};
use openvox_crds::{Certificate, Server, references_of};
use std::any::Any;
use std::collections::{BTreeSet, HashMap};

/// What objects are found by, beside their names.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Key {
    /// Objects that refer to the object of this kind and name: in their spec, or by a label. Deployments and pods refer to a
    /// CertificateAuthority if they run it.
    RefersTo(&'static str, String),
    /// Certificates with a certname.
    Certname(String),
    /// Servers with `ca: true`.
    RunsCa,
}

impl Key {
    /// What refers to an object of a kind.
    #[must_use]
    pub fn refers_to<K: Resource<DynamicType = ()>>(name: &str) -> Self {
        Self::RefersTo(kind_label::<K>(), name.to_owned())
    }

    /// Everything that an object is found by.
    pub(super) fn of<K: Resource + 'static>(object: &K) -> Vec<Self> {
        let label = |name: &str| object.meta().labels.as_ref().and_then(|labels| labels.get(name).cloned());
        let labelled = |kind, name: &str| Some(Self::RefersTo(kind, label(name)?));
        let runs_authority = || {
            let runs_ca = label(label::CA).is_some_and(|is| is == label::TRUE);
            runs_ca.then(|| labelled("CertificateAuthority", label::CERTIFICATE_AUTHORITY)).flatten()
        };
        let object = object as &dyn Any;
        let mut keys: Vec<Self> = references_of(object).into_iter().map(|to| Self::RefersTo(to.kind, to.name.to_owned())).collect();
        if let Some(certificate) = object.downcast_ref::<Certificate>() {
            keys.push(Self::Certname(certificate.spec.certname.clone()));
        } else if let Some(server) = object.downcast_ref::<Server>() {
            keys.extend(server.spec.ca.then_some(Self::RunsCa));
        } else if object.is::<SlimPod>() {
            keys.extend([labelled("Server", label::SERVER), labelled("Job", well_known::JOB_NAME), runs_authority()].into_iter().flatten());
        } else if object.is::<EndpointSlice>() {
            keys.extend(labelled("Service", well_known::SERVICE_NAME));
        } else if object.is::<OwnedObject>() {
            keys.extend(runs_authority());
        }
        keys
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
