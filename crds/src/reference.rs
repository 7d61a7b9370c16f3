//! References: which other objects of its namespace the spec of an object names.

use crate::{
    Auth, Certificate, CertificateAuthority, Config, Database, NodeClassifier, Pool, ReportProcessor, Server, SigningPolicy, for_each_kind,
};
use std::any::Any;

/// A field of a spec that names another object of the same namespace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reference<'a> {
    /// Path of the field, such as `spec.authorityRef`.
    pub field: &'static str,
    /// Kind of the object that is named.
    pub kind: &'static str,
    /// Its name.
    pub name: &'a str,
}

/// A kind of this API, by what its objects refer to.
pub trait References {
    /// The objects that the spec names, in the order of the fields: those of this API, and the Secrets and `ConfigMap`s that
    /// the operator reads. An empty name refers to nothing and is left out.
    fn references(&self) -> Vec<Reference<'_>>;
}

/// What an object of any type refers to; nothing if its type is none of this API.
#[must_use]
pub fn references_of(object: &dyn Any) -> Vec<Reference<'_>> {
    macro_rules! first_of {
        ($($kind:ident),+) => { $(if let Some(object) = object.downcast_ref::<$kind>() { return object.references(); })+ };
    }
    for_each_kind!(first_of);
    Vec::new()
}

/// Fields of one spec, with what they hold.
#[derive(Default)]
struct Fields<'a>(Vec<Reference<'a>>);

impl<'a> Fields<'a> {
    fn and(mut self, field: &'static str, kind: &'static str, names: impl IntoIterator<Item = &'a String>) -> Self {
        let set = names.into_iter().filter(|name| !name.is_empty());
        self.0.extend(set.map(|name| Reference { field, kind, name }));
        self
    }

    fn auth(self, auth: Option<&'a Auth>) -> Self {
        let token = auth.and_then(|auth| auth.token.as_ref()).map(|token| &token.secret_key_ref.name);
        let bearer = auth.and_then(|auth| auth.bearer.as_ref()).map(|bearer| &bearer.secret_key_ref.name);
        let basic = auth.and_then(|auth| auth.basic.as_ref()).map(|basic| &basic.secret_ref.name);
        self.and("spec.auth.token.secretKeyRef.name", "Secret", token).and("spec.auth.bearer.secretKeyRef.name", "Secret", bearer).and(
            "spec.auth.basic.secretRef.name",
            "Secret",
            basic,
        )
    }
}

impl References for CertificateAuthority {
    fn references(&self) -> Vec<Reference<'_>> {
        let external = self.spec.external.as_ref();
        let intermediate = self.spec.intermediate_ca.as_ref();
        Fields::default()
            .and("spec.intermediateCA.secretName", "Secret", intermediate.and_then(|ca| ca.secret_name.as_ref()))
            .and("spec.external.caSecretRef", "Secret", external.and_then(|ca| ca.ca_secret_ref.as_ref()))
            .and("spec.external.tlsSecretRef", "Secret", external.and_then(|ca| ca.tls_secret_ref.as_ref()))
            .0
    }
}

impl References for Certificate {
    fn references(&self) -> Vec<Reference<'_>> {
        Fields::default().and("spec.authorityRef", "CertificateAuthority", [&self.spec.authority_ref]).0
    }
}

impl References for Config {
    fn references(&self) -> Vec<Reference<'_>> {
        let spec = &self.spec;
        Fields::default()
            .and("spec.authorityRef", "CertificateAuthority", &spec.authority_ref)
            .and("spec.databaseRef", "Database", &spec.database_ref)
            .and("spec.nodeClassifierRef", "NodeClassifier", &spec.node_classifier_ref)
            .0
    }
}

impl References for Database {
    fn references(&self) -> Vec<Reference<'_>> {
        Fields::default()
            .and("spec.certificateRef", "Certificate", [&self.spec.certificate_ref])
            .and("spec.postgres.credentialsSecretRef", "Secret", [&self.spec.postgres.credentials_secret_ref])
            .0
    }
}

