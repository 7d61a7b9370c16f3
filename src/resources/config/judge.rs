//! What the facts mean for a Config (no client required).

use super::look::Facts;
use crate::build::{self, Scope};
use crate::cluster::{Desired, OwnedObject, owner_reference};
use crate::reconcile::View;
use crate::render::{self, RenderInputs};
use crate::resources::text::text;
use k8s_openapi::api::core::v1::Secret;
use kube::ResourceExt as _;
use openvox_crds::Config;
use openvox_machines::config::{self as machine, Observed, Report};
use openvox_machines::core::{Blocked, Timestamp};
use openvox_machines::reason;
use openvox_puppet::{Certificate, ExtensionOid};

/// The machine's observation, and the objects as they should be.
pub struct ConfigView {
    pub(super) seen: Observed,
    pub(super) files: Option<Desired<OwnedObject>>,
    pub(super) account: Option<Desired<OwnedObject>>,
}

impl View<machine::Config> for ConfigView {
    fn seen(&self) -> &Observed {
        &self.seen
    }
}

pub(super) fn judge(object: &Config, facts: &Facts, report: Option<Report>, now: Timestamp) -> ConfigView {
    let (namespace, name) = (object.namespace().unwrap_or_default(), object.name_any());
    let owner = owner_reference(object);
    let scope = Scope { namespace: &namespace, owner: owner.as_ref() };
    let account = Desired::new(&build::service_account::server(scope, &name)).ok();
    let failed = |error: &dyn std::fmt::Display| Blocked::invalid(reason::RENDER_FAILED, error.to_string());
    let files = render::render(&object.spec, &inputs(facts))
        .map_err(|error| failed(&error))
        .and_then(|data| Desired::new(&build::config_map::config_files(scope, &name, data)).map_err(|error| failed(&error)));
    let in_place = |desired: Option<&Desired<OwnedObject>>, live: &Option<_>| {
        desired.zip(live.as_deref()).is_some_and(|(desired, live)| desired.is_in_place(live))
    };
    let seen = Observed {
        now,
        generation: object.metadata.generation.unwrap_or(0),
        references: dangling(object, facts),
        rendered: files.as_ref().map(|files| files.digest().to_owned()).map_err(Clone::clone),
        in_place: in_place(files.as_ref().ok(), &facts.config_map) && in_place(account.as_ref(), &facts.service_account),
        report,
    };
    ConfigView { seen, files: files.ok(), account }
}

fn inputs(facts: &Facts) -> RenderInputs {
    let database = facts.database.as_deref();
    RenderInputs {
        authority: facts.authority.as_deref().map(|authority| render::Authority {
            name: authority.name_any(),
            spec: authority.spec.clone(),
            operator_by_name: facts.operator_pair.as_deref().is_some_and(lacks_the_right),
        }),
        database_url: database.and_then(|database| database.status.as_ref()?.url.clone()).filter(|url| !url.is_empty()),
        node_classifier: false,
        report_processors: 0,
    }
}

/// The pair does not carry the right to administer a CA itself.
fn lacks_the_right(pair: &Secret) -> bool {
    let certificate = text(pair, "cert.pem").and_then(|pem| Certificate::from_pem(pem).ok());
    certificate.is_some_and(|certificate| !certificate.has_extension(&ExtensionOid::cli_auth(), "true"))
}

/// The first reference of the spec that leads nowhere.
fn dangling(object: &Config, facts: &Facts) -> Option<Blocked> {
    let spec = &object.spec;
    let missing = |reason, field: &str, kind: &str, name: &str| {
        Blocked::waiting(reason, format!("{field} names {kind} {name}, which does not exist")).remedy("create it or change the reference")
    };
    if let Some(name) = spec.authority_ref.as_ref().filter(|_| facts.authority.is_none()) {
        return Some(missing(reason::AUTHORITY_NOT_FOUND, "spec.authorityRef", "CertificateAuthority", name));
    }
    if let Some(name) = spec.database_ref.as_ref().filter(|_| facts.database.is_none()) {
        return Some(missing(reason::DATABASE_NOT_FOUND, "spec.databaseRef", "Database", name));
    }
    spec.node_classifier_ref.as_ref().map(|name| {
        Blocked::invalid(
            reason::PENDING_SECRET,
            format!("spec.nodeClassifierRef names {name}, and this version does not serve NodeClassifiers yet"),
        )
        .remedy("remove the reference")
    })
}
