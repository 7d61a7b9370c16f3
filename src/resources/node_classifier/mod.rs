//! NodeClassifier. It has no effects of its own.

mod judge;
mod look;

pub use judge::{ClassifierView, files};
pub use look::Facts;

use crate::cluster::Cache;
use crate::reconcile::{Context, Reconciler};
use openvox_crds::{NodeClassifier, NodeClassifierPhase, NodeClassifierStatus};
use openvox_machines::core::{Acted, Blocked, Condition, NoEffect, Timestamp};
use openvox_machines::node_classifier::{self as machine, State};
use std::convert::Infallible;
use std::sync::Arc;

/// The kind.
pub struct NodeClassifiers;

impl Reconciler for NodeClassifiers {
    type Context = Context;
    type Resource = NodeClassifier;
    type Machine = machine::NodeClassifier;
    type Facts = Facts;
    type View = ClassifierView;
    type Report = Infallible;

    fn cache(context: &Context) -> &Cache<NodeClassifier> {
        &context.caches.classifiers
    }

    fn phases() -> Vec<&'static str> {
        NodeClassifierPhase::ALL.iter().map(|phase| phase.as_str()).collect()
    }

    async fn look(context: &Context, object: &NodeClassifier) -> Facts {
        look::look(context, object).await
    }

    fn judge(object: &NodeClassifier, facts: Facts, report: Option<Infallible>, now: Timestamp) -> ClassifierView {
        judge::judge(object, &facts, report, now)
    }

    fn conditions(state: &State, _: &ClassifierView, blocked: Option<&Blocked>) -> Vec<Condition> {
        machine::conditions(state, blocked)
    }

    fn project(_: &State, _: &ClassifierView, _: &mut NodeClassifierStatus) {}

    async fn act(_: &Arc<Context>, _: &Arc<NodeClassifier>, _: &ClassifierView, effect: &NoEffect) -> Acted<Infallible> {
        match *effect {}
    }

    fn is_failure(report: &Infallible) -> bool {
        match *report {}
    }
}
