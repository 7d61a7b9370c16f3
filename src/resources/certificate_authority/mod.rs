//! CertificateAuthority.

mod act;
pub mod connections;
mod observe;
mod policies;
pub mod setup;

pub use observe::{AuthorityView, endpoint_ready, machine_state, ready_endpoints};

use crate::build::name;
use crate::cluster::{Cache, Caches};
use crate::reconcile::{Context, Kind};
use kube::ResourceExt as _;
use openvox_crds::{CertificateAuthority, CertificateAuthorityPhase, CertificateAuthorityStatus};
use openvox_machines::certificate_authority::{self as machine, Effect, Report, State};
use openvox_machines::core::{Blocked, Condition};
use std::sync::Arc;

/// The kind.
pub struct Authorities;

impl Kind for Authorities {
    type Resource = CertificateAuthority;
    type Machine = machine::CertificateAuthority;
    type View = AuthorityView;
    type Report = Report;

    fn cache(caches: &Caches) -> &Cache<CertificateAuthority> {
        &caches.authorities
    }

    fn phases() -> Vec<&'static str> {
        CertificateAuthorityPhase::ALL.iter().map(|phase| phase.as_str()).collect()
    }

    async fn observe(context: &Context, object: &Arc<CertificateAuthority>, report: Option<Report>) -> AuthorityView {
        observe::observe(context, object, report).await
    }

    fn conditions(state: &State, view: &AuthorityView, blocked: Option<&Blocked>) -> Vec<Condition> {
        machine::conditions(state, &view.seen, blocked)
    }

    fn project(state: &State, view: &AuthorityView, status: &mut CertificateAuthorityStatus) {
        let internal = view.external.is_none();
        let given = view.external.as_ref().map(|external| external.ca_secret_ref.clone());
        status.ca_secret_name = given.unwrap_or_else(|| Some(name::ca_secret(&view.name)));
        status.service_name = internal.then(|| name::ca_service(&view.name));
        let signs = internal && view.seen.operator_issued;
        status.signing_secret_name = signs.then(|| name::tls_secret(&name::operator_signing(&view.name)));
        status.not_after = match state {
            State::Ready { authority, .. } => Some(crate::reconcile::time(authority.not_after)),
            _ => status.not_after.take(),
        };
    }

    fn effect_name(effect: &Effect) -> &'static str {
        match effect {
            Effect::EnsureObjects => "EnsureObjects",
            Effect::RunSetup => "RunSetup",
            Effect::RemoveSetup => "RemoveSetup",
            Effect::Probe => "Probe",
        }
    }

    async fn act(context: &Arc<Context>, object: &Arc<CertificateAuthority>, view: &AuthorityView, effect: &Effect) -> Option<Report> {
        act::act(context, object, view, *effect).await
    }

    fn is_failure(report: &Report) -> bool {
        matches!(report, Report::Failed { .. })
    }

    fn measure(context: &Context, object: &CertificateAuthority, state: &State, view: &AuthorityView) {
        let (namespace, name) = (object.namespace().unwrap_or_default(), object.name_any());
        if let State::Ready { authority, .. } = state {
            context.metrics.ca_expires(&namespace, &name, authority.not_after.timestamp());
        }
        if let Some(due) = view.crl_next_update {
            context.metrics.crl_due(&namespace, &name, due.timestamp());
        }
    }
}
