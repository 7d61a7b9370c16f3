//! What the facts mean for a NodeClassifier (no client required).

use super::look::Facts;
use crate::build::hash::data_hash;
use crate::reconcile::View;
use crate::render::enc::{EncError, EncFiles, enc};
use crate::resources::text::text;
use crate::resources::user_secret::UserSecrets;
use k8s_openapi::api::core::v1::Secret;
use kube::ResourceExt as _;
use openvox_crds::vocabulary::label;
use openvox_crds::{NodeClassifier, References as _};
use openvox_machines::core::{Blocked, Timestamp};
use openvox_machines::node_classifier::{self as machine, Observed, Settings};
use openvox_machines::reason;
use std::convert::Infallible;

/// The machine's observation.
pub struct ClassifierView(Observed);

impl View<machine::NodeClassifier> for ClassifierView {
    fn seen(&self) -> &Observed {
        &self.0
    }
}

pub(super) fn judge(object: &NodeClassifier, facts: &Facts, report: Option<Infallible>, now: Timestamp) -> ClassifierView {
    let settings = match files(object, &facts.secrets) {
        Ok(_) => Settings::Complete { digest: data_hash([("spec", serde_json::json!(object.spec).to_string())]) },
        Err(incomplete) => incomplete,
    };
    ClassifierView(Observed { now, referred: facts.referred, settings, report })
}

/// The files that are made of the spec and its Secrets, or why they cannot be.
///
/// # Errors
/// A [`Settings`] other than [`Settings::Complete`].
pub fn files(object: &NodeClassifier, secrets: &UserSecrets) -> Result<EncFiles, Settings> {
    if let Some((name, error)) = secrets.iter().find_map(|(name, found)| Some((name, found.as_ref().err()?))) {
        return Err(Settings::Unreadable { message: format!("Secret {name} cannot be read: {error}") });
    }
    let found = |name: &str| secrets.get(name)?.as_ref().ok()?.as_ref();
    if let Some(reference) = object.references().iter().find(|reference| found(reference.name).is_some_and(is_of_operator)) {
        // Its value would be sent to the URL, so whoever may write a NodeClassifier would read the keys of the CA.
        let message = format!("{}: Secret {} was made by the operator", reference.field, reference.name);
        return Err(Settings::Invalid(Blocked::invalid(reason::INVALID_SPEC, message).remedy("name one of your own")));
    }
    let value = |secret: &str, key: &str| Some(text(found(secret)?, key)?.to_owned());
    enc(&object.spec, value).map_err(|error| match error {
        EncError::MissingValue { .. } => {
            let blocked = Blocked::waiting(reason::SECRET_NOT_FOUND, error.to_string());
            Settings::SecretMissing(blocked.remedy("create it or change the reference"))
        }
        EncError::Invalid(_) => Settings::Invalid(Blocked::invalid(reason::INVALID_SPEC, error.to_string())),
    })
}

fn is_of_operator(secret: &Secret) -> bool {
    secret.labels().get(label::MANAGED_BY).is_some_and(|by| by == label::MANAGED_BY_VALUE)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn settled(fields: &Value, secret: Result<Option<Secret>, String>) -> Settings {
        let mut spec = json!({"url": "https://enc", "request": {}, "response": {}});
        spec.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        let object = serde_json::from_value(json!({"metadata": {"name": "enc"}, "spec": spec})).unwrap();
        let secrets = UserSecrets::from([("s".to_owned(), secret)]);
        judge(&object, &Facts { referred: true, secrets }, None, Timestamp::default()).0.settings
    }

    fn secret(key: &str, value: &str) -> Secret {
        serde_json::from_value(json!({"metadata": {"name": "s"}, "data": {key: value}})).unwrap()
    }

    fn bearer() -> Value {
        json!({"auth": {"bearer": {"secretKeyRef": {"name": "s", "key": "k"}}}})
    }

    #[test]
    fn a_value_that_cannot_be_used_is_named_by_its_field() {
        let Settings::Invalid(blocked) = settled(&json!({"url": "ftp://enc"}), Ok(None)) else { panic!("an FTP server is no classifier") };
        assert!(blocked.permanent && blocked.message.contains("spec.url: \"ftp://enc\""), "{}", blocked.message);
    }

    #[test]
    fn a_credential_is_there_if_its_secret_has_its_key() {
        assert!(matches!(settled(&bearer(), Ok(Some(secret("k", "YQ==")))), Settings::Complete { .. }));
        for absent in [None, Some(secret("other", "YQ=="))] {
            let Settings::SecretMissing(blocked) = settled(&bearer(), Ok(absent)) else { panic!("the credential is missing") };
            assert!(blocked.message.contains("spec.auth.bearer.secretKeyRef"), "{}", blocked.message);
        }
        let Settings::Unreadable { message } = settled(&bearer(), Err("forbidden".to_owned())) else { panic!("nobody may read it") };
        assert_eq!(message, "Secret s cannot be read: forbidden");
    }

    #[test]
    fn a_secret_of_the_operator_is_never_sent_to_a_classifier() {
        let mut own = secret("k", "YQ==");
        own.metadata.labels = Some([(label::MANAGED_BY.to_owned(), label::MANAGED_BY_VALUE.to_owned())].into());
        let Settings::Invalid(blocked) = settled(&bearer(), Ok(Some(own))) else { panic!("it may be the key of the CA") };
        assert!(blocked.message.contains("Secret s was made by the operator; name one of your own"), "{}", blocked.message);
    }

    #[test]
    fn the_digest_follows_the_spec_and_no_value_of_a_secret() {
        assert_eq!(settled(&bearer(), Ok(Some(secret("k", "YQ==")))), settled(&bearer(), Ok(Some(secret("k", "Yg==")))));
        assert_ne!(settled(&bearer(), Ok(Some(secret("k", "YQ==")))), settled(&json!({}), Ok(None)));
    }
}
