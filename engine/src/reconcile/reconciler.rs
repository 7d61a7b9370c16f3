//! What a resource kind brings to its reconciles: what it reads and how it judges that, its status fields, and its effects.

use super::Engine;
use crate::core::{Acted, Blocked, Condition, Machine, Timestamp};
use crate::lifecycle::Lifecycled;
use crate::{Cache, Difference, IndexKey};
use kube::core::NamespaceResourceScope;
use kube::core::object::HasStatus;
use serde::{Serialize, de::DeserializeOwned};
use std::fmt::Debug;
use std::future::Future;
use std::sync::Arc;

/// What was observed: for the machine, and for the effects.
pub trait View<M: Machine>: Send + Sync {
    /// The machine's part.
    fn seen(&self) -> &M::Observed;
}

/// The status type of a resource.
pub type StatusOf<R> = <<R as Reconciler>::Resource as HasStatus>::Status;

/// The state type of a resource.
pub type StateOf<R> = <<R as Reconciler>::Machine as Machine>::State;

/// What the reconcilers of all kinds share.
pub trait Context: Send + Sync + 'static {
    /// What objects are found by in the caches, beside their names.
    type Key: IndexKey;

    /// The engine's part.
    fn engine(&self) -> &Engine;
}

/// The controller of one resource kind.
pub trait Reconciler: Sized + Send + Sync + 'static {
    /// What the reconcilers share.
    type Context: Context;
    /// The API type.
    type Resource: kube::Resource<DynamicType = (), Scope = NamespaceResourceScope>
        + HasStatus<Status: Lifecycled>
        + Serialize
        + DeserializeOwned
        + Clone
        + Debug
        + Send
        + Sync
        + 'static;
    /// The machine.
    type Machine: Machine<Effect: Send + Sync + 'static, Observed: Send + Sync>;
    /// What was read of the cluster.
    type Facts: Send + Sync;
    /// What the facts mean.
    type View: View<Self::Machine> + 'static;
    /// What comes of an effect.
    type Report: Send + Debug + 'static;

    /// Objects of this kind are looked at while they are being deleted: there is something to be done or to be said
    /// before they go.
    const OUTLIVES_DELETION: bool = false;

    /// The cache of this kind.
    fn cache(context: &Self::Context) -> &Cache<Self::Resource, <Self::Context as Context>::Key>;

    /// All phases of the CRD, for the metric.
    fn phases() -> Vec<&'static str>;

    /// Reads everything that the judgement asks for (client required). Writes nothing, and calls no other service.
    fn look(context: &Self::Context, object: &Self::Resource) -> impl Future<Output = Self::Facts> + Send;

    /// What the facts mean at `now` (no client required): the machine's observation, and the objects as they should be.
    fn judge(object: &Self::Resource, facts: Self::Facts, report: Option<Self::Report>, now: Timestamp) -> Self::View;

    /// Conditions of a state.
    fn conditions(state: &StateOf<Self>, view: &Self::View, blocked: Option<&Blocked>) -> Vec<Condition>;

    /// The status fields of this kind alone.
    fn project(state: &StateOf<Self>, view: &Self::View, status: &mut StatusOf<Self>);

    /// The effect calls another service, or takes seconds for another reason. It runs beside the reconciles, the last of those that a
    /// decision asks for.
    #[must_use]
    fn takes_long(_effect: &<Self::Machine as Machine>::Effect) -> bool {
        false
    }

    /// Runs an effect.
    fn act(
        context: &Arc<Self::Context>,
        object: &Arc<Self::Resource>,
        view: &Self::View,
        effect: &<Self::Machine as Machine>::Effect,
    ) -> impl Future<Output = Acted<Self::Report>> + Send;

    /// The objects that its effects keep, as far as they are not as they should be.
    fn differences(_view: &Self::View) -> Vec<Difference> {
        Vec::new()
    }

    /// The report says that an effect failed.
    fn is_failure(report: &Self::Report) -> bool;

    /// When to look again for a reason that is not in the state: a date of something that was observed.
    fn wakes_at(_view: &Self::View) -> Option<Timestamp> {
        None
    }

    /// Metrics of this kind alone. A paused object is not observed; then there is no view.
    fn measure(_context: &Self::Context, _object: &Self::Resource, _state: &StateOf<Self>, _view: Option<&Self::View>) {}

    /// The object has been let go.
    fn is_gone(_object: &Self::Resource) -> bool {
        false
    }
}
