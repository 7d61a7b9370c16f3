//! What the CertificateAuthority machine looks at.

use super::super::text::text;
use super::policies;
use super::setup;
use crate::build::{self, name};
use crate::cluster::{Key, Plan};
use crate::puppetca::{CaBundle, CrlBundle, PrivateKey};
use crate::reconcile::{Context, View};
use crate::render::duration::parse_seconds;
use chrono::TimeDelta;
use k8s_openapi::api::batch::v1::Job as SetupJob;
use k8s_openapi::api::core::v1::{Secret, Service};
use kube::ResourceExt as _;
use kube::core::object::HasStatus as _;
use openvox_crds::{CertificateAuthority, ExternalCaSpec, Lifecycled as _};
use openvox_machines::certificate_authority::{self as machine, Facts, Job, Material, Observed, Report, ServerCertificate, State};
use openvox_machines::core::{Blocked, Timestamp};
use openvox_machines::reason;
use std::sync::Arc;

/// How long before its end a CA certificate is warned about, in days: a successor needs planning, and every
/// agent has to learn to trust it.
const WARN_DAYS: i64 = 90;

/// What was observed, and what the effects need of it.
pub struct AuthorityView {
    pub(super) seen: Observed,
    pub(super) name: String,
    pub(super) external: Option<ExternalCaSpec>,
    pub(super) crl_next_update: Option<Timestamp>,
}

impl View<machine::CertificateAuthority> for AuthorityView {
    fn seen(&self) -> &Observed {
        &self.seen
    }
}

/// The state that an authority's status holds.
#[must_use]
pub fn machine_state(authority: &CertificateAuthority) -> State {
    authority
        .status()
        .and_then(|status| status.lifecycle().machine.as_ref()?.data.clone())
        .and_then(|data| serde_json::from_value(data).ok())
        .unwrap_or_default()
}

/// A pod behind the Service is ready, so somebody answers at its address.
pub fn endpoint_ready(context: &Context, namespace: &str, service: &str) -> bool {
    ready_endpoints(context, namespace, service) > 0
}

/// Number of ready endpoints of a Service. Addresses of both families of a dual-stack Service count once,
/// because they belong to one pod.
pub fn ready_endpoints(context: &Context, namespace: &str, service: &str) -> u32 {
    let mut pods = std::collections::BTreeSet::new();
    for slice in context.caches.endpoint_slices.by(namespace, &Key::Service(service.to_owned())) {
        for endpoint in slice.endpoints.iter().filter(|endpoint| endpoint.conditions.as_ref().and_then(|is| is.ready) == Some(true)) {
            let pod = endpoint.target_ref.as_ref().and_then(|target| target.name.clone());
            pods.insert(pod.or_else(|| endpoint.addresses.first().cloned()).unwrap_or_default());
        }
    }
    u32::try_from(pods.len()).unwrap_or(u32::MAX)
}

pub(super) async fn observe(context: &Context, object: &Arc<CertificateAuthority>, report: Option<Report>) -> AuthorityView {
    let (namespace, name) = (object.namespace().unwrap_or_default(), object.name_any());
    let caches = &context.caches;
    let external = object.spec.external.clone();
    let internal = external.is_none();
    let service = service_plan(&namespace, object);
    let policy = if internal { policies::plan(context, object).await } else { None };
    let operator = name::operator_signing(&name);
    let secret = |name: &str| caches.secrets.get(&namespace, name);
    let issued = |certificate: &str| secret(&name::tls_secret(certificate)).is_some_and(|secret| text(&secret, "cert.pem").is_some());
    let in_place = !internal
        || (caches.claims.get(&namespace, &name::ca_data(&name)).is_some()
            && service.as_ref().is_some_and(|plan| plan.is_met(&caches.services))
            && policy.as_ref().is_some_and(|plan| plan.is_met(&caches.secrets))
            && caches.certificates.get(&namespace, &operator).is_some());
    let (material, crl_next_update) = material(
        secret(&name::ca_secret(&name)).as_deref(),
        secret(&name::ca_key_secret(&name)).as_deref(),
        secret(&name::ca_crl_secret(&name)).as_deref(),
    );
    let job = match job(caches.jobs.get(&namespace, &name::ca_setup(&name)).as_deref()) {
        Job::Failed { message } => Job::Failed { message: setup::last_words(caches, &namespace, &name).unwrap_or(message) },
        Job::Running { .. } => Job::Running { stuck: setup::stuck(caches, &namespace, &name) },
        other => other,
    };
    let now = context.now();
    let seen = Observed {
        now,
        invalid: invalid(object),
        external: !internal,
        configured: caches.configs.all(&namespace).iter().any(|config| config.spec.authority_ref.as_deref() == Some(&name)),
        server: setup::server_certificate(caches, &namespace, &name)
            .map_or(ServerCertificate::Unknown, |name| ServerCertificate::Named { issued: issued(&name), name }),
        operator_issued: issued(&operator),
        volume_in_use: volume_in_use(context, &namespace, &name),
        in_place,
        material,
        job,
        crl_stale: crl_next_update.is_some_and(|due| now > due),
        report,
    };
    AuthorityView { seen, name, external, crl_next_update }
}

