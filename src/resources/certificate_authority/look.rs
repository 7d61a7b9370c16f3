//! What is read for a CertificateAuthority (client required).

use super::connections::secret;
use super::judge::trust_name;
use super::policies::Policies;
use super::refresh_schedule::LastLook;
use super::secrets::CaSecrets;
use super::{claim, intermediate, policies, setup};
use crate::build::name;
use crate::cluster::{Key, OwnedObject, SlimPod};
use crate::reconcile::Context;
use crate::resources::endpoints::endpoint_ready;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{PersistentVolumeClaim, Secret};
use kube::ResourceExt as _;
use openvox_crds::CertificateAuthority;
use openvox_machines::core::Blocked;
use std::sync::Arc;

/// What was read.
#[derive(Default)]
pub struct Facts {
    /// Why the operator must not connect to the host of the CA.
    pub(super) host_refused: Option<Blocked>,
    /// The first Config that names the CA.
    pub(super) config: Option<String>,
    /// The policies that name the CA.
    pub(super) policies: Policies,
    /// The Service of the CA.
    pub(super) service: Option<Arc<OwnedObject>>,
    /// The Secret with the policy file.
    pub(super) policy_file: Option<Arc<Secret>>,
    /// The CA's own Secrets.
    pub(super) secrets: CaSecrets,
    /// The Secret with the certificates of a CA outside the cluster.
    pub(super) outside_trust: Option<Arc<Secret>>,
    /// The Secret with an intermediate CA that the user brings.
    pub(super) given: intermediate::Given,
    /// The claim of the CA's volume, if the CA may use it.
    pub(super) claim: Option<Arc<PersistentVolumeClaim>>,
    /// The Deployments that run the CA.
    pub(super) deployments: Vec<Arc<OwnedObject>>,
    /// The Certificate of the CA server, and its Secret.
    pub(super) server: Option<(String, Option<Arc<Secret>>)>,
    /// A pod of the CA server is ready.
    pub(super) answers: bool,
    /// The set-up Job.
    pub(super) job: Option<Arc<OwnedObject>>,
    /// Its pods.
    pub(super) job_pods: Vec<Arc<SlimPod>>,
    /// When the CA was last asked for its revocation list.
    pub(super) last_look: LastLook,
}

pub(super) async fn look(context: &Context, object: &CertificateAuthority) -> Facts {
    let caches = &context.caches;
    let (namespace, name) = (object.namespace().unwrap_or_default(), object.name_any());
    let internal = object.spec.external.is_none();
    let configs = caches.configs.all(&namespace);
    let config = configs.iter().find(|config| config.spec.authority_ref.as_deref() == Some(&name));
    let server = setup::server_certificate(caches, &namespace, &name);
    Facts {
        host_refused: context.external_hosts.refuse(object),
        config: config.map(|config| config.name_any()),
        policies: if internal { policies::look(context, object).await } else { Policies::new() },
        service: caches.services.get(&namespace, &name::ca_service(&name)),
        policy_file: caches.secrets.get(&namespace, &name::autosign_policy_secret(&name)),
        secrets: CaSecrets::look(caches, &namespace, object),
        outside_trust: if internal { None } else { secret(context, &namespace, &trust_name(object)).await.ok() },
        given: if internal { intermediate::look(context, &namespace, object).await } else { None },
        claim: claim::usable(caches, &namespace, object),
        deployments: caches.deployments.by(&namespace, &Key::refers_to::<CertificateAuthority>(&name)),
        server: server.map(|server| {
            let secret = caches.secrets.get(&namespace, &name::tls_secret(&server));
            (server, secret)
        }),
        answers: endpoint_ready(caches, &namespace, &name::ca_service(&name)),
        job: setup::job(caches, &namespace, object),
        job_pods: caches.pods.by(&namespace, &Key::refers_to::<Job>(&name::ca_setup(&name))),
        last_look: context.crl_refreshes.last_of(&namespace, &name),
    }
}
