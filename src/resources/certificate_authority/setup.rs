//! The set-up of a CA: whom it serves, and the Job that runs it.

use super::{claim, intermediate};
use crate::build::metadata::metadata;
use crate::build::{self, Scope, label_set, name};
use crate::cluster::{ApplyError, Caches, Desired, Foreign, Identity, OwnedKind, OwnedObject, SlimPod, owner_reference};
use crate::reconcile::Context;
use crate::resources::ca_server;
use crate::resources::pod_failure::{self, Judgement};
use k8s_openapi::api::batch::v1::{Job, JobStatus};
use k8s_openapi::api::core::v1::ServiceAccount;
use k8s_openapi::api::rbac::v1::{Role, RoleBinding};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::{Resource as _, ResourceExt as _};
use openvox_crds::CertificateAuthority;
use openvox_crds::vocabulary::well_known;
use openvox_machines::PodFailure;
use openvox_machines::certificate_authority as machine;
use openvox_machines::core::Timestamp;
use openvox_puppet::duration::lifetime_seconds;
use std::sync::Arc;

pub(super) fn owner(authority: &CertificateAuthority) -> Option<OwnerReference> {
    owner_reference(authority)
}

pub(super) fn scope<'a>(namespace: &'a str, owner: Option<&'a OwnerReference>) -> Scope<'a> {
    Scope { namespace, owner }
}

/// Name of the Certificate that the CA server of this authority runs with.
#[must_use]
pub fn server_certificate(caches: &Caches, namespace: &str, authority: &str) -> Option<String> {
    ca_server::candidates(caches, namespace, authority).first().map(|server| server.spec.certificate_ref.clone())
}

/// Creates the Job and its rights. One that has ended is removed first; its end wakes the authority again.
pub(super) async fn run(context: &Context, authority: &CertificateAuthority) -> Result<(), ApplyError> {
    let (namespace, authority_name) = (authority.namespace().unwrap_or_default(), authority.name_any());
    let owner = owner(authority);
    let scope = scope(&namespace, owner.as_ref());
    if context.caches.jobs.get(&namespace, &name::ca_setup(&authority_name)).is_some() {
        return identity::<Job>(authority).delete(&context.client, &context.caches, &context.metrics).await;
    }
    // The Job has the volume for writing.
    claim::ensure(context, &namespace, authority).await?;
    let certificate = server_certificate(&context.caches, &namespace, &authority_name)
        .and_then(|certificate| context.caches.certificates.get(&namespace, &certificate));
    let mut secrets = vec![name::tls_secret(&name::operator_signing(&authority_name))];
    secrets.extend(certificate.iter().map(|certificate| name::tls_secret(&certificate.name_any())));
    let config =
        context.caches.configs.all(&namespace).into_iter().find(|config| config.spec.authority_ref.as_deref() == Some(&authority_name));
    let pull_secrets: Vec<String> =
        config.iter().flat_map(|config| config.spec.image.pull_secrets.iter().map(|secret| secret.name.clone())).collect();
    let secret = certificate.as_ref().map(|certificate| name::tls_secret(&certificate.name_any()));
    let setup = build::job::CaSetup {
        authority: &authority_name,
        operator: &context.operator_image,
        ttl_seconds: lifetime_seconds(&authority.spec.ttl).ok().flatten(),
        server: certificate.as_ref().zip(secret.as_deref()).map(|(certificate, secret)| build::job::CaServer {
            certname: &certificate.spec.certname,
            alt_names: &certificate.spec.dns_alt_names,
            secret,
        }),
        intermediate: intermediate::secret_name(authority),
        resources: authority.spec.resources.as_ref(),
        pull_secrets: &pull_secrets,
    };
    let objects = [
        Desired::new(&build::service_account::ca_setup(scope, &authority_name))?,
        Desired::new(&build::role::ca_setup(scope, &authority_name, &secrets))?,
        Desired::new(&build::role_binding::ca_setup(scope, &authority_name))?,
        Desired::new(&build::job::ca_setup(scope, &setup))?,
    ];
    for object in objects {
        object.apply(&context.client, &context.caches, &context.metrics).await?;
    }
    Ok(())
}

/// What the pods of the set-up Job show: those of this run, because pods of an earlier one may outlive it for a moment.
pub(super) fn judge(mut pods: Vec<Arc<SlimPod>>, job: &OwnedObject, now: Timestamp) -> Judgement {
    pods.retain(|pod| pod.labels().get(well_known::CONTROLLER_UID).is_none_or(|uid| Some(uid) == job.meta().uid.as_ref()));
    pod_failure::of_job(&pods, &job.name_any(), now)
}

/// How far the set-up Job is. `failure` is what the pods of the Job show.
pub(super) fn progress(job: Option<&OwnedObject>, failure: Option<PodFailure>) -> machine::Job {
    let Some(job) = job.filter(|job| job.meta().deletion_timestamp.is_none()) else {
        // One that is going counts as running: its name is taken until it is gone.
        return if job.is_some() { machine::Job::Running { failure: None } } else { machine::Job::Absent };
    };
    let conditions = job.at::<JobStatus>("/status").and_then(|status| status.conditions).unwrap_or_default();
    let condition = |kind: &str| conditions.iter().find(|condition| condition.type_ == kind && condition.status == "True");
    if let Some(failed) = condition("Failed") {
        let unexplained = || failed.message.clone().unwrap_or_else(|| "the set-up Job failed".to_owned());
        return machine::Job::Failed { message: failure.map_or_else(unexplained, |failure| failure.to_string()) };
    }
    if condition("Complete").is_some() { machine::Job::Succeeded } else { machine::Job::Running { failure } }
}

/// The Job, account, Role or binding of the set-up.
fn identity<K: OwnedKind<Cached = OwnedObject>>(authority: &CertificateAuthority) -> Identity {
    let (namespace, owner, name) = (authority.namespace().unwrap_or_default(), owner(authority), authority.name_any());
    Identity::of::<K>(metadata(scope(&namespace, owner.as_ref()), name::ca_setup(&name), label_set::authority(&name)))
}

/// The set-up Job, or that of the deleted authority of this name, which is on its way out.
pub(super) fn job(caches: &Caches, namespace: &str, authority: &CertificateAuthority) -> Option<Arc<OwnedObject>> {
    let job = caches.jobs.get(namespace, &name::ca_setup(&authority.name_any()))?;
    let foreign = identity::<Job>(authority).foreign(&job);
    matches!(foreign, None | Some(Foreign::Predecessor(_))).then_some(job)
}

/// Removes the Job and its rights: a token that may write the CA's Secrets must not stay about. What is not ours stays.
pub(super) async fn remove(context: &Context, authority: &CertificateAuthority) -> Result<(), ApplyError> {
    remove_one::<Job>(context, authority).await?;
    remove_one::<RoleBinding>(context, authority).await?;
    remove_one::<Role>(context, authority).await?;
    remove_one::<ServiceAccount>(context, authority).await
}

async fn remove_one<K: OwnedKind<Cached = OwnedObject>>(context: &Context, authority: &CertificateAuthority) -> Result<(), ApplyError> {
    match identity::<K>(authority).delete(&context.client, &context.caches, &context.metrics).await {
        // There is nothing to be removed where the object of the name is somebody else's.
        Err(ApplyError::Foreign { .. }) => Ok(()),
        removed => removed,
    }
}
