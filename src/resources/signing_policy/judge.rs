//! What the facts mean for a SigningPolicy (no client required).

use super::digest;
use super::look::Facts;
use super::rule::{rule, text_of};
use crate::reconcile::View;
use crate::resources::dangling::dangling;
use crate::resources::text::text;
use kube::ResourceExt as _;
use openvox_crds::SigningPolicy;
use openvox_machines::reason;
use openvox_machines::signing_policy::{self as machine, InFile, Observed};
use openvox_runtime::autosign::policy::PolicyFile;
use std::convert::Infallible;

/// The machine's observation.
pub struct PolicyView(Observed);

impl View<machine::SigningPolicy> for PolicyView {
    fn seen(&self) -> &Observed {
        &self.0
    }
}

pub(super) fn judge(object: &SigningPolicy, facts: &Facts, report: Option<Infallible>) -> PolicyView {
    let (name, authority) = (object.name_any(), &object.spec.certificate_authority_ref);
    let wanted = rule(object, &facts.values);
    let file = facts.file.as_deref().and_then(|secret| PolicyFile::parse(text(secret, "autosign-policy.yaml")?).ok());
    let written = file.and_then(|file| file.policies.into_iter().find(|policy| policy.name == name));
    let in_file = match (written.map(text_of), wanted.as_ref().ok().cloned().map(text_of)) {
        (None, _) => InFile::Absent,
        (written, wanted) if written == wanted => InFile::Exactly,
        _ => InFile::Other,
    };
    PolicyView(Observed {
        invalid: wanted.as_ref().err().cloned(),
        authority_missing: facts
            .authority
            .is_none()
            .then(|| dangling(reason::AUTHORITY_NOT_FOUND, "spec.certificateAuthorityRef", "CertificateAuthority", authority)),
        external: facts.authority.as_ref().is_some_and(|authority| authority.spec.external.is_some()),
        digest: wanted.map(digest::without_values).unwrap_or_default(),
        in_file,
        server: facts.server,
        report,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resources::user_secret::UserSecrets;
    use k8s_openapi::api::core::v1::Secret;
    use openvox_machines::signing_policy::CaServer;
    use serde_json::{Value, json};
    use std::sync::Arc;

    fn policy() -> SigningPolicy {
        let from = json!({"secretKeyRef": {"name": "psk", "key": "value"}});
        let spec = json!({"certificateAuthorityRef": "corp", "csrAttributes": [{"name": "pp_preshared_key", "valueFrom": from}]});
        serde_json::from_value(json!({"metadata": {"name": "enrolled", "namespace": "ns"}, "spec": spec})).unwrap()
    }

    fn secret(key: &str, value: &str) -> Secret {
        let data: Value = [(key, json!(k8s_openapi::ByteString(value.as_bytes().to_vec())))]
            .into_iter()
            .map(|(key, value)| (key.to_owned(), value))
            .collect();
        serde_json::from_value(json!({"metadata": {"name": "psk"}, "data": data})).unwrap()
    }

    fn seen(value: Result<Option<Secret>, String>, file: Option<String>) -> Observed {
        let authority = Some(Arc::new(serde_json::from_value(json!({"metadata": {"name": "corp"}, "spec": {}})).unwrap()));
        let values = UserSecrets::from([("psk".to_owned(), value)]);
        let file = file.map(|file| Arc::new(secret("autosign-policy.yaml", &file)));
        let facts = Facts { values, authority, file, server: CaServer::Ready };
        judge(&policy(), &facts, None).0
    }

    #[test]
    fn a_value_that_cannot_be_read_makes_the_policy_invalid() {
        for (value, words) in [
            (Ok(None), "Secret psk does not exist"),
            (Ok(Some(secret("other", "x"))), "Secret psk has no key value"),
            (Err("forbidden".to_owned()), "Secret psk cannot be read: forbidden"),
        ] {
            let message = seen(value, None).invalid.unwrap().message;
            assert!(message.contains(words), "{message}");
        }
        assert_eq!(seen(Ok(Some(secret("value", "autumn"))), None).invalid, None);
    }

    #[test]
    fn the_file_holds_the_rules_exactly_otherwise_or_not_at_all() {
        let values = |value: &str| UserSecrets::from([("psk".to_owned(), Ok(Some(secret("value", value))))]);
        let file = |value: &str| text_of(rule(&policy(), &values(value)).unwrap());
        let in_file = |file: Option<String>| seen(Ok(Some(secret("value", "autumn"))), file).in_file;
        assert_eq!(in_file(None), InFile::Absent);
        assert_eq!(in_file(Some(file("autumn"))), InFile::Exactly);
        assert_eq!(in_file(Some(file("winter"))), InFile::Other);
    }
}