/// The CA's own Service, as it should be; none for an external CA.
pub(super) fn service_plan(namespace: &str, object: &CertificateAuthority) -> Option<Plan<Service>> {
    if object.spec.external.is_some() {
        return None;
    }
    let owner = setup::owner(object);
    Plan::new(build::service::certificate_authority(setup::scope(namespace, owner.as_ref()), &object.name_any())).ok()
}

/// The first value in the spec that cannot be used.
fn invalid(object: &CertificateAuthority) -> Option<Blocked> {
    let spec = &object.spec;
    let durations = [
        ("spec.ttl", &spec.ttl),
        ("spec.autoRenewalCertTTL", &spec.auto_renewal_cert_ttl),
        ("spec.crlRefreshInterval", &spec.crl_refresh_interval),
    ];
    durations
        .into_iter()
        .find_map(|(field, value)| {
            parse_seconds(value).err().map(|error| Blocked::invalid(reason::INVALID_SPEC, format!("{field}: {error}")))
        })
        .or_else(|| {
            let size = &spec.storage.as_ref()?.size;
            let known =
                size.is_empty() || build::quantity::bytes(&k8s_openapi::apimachinery::pkg::api::resource::Quantity(size.clone())).is_some();
            (!known).then(|| {
                Blocked::invalid(reason::INVALID_SPEC, format!("spec.storage.size: {size:?} is not a quantity"))
                    .remedy("write a number with a unit, such as 1Gi")
            })
        })
}

/// The Deployment of a CA server holds the volume as long as it wants pods.
fn volume_in_use(context: &Context, namespace: &str, authority: &str) -> bool {
    context.caches.deployments.by(namespace, &Key::Authority(authority.to_owned())).iter().any(|deployment| {
        deployment.spec.as_ref().and_then(|spec| spec.replicas) != Some(0)
            || deployment.status.as_ref().and_then(|status| status.replicas).unwrap_or(0) > 0
    })
}

fn job(job: Option<&SetupJob>) -> Job {
    let Some(job) = job.filter(|job| job.metadata.deletion_timestamp.is_none()) else {
        // One that is going counts as running: its name is taken until it is gone.
        return if job.is_some() { Job::Running { stuck: None } } else { Job::Absent };
    };
    let status = job.status.as_ref();
    let condition = |kind: &str| {
        status.and_then(|status| status.conditions.as_ref()?.iter().find(|condition| condition.type_ == kind && condition.status == "True"))
    };
    if let Some(failed) = condition("Failed") {
        return Job::Failed { message: failed.message.clone().unwrap_or_else(|| "the set-up Job failed".to_owned()) };
    }
    if condition("Complete").is_some() { Job::Succeeded } else { Job::Running { stuck: None } }
}

fn material(certificates: Option<&Secret>, key: Option<&Secret>, crl: Option<&Secret>) -> (Material, Option<Timestamp>) {
    let Some(pem) = certificates.and_then(|secret| text(secret, "ca_crt.pem")) else { return (Material::Absent, None) };
    let incomplete = |message: String| (Material::Incomplete { message }, None);
    let bundle = match CaBundle::from_pem(pem) {
        Ok(bundle) => bundle,
        Err(error) => return incomplete(error.to_string()),
    };
    match key.and_then(|secret| text(secret, "ca_key.pem")).map(PrivateKey::from_pem) {
        None => return incomplete("the Secret with the CA key has no ca_key.pem".to_owned()),
        Some(Err(error)) => return incomplete(error.to_string()),
        Some(Ok(key)) if !bundle.signing().matches(&key) => {
            return incomplete("the CA key does not belong to the CA certificate".to_owned());
        }
        Some(Ok(_)) => {}
    }
    let lists = match crl.and_then(|secret| text(secret, "ca_crl.pem")).map(CrlBundle::from_pem) {
        None => return incomplete("the Secret with the revocation lists has no ca_crl.pem".to_owned()),
        Some(Err(error)) => return incomplete(error.to_string()),
        Some(Ok(lists)) => lists,
    };
    let info = bundle.signing().info();
    let facts = Facts { key: info.public_key.to_string(), not_after: info.not_after, warn_at: info.not_after - TimeDelta::days(WARN_DAYS) };
    let due = lists.of_signing_ca(&bundle).and_then(|list| list.info().next_update);
    (Material::Complete(facts), due)
}
