//! `auth.conf`: which clients may send which request.

use super::authorization_rule;
use super::error::RenderError;
use super::hocon::{self, Object, Value};
use super::inputs::Authority;
use crate::build::name;
use openvox_crds::ConfigSpec;

/// Sort order of every built-in rule.
const BUILT_IN_ORDER: i32 = 500;
/// Name of the rule that refuses what no other rule let through.
const DENY_ALL: &str = "puppetlabs deny all";

/// Whom a rule lets through.
#[derive(Clone, Copy)]
enum Access {
    /// Every client with a certificate.
    Any,
    /// The client whose certname is the rule's first capture group.
    Own,
    /// Every client, even without a certificate.
    Unauthenticated,
    /// Certificates that may administer the CA.
    Admin,
    /// Nobody.
    Nobody,
}

/// How a rule's path is compared.
#[derive(Clone, Copy)]
enum Match {
    Prefix(&'static str),
    Regex(&'static str),
}

use Access::{Admin, Any, Nobody, Own, Unauthenticated};
use Match::{Prefix, Regex};

/// The rules that Puppet Server ships, with the CA's administrative requests open to the operator as well.
const BUILT_IN: [(&str, Match, &[&str], Access); 26] = [
    ("puppetlabs v3 catalog from agents", Regex("^/puppet/v3/catalog/([^/]+)$"), &["get", "post"], Own),
    ("puppetlabs v4 catalog for services", Regex("^/puppet/v4/catalog/?$"), &["post"], Nobody),
    ("puppetlabs certificate", Prefix("/puppet-ca/v1/certificate/"), &["get"], Unauthenticated),
    ("puppetlabs crl", Prefix("/puppet-ca/v1/certificate_revocation_list/ca"), &["get"], Unauthenticated),
    ("puppetlabs csr", Prefix("/puppet-ca/v1/certificate_request"), &["get", "put"], Unauthenticated),
    ("puppetlabs certificate renewal", Prefix("/puppet-ca/v1/certificate_renewal"), &["post"], Any),
    ("puppetlabs cert status", Prefix("/puppet-ca/v1/certificate_status"), &["get", "put", "delete"], Admin),
    ("puppetlabs CRL update", Regex("^/puppet-ca/v1/certificate_revocation_list$"), &["put"], Admin),
    ("puppetlabs cert statuses", Prefix("/puppet-ca/v1/certificate_statuses"), &["get"], Admin),
    ("puppetlabs CA cert and CRL expirations", Prefix("/puppet-ca/v1/expirations"), &["get"], Any),
    ("puppetlabs cert clean", Prefix("/puppet-ca/v1/clean"), &["put"], Admin),
    ("puppetlabs cert sign", Prefix("/puppet-ca/v1/sign"), &["post"], Admin),
    ("puppetlabs cert sign all", Prefix("/puppet-ca/v1/sign/all"), &["post"], Admin),
    ("puppetlabs resource type", Regex("^/puppet/v3/resource_type/([^/]+)$"), &["get", "post"], Any),
    ("puppetlabs status", Regex("^/puppet/v3/status/([^/]+)$"), &["get"], Own),
    ("puppetlabs status service - full", Prefix("/status/v1/services"), &["get"], Unauthenticated),
    ("puppetlabs status service - simple", Prefix("/status/v1/simple"), &["get"], Unauthenticated),
    ("puppetlabs environments", Prefix("/puppet/v3/environments"), &["get"], Any),
    ("puppetlabs file bucket file", Prefix("/puppet/v3/file_bucket_file"), &["get", "head", "post", "put"], Any),
    ("puppetlabs file content", Prefix("/puppet/v3/file_content"), &["get", "post"], Any),
    ("puppetlabs file metadata", Prefix("/puppet/v3/file_metadata"), &["get", "post"], Any),
    ("puppetlabs node", Regex("^/puppet/v3/node/([^/]+)$"), &["get"], Own),
    ("puppetlabs report", Regex("^/puppet/v3/report/([^/]+)$"), &["put"], Own),
    ("puppetlabs facts", Regex("^/puppet/v3/facts/([^/]+)$"), &["put"], Own),
    ("puppetlabs static file content", Prefix("/puppet/v3/static_file_content"), &["get"], Any),
    ("puppet tasks information", Prefix("/puppet/v3/tasks"), &[], Any),
];

/// The text of `auth.conf`: the built-in rules, then those of the Config, then one that denies everything else.
///
/// # Errors
/// When Puppet Server would refuse a rule of the Config and not start.
pub fn render(config: &ConfigSpec, authority: Option<&Authority>) -> Result<String, RenderError> {
    let custom = config.puppetserver.as_ref().map(|server| server.authorization_rules.as_slice()).unwrap_or_default();
    authorization_rule::check_names(custom, &BUILT_IN.map(|(name, ..)| name), DENY_ALL)?;

    let mut rules: Vec<Value> = BUILT_IN
        .into_iter()
        .map(|(name, path, methods, access)| {
            let methods: Vec<Value> = methods.iter().map(|method| Value::from(*method)).collect();
            rule(name, path, methods, effect(access, authority), BUILT_IN_ORDER)
        })
        .collect();
    for (index, custom) in custom.iter().enumerate() {
        rules.push(Value::Object(authorization_rule::render(index, custom)?));
    }
    rules.push(rule(DENY_ALL, Prefix("/"), Vec::new(), effect(Nobody, authority), 999));

    Ok(hocon::render(&vec![("authorization", Value::Object(vec![("version", 1.into()), ("rules", Value::List(rules))]))]))
}

fn rule(name: &str, path: Match, methods: Vec<Value>, effect: (&'static str, Value), order: i32) -> Value {
    let (path, kind) = match path {
        Prefix(path) => (path, "path"),
        Regex(path) => (path, "regex"),
    };
    let mut request: Object = vec![("path", path.into()), ("type", kind.into())];
    if !methods.is_empty() {
        request.push(("method", Value::List(methods)));
    }
    Value::Object(vec![("match-request", Value::Object(request)), effect, ("sort-order", order.into()), ("name", name.into())])
}

fn effect(access: Access, authority: Option<&Authority>) -> (&'static str, Value) {
    match access {
        Any => ("allow", "*".into()),
        Own => ("allow", "$1".into()),
        Unauthenticated => ("allow-unauthenticated", true.into()),
        Nobody => ("deny", "*".into()),
        Admin => {
            let extension = Value::Object(vec![("extensions", Value::Object(vec![("pp_cli_auth", "true".into())]))]);
            // A name is a weak credential: any holder of a certificate of that name passes. The extension is in no certificate
            // that the CA signs from a request.
            let operator = authority
                .filter(|authority| authority.is_internal() && authority.operator_by_name)
                .map(|authority| Value::Text(name::operator_certname(&authority.name)));
            ("allow", Value::List(std::iter::once(extension).chain(operator).collect()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use openvox_crds::{AuthorizationRule, CertificateAuthoritySpec, ExternalCaSpec, MatchRequest, PuppetServerSpec};

    fn authority(internal: bool, operator_by_name: bool) -> Authority {
        let external = (!internal).then(ExternalCaSpec::default);
        let spec = CertificateAuthoritySpec { external, ..CertificateAuthoritySpec::default() };
        Authority { name: "corp".to_owned(), spec, operator_by_name }
    }

    #[test]
    fn the_rules_are_those_that_puppet_server_ships_and_end_with_a_deny() {
        insta::assert_snapshot!(render(&ConfigSpec::default(), None).unwrap());
    }

    #[test]
    fn a_name_alone_administers_no_ca_but_one_whose_operator_certificate_has_nothing_else() {
        let count = |authority: Option<&Authority>| render(&ConfigSpec::default(), authority).unwrap().matches("\"corp-operator\"").count();
        assert_eq!(count(Some(&authority(true, false))), 0);
        assert_eq!(count(Some(&authority(true, true))), 6);
        assert_eq!(count(Some(&authority(false, true))), 0);
        assert_eq!(count(None), 0);
    }

    #[test]
    fn a_rule_of_the_config_stands_before_the_final_deny() {
        let custom = AuthorizationRule {
            name: "mine \"quoted\"".to_owned(),
            match_request: MatchRequest { path: "/x".to_owned(), ..MatchRequest::default() },
            allow: Some("*".to_owned()),
            ..AuthorizationRule::default()
        };
        let config = ConfigSpec {
            puppetserver: Some(PuppetServerSpec { authorization_rules: vec![custom], ..PuppetServerSpec::default() }),
            ..ConfigSpec::default()
        };
        let text = render(&config, None).unwrap();
        let mine = text.find(r#"name: "mine \"quoted\"""#).unwrap();
        assert!(text.find("puppet tasks information").unwrap() < mine);
        assert!(mine < text.find(DENY_ALL).unwrap());
    }
}
