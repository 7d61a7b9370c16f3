//! Finding objects by what they refer to, without looking at all of them.

use super::{OwnedObject, SlimPod, kind_label};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::Resource;
use openvox_crds::vocabulary::{label, well_known};
use openvox_crds::{Certificate, Server, references_of};
use openvox_engine::IndexKey;
use std::any::Any;

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
}

impl IndexKey for Key {
    fn of<K: Resource + 'static>(object: &K) -> Vec<Self> {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::Cache;
    use kube::ResourceExt as _;
    use kube::runtime::{reflector, watcher};
    use std::sync::Arc;

    fn pod(name: &str, server: &str) -> SlimPod {
        serde_json::from_value(serde_json::json!({
            "metadata": {"name": name, "namespace": "n", "resourceVersion": "1", "labels": {label::SERVER: server}},
        }))
        .unwrap()
    }

    #[test]
    fn objects_are_found_by_what_they_refer_to_now_and_by_nothing_else() {
        let (store, mut writer) = reflector::store::<SlimPod>();
        let cache = Cache::new(store, ());
        let found = |server: &str| cache.by("n", &Key::refers_to::<Server>(server)).iter().map(|pod| pod.name_any()).collect::<Vec<_>>();
        let mut apply = |pod: SlimPod, before: Option<&SlimPod>| {
            writer.apply_watcher_event(&watcher::Event::Apply(pod.clone()));
            cache.changed(&pod, before);
        };
        for name in ["b", "a"] {
            apply(pod(name, "web"), None);
        }
        assert_eq!(found("web"), ["a", "b"]);
        apply(pod("a", "db"), Some(&pod("a", "web")));
        assert_eq!((found("web"), found("db")), (vec!["b".to_owned()], vec!["a".to_owned()]));
        writer.apply_watcher_event(&watcher::Event::Delete(pod("a", "db")));
        cache.gone(&pod("a", "db"));
        assert!(found("db").is_empty());
        cache.wrote(Arc::new(pod("c", "web")));
        assert_eq!(found("web"), ["b", "c"], "our own write before its echo");
        cache.list_begins();
        cache.wrote(Arc::new(pod("e", "web")));
        for event in [watcher::Event::Init, watcher::Event::InitApply(pod("d", "web")), watcher::Event::InitDone] {
            writer.apply_watcher_event(&event);
        }
        cache.list_ends();
        assert_eq!(found("web"), ["d", "e"], "b and c went while nobody watched, and e was written after the list had begun");
    }
}
