//! The effects of a CertificateAuthority.

use super::{AuthorityView, claim, crl, secrets, setup};
use crate::build::name;
use crate::cluster::{ApplyError, FIELD_MANAGER, kind_label};
use crate::reconcile::Context;
use crate::telemetry::Verb;
use kube::ResourceExt as _;
use kube::api::{Api, PostParams};
use openvox_crds::{Certificate, CertificateAuthority, CertificateSpec};
use openvox_machines::certificate_authority::{Effect, Report};
use openvox_machines::core::Acted;
use std::fmt::Debug;
use std::sync::Arc;

pub(super) async fn act(context: &Arc<Context>, object: &Arc<CertificateAuthority>, view: &AuthorityView, effect: Effect) -> Acted<Report> {
    let namespace = object.namespace().unwrap_or_default();
    let done = match effect {
        Effect::EnsureObjects => ensure_objects(context, object, view, &namespace).await.map(|()| Acted::Reported(Report::Applied)),
        // The Job's end is observed, not awaited.
        Effect::RunSetup => setup::run(context, object).await.map(|()| Acted::Begun),
        Effect::RemoveSetup => setup::remove(context, object).await.map(|()| Acted::Begun),
        Effect::RefreshCrl => return crl::refresh(context, object, view).await,
    };
    done.unwrap_or_else(|error| error.acted(|reason, message| Report::Failed { reason, message }))
}

async fn ensure_objects(context: &Context, object: &CertificateAuthority, view: &AuthorityView, namespace: &str) -> Result<(), ApplyError> {
    let owner = setup::owner(object);
    claim::ensure(context, namespace, object).await?;
    let (client, caches, metrics) = (&context.client, &context.caches, &context.metrics);
    view.service.apply(client, caches, metrics).await?;
    view.policy.apply(client, caches, metrics).await?;
    let operator = name::operator_signing(&view.name);
    if caches.certificates.get(namespace, &operator).is_none() {
        let mut certificate = Certificate::new(
            &operator,
            CertificateSpec {
                authority_ref: view.name.clone(),
                certname: name::operator_certname(&view.name),
                ..CertificateSpec::default()
            },
        );
        certificate.metadata.namespace = Some(namespace.to_owned());
        certificate.metadata.owner_references = owner.map(|owner| vec![owner]);
        create(context, namespace, &caches.certificates, certificate).await?;
    }
    // Last, because a volume that cannot grow must not hold up anything else.
    secrets::keep(context, namespace, object).await?;
    claim::keep(context, namespace, object).await
}

/// Creates an object that is never changed afterwards; one that exists is left as it is.
pub(super) async fn create<K>(context: &Context, namespace: &str, cache: &crate::cluster::Cache<K>, object: K) -> Result<(), ApplyError>
where
    K: kube::Resource<DynamicType = (), Scope = kube::core::NamespaceResourceScope>
        + serde::Serialize
        + serde::de::DeserializeOwned
        + Clone
        + Debug,
{
    let api: Api<K> = Api::namespaced(context.client.clone(), namespace);
    let params = PostParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PostParams::default() };
    context.metrics.api_write(kind_label::<K>(), Verb::Create);
    match api.create(&params, &object).await {
        Ok(created) => {
            cache.wrote(Arc::new(created));
            Ok(())
        }
        Err(kube::Error::Api(status)) if status.code == 409 && status.reason == "AlreadyExists" => Ok(()),
        Err(source) => Err(ApplyError::from_api(&K::kind(&()), object.name_any(), source)),
    }
}
