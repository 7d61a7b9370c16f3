//! What the CertificateAuthority machine looks at.

use super::super::text::text;
use super::connections::secret;
use super::{belongings, claim, crl, intermediate, policies, setup, spec};
use crate::build::hash::data_hash;
use crate::build::{self, name};
use crate::cluster::{Desired, Key, OwnedObject, OwnedSet};
use crate::reconcile::{Context, View};
use crate::resources::endpoints::endpoint_ready;
use crate::resources::pod_failure::Judgement;
use chrono::TimeDelta;
use k8s_openapi::api::batch::v1::JobStatus;
use k8s_openapi::api::core::v1::Secret;
use kube::{Resource as _, ResourceExt as _};
use openvox_crds::{CertificateAuthority, DeletionPolicy, ExternalCaSpec};
use openvox_machines::PodFailure;
use openvox_machines::certificate_authority::{self as machine, Facts, Job, Material, Observed, RevocationList, ServerCertificate};
use openvox_machines::core::{Blocked, Timestamp};
use openvox_puppet::{CaBundle, CrlBundle, PrivateKey};

/// How long before its end a CA certificate is warned about, in days: a successor needs planning, and every
/// agent has to learn to trust it.
const WARN_DAYS: i64 = 90;

/// What was observed, and what the effects need of it.
pub struct AuthorityView {
    pub(super) seen: Observed,
    pub(super) name: String,
    pub(super) external: Option<ExternalCaSpec>,
    /// Its Service and its policy file.
    pub(super) service: OwnedSet,
    pub(super) policy: OwnedSet<Secret>,
    /// The stored revocation list of the signing CA.
    pub(super) crl: Option<RevocationList>,
    /// When the CA is to be asked for a newer one, where somebody is there to be asked.
    pub(super) next_look: Option<Timestamp>,
    /// When the pods of the set-up may be judged otherwise although none of them changes.
    pub(super) changes_at: Option<Timestamp>,
}

impl View<machine::CertificateAuthority> for AuthorityView {
    fn seen(&self) -> &Observed {
        &self.seen
    }
}

pub(super) async fn observe(context: &Context, object: &CertificateAuthority) -> AuthorityView {
    let (namespace, name) = (object.namespace().unwrap_or_default(), object.name_any());
    let caches = &context.caches;
    let external = object.spec.external.clone();
    let internal = external.is_none();
    let service = service_plan(context, &namespace, object);
    let policy = if internal { policies::plan(context, object).await } else { OwnedSet::default() };
    let operator = name::operator_signing(&name);
    let secret_of = |name: &str| caches.secrets.get(&namespace, name);
    let issued = |certificate: &str| secret_of(&name::tls_secret(certificate)).is_some_and(|secret| text(&secret, "cert.pem").is_some());
    let in_place = !internal
        || (belongings::are_in_place(context, &namespace, object)
            && claim::is_in_place(context, &namespace, object)
            && service.is_in_place()
            && policy.is_in_place()
            && caches.certificates.get(&namespace, &operator).is_some());
    let own = |name: String| belongings::secret(context, &namespace, object, name);
    let (crl_secret, volume) = (own(name::ca_crl_secret(&name)), claim::usable(caches, &namespace, object));
    let now = context.now();
    let (material, trust, crl, chain) = if internal {
        let (material, crl, chain) =
            material(own(name::ca_secret(&name)).as_deref(), own(name::ca_key_secret(&name)).as_deref(), crl_secret.as_deref(), now);
        (material, None, crl, chain)
    } else {
        let (trust, crl, chain) = outside(context, &namespace, object, crl_secret.as_deref()).await;
        (Material::Absent, trust, crl, chain)
    };
    let live = setup::job(context, &namespace, object);
    let Judgement { failure, changes_at } = live.as_deref().map(|job| setup::judge(caches, &namespace, job, now)).unwrap_or_default();
    let job = job(live.as_deref(), failure);
    let access = access(object, trust.as_ref());
    let answers = !internal || endpoint_ready(&context.caches, &namespace, &name::ca_service(&name));
    let next_look = context.crl_looks.next(&namespace, &name, &access, crl::interval(object), now).filter(|_| answers);
    let seen = Observed {
        now,
        deleting: object.metadata.deletion_timestamp.is_some(),
        retained: object.spec.deletion_policy == DeletionPolicy::Retain,
        invalid: spec::invalid(object).or_else(|| context.external_hosts.refuse(object)),
        external: !internal,
        unverified: external.as_ref().is_some_and(|external| external.insecure_skip_verify),
        short_keys: external.as_ref().is_some_and(|external| external.allow_short_keys),
        trust,
        access,
        given: if internal { intermediate::missing(context, &namespace, object).await } else { None },
        configured: caches.configs.all(&namespace).iter().any(|config| config.spec.authority_ref.as_deref() == Some(&name)),
        server: setup::server_certificate(caches, &namespace, &name)
            .map_or(ServerCertificate::Unknown, |name| ServerCertificate::Named { issued: issued(&name), name }),
        operator_issued: issued(&operator),
        volume_in_use: volume_in_use(context, &namespace, &name),
        in_place,
        volume: volume.as_ref().and_then(|claim| claim.uid()),
        notice: spec::doubtful(object)
            .or_else(|| volume.as_ref().filter(|_| internal).and_then(|volume| claim::storage(volume, object)))
            .or(chain),
        material,
        job,
        crl_stale: crl.as_ref().and_then(|list| list.next_update).is_some_and(|due| now > due),
        crl_due: answers && next_look.is_none(),
        report: None,
    };
    AuthorityView { seen, name, external, service, policy, crl, next_look, changes_at }
}

