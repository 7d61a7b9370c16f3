//! SigningPolicy. It has no effects of its own: the file that the CA reads is written by the reconcile of the
//! CertificateAuthority, once for all its policies.

mod digest;

use super::certificate_authority::{endpoint_ready, setup::server_certificate};
use super::text::text;
use crate::build::name;
use crate::cluster::{Cache, Caches, api_error};
use crate::reconcile::{Context, Kind, View};
use k8s_openapi::api::core::v1::Secret;
use kube::{Api, ResourceExt as _};
use openvox_crds::{CsrAttribute, Lifecycled as _, SigningPolicy, SigningPolicyPhase, SigningPolicyStatus};
use openvox_machines::core::{Blocked, Condition, Machine};
use openvox_machines::reason;
use openvox_machines::signing_policy::{self as machine, CaServer, InFile, Observed, State};
use openvox_puppet::extension;
use openvox_runtime::autosign::address_range::AddressRange;
use openvox_runtime::autosign::glob;
use openvox_runtime::autosign::policy::{Conditions, CsrAttribute as Attribute, Policy, PolicyFile, Rule};
use std::convert::Infallible;
use std::sync::Arc;

/// The kind.
pub struct SigningPolicies;

/// What was observed.
pub struct PolicyView(Observed);

impl View<machine::SigningPolicy> for PolicyView {
    fn seen(&self) -> &Observed {
        &self.0
    }
}

impl Kind for SigningPolicies {
    type Resource = SigningPolicy;
    type Machine = machine::SigningPolicy;
    type View = PolicyView;
    type Report = Infallible;

    fn cache(caches: &Caches) -> &Cache<SigningPolicy> {
        &caches.policies
    }

    fn phases() -> Vec<&'static str> {
        SigningPolicyPhase::ALL.iter().map(|phase| phase.as_str()).collect()
    }

    async fn observe(context: &Context, object: &Arc<SigningPolicy>, report: Option<Infallible>) -> PolicyView {
        let (namespace, name) = (object.namespace().unwrap_or_default(), object.name_any());
        let authority_name = &object.spec.certificate_authority_ref;
        let authority = context.caches.authorities.get(&namespace, authority_name);
        let wanted = rule(context, object).await;
        let file = context
            .caches
            .secrets
            .get(&namespace, &name::autosign_policy_secret(authority_name))
            .and_then(|secret| PolicyFile::parse(text(&secret, "autosign-policy.yaml")?).ok());
        let written = file.and_then(|file| file.policies.into_iter().find(|policy| policy.name == name));
        let in_file = match (written.map(text_of), wanted.as_ref().ok().cloned().map(text_of)) {
            (None, _) => InFile::Absent,
            (written, wanted) if written == wanted => InFile::Exactly,
            _ => InFile::Other,
        };
        PolicyView(Observed {
            now: context.now(),
            generation: object.metadata.generation.unwrap_or(0),
            invalid: wanted.as_ref().err().cloned(),
            authority_missing: authority.is_none().then(|| {
                Blocked::waiting(
                    reason::AUTHORITY_NOT_FOUND,
                    format!("spec.certificateAuthorityRef names CertificateAuthority {authority_name}, which does not exist"),
                )
                .remedy("create it or change the reference")
            }),
            external: authority.is_some_and(|authority| authority.spec.external.is_some()),
            digest: wanted.map(digest::without_values).unwrap_or_default(),
            in_file,
            server: ca_server(context, &namespace, authority_name),
            report,
        })
    }

    fn conditions(state: &State, _: &PolicyView, blocked: Option<&Blocked>) -> Vec<Condition> {
        machine::conditions(state, blocked)
    }

    fn project(_: &State, _: &PolicyView, status: &mut SigningPolicyStatus) {
        digest::remove_old(&mut status.lifecycle_mut().history);
    }

    fn effect_name(effect: &<machine::SigningPolicy as Machine>::Effect) -> &'static str {
        match *effect {}
    }

    async fn act(
        _: &Arc<Context>,
        _: &Arc<SigningPolicy>,
        _: &PolicyView,
        effect: &<machine::SigningPolicy as Machine>::Effect,
    ) -> Option<Infallible> {
        match *effect {}
    }

    fn is_failure(report: &Infallible) -> bool {
        match *report {}
    }
}

/// A policy as it stands in the file.
fn text_of(policy: Policy) -> String {
    PolicyFile { policies: vec![policy] }.to_yaml()
}