impl References for NodeClassifier {
    fn references(&self) -> Vec<Reference<'_>> {
        let ca = self.spec.ca_secret_ref.as_ref().map(|ca| &ca.name);
        Fields::default().auth(self.spec.auth.as_ref()).and("spec.caSecretRef.name", "Secret", ca).0
    }
}

impl References for Pool {
    fn references(&self) -> Vec<Reference<'_>> {
        Vec::new()
    }
}

impl References for ReportProcessor {
    fn references(&self) -> Vec<Reference<'_>> {
        let sources = || self.spec.headers.iter().filter_map(|header| header.value_from.as_ref());
        let secrets = sources().filter_map(|from| Some(&from.secret_key_ref.as_ref()?.name));
        let config_maps = sources().filter_map(|from| Some(&from.config_map_key_ref.as_ref()?.name));
        Fields::default()
            .and("spec.configRef", "Config", [&self.spec.config_ref])
            .auth(self.spec.auth.as_ref())
            .and("spec.headers.valueFrom.secretKeyRef.name", "Secret", secrets)
            .and("spec.headers.valueFrom.configMapKeyRef.name", "ConfigMap", config_maps)
            .0
    }
}

impl References for Server {
    fn references(&self) -> Vec<Reference<'_>> {
        let spec = &self.spec;
        Fields::default()
            .and("spec.configRef", "Config", [&spec.config_ref])
            .and("spec.certificateRef", "Certificate", [&spec.certificate_ref])
            .and("spec.poolRefs", "Pool", &spec.pool_refs)
            .0
    }
}

impl References for SigningPolicy {
    fn references(&self) -> Vec<Reference<'_>> {
        let sources = self.spec.csr_attributes.iter().filter_map(|attribute| attribute.value_from.as_ref());
        Fields::default()
            .and("spec.certificateAuthorityRef", "CertificateAuthority", [&self.spec.certificate_authority_ref])
            .and("spec.csrAttributes.valueFrom.secretKeyRef.name", "Secret", sources.map(|from| &from.secret_key_ref.name))
            .0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::de::DeserializeOwned;
    use serde_json::{Value, json};

    fn read<K: References + DeserializeOwned>(spec: &Value) -> Vec<String> {
        let object: K = serde_json::from_value(json!({"metadata": {"name": "a"}, "spec": spec})).unwrap();
        object.references().iter().map(|to| format!("{}: {} {}", to.field, to.kind, to.name)).collect()
    }

    #[test]
    fn references_stand_in_the_order_of_the_fields_and_empty_ones_are_left_out() {
        assert_eq!(
            read::<Server>(&json!({"configRef": "main", "certificateRef": "", "poolRefs": ["a", "b"]})),
            ["spec.configRef: Config main", "spec.poolRefs: Pool a", "spec.poolRefs: Pool b"]
        );
    }

    #[test]
    fn secrets_that_the_operator_reads_are_references_too() {
        let auth = json!({"token": {"header": "X", "secretKeyRef": {"name": "t", "key": "k"}}, "basic": {"secretRef": {"name": "b"}}});
        assert_eq!(
            read::<NodeClassifier>(&json!({"url": "https://enc", "request": {}, "response": {}, "auth": auth})),
            ["spec.auth.token.secretKeyRef.name: Secret t", "spec.auth.basic.secretRef.name: Secret b"]
        );
    }

    #[test]
    fn an_object_of_another_api_refers_to_nothing_here() {
        assert!(references_of(&"a string").is_empty());
        let certificate: Certificate =
            serde_json::from_value(json!({"metadata": {}, "spec": {"authorityRef": "ca", "certname": "a"}})).unwrap();
        assert_eq!(references_of(&certificate), [Reference { field: "spec.authorityRef", kind: "CertificateAuthority", name: "ca" }]);
    }
}
