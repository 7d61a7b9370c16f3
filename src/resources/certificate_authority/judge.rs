//! What the facts mean for a CertificateAuthority (no client required).

use super::look::Facts;
use super::{claim, crl, intermediate, material, policies, secrets, setup, spec};
use crate::build::hash::data_hash;
use crate::build::{self, Scope, name};
use crate::cluster::{Cached, Desired, OwnedObject, OwnedSet, owner_reference};
use crate::reconcile::View;
use crate::resources::pod_failure::Judgement;
use crate::resources::text::text;
use k8s_openapi::api::core::v1::Secret;
use kube::ResourceExt as _;
use openvox_crds::vocabulary::secret_key;
use openvox_crds::{CertificateAuthority, DeletionPolicy, ExternalCaSpec};
use openvox_machines::certificate_authority::{self as machine, Material, Observed, Report, RevocationList, ServerCertificate};
use openvox_machines::core::Timestamp;
use std::sync::Arc;

/// The machine's observation, and what the effects and the status need besides.
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

pub(super) fn judge(object: &CertificateAuthority, facts: Facts, report: Option<Report>, now: Timestamp) -> AuthorityView {
    let external = object.spec.external.clone();
    let internal = external.is_none();
    let Judgement { failure, changes_at } = facts.job.as_deref().map(|job| setup::judge(facts.job_pods, job, now)).unwrap_or_default();
    let (service, policy) = if internal {
        let policy = policies::desired(object, facts.config.as_deref(), &facts.policies).ok();
        (owned(service(object), facts.service), owned(policy, facts.policy_file))
    } else {
        (OwnedSet::default(), OwnedSet::default())
    };
    let ca_secrets = &facts.secrets;
    let own = |secret| secrets::own(secret, object);
    let crl_secret = own(ca_secrets.crl.as_ref());
    let (material, trust, crl, chain) = if internal {
        let (material, crl, chain) = material::inside(own(ca_secrets.certificates.as_ref()), own(ca_secrets.key.as_ref()), crl_secret, now);
        (material, None, crl, chain)
    } else {
        let (trust, crl, chain) = material::outside(facts.outside_trust.as_deref(), crl_secret, now);
        (Material::Absent, trust, crl, chain)
    };
    let claim = facts.claim.as_deref();
    let in_place = !internal
        || (ca_secrets.are_in_place(object)
            && claim::is_in_place(claim, object)
            && service.is_in_place()
            && policy.is_in_place()
            && ca_secrets.operator_certificate.is_some());
    let access = access(object, trust.as_ref());
    let answers = !internal || facts.answers;
    let next_look = facts.last_look.next(&access, crl::interval(object), now).filter(|_| answers);
    let seen = Observed {
        now,
        deleting: object.metadata.deletion_timestamp.is_some(),
        retained: object.spec.deletion_policy == DeletionPolicy::Retain,
        invalid: spec::invalid(object).or(facts.host_refused),
        external: !internal,
        unverified: external.as_ref().is_some_and(|external| external.insecure_skip_verify),
        short_keys: external.as_ref().is_some_and(|external| external.allow_short_keys),
        trust,
        access,
        given: intermediate::missing(object, &facts.given),
        configured: facts.config.is_some(),
        server: facts.server.map_or(ServerCertificate::Unknown, |(name, secret)| ServerCertificate::Named {
            issued: secret.as_deref().is_some_and(is_issued),
            name,
        }),
        operator_issued: ca_secrets.operator_pair.as_deref().is_some_and(is_issued),
        volume_in_use: facts.deployments.iter().any(|deployment| wants_pods(deployment)),
        in_place,
        volume: claim.and_then(|claim| claim.metadata.uid.clone()),
        notice: spec::doubtful(object).or_else(|| claim::storage(claim.filter(|_| internal)?, object)).or(chain),
        material,
        job: setup::progress(facts.job.as_deref(), failure),
        crl_stale: crl.as_ref().and_then(|list| list.next_update).is_some_and(|due| now > due),
        crl_due: answers && next_look.is_none(),
        report,
    };
    AuthorityView { seen, name: object.name_any(), external, service, policy, crl, next_look, changes_at }
}

fn owned<L: Cached>(desired: Option<Desired<L>>, live: Option<Arc<L>>) -> OwnedSet<L> {
    desired.map(|desired| OwnedSet::default().with(desired, live)).unwrap_or_default()
}

/// The certificate is in the Secret.
fn is_issued(pair: &Secret) -> bool {
    text(pair, secret_key::CERTIFICATE).is_some()
}

/// The Deployment of a CA server holds the volume as long as it wants pods.
fn wants_pods(deployment: &OwnedObject) -> bool {
    deployment.at("/spec/replicas") != Some(0) || deployment.at("/status/replicas").is_some_and(|pods: i32| pods > 0)
}

/// The CA's own Service, as it should be.
fn service(object: &CertificateAuthority) -> Option<Desired> {
    let (namespace, owner) = (object.namespace().unwrap_or_default(), owner_reference(object));
    let scope = Scope { namespace: &namespace, owner: owner.as_ref() };
    Desired::new(&build::service::certificate_authority(scope, &object.name_any())).ok()
}