/// What a SigningPolicy contributes to the file, or why it cannot: a glob that does not parse, an attribute that
/// nobody knows, a Secret that is not there.
///
/// # Errors
/// [`Blocked`] with the field, the value and what to do.
pub async fn rule(context: &Context, object: &SigningPolicy) -> Result<Policy, Blocked> {
    let spec = &object.spec;
    let extensions = spec.extensions.as_ref().map(|list| list.allow.clone()).unwrap_or_default();
    for (index, name) in extensions.iter().enumerate() {
        if extension::resolve(name).is_none() {
            return Err(unknown(&format!("spec.extensions.allow[{index}]"), name));
        }
    }
    if spec.any {
        return Ok(Policy { name: object.name_any(), extensions, rule: Rule::Any });
    }
    for (index, range) in spec.ip_alt_names.iter().flat_map(|list| list.allow.iter().enumerate()) {
        AddressRange::parse(range)
            .map_err(|error| Blocked::invalid(reason::INVALID_POLICY, format!("spec.ipAltNames.allow[{index}]: {error}")))?;
    }
    let globs = [("spec.pattern.allow", &spec.pattern), ("spec.dnsAltNames.allow", &spec.dns_alt_names)];
    for (field, list) in globs {
        for (index, pattern) in list.iter().flat_map(|list| list.allow.iter().enumerate()) {
            glob::check(pattern).map_err(|error| Blocked::invalid(reason::INVALID_POLICY, format!("{field}[{index}]: {error}")))?;
        }
    }
    let mut csr_attributes = Vec::with_capacity(spec.csr_attributes.len());
    for (index, wanted) in spec.csr_attributes.iter().enumerate() {
        let field = format!("spec.csrAttributes[{index}]");
        if extension::resolve(&wanted.name).is_none() {
            return Err(unknown(&format!("{field}.name"), &wanted.name));
        }
        let value = expected(context, object, wanted, &field).await?;
        csr_attributes.push(Attribute { name: wanted.name.clone(), value: value.into() });
    }
    let allow = |list: &Option<openvox_crds::GlobList>| list.as_ref().map(|list| list.allow.clone());
    let rule = Rule::Conditions(Conditions {
        pattern: allow(&spec.pattern),
        dns_alt_names: allow(&spec.dns_alt_names),
        ip_alt_names: spec.ip_alt_names.as_ref().map(|list| list.allow.clone()),
        csr_attributes,
    });
    Ok(Policy { name: object.name_any(), extensions, rule })
}

fn unknown(field: &str, name: &str) -> Blocked {
    Blocked::invalid(reason::INVALID_POLICY, format!("{field}: {name:?} is no Puppet extension"))
        .remedy("use a short name such as pp_role or pp_preshared_key, or a dotted OID")
}

/// Who reads the authority's policy file.
fn ca_server(context: &Context, namespace: &str, authority: &str) -> CaServer {
    if server_certificate(&context.caches, namespace, authority).is_none() {
        CaServer::Absent
    } else if endpoint_ready(context, namespace, &name::ca_service(authority)) {
        CaServer::Ready
    } else {
        CaServer::Starting
    }
}

async fn expected(context: &Context, object: &SigningPolicy, wanted: &CsrAttribute, field: &str) -> Result<String, Blocked> {
    let Some(from) = &wanted.value_from else {
        return wanted.value.clone().filter(|value| !value.is_empty()).ok_or_else(|| {
            Blocked::invalid(reason::INVALID_POLICY, format!("{field}: neither value nor valueFrom is set"))
                .remedy("set one of them: an empty value matches nothing")
        });
    };
    let (secret, key) = (&from.secret_key_ref.name, &from.secret_key_ref.key);
    let missing = |what: String| {
        Blocked::waiting(reason::SECRET_NOT_FOUND, format!("{field}.valueFrom: {what}"))
            .remedy("create it; the policy signs nothing until then")
    };
    let api: Api<Secret> = Api::namespaced(context.client.clone(), &object.namespace().unwrap_or_default());
    match api.get_opt(secret).await {
        Ok(Some(found)) => text(&found, key).map(str::to_owned).ok_or_else(|| missing(format!("Secret {secret} has no key {key}"))),
        Ok(None) => Err(missing(format!("Secret {secret} does not exist"))),
        Err(error) => Err(missing(format!("Secret {secret} cannot be read: {}", api_error::words(&error)))),
    }
}
