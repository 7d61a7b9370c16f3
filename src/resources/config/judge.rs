//! What the facts mean for a Config (no client required).

use super::classifier;
use super::look::Facts;
use crate::build::{self, Scope};
use crate::cluster::{Desired, OwnedSet, owner_reference};
use crate::reconcile::View;
use crate::render::{self, RenderInputs};
use crate::resources::dangling::dangling;
use crate::resources::text::text;
use k8s_openapi::api::core::v1::Secret;
use kube::ResourceExt as _;
use openvox_crds::Config;
use openvox_crds::vocabulary::secret_key;
use openvox_machines::Report;
use openvox_machines::config::{self as machine, Observed};
use openvox_machines::core::{Blocked, Timestamp};
use openvox_machines::reason;
use openvox_puppet::{Certificate, ExtensionOid};

/// The machine's observation, and the objects that the Config owns.
pub struct ConfigView {
    pub(super) seen: Observed,
    pub(super) objects: OwnedSet,
    /// The Secret with the settings of its classifier.
    pub(super) classifier: OwnedSet<Secret>,
}

impl View<machine::Config> for ConfigView {
    fn seen(&self) -> &Observed {
        &self.seen
    }
}

pub(super) fn judge(object: &Config, facts: Facts, report: Option<Report>, now: Timestamp) -> ConfigView {
    let (namespace, name) = (object.namespace().unwrap_or_default(), object.name_any());
    let references = unresolved(object, &facts);
    let owner = owner_reference(object);
    let scope = Scope { namespace: &namespace, owner: owner.as_ref() };
    let classifier = classifier::judge(object, scope, &facts.classifier);
    let inputs = inputs(&facts, classifier.is_used);
    let failed = |error: &dyn std::fmt::Display| Blocked::invalid(reason::RENDER_FAILED, error.to_string());
    let files = render::render(&object.spec, &inputs)
        .map_err(|error| failed(&error))
        .and_then(|data| Desired::new(&build::config_map::config_files(scope, &name, data)).map_err(|error| failed(&error)));
    let rendered = files.as_ref().map(|files| files.digest().to_owned()).map_err(Clone::clone);
    let mut objects = OwnedSet::default();
    if let Ok(account) = Desired::new(&build::service_account::server(scope, &name)) {
        objects = objects.with(account, facts.service_account);
    }
    if let Ok(files) = files {
        objects = objects.with(files, facts.config_map);
    }
    let seen = Observed {
        now,
        references: references.or(classifier.blocked),
        in_place: rendered.is_ok() && objects.is_in_place() && classifier.objects.is_in_place(),
        rendered,
        report,
    };
    ConfigView { seen, objects, classifier: classifier.objects }
}

fn inputs(facts: &Facts, node_classifier: bool) -> RenderInputs {
    let database = facts.database.as_deref();
    RenderInputs {
        authority: facts.authority.as_deref().map(|authority| render::Authority {
            name: authority.name_any(),
            spec: authority.spec.clone(),
            operator_by_name: facts.operator_pair.as_deref().is_some_and(lacks_the_right),
        }),
        database_url: database.and_then(|database| database.status.as_ref()?.url.clone()).filter(|url| !url.is_empty()),
        node_classifier,
        report_processors: 0,
    }
}

/// The pair does not carry the right to administer a CA itself.
fn lacks_the_right(pair: &Secret) -> bool {
    let certificate = text(pair, secret_key::CERTIFICATE).and_then(|pem| Certificate::from_pem(pem).ok());
    certificate.is_some_and(|certificate| !certificate.has_extension(&ExtensionOid::cli_auth(), "true"))
}

/// The first reference of the spec that leads nowhere.
fn unresolved(object: &Config, facts: &Facts) -> Option<Blocked> {
    let spec = &object.spec;
    if let Some(name) = spec.authority_ref.as_ref().filter(|_| facts.authority.is_none()) {
        return Some(dangling(reason::AUTHORITY_NOT_FOUND, "spec.authorityRef", "CertificateAuthority", name));
    }
    if let Some(name) = spec.database_ref.as_ref().filter(|_| facts.database.is_none()) {
        return Some(dangling(reason::DATABASE_NOT_FOUND, "spec.databaseRef", "Database", name));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};
    use std::sync::Arc;

    fn config(spec: &Value) -> Config {
        let mut spec = spec.clone();
        spec["image"] = json!({"repository": "example.test/server", "tag": "v1"});
        serde_json::from_value(json!({"metadata": {"name": "main", "namespace": "ns", "uid": "1"}, "spec": spec})).unwrap()
    }

    fn seen(spec: &Value, facts: Facts) -> Observed {
        judge(&config(spec), facts, None, Timestamp::UNIX_EPOCH).seen
    }

    #[test]
    fn the_first_reference_that_leads_nowhere_blocks() {
        let authority = || Some(Arc::new(serde_json::from_value(json!({"metadata": {"name": "corp"}, "spec": {}})).unwrap()));
        for (spec, facts, words) in [
            (json!({"authorityRef": "corp", "databaseRef": "db"}), Facts::default(), Some("CertificateAuthority corp")),
            (
                json!({"authorityRef": "corp", "databaseRef": "db"}),
                Facts { authority: authority(), ..Facts::default() },
                Some("Database db"),
            ),
            (json!({"authorityRef": "corp"}), Facts { authority: authority(), ..Facts::default() }, None),
            (json!({"nodeClassifierRef": "enc"}), Facts::default(), Some("spec.nodeClassifierRef names NodeClassifier enc")),
            (json!({}), Facts::default(), None),
        ] {
            let message = seen(&spec, facts).references.map(|blocked| blocked.message);
            assert_eq!(message.is_some(), words.is_some(), "{spec}: {message:?}");
            assert!(message.unwrap_or_default().contains(words.unwrap_or_default()), "{spec}");
        }
    }

    #[test]
    fn what_is_missing_is_to_be_created_in_order() {
        let view = judge(&config(&json!({})), Facts::default(), None, Timestamp::UNIX_EPOCH);
        assert!(view.seen.rendered.is_ok() && !view.seen.in_place);
        let kinds: Vec<String> = view.objects.differences().into_iter().map(|difference| difference.kind).collect();
        assert_eq!(kinds, ["ServiceAccount", "ConfigMap"]);
    }
}
