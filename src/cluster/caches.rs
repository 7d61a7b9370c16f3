//! All caches of the operator: one watch per kind, shared by all controllers, holding no more than is read.

use super::kind_label;
use super::lenient::Lenient;
use super::listener::Listener;
use super::watch::{Source, watch, watch_user_secrets};
use super::{Cache, OwnedKind, OwnedObject, Readiness, SlimPod, Workqueue, routes};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{ConfigMap, PersistentVolumeClaim, Secret, Service, ServiceAccount};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use k8s_openapi::api::networking::v1::NetworkPolicy;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::runtime::reflector::store::Writer;
use kube::{Api, Client, Resource};
use openvox_crds::{Certificate, CertificateAuthority, Config, Database, NodeClassifier, Pool, ReportProcessor, Server, SigningPolicy};
use std::future::Future;
use std::hash::Hash;
use std::sync::Arc;
use tokio::task::JoinHandle;

/// A type of objects that one cache holds.
pub trait Watched: Resource<DynamicType: Clone + Eq + Hash> + Clone + 'static {
    /// The cache.
    fn cache(caches: &Caches) -> &Cache<Self>;
}

macro_rules! caches {
    (
        $($(#[doc = $doc:literal])+ $field:ident: $kind:ty, $selected:literal, $route:path;)+
        managed: $($(#[doc = $managed_doc:literal])+ $managed:ident: $managed_kind:ty, $managed_route:path;)+
    ) => {
        /// All caches.
        #[derive(Clone)]
        pub struct Caches {
            $($(#[doc = $doc])+ pub $field: Cache<$kind>,)+
            $($(#[doc = $managed_doc])+ pub $managed: Cache<OwnedObject>,)+
        }

        $(impl Watched for $kind {
            fn cache(caches: &Caches) -> &Cache<Self> {
                &caches.$field
            }
        })+

        /// Names of all caches, for readiness.
        pub const CACHES: &[&str] = &[$(stringify!($field),)+ $(stringify!($managed)),+];

        impl Caches {
            /// The caches, and the tasks that keep them current until `stop` resolves.
            ///
            /// `namespace` restricts them to one namespace. `listener` receives what is gone or cannot be read.
            pub fn watch<S>(client: &Client, namespace: Option<&str>, workqueue: &Arc<Workqueue>, readiness: &Readiness, listener: &Arc<dyn Listener>, stop: &S) -> (Self, Vec<JoinHandle<()>>)
            where
                S: Future<Output = ()> + Clone + Send + 'static,
            {
                $(let $field = empty::<$kind>(());)+
                $(let $managed = empty::<OwnedObject>(<$managed_kind>::dynamic_type());)+
                let caches = Self { $($field: $field.0.clone(),)+ $($managed: $managed.0.clone(),)+ };
                let mut tasks = Vec::new();
                let ready = |name| { let readiness = readiness.clone(); Box::new(move || readiness.done(name)) };
                $({
                    let (caches, workqueue) = (caches.clone(), Arc::clone(workqueue));
                    let on_change = Box::new(move |object: &$kind| $route(object, &caches, &workqueue));
                    let api: Api<Lenient<$kind>> = namespace.map_or_else(|| Api::all(client.clone()), |namespace| Api::namespaced(client.clone(), namespace));
                    let source = Source { api, kind: kind_label::<$kind>(), selected: $selected };
                    let task = watch(source, $field, on_change, Arc::clone(listener), ready(stringify!($field)), stop.clone());
                    tasks.push(tokio::spawn(task));
                })+
                $({
                    let (caches, workqueue) = (caches.clone(), Arc::clone(workqueue));
                    let kind = kind_label::<$managed_kind>();
                    let on_change = Box::new(move |object: &OwnedObject| $managed_route(object, kind, &caches, &workqueue));
                    let of = $managed.0.dynamic_type();
                    let api = namespace.map_or_else(|| Api::all_with(client.clone(), of), |namespace| Api::namespaced_with(client.clone(), namespace, of));
                    let task = watch(Source { api, kind, selected: true }, $managed, on_change, Arc::clone(listener), ready(stringify!($managed)), stop.clone());
                    tasks.push(tokio::spawn(task));
                })+
                let on_change = { let (caches, workqueue) = (caches.clone(), Arc::clone(workqueue)); move |meta: &ObjectMeta| routes::user_secret(meta, &caches, &workqueue) };
                tasks.push(tokio::spawn(watch_user_secrets(client.clone(), namespace.map(str::to_owned), on_change, stop.clone())));
                (caches, tasks)
            }
        }
    };
}

fn empty<K>(dynamic_type: K::DynamicType) -> (Cache<K>, Writer<K>)
where
    K: Resource<DynamicType: Clone + Eq + Hash> + Clone,
{
    let writer = Writer::new(dynamic_type.clone());
    (Cache::new(writer.as_reader(), dynamic_type), writer)
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
    pools: Pool, false, routes::changed;
    /// NodeClassifiers.
    classifiers: NodeClassifier, false, routes::changed;
    /// ReportProcessors.
    processors: ReportProcessor, false, routes::processor;
    /// Databases.
    databases: Database, false, routes::changed;
    /// Our Secrets.
    secrets: Secret, true, routes::secret;
    /// Endpoints of our Services.
    endpoint_slices: EndpointSlice, true, routes::endpoint_slice;
    /// Our volumes.
    claims: PersistentVolumeClaim, true, routes::claim;
    /// Our pods: why one does not start.
    pods: SlimPod, true, routes::pod;

    managed:
    /// Our ConfigMaps.
    config_maps: ConfigMap, routes::owned;
    /// Our ServiceAccounts.
    service_accounts: ServiceAccount, routes::owned;
    /// Our Services.
    services: Service, routes::service;
    /// Our set-up Jobs.
    jobs: Job, routes::job;
    /// Our Deployments.
    deployments: Deployment, routes::deployment;
    /// Our disruption budgets.
    disruption_budgets: PodDisruptionBudget, routes::owned;
    /// Our autoscalers.
    autoscalers: HorizontalPodAutoscaler, routes::owned;
    /// Our network policies.
    network_policies: NetworkPolicy, routes::owned;
}
