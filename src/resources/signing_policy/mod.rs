//! SigningPolicy. It has no effects of its own: the file that the CA reads is written by the reconcile of the
//! CertificateAuthority, once for all its policies.

mod digest;
mod judge;
mod look;
mod rule;

pub use judge::PolicyView;
pub use look::{Facts, values};
pub use rule::rule;

use crate::cluster::Cache;
use crate::reconcile::{Context, Reconciler};
use openvox_crds::{Lifecycled as _, SigningPolicy, SigningPolicyPhase, SigningPolicyStatus};
use openvox_machines::core::{Acted, Blocked, Condition, NoEffect, Timestamp};
use openvox_machines::signing_policy::{self as machine, State};
use std::convert::Infallible;
use std::sync::Arc;

/// The kind.
pub struct SigningPolicies;

impl Reconciler for SigningPolicies {
    type Context = Context;
    type Resource = SigningPolicy;
    type Machine = machine::SigningPolicy;
    type Facts = Facts;
    type View = PolicyView;
    type Report = Infallible;

    fn cache(context: &Context) -> &Cache<SigningPolicy> {
        &context.caches.policies
    }

    fn phases() -> Vec<&'static str> {
        SigningPolicyPhase::ALL.iter().map(|phase| phase.as_str()).collect()
    }

    async fn look(context: &Context, object: &SigningPolicy) -> Facts {
        look::look(context, object).await
    }

    fn judge(object: &SigningPolicy, facts: Facts, report: Option<Infallible>, _: Timestamp) -> PolicyView {
        judge::judge(object, &facts, report)
    }

    fn conditions(state: &State, _: &PolicyView, blocked: Option<&Blocked>) -> Vec<Condition> {
        machine::conditions(state, blocked)
    }

    fn project(_: &State, _: &PolicyView, status: &mut SigningPolicyStatus) {
        digest::remove_old(&mut status.lifecycle_mut().history);
    }

    async fn act(_: &Arc<Context>, _: &Arc<SigningPolicy>, _: &PolicyView, effect: &NoEffect) -> Acted<Infallible> {
        match *effect {}
    }

    fn is_failure(report: &Infallible) -> bool {
        match *report {}
    }
}
