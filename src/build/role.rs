//! Role.

use super::metadata::metadata;
use super::scope::Scope;
use super::{label_set, name};
use k8s_openapi::api::rbac::v1::{PolicyRule, Role};

/// What the Job that sets a CA up may do: write the Secrets of the CA and the certificate Secrets named here, and no
/// others. Creation cannot be limited to names in Kubernetes.
#[must_use]
pub fn ca_setup(scope: Scope<'_>, authority: &str, tls_secrets: &[String]) -> Role {
    let mut names = vec![name::ca_secret(authority), name::ca_key_secret(authority), name::ca_crl_secret(authority)];
    names.extend(tls_secrets.iter().cloned());
    let rule = |names: Option<Vec<String>>, verbs: &[&str]| PolicyRule {
        api_groups: Some(vec![String::new()]),
        resources: Some(vec!["secrets".to_owned()]),
        resource_names: names,
        verbs: verbs.iter().map(|verb| (*verb).to_owned()).collect(),
        ..PolicyRule::default()
    };
    Role {
        metadata: metadata(scope, name::ca_setup(authority), label_set::authority(authority)),
        rules: Some(vec![rule(Some(names), &["get", "patch"]), rule(None, &["create"])]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::build::fixture;

    #[test]
    fn the_setup_job_may_write_the_secrets_it_makes_and_no_others() {
        let scope = Scope { namespace: "ns", owner: None };
        insta::assert_snapshot!(fixture::yaml(&ca_setup(scope, "corp", &["puppet-tls".to_owned()])));
    }
}
