//! CertificateAuthority.

mod act;
pub(super) mod claim;
pub mod connections;
mod crl;
mod external_hosts;
mod intermediate;
mod judge;
mod look;
mod material;
mod policies;
mod queue;
mod refresh_schedule;
pub mod requests;
mod secrets;
pub mod setup;
mod spec;

pub use external_hosts::{ExternalHosts, HostPatternError};
pub use judge::{AuthorityView, trust_name};
pub use look::Facts;
pub use queue::RequestQueues;
pub use refresh_schedule::RefreshSchedule;

use crate::build::name;
use crate::cluster::{Cache, Difference};
use crate::reconcile::{Context, Reconciler};
use chrono::TimeDelta;
use kube::ResourceExt as _;
use openvox_crds::{CertificateAuthority, CertificateAuthorityPhase, CertificateAuthorityStatus, CrlStatus};
use openvox_machines::certificate_authority::{self as machine, Effect, Report, State};
use openvox_machines::core::{Acted, Blocked, Condition, Timestamp};
use std::sync::Arc;

/// The kind.
pub struct Authorities;

impl Reconciler for Authorities {
    type Context = Context;
    type Resource = CertificateAuthority;
    type Machine = machine::CertificateAuthority;
    type Facts = Facts;
    type View = AuthorityView;
    type Report = Report;

    // There is nothing to be done before the object goes, but who looks sees that it goes.
    const OUTLIVES_DELETION: bool = true;

    fn cache(context: &Context) -> &Cache<CertificateAuthority> {
        &context.caches.authorities
    }

    fn phases() -> Vec<&'static str> {
        CertificateAuthorityPhase::ALL.iter().map(|phase| phase.as_str()).collect()
    }

    async fn look(context: &Context, object: &CertificateAuthority) -> Facts {
        look::look(context, object).await
    }

    fn judge(object: &CertificateAuthority, facts: Facts, report: Option<Report>, now: Timestamp) -> AuthorityView {
        judge::judge(object, facts, report, now)
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
        let time = crate::reconcile::time;
        status.not_after = match state {
            State::Ready { authority, .. } => Some(time(authority.not_after)),
            State::WaitingForConfig => None,
            _ if internal => status.not_after.take(),
            _ => view.seen.trust.as_ref().map(|trust| time(trust.not_after)),
        };
        status.crl = view.crl.as_ref().filter(|_| *state != State::WaitingForConfig).map(|list| CrlStatus {
            number: list.number.clone(),
            this_update: Some(time(list.this_update)),
            next_update: list.next_update.map(time),
            revoked: list.revoked,
        });
    }

    fn takes_long(effect: &Effect) -> bool {
        match effect {
            Effect::RefreshCrl => true,
            Effect::EnsureObjects | Effect::RunSetup | Effect::RemoveSetup => false,
        }
    }

    async fn act(context: &Arc<Context>, object: &Arc<CertificateAuthority>, view: &AuthorityView, effect: &Effect) -> Acted<Report> {
        act::act(context, object, view, *effect).await
    }

    fn differences(view: &AuthorityView) -> Vec<Difference> {
        let mut differences = view.service.differences();
        differences.extend(view.policy.differences());
        differences
    }

    fn is_failure(report: &Report) -> bool {
        matches!(report, Report::Failed { .. })
    }

    fn wakes_at(view: &AuthorityView) -> Option<Timestamp> {
        let trust = view.seen.trust.iter().flat_map(|trust| [trust.warn_at, trust.not_after]);
        let dates = trust.chain(view.crl.as_ref().and_then(|list| list.next_update));
        // A date is past a second after it has come.
        let dates = dates.filter_map(|date| date.checked_add_signed(TimeDelta::seconds(1)));
        dates.chain(view.next_look).chain(view.changes_at).filter(|at| *at > view.seen.now).min()
    }

    fn measure(context: &Context, object: &CertificateAuthority, state: &State, view: Option<&AuthorityView>) {
        let (namespace, name) = (object.namespace().unwrap_or_default(), object.name_any());
        let ends = match state {
            State::Ready { authority, .. } => Some(authority.not_after),
            _ => view.and_then(|view| view.seen.trust.as_ref()).map(|trust| trust.not_after),
        };
        if let Some(ends) = ends {
            context.metrics.ca_expires(&namespace, &name, ends.timestamp());
        }
        let Some(view) = view else { return };
        if let Some(due) = view.crl.as_ref().and_then(|list| list.next_update) {
            context.metrics.crl_due(&namespace, &name, due.timestamp());
        }
        context.metrics.ca_unverified(&namespace, &name, view.seen.external && view.seen.unverified);
    }
}