/// Name of the Secret with the certificates by which a CA is known.
#[must_use]
pub fn trust_name(object: &CertificateAuthority) -> String {
    let given = object.spec.external.as_ref().and_then(|external| external.ca_secret_ref.clone());
    given.unwrap_or_else(|| name::ca_secret(&object.name_any()))
}

/// What is known of an external CA: its certificate, and its stored list.
async fn outside(
    context: &Context,
    namespace: &str,
    object: &CertificateAuthority,
    crl: Option<&Secret>,
) -> (Option<Facts>, Option<RevocationList>, Option<Blocked>) {
    let nothing = (None, None, None);
    let Ok(secret) = secret(context, namespace, &trust_name(object)).await else { return nothing };
    let Some(bundle) = text(&secret, "ca_crt.pem").and_then(|pem| CaBundle::from_pem(pem).ok()) else { return nothing };
    let Some(lists) = crl.and_then(|secret| CrlBundle::from_pem(text(secret, "ca_crl.pem")?).ok()) else {
        return (Some(facts(&bundle)), None, None);
    };
    (Some(facts(&bundle)), crl::facts(&lists, &bundle), crl::of_others(&lists, &bundle, context.now()))
}

/// Digest of everything by which an external CA is reached; nothing for one in the cluster, whose address never changes.
fn access(object: &CertificateAuthority, trust: Option<&Facts>) -> String {
    let Some(external) = &object.spec.external else { return String::new() };
    let given = |name: &Option<String>| name.clone().unwrap_or_default();
    // What is not set adds nothing: a digest that changes is a CA that is probed anew.
    let short_keys = external.allow_short_keys.then(|| ("allowShortKeys", true.to_string()));
    let all = [
        ("url", external.url.clone()),
        ("caSecretRef", given(&external.ca_secret_ref)),
        ("tlsSecretRef", given(&external.tls_secret_ref)),
        ("insecureSkipVerify", external.insecure_skip_verify.to_string()),
        ("trust", trust.map(|trust| trust.key.clone()).unwrap_or_default()),
    ];
    data_hash(all.into_iter().chain(short_keys))
}

/// The CA's own Service, as it should be; none for an external CA.
fn service_plan(context: &Context, namespace: &str, object: &CertificateAuthority) -> OwnedSet {
    let (name, owner) = (object.name_any(), setup::owner(object));
    let service = build::service::certificate_authority(setup::scope(namespace, owner.as_ref()), &name);
    let live = context.caches.services.get(namespace, &name::ca_service(&name));
    match Desired::new(&service) {
        Ok(service) if object.spec.external.is_none() => OwnedSet::default().with(service, live),
        _ => OwnedSet::default(),
    }
}

/// The Deployment of a CA server holds the volume as long as it wants pods.
fn volume_in_use(context: &Context, namespace: &str, authority: &str) -> bool {
    context
        .caches
        .deployments
        .by(namespace, &Key::refers_to::<CertificateAuthority>(authority))
        .iter()
        .any(|deployment| deployment.at("/spec/replicas") != Some(0) || deployment.at("/status/replicas").is_some_and(|pods: i32| pods > 0))
}

/// `failure` is what the pods of the Job show.
fn job(job: Option<&OwnedObject>, failure: Option<PodFailure>) -> Job {
    let Some(job) = job.filter(|job| job.meta().deletion_timestamp.is_none()) else {
        // One that is going counts as running: its name is taken until it is gone.
        return if job.is_some() { Job::Running { failure: None } } else { Job::Absent };
    };
    let conditions = job.at::<JobStatus>("/status").and_then(|status| status.conditions).unwrap_or_default();
    let condition = |kind: &str| conditions.iter().find(|condition| condition.type_ == kind && condition.status == "True");
    if let Some(failed) = condition("Failed") {
        let unexplained = || failed.message.clone().unwrap_or_else(|| "the set-up Job failed".to_owned());
        return Job::Failed { message: failure.map_or_else(unexplained, |failure| failure.to_string()) };
    }
    if condition("Complete").is_some() { Job::Succeeded } else { Job::Running { failure } }
}

fn facts(bundle: &CaBundle) -> Facts {
    let info = bundle.signing().info();
    Facts { key: info.public_key.to_string(), not_after: info.not_after, warn_at: info.not_after - TimeDelta::days(WARN_DAYS) }
}

fn material(
    certificates: Option<&Secret>,
    key: Option<&Secret>,
    crl: Option<&Secret>,
    now: Timestamp,
) -> (Material, Option<RevocationList>, Option<Blocked>) {
    let Some(pem) = certificates.and_then(|secret| text(secret, "ca_crt.pem")) else { return (Material::Absent, None, None) };
    let incomplete = |message: String| (Material::Incomplete { message }, None, None);
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
    (Material::Complete(facts(&bundle)), crl::facts(&lists, &bundle), crl::of_others(&lists, &bundle, now))
}
