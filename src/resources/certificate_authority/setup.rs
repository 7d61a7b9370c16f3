//! The set-up of a CA: whom it serves, and the Job that runs it.

use super::intermediate;
use crate::build::{self, Scope, name};
use crate::cluster::{ApplyError, Caches, Key, Managed, Plan, delete, owner_reference};
use crate::reconcile::Context;
use crate::render::duration::lifetime_seconds;
use crate::resources::pod_failure::{self, Judgement};
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::ServiceAccount;
use k8s_openapi::api::rbac::v1::{Role, RoleBinding};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::{Resource as _, ResourceExt as _};
use openvox_crds::CertificateAuthority;
use openvox_machines::core::Timestamp;

pub(super) fn owner(authority: &CertificateAuthority) -> Option<OwnerReference> {
    owner_reference(authority)
}

pub(super) fn scope<'a>(namespace: &'a str, owner: Option<&'a OwnerReference>) -> Scope<'a> {
    Scope { namespace, owner }
}

/// Name of the Certificate that the CA server of this authority runs with: that of the first Server, by name,
/// with `ca: true` whose Certificate names this authority.
#[must_use]
pub fn server_certificate(caches: &Caches, namespace: &str, authority: &str) -> Option<String> {
    caches.servers.by(namespace, &Key::RunsCa).iter().find_map(|server| {
        let certificate = caches.certificates.get(namespace, &server.spec.certificate_ref)?;
        (certificate.spec.authority_ref == authority).then(|| certificate.name_any())
    })
}

/// Creates the Job and its rights. One that has ended is removed first; its end wakes the authority again.
pub(super) async fn run(context: &Context, authority: &CertificateAuthority) -> Result<(), ApplyError> {
    let (namespace, authority_name) = (authority.namespace().unwrap_or_default(), authority.name_any());
    let owner = owner(authority);
    let scope = scope(&namespace, owner.as_ref());
    if context.caches.jobs.get(&namespace, &name::ca_setup(&authority_name)).is_some() {
        return remove_job(context, &namespace, &authority_name).await;
    }
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
    let (client, metrics) = (&context.client, &context.metrics);
    Plan::new(&build::service_account::ca_setup(scope, &authority_name))?
        .apply(client, Some(&context.caches.service_accounts), metrics)
        .await?;
    Plan::new(&build::role::ca_setup(scope, &authority_name, &secrets))?.apply(client, None, metrics).await?;
    Plan::new(&build::role_binding::ca_setup(scope, &authority_name))?.apply(client, None, metrics).await?;
    Plan::new(&build::job::ca_setup(scope, &setup))?.apply(client, Some(&context.caches.jobs), metrics).await?;
    Ok(())
}

/// What the pods of the set-up Job show: those of this run, because pods of an earlier one may outlive it for a moment.
pub(super) fn judge(caches: &Caches, namespace: &str, job: &Managed, now: Timestamp) -> Judgement {
    let name = job.name_any();
    let mut pods = caches.pods.by(namespace, &Key::Job(name.clone()));
    pods.retain(|pod| pod.labels().get("batch.kubernetes.io/controller-uid").is_none_or(|uid| Some(uid) == job.meta().uid.as_ref()));
    pod_failure::of_job(&pods, &name, now)
}

/// Removes the Job and its rights: a token that may write the CA's Secrets must not stay about.
pub(super) async fn remove(context: &Context, namespace: &str, authority: &str) -> Result<(), ApplyError> {
    let name = name::ca_setup(authority);
    remove_job(context, namespace, authority).await?;
    delete::<RoleBinding>(&context.client, namespace, &name, &context.metrics).await?;
    delete::<Role>(&context.client, namespace, &name, &context.metrics).await?;
    delete::<ServiceAccount>(&context.client, namespace, &name, &context.metrics).await
}

async fn remove_job(context: &Context, namespace: &str, authority: &str) -> Result<(), ApplyError> {
    let name = name::ca_setup(authority);
    let there = context.caches.jobs.get(namespace, &name);
    delete::<Job>(&context.client, namespace, &name, &context.metrics).await?;
    if let Some(job) = there {
        context.caches.jobs.deleted(&job);
    }
    Ok(())
}
