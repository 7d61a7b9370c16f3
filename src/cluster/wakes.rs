//! Waking reconcilers, and remembering what woke them.

use futures::channel::mpsc::{UnboundedReceiver, UnboundedSender, unbounded};
use kube::runtime::reflector::ObjectRef;
use openvox_crds::{Certificate, CertificateAuthority, Config, Pool, Server, SigningPolicy};
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

type Key = (&'static str, String, String);

/// The senders' side. The channels have no bound of their own: the controllers' schedulers empty them at once
/// and hold each object once.
pub struct Wakes {
    authorities: UnboundedSender<ObjectRef<CertificateAuthority>>,
    certificates: UnboundedSender<ObjectRef<Certificate>>,
    configs: UnboundedSender<ObjectRef<Config>>,
    policies: UnboundedSender<ObjectRef<SigningPolicy>>,
    pools: UnboundedSender<ObjectRef<Pool>>,
    servers: UnboundedSender<ObjectRef<Server>>,
    causes: Mutex<HashMap<Key, String>>,
}

/// The receivers' side: one stream per kind, for its controller.
pub struct Woken {
    /// CertificateAuthorities.
    pub authorities: UnboundedReceiver<ObjectRef<CertificateAuthority>>,
    /// Certificates.
    pub certificates: UnboundedReceiver<ObjectRef<Certificate>>,
    /// Configs.
    pub configs: UnboundedReceiver<ObjectRef<Config>>,
    /// SigningPolicies.
    pub policies: UnboundedReceiver<ObjectRef<SigningPolicy>>,
    /// Pools.
    pub pools: UnboundedReceiver<ObjectRef<Pool>>,
    /// Servers.
    pub servers: UnboundedReceiver<ObjectRef<Server>>,
}

/// What a wake looks like to the routes: the object to wake, and what woke it.
macro_rules! wake {
    ($($(#[doc = $doc:literal])+ $method:ident: $field:ident, $kind:ident;)+) => {
        $($(#[doc = $doc])+
        pub fn $method(&self, namespace: &str, name: &str, cause: &str) {
            let key = (stringify!($kind), namespace.to_owned(), name.to_owned());
            // The first cause since the last reconcile is the one that counts; later ones ride along.
            self.causes.lock().unwrap_or_else(PoisonError::into_inner).entry(key).or_insert_with(|| cause.to_owned());
            // A closed channel means that the process is shutting down.
            let _ = self.$field.unbounded_send(ObjectRef::new(name).within(namespace));
        })+
    };
}

impl Wakes {
    /// Both sides.
    #[must_use]
    pub fn new() -> (Self, Woken) {
        let (authorities, authorities_woken) = unbounded();
        let (certificates, certificates_woken) = unbounded();
        let (configs, configs_woken) = unbounded();
        let (policies, policies_woken) = unbounded();
        let (pools, pools_woken) = unbounded();
        let (servers, servers_woken) = unbounded();
        let woken = Woken {
            authorities: authorities_woken,
            certificates: certificates_woken,
            configs: configs_woken,
            policies: policies_woken,
            pools: pools_woken,
            servers: servers_woken,
        };
        (Self { authorities, certificates, configs, policies, pools, servers, causes: Mutex::default() }, woken)
    }

    wake! {
        /// Wakes a CertificateAuthority.
        authority: authorities, CertificateAuthority;
        /// Wakes a Certificate.
        certificate: certificates, Certificate;
        /// Wakes a Config.
        config: configs, Config;
        /// Wakes a SigningPolicy.
        policy: policies, SigningPolicy;
        /// Wakes a Pool.
        pool: pools, Pool;
        /// Wakes a Server.
        server: servers, Server;
    }

    /// What woke the object since this was last asked.
    pub fn cause(&self, kind: &'static str, namespace: &str, name: &str) -> Option<String> {
        self.causes.lock().unwrap_or_else(PoisonError::into_inner).remove(&(kind, namespace.to_owned(), name.to_owned()))
    }

    /// How many objects of a kind were woken and not reconciled yet. Wakes of objects that do not exist are dropped:
    /// nobody ever asks for their cause.
    pub fn waiting(&self, kind: &str, exists: impl Fn(&str, &str) -> bool) -> usize {
        let mut causes = self.causes.lock().unwrap_or_else(PoisonError::into_inner);
        causes.retain(|(of, namespace, name), _| *of != kind || exists(namespace, name));
        causes.keys().filter(|(of, ..)| *of == kind).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_cause_counts_and_nothing_is_kept_of_objects_that_are_gone() {
        let (wakes, _woken) = Wakes::new();
        wakes.pool("puppet", "agents", "Pool agents changed");
        wakes.pool("puppet", "agents", "Service agents changed");
        wakes.pool("puppet", "gone", "Pool gone is being deleted");
        wakes.config("puppet", "main", "Config main changed");
        assert_eq!(wakes.waiting("Pool", |_, name| name == "agents"), 1);
        assert_eq!(wakes.cause("Pool", "puppet", "gone"), None);
        assert_eq!(wakes.cause("Pool", "puppet", "agents").as_deref(), Some("Pool agents changed"));
        assert_eq!(wakes.cause("Config", "puppet", "main").as_deref(), Some("Config main changed"), "another kind's are its own business");
    }
}
