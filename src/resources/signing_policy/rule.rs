//! What a SigningPolicy contributes to the file that the CA reads.

use crate::resources::text::text;
use crate::resources::user_secret::UserSecrets;
use kube::ResourceExt as _;
use openvox_crds::{CsrAttribute, SigningPolicy};
use openvox_machines::core::Blocked;
use openvox_machines::reason;
use openvox_puppet::extension;
use openvox_runtime::autosign::address_range::AddressRange;
use openvox_runtime::autosign::glob;
use openvox_runtime::autosign::policy::{Conditions, CsrAttribute as Attribute, Policy, PolicyFile, Rule};

/// A policy as it stands in the file.
pub(super) fn text_of(policy: Policy) -> String {
    PolicyFile { policies: vec![policy] }.to_yaml()
}

/// What a SigningPolicy contributes to the file, or why it cannot: a glob that does not parse, an attribute that
/// nobody knows, a Secret that is not there. `values` is what was read for it.
///
/// # Errors
/// [`Blocked`] with the field, the value and what to do.
pub fn rule(object: &SigningPolicy, values: &UserSecrets) -> Result<Policy, Blocked> {
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
        let value = expected(values, wanted, &field)?;
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

fn expected(values: &UserSecrets, wanted: &CsrAttribute, field: &str) -> Result<String, Blocked> {
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
    match values.get(secret) {
        Some(Ok(Some(found))) => text(found, key).map(str::to_owned).ok_or_else(|| missing(format!("Secret {secret} has no key {key}"))),
        Some(Ok(None)) | None => Err(missing(format!("Secret {secret} does not exist"))),
        Some(Err(error)) => Err(missing(format!("Secret {secret} cannot be read: {error}"))),
    }
}
