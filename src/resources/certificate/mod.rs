//! Certificate.

mod act;
mod clean;
mod conflict;
mod judge;
mod key_proof;
mod look;
mod pair;
mod request;
mod revoked;
mod store;

pub use judge::CertificateView;
pub use look::Facts;
pub use revoked::Revoked;

use crate::build::name;
use crate::cluster::Cache;
use crate::reconcile::{Context, Reconciler};
use kube::ResourceExt as _;
use openvox_crds::{Certificate, CertificatePhase, CertificateStatus};
use openvox_machines::certificate::{self as machine, Effect, Report, State};
use openvox_machines::core::{Acted, Blocked, Condition, Timestamp};
use std::sync::Arc;

/// The kind.
pub struct Certificates;

impl Reconciler for Certificates {
    type Context = Context;
    type Resource = Certificate;
    type Machine = machine::Certificate;
    type Facts = Facts;
    type View = CertificateView;
    type Report = Report;

    const OUTLIVES_DELETION: bool = true;

    fn cache(context: &Context) -> &Cache<Certificate> {
        &context.caches.certificates
    }

    fn phases() -> Vec<&'static str> {
        CertificatePhase::ALL.iter().map(|phase| phase.as_str()).collect()
    }

    async fn look(context: &Context, object: &Certificate) -> Facts {
        look::look(context, object).await
    }

    fn judge(object: &Certificate, facts: Facts, report: Option<Report>, now: Timestamp) -> CertificateView {
        judge::judge(object, &facts, report, now)
    }

    fn conditions(state: &State, _: &CertificateView, blocked: Option<&Blocked>) -> Vec<Condition> {
        machine::conditions(state, blocked)
    }

    fn project(state: &State, view: &CertificateView, status: &mut CertificateStatus) {
        let issued = state.issued();
        // The first pair answers every wish that came before it.
        let first = issued.is_some() && status.secret_name.is_none();
        let rekeying = matches!(state, State::Rekeying { .. });
        if first || rekeying || matches!(state, State::Renewing { .. }) {
            status.last_handled_renew_at.clone_from(&view.renew_at);
        }
        if first || rekeying {
            status.last_handled_rekey_at.clone_from(&view.rekey_at);
        }
        status.key_proofs.clone_from(&view.key_proofs);
        status.secret_name = issued.map(|_| name::tls_secret(&view.name));
        status.not_after = issued.map(|certificate| crate::reconcile::time(certificate.not_after));
    }

    fn takes_long(effect: &Effect) -> bool {
        match effect {
            Effect::EnsureKey { .. }
            | Effect::SubmitCsr { .. }
            | Effect::CheckConflict { .. }
            | Effect::ObtainCertificate
            | Effect::PollCertificate
            | Effect::Renew
            | Effect::Clean { .. } => true,
            Effect::DropPendingKey | Effect::RemoveFinalizer => false,
        }
    }

    async fn act(context: &Arc<Context>, object: &Arc<Certificate>, _: &CertificateView, effect: &Effect) -> Acted<Report> {
        act::act(context, object, effect).await
    }

    fn is_failure(report: &Report) -> bool {
        matches!(report, Report::Failed { .. })
    }

    fn measure(context: &Context, object: &Certificate, state: &State, _: Option<&CertificateView>) {
        if let Some(certificate) = state.issued() {
            context.metrics.certificate_expires(
                &object.namespace().unwrap_or_default(),
                &object.name_any(),
                certificate.not_after.timestamp(),
            );
        }
    }

    fn is_gone(object: &Certificate) -> bool {
        object.metadata.deletion_timestamp.is_some() && object.finalizers().is_empty()
    }
}
