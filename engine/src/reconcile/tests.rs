//! The loop against a scripted API server: every call that it makes is expected, and no other.

use super::lamp::{Effect, Lamp, LampSpec, Lamps, Report, Room};
use super::*;
use crate::journal::{JournalUrl, Outbox, store};
use crate::{Cache, Workqueue};
use http::{Request, Response};
use kube::Client;
use kube::client::Body;
use kube::runtime::{reflector, watcher};
use std::collections::VecDeque;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use tower_test::mock;

type ApiServer = mock::Handle<Request<Body>, Response<Body>>;

/// A client and the server that it talks to.
fn client() -> (Client, ApiServer) {
    let (service, server) = mock::pair::<Request<Body>, Response<Body>>();
    (Client::new(service, "default"), server)
}

/// A room with one lamp.
fn room(on: bool) -> (Arc<Shared<Lamps>>, Arc<Lamp>, ApiServer) {
    let (api, server) = client();
    // Kubernetes Events go nowhere: they are not the loop's own calls.
    let recorder = EventRecorder::start(client().0, "test", None);
    let lamp: Lamp = serde_json::from_value(serde_json::json!({
        "apiVersion": "example.org/v1", "kind": "Lamp", "spec": LampSpec { on },
        "metadata": {"name": "hall", "namespace": "house", "uid": "u", "resourceVersion": "1"},
    }))
    .unwrap();
    let (lamps, mut writer) = reflector::store();
    writer.apply_watcher_event(&watcher::Event::Apply(lamp.clone()));
    let journal = store(&JournalUrl::Memory, None);
    journal.begin();
    let context = Arc::new(Room {
        engine: Engine::new(api, Arc::new(Workqueue::default()), Outbox::new(journal, Arc::new(())), Arc::new(()), recorder),
        lamps: Cache::new(lamps, ()),
        acts: Mutex::new(VecDeque::new()),
        ran: Mutex::default(),
        broken: AtomicBool::new(false),
    });
    (Arc::new(Shared { context, background: Background::new().0 }), Arc::new(lamp), server)
}

/// Takes as many writes of the status as come, until the client goes. Answers with the name of the last event of each.
async fn takes_commits(mut server: ApiServer) -> Vec<String> {
    let mut events = Vec::new();
    while let Some((request, send)) = server.next_request().await {
        assert_eq!((request.method().as_str(), request.uri().path()), ("PUT", "/apis/example.org/v1/namespaces/house/lamps/hall/status"));
        let body = request.into_body().collect_bytes().await.unwrap();
        let mut lamp: Lamp = serde_json::from_slice(&body).unwrap();
        let last = lamp.status.as_ref().and_then(|status| status.lifecycle.history.last()).map(|entry| entry.event.clone());
        events.push(last.unwrap_or_default());
        lamp.metadata.resource_version = Some((events.len() + 2).to_string());
        send.send_response(Response::new(Body::from(serde_json::to_vec(&lamp).unwrap())));
    }
    events
}

fn ran(shared: &Shared<Lamps>) -> Vec<Effect> {
    shared.context.ran.lock().unwrap().clone()
}

#[tokio::test]
async fn each_step_is_committed_before_its_effects_run_and_a_settled_object_costs_no_call() {
    let (shared, lamp, server) = room(true);
    let api = tokio::spawn(takes_commits(server));
    assert_eq!(reconcile::<Lamps>(lamp, &shared).await.unwrap(), Action::await_change());
    assert_eq!(ran(&shared), [Effect::Wire, Effect::Switch]);
    let settled = shared.context.lamps.get("house", "hall").unwrap();
    assert_eq!(state_of::<Lamps>(&settled).path(), "Lit/On");
    assert_eq!(reconcile::<Lamps>(settled, &shared).await.unwrap(), Action::await_change());
    assert_eq!(ran(&shared).len(), 2, "nothing is to be done");
    drop(shared);
    assert_eq!(api.await.unwrap(), ["SwitchingStarted", "WentOn"]);
}

#[tokio::test]
async fn a_paused_object_is_said_to_be_paused_once_and_is_left_alone() {
    let (shared, lamp, server) = room(true);
    let api = tokio::spawn(takes_commits(server));
    let mut paused = (*lamp).clone();
    paused.metadata.resource_version = Some("2".into());
    paused.metadata.annotations = Some([("example.org/pause".to_owned(), "true".to_owned())].into());
    shared.context.lamps.wrote(Arc::new(paused.clone()));
    for _ in 0..2 {
        reconcile::<Lamps>(Arc::new(paused.clone()), &shared).await.unwrap();
    }
    assert_eq!(ran(&shared), []);
    drop(shared);
    assert_eq!(api.await.unwrap(), [""], "one write, of a condition");
}

#[tokio::test]
async fn if_the_commit_conflicts_no_effect_has_run_and_the_object_is_looked_at_again_soon() {
    let (shared, lamp, mut server) = room(true);
    let api = tokio::spawn(async move {
        let (_, send) = server.next_request().await.unwrap();
        let conflict = serde_json::json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "Conflict", "code": 409});
        send.send_response(Response::builder().status(409).body(Body::from(conflict.to_string().into_bytes())).unwrap());
        server.next_request().await.is_none()
    });
    let error = reconcile::<Lamps>(Arc::clone(&lamp), &shared).await.unwrap_err();
    assert_eq!(settle::after_error::<Lamps>(&lamp, &error, &shared.context), Action::requeue(Duration::from_millis(100)));
    assert_eq!(ran(&shared), []);
    drop(shared);
    assert!(api.await.unwrap(), "no further call");
}

#[tokio::test]
async fn an_effect_that_fails_ends_the_round_and_is_tried_again_later() {
    let (shared, lamp, server) = room(true);
    let api = tokio::spawn(takes_commits(server));
    shared.context.acts.lock().unwrap().push_back(Acted::Reported(Report::Failed));
    let action = reconcile::<Lamps>(lamp, &shared).await.unwrap();
    assert_eq!(action, Action::requeue(Duration::from_secs(1)));
    assert_eq!(ran(&shared), [Effect::Wire], "the second effect waits for the first");
    drop(shared);
    assert_eq!(api.await.unwrap(), ["SwitchingStarted", "AttemptFailed"]);
}

#[tokio::test]
async fn an_effect_that_only_began_something_is_not_repeated_before_its_end_is_observed() {
    let (shared, lamp, server) = room(true);
    let api = tokio::spawn(takes_commits(server));
    shared.context.acts.lock().unwrap().extend([Acted::Begun, Acted::Begun, Acted::Begun, Acted::Moot]);
    assert_eq!(reconcile::<Lamps>(lamp, &shared).await.unwrap(), Action::await_change());
    assert_eq!(ran(&shared).len(), 4, "once with the transition, and once to see whether it is done");
    drop(shared);
    assert_eq!(api.await.unwrap(), ["SwitchingStarted"]);
}

#[tokio::test]
async fn an_object_that_never_comes_to_rest_lets_the_others_go_first() {
    let (shared, lamp, server) = room(true);
    let api = tokio::spawn(takes_commits(server));
    shared.context.broken.store(true, Ordering::SeqCst);
    assert_eq!(reconcile::<Lamps>(lamp, &shared).await.unwrap(), Action::requeue(Duration::from_secs(1)));
    drop(shared);
    assert_eq!(api.await.unwrap().len(), MOST_ROUNDS);
}