/// Name of the Secret with the certificates by which a CA is known.
#[must_use]
pub fn trust_name(object: &CertificateAuthority) -> String {
    let given = object.spec.external.as_ref().and_then(|external| external.ca_secret_ref.clone());
    given.unwrap_or_else(|| name::ca_secret(&object.name_any()))
}

/// Digest of everything by which an external CA is reached; nothing for one in the cluster, whose address never changes.
fn access(object: &CertificateAuthority, trust: Option<&machine::Facts>) -> String {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::Change;
    use crate::resources::certificate_authority::secrets::CaSecrets;
    use openvox_machines::core::Blocked;
    use openvox_machines::reason;
    use serde_json::{Value, json};

    fn authority(spec: &Value) -> CertificateAuthority {
        let metadata = json!({"name": "corp", "namespace": "ns", "uid": "1"});
        serde_json::from_value(json!({"metadata": metadata, "spec": spec})).unwrap()
    }

    fn secret(key: &str) -> Arc<Secret> {
        let data = [(key.to_owned(), k8s_openapi::ByteString(b"x".to_vec()))].into();
        Arc::new(Secret { data: Some(data), ..Secret::default() })
    }

    fn view(spec: &Value, facts: Facts) -> AuthorityView {
        judge(&authority(spec), facts, None, Timestamp::UNIX_EPOCH)
    }

    #[test]
    fn a_ca_in_the_cluster_owns_its_service_and_its_policy_file_and_one_outside_nothing() {
        let changes = |spec: &Value| {
            let view = view(spec, Facts::default());
            let differences = view.service.differences().into_iter().chain(view.policy.differences());
            let names: Vec<_> = differences.map(|difference| (difference.name, difference.change)).collect();
            (view.seen.in_place, names)
        };
        let missing = ["corp-internal", "corp-autosign-policy"].map(|name| (name.to_owned(), Change::Create));
        assert_eq!(changes(&json!({})), (false, missing.into()));
        assert_eq!(changes(&json!({"external": {"url": "https://puppet:8140"}})), (true, vec![]));
    }

    #[test]
    fn certificates_are_issued_once_they_are_in_their_secrets() {
        let issued = |server: Option<Arc<Secret>>, operator_pair: Option<Arc<Secret>>| {
            let secrets = CaSecrets { operator_pair, ..CaSecrets::default() };
            let seen = view(&json!({}), Facts { server: Some(("web".to_owned(), server)), secrets, ..Facts::default() }).seen;
            (seen.server, seen.operator_issued)
        };
        let named = |issued| ServerCertificate::Named { name: "web".to_owned(), issued };
        assert_eq!(issued(None, None), (named(false), false));
        assert_eq!(issued(Some(secret("key.pem")), Some(secret("key.pem"))), (named(false), false));
        assert_eq!(issued(Some(secret("cert.pem")), Some(secret("cert.pem"))), (named(true), true));
        assert_eq!(view(&json!({}), Facts::default()).seen.server, ServerCertificate::Unknown);
    }

    #[test]
    fn a_deployment_that_wants_no_pods_and_has_none_leaves_the_volume() {
        let in_use = |spec: Value, status: Value| {
            let deployment = serde_json::from_value(json!({"metadata": {"name": "ca"}, "spec": spec, "status": status})).unwrap();
            view(&json!({}), Facts { deployments: vec![Arc::new(deployment)], ..Facts::default() }).seen.volume_in_use
        };
        assert!(in_use(json!({}), json!({})), "no number means one");
        assert!(in_use(json!({"replicas": 0}), json!({"replicas": 1})));
        assert!(!in_use(json!({"replicas": 0}), json!({})));
    }

    #[test]
    fn the_revocation_list_is_due_where_somebody_answers() {
        let due = |spec: &Value, answers| view(spec, Facts { answers, ..Facts::default() }).seen.crl_due;
        assert!(due(&json!({}), true) && !due(&json!({}), false));
        assert!(due(&json!({"external": {"url": "https://puppet:8140"}}), false), "a CA outside has no pods here");
    }

    #[test]
    fn a_host_that_is_not_allowed_and_a_missing_intermediate_ca_are_said() {
        let host_refused = Some(Blocked::invalid(reason::INVALID_SPEC, "not among the hosts"));
        let seen = view(&json!({"external": {"url": "https://puppet:8140"}}), Facts { host_refused, ..Facts::default() }).seen;
        assert_eq!(seen.invalid.unwrap().message, "not among the hosts");
        let spec = json!({"intermediateCA": {"enabled": true, "secretName": "given"}});
        let given = |secret| view(&spec, Facts { given: Some(Ok(secret)), ..Facts::default() }).seen.given.unwrap().message;
        assert!(given(secret("ca.pem")).contains("Secret given has no key.pem"));
        assert_eq!(view(&spec, Facts::default()).seen.given, None, "not asked any more");
    }
}
