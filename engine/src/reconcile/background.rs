//! Effects that take long, beside the reconciles: a service that does not answer holds up the objects that call it, and of
//! others only those of the same namespace.
//!
//! A reconcile begins such an effect and ends. What comes of the effect wakes the object, and its next reconcile hands it
//! to the machine. An effect is never run twice at a time for one object.

use super::{Reconciler, act};
use crate::core::{Acted, Machine};
use crate::lifecycle::Lifecycled as _;
use futures::channel::mpsc::{UnboundedReceiver, UnboundedSender, unbounded};
use kube::ResourceExt as _;
use kube::core::object::HasStatus as _;
use kube::runtime::reflector::ObjectRef;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{Semaphore, watch};
use tracing::Instrument as _;

/// Effects of one kind and namespace at a time; the others of the namespace wait in the order in which they came. A
/// client of the service that they call should keep as many idle connections.
const SHARE: usize = 16;

type Place = (String, String);

/// The effects of one kind that run, and what came of those that ended.
pub(super) struct Background<R: Reconciler> {
    slots: Mutex<HashMap<Place, Slot<R::Report>>>,
    shares: Mutex<HashMap<String, Arc<Semaphore>>>,
    ended: UnboundedSender<ObjectRef<R::Resource>>,
    running: watch::Sender<usize>,
}

enum Slot<T> {
    /// It waits for its turn.
    Waiting,
    Running,
    Ended(Ended<T>),
}

/// An effect that ended.
pub(super) struct Ended<T> {
    /// What it came to.
    pub acted: Acted<T>,
    /// What woke the reconcile that began it.
    pub cause: Option<String>,
    /// Number of the object's last transition then.
    seq: i64,
}

/// An effect to begin.
pub(super) struct Work<R: Reconciler> {
    /// The object, with the state that asks for the effect.
    pub object: Arc<R::Resource>,
    /// What was observed.
    pub view: Arc<R::View>,
    /// The effect.
    pub effect: <R::Machine as Machine>::Effect,
    /// What woke the reconcile.
    pub cause: Option<String>,
}

impl<R: Reconciler> Background<R> {
    /// Nothing runs. The stream names the objects whose effects ended.
    pub fn new() -> (Arc<Self>, UnboundedReceiver<ObjectRef<R::Resource>>) {
        let (ended, woken) = unbounded();
        (Arc::new(Self { slots: Mutex::default(), shares: Mutex::default(), ended, running: watch::Sender::new(0) }), woken)
    }

    /// Begins an effect, unless one of this object waits, runs, or has ended a moment ago: then its end wakes the object.
    pub fn begin(self: &Arc<Self>, context: &Arc<R::Context>, work: Work<R>) {
        let place = place::<R>(&work.object);
        {
            let mut slots = self.slots();
            if slots.contains_key(&place) {
                return;
            }
            slots.insert(place.clone(), Slot::Waiting);
        }
        self.running.send_modify(|running| *running += 1);
        let (this, context) = (Arc::clone(self), Arc::clone(context));
        let (seq, cause) = (seq::<R>(&work.object), work.cause.clone());
        let run = async move {
            let acted = this.run(&context, &place, seq, work).await;
            this.end(&context, place, Ended { acted, cause, seq });
        };
        tokio::spawn(run.in_current_span());
    }

    /// What came of the object's effect, if it ended and the object has moved nowhere since.
    pub fn ended(&self, object: &R::Resource) -> Option<Ended<R::Report>> {
        let place = place::<R>(object);
        let mut slots = self.slots();
        if !matches!(slots.get(&place), Some(Slot::Ended(_))) {
            return None;
        }
        match slots.remove(&place) {
            Some(Slot::Ended(ended)) => Some(ended).filter(|ended| ended.seq == seq::<R>(object)),
            _ => None,
        }
    }

    /// An effect of the object runs: nothing is decided until its end, which wakes the object.
    pub fn runs(&self, namespace: &str, name: &str) -> bool {
        matches!(self.slots().get(&(namespace.to_owned(), name.to_owned())), Some(Slot::Running))
    }

    /// Lets nothing more begin, and waits for what runs: each call has an end of its own.
    pub async fn finish(&self) {
        for share in self.shares().values() {
            share.close();
        }
        // The other end is held by ourselves.
        let _ = self.running.subscribe().wait_for(|running| *running == 0).await;
    }

    async fn run(&self, context: &Arc<R::Context>, place: &Place, seq_then: i64, work: Work<R>) -> Acted<R::Report> {
        let (namespace, name) = place;
        let Ok(_turn) = self.share(namespace).acquire_owned().await else { return Acted::Moot };
        // It may have moved on while it waited for its turn.
        let object = R::cache(context).get(namespace, name).filter(|object| seq::<R>(object) == seq_then);
        let Some(object) = object else { return Acted::Moot };
        self.slots().insert(place.clone(), Slot::Running);
        // Boxed, so that those that wait for their turn are small.
        Box::pin(act::<R>(context, &object, &work.view, &work.effect)).await
    }

    fn end(&self, context: &R::Context, place: Place, ended: Ended<R::Report>) {
        let cache = R::cache(context);
        let woken = ObjectRef::new(&place.1).within(&place.0);
        {
            let mut slots = self.slots();
            slots.insert(place, Slot::Ended(ended));
            // Nobody asks for what came of the effects of an object that is gone.
            slots.retain(|(namespace, name), slot| !matches!(slot, Slot::Ended(_)) || cache.get(namespace, name).is_some());
        }
        self.running.send_modify(|running| *running = running.saturating_sub(1));
        // A closed channel means that the process is shutting down.
        let _ = self.ended.unbounded_send(woken);
    }

    fn share(&self, namespace: &str) -> Arc<Semaphore> {
        let mut shares = self.shares.lock().unwrap_or_else(PoisonError::into_inner);
        // Those that nobody holds.
        shares.retain(|_, share| Arc::strong_count(share) > 1);
        Arc::clone(shares.entry(namespace.to_owned()).or_insert_with(|| Arc::new(Semaphore::new(SHARE))))
    }

    fn shares(&self) -> MutexGuard<'_, HashMap<String, Arc<Semaphore>>> {
        self.shares.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn slots(&self) -> MutexGuard<'_, HashMap<Place, Slot<R::Report>>> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn place<R: Reconciler>(object: &R::Resource) -> Place {
    (object.namespace().unwrap_or_default(), object.name_any())
}

/// Number of the object's last transition.
fn seq<R: Reconciler>(object: &R::Resource) -> i64 {
    object.status().and_then(|status| status.lifecycle().machine.as_ref()).map_or(0, |machine| machine.seq)
}
