//! All caches of the operator: one watch per kind, shared by everybody, holding no more than is looked at.

use super::follow::{Followed, follow, follow_given_secrets};
use super::{Cache, SlimPod, Wakes, routes};
use crate::http::Readiness;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{ConfigMap, PersistentVolumeClaim, Secret, Service, ServiceAccount};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use k8s_openapi::api::networking::v1::NetworkPolicy;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Client;
use kube::runtime::reflector;
use openvox_crds::{Certificate, CertificateAuthority, Config, Database, NodeClassifier, Pool, ReportProcessor, Server, SigningPolicy};
use std::future::Future;
use std::sync::Arc;
use tokio::task::JoinHandle;

/// Hears of deleted objects: kind, namespace, name, uid.
pub type Gone = Arc<dyn Fn(&'static str, &str, &str, &str) + Send + Sync>;

macro_rules! caches {
    ($($(#[doc = $doc:literal])+ $field:ident: $kind:ty, $selected:literal, $route:path;)+) => {
        /// All caches.
        #[derive(Clone)]
        pub struct Caches {
            $($(#[doc = $doc])+ pub $field: Cache<$kind>,)+
        }

        /// Names of all caches, for readiness.
        pub const CACHES: &[&str] = &[$(stringify!($field)),+];

        impl Caches {
            /// The caches, and the tasks that keep them current until `stop` resolves.
            ///
            /// `namespace` restricts them to one namespace. `gone` hears of every object that was deleted.
            pub fn watch<S>(client: &Client, namespace: Option<&str>, wakes: &Arc<Wakes>, readiness: &Readiness, gone: Gone, stop: &S) -> (Self, Vec<JoinHandle<()>>)
            where
                S: Future<Output = ()> + Clone + Send + 'static,
            {
                $(let $field = { let (store, writer) = reflector::store::<$kind>(); (Cache::new(store), writer) };)+
                let caches = Self { $($field: $field.0.clone(),)+ };
                let mut tasks = Vec::new();
                $({
                    let (cache, writer) = $field;
                    let heard = { let (caches, wakes) = (caches.clone(), Arc::clone(wakes)); move |object: &$kind| $route(object, &caches, &wakes) };
                    let ready = { let readiness = readiness.clone(); move || readiness.done(stringify!($field)) };
                    let followed = Followed { client: client.clone(), namespace: namespace.map(str::to_owned), selected: $selected };
                    tasks.push(tokio::spawn(follow(followed, cache, writer, heard, Arc::clone(&gone), ready, stop.clone())));
                })+
                let heard = { let (caches, wakes) = (caches.clone(), Arc::clone(wakes)); move |meta: &ObjectMeta| routes::given_secret(meta, &caches, &wakes) };
                tasks.push(tokio::spawn(follow_given_secrets(client.clone(), namespace.map(str::to_owned), heard, stop.clone())));
                (caches, tasks)
            }
        }
    };
}

caches! {
    /// CertificateAuthorities.
    authorities: CertificateAuthority, false, routes::authority;
    /// Certificates.
    certificates: Certificate, false, routes::certificate;
    /// Configs.
    configs: Config, false, routes::config;
    /// SigningPolicies.
    policies: SigningPolicy, false, routes::policy;
    /// Servers.
    servers: Server, false, routes::server;
    /// Pools.
    pools: Pool, false, routes::pool;
    /// NodeClassifiers.
    classifiers: NodeClassifier, false, routes::classifier;
    /// ReportProcessors.
    processors: ReportProcessor, false, routes::processor;
    /// Databases.
    databases: Database, false, routes::database;
    /// Our Secrets.
    secrets: Secret, true, routes::secret;
    /// Our ConfigMaps.
    config_maps: ConfigMap, true, routes::owned;
    /// Our ServiceAccounts.
    service_accounts: ServiceAccount, true, routes::owned;
    /// Our Services.
    services: Service, true, routes::service;
    /// Endpoints of our Services.
    endpoint_slices: EndpointSlice, true, routes::endpoint_slice;
    /// Our volumes.
    claims: PersistentVolumeClaim, true, routes::labelled_authority;
    /// Our set-up Jobs.
    jobs: Job, true, routes::labelled_authority;
    /// Our Deployments.
    deployments: Deployment, true, routes::deployment;
    /// Our pods: why one does not start.
    pods: SlimPod, true, routes::pod;
    /// Our disruption budgets.
    disruption_budgets: PodDisruptionBudget, true, routes::owned;
    /// Our autoscalers.
    autoscalers: HorizontalPodAutoscaler, true, routes::owned;
    /// Our network policies.
    network_policies: NetworkPolicy, true, routes::owned;
}
