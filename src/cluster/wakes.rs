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

    /// How many objects of a kind were woken and not reconciled yet, of those that exist: a wake for an object that
    /// is gone is never asked for its cause.
    pub fn waiting(&self, kind: &str, exists: impl Fn(&str, &str) -> bool) -> usize {
        let causes = self.causes.lock().unwrap_or_else(PoisonError::into_inner);
        causes.keys().filter(|(of, namespace, name)| *of == kind && exists(namespace, name)).count()
    }
}
