//! Commit: one write of the status, guarded by the resource version. What it carries has happened once it is
//! accepted, and not before.

use super::reconciler::StatusOf;
use super::{Context as _, Error, Reconciler};
use crate::core::Machine as _;
use kube::ResourceExt as _;
use kube::api::{Api, PostParams};
use kube::core::object::HasStatus as _;
use std::sync::Arc;
use tracing::Instrument as _;

/// Writes the decided status unless it is what the object carries already. Answers with the written object. `transitions`
/// is how many of them it carries.
pub(super) async fn commit<R: Reconciler>(
    context: &R::Context,
    object: &Arc<R::Resource>,
    status: &StatusOf<R>,
    transitions: usize,
) -> Result<Option<Arc<R::Resource>>, Error> {
    if object.status() == Some(status) {
        return Ok(None);
    }
    let mut next = (**object).clone();
    *next.status_mut() = Some(status.clone());
    let api: Api<R::Resource> = Api::namespaced(context.engine().client.clone(), &object.namespace().unwrap_or_default());
    context.engine().telemetry.status_written(R::Machine::KIND);
    let span = tracing::debug_span!("commit", transitions);
    match api.replace_status(&object.name_any(), &PostParams::default(), &next).instrument(span).await {
        Ok(written) => {
            let written = Arc::new(written);
            R::cache(context).committed(Arc::clone(&written));
            Ok(Some(written))
        }
        Err(error) => {
            // Somebody else moved first, or the object is gone: nothing was done, and it is observed again.
            R::cache(context).forget(object);
            Err(Error::Commit(Box::new(error)))
        }
    }
}
