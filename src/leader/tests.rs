use super::*;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use kube::Config;
use serde_json::json;
use std::sync::{Arc, Mutex};
use tokio::sync::oneshot;

const ME: &str = "me";

fn lease(holder: Option<&str>, seconds: Option<i32>) -> LeaseSpec {
    LeaseSpec { holder_identity: holder.map(ToOwned::to_owned), lease_duration_seconds: seconds, ..LeaseSpec::default() }
}

#[test]
fn what_is_done_follows_from_the_lease_and_its_silence() {
    let seconds = Duration::from_secs;
    for (case, lease, silent, action) in [
        ("there is no Lease", None, 0, Action::Create),
        ("nobody holds it", Some(lease(None, None)), 0, Action::Take),
        ("it was handed back", Some(lease(Some(""), Some(1))), 0, Action::Take),
        ("it is mine", Some(lease(Some(ME), Some(15))), 0, Action::Renew),
        ("it was mine and ran out", Some(lease(Some(ME), Some(15))), 99, Action::Renew),
        ("just seen", Some(lease(Some("you"), Some(15))), 0, Action::Wait(seconds(2))),
        ("almost over", Some(lease(Some("you"), Some(15))), 14, Action::Wait(seconds(1))),
        ("over", Some(lease(Some("you"), Some(15))), 15, Action::Take),
        ("long over", Some(lease(Some("you"), Some(15))), 99, Action::Take),
        ("its length counts", Some(lease(Some("you"), Some(60))), 15, Action::Wait(seconds(2))),
        ("without a length", Some(lease(Some("you"), None)), 14, Action::Wait(seconds(1))),
        ("with a broken one", Some(lease(Some("you"), Some(-1))), 15, Action::Take),
    ] {
        let decided = decide(lease.as_ref(), seconds(silent), ME, Times::default());
        assert_eq!(decided, action, "{case}");
    }
}

#[test]
fn renewing_keeps_when_it_was_acquired_and_taking_counts_a_transition() {
    let at = |second| Timestamp::from_second(second).unwrap();
    let times = Times::default();
    let taken = held(Some(&lease(Some("you"), Some(15))), ME, at(10), times);
    assert_eq!(taken.holder_identity.as_deref(), Some(ME));
    assert_eq!(taken.lease_duration_seconds, Some(15));
    assert_eq!(taken.lease_transitions, Some(1));

    let renewed = held(Some(&taken), ME, at(12), times);
    assert_eq!(renewed.acquire_time, Some(MicroTime(at(10))));
    assert_eq!(renewed.renew_time, Some(MicroTime(at(12))));
    assert_eq!(renewed.lease_transitions, Some(1));

    let released = released(&renewed, at(13));
    assert_eq!(decide(Some(&released), Duration::ZERO, "you", times), Action::Take);
    assert_eq!(released.lease_transitions, Some(1));
}

#[test]
fn identities_of_one_pod_differ() {
    assert_ne!(identity("pod"), identity("pod"));
    assert!(identity("pod").starts_with("pod_"));
}

/// The part of an API server that an election needs: one Lease under a resource version.
#[derive(Debug, Default)]
struct Stored {
    lease: Option<Lease>,
    version: u64,
    down: bool,
}

type Server = Arc<Mutex<Stored>>;

fn failure(code: StatusCode, reason: &str) -> Response {
    let status = json!({
        "kind": "Status", "apiVersion": "v1", "status": "Failure",
        "reason": reason, "code": code.as_u16(), "message": reason,
    });
    (code, Json(status)).into_response()
}

impl Stored {
    fn write(&mut self, mut lease: Lease) -> Response {
        self.version += 1;
        lease.metadata.resource_version = Some(self.version.to_string());
        self.lease = Some(lease.clone());
        Json(lease).into_response()
    }

    fn holder(&self) -> Option<String> {
        self.lease.as_ref()?.spec.as_ref()?.holder_identity.clone()
    }
}

async fn read(State(server): State<Server>) -> Response {
    let stored = server.lock().unwrap();
    match &stored.lease {
        _ if stored.down => failure(StatusCode::INTERNAL_SERVER_ERROR, "InternalError"),
        Some(lease) => Json(lease.clone()).into_response(),
        None => failure(StatusCode::NOT_FOUND, "NotFound"),
    }
}

async fn create(State(server): State<Server>, Json(lease): Json<Lease>) -> Response {
    let mut stored = server.lock().unwrap();
    if stored.lease.is_some() {
        return failure(StatusCode::CONFLICT, "AlreadyExists");
    }
    stored.write(lease)
}

async fn replace(State(server): State<Server>, Json(lease): Json<Lease>) -> Response {
    let mut stored = server.lock().unwrap();
    let version = stored.lease.as_ref().map(|l| l.metadata.resource_version.clone());
    match version {
        _ if stored.down => failure(StatusCode::INTERNAL_SERVER_ERROR, "InternalError"),
        None => failure(StatusCode::NOT_FOUND, "NotFound"),
        Some(version) if version != lease.metadata.resource_version => failure(StatusCode::CONFLICT, "Conflict"),
        Some(_) => stored.write(lease),
    }
}

async fn api_server() -> (Server, Client) {
    let server = Server::default();
    let leases = "/apis/coordination.k8s.io/v1/namespaces/puppet/leases";
    let router = Router::new()
        .route(leases, post(create))
        .route(&format!("{leases}/{{name}}"), get(read).put(replace))
        .with_state(Arc::clone(&server));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    let client = Client::try_from(Config::new(url.parse().unwrap())).unwrap();
    (server, client)
}

/// Retries often; everything else takes longer than any test.
fn candidate(client: &Client, identity: &str) -> Election {
    Election {
        times: Times { lease: Duration::from_mins(10), renew: Duration::from_mins(5), retry: Duration::from_millis(20) },
        ..Election::new(client.clone(), "puppet", identity.to_owned())
    }
}

/// Falls silent soon.
fn short_lived(client: &Client, identity: &str) -> Election {
    let mut candidate = candidate(client, identity);
    candidate.times.lease = Duration::from_secs(1);
    candidate.times.renew = Duration::from_millis(500);
    candidate
}

#[tokio::test]
async fn a_leader_that_stops_hands_over_at_once() {
    let (server, client) = api_server().await;
    let first = candidate(&client, "first").acquire().await;
    let second = tokio::spawn(candidate(&client, "second").acquire());
    let (stop, stopped) = oneshot::channel::<()>();
    let holding = tokio::spawn(first.hold(async {
        let _ = stopped.await;
    }));
    assert!(!second.is_finished());

    stop.send(()).unwrap();
    holding.await.unwrap().unwrap();

    let _leading = second.await.unwrap();
    assert_eq!(server.lock().unwrap().holder().as_deref(), Some("second"));
}

#[tokio::test]
async fn a_leader_that_fell_silent_is_succeeded_and_learns_of_it() {
    let (server, client) = api_server().await;
    let silent = short_lived(&client, "silent").acquire().await;

    let _successor = candidate(&client, "successor").acquire().await;

    // Its renew time is long over by then, so it must not even ask.
    let lost = silent.hold(std::future::pending()).await.unwrap_err();
    assert!(matches!(lost, LeaderError::Unrenewed(_)), "{lost}");
    assert_eq!(server.lock().unwrap().holder().as_deref(), Some("successor"));
}

#[tokio::test]
async fn a_leader_whose_lease_was_taken_learns_by_whom() {
    let (server, client) = api_server().await;
    let leader = candidate(&client, "leader").acquire().await;
    {
        let mut stored = server.lock().unwrap();
        let mut lease = stored.lease.clone().unwrap();
        lease.spec = Some(self::lease(Some("thief"), Some(15)));
        let _ = stored.write(lease);
    }

    let lost = leader.hold(std::future::pending()).await.unwrap_err();

    assert!(matches!(&lost, LeaderError::Taken { holder } if holder == "thief"), "{lost}");
}

#[tokio::test]
async fn a_leader_that_cannot_renew_gives_up() {
    let (server, client) = api_server().await;
    let leader = short_lived(&client, "leader").acquire().await;
    server.lock().unwrap().down = true;

    let lost = leader.hold(std::future::pending()).await.unwrap_err();

    assert!(matches!(lost, LeaderError::Unrenewed(_)), "{lost}");
}

#[tokio::test]
async fn a_lease_that_was_deleted_is_made_again() {
    let (server, client) = api_server().await;
    let leader = candidate(&client, "leader").acquire().await;
    let (stop, stopped) = oneshot::channel::<()>();
    let holding = tokio::spawn(leader.hold(async {
        let _ = stopped.await;
    }));
    server.lock().unwrap().lease = None;
    while server.lock().unwrap().holder().is_none() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(server.lock().unwrap().holder().as_deref(), Some("leader"));
    stop.send(()).unwrap();
    holding.await.unwrap().unwrap();
    assert_eq!(server.lock().unwrap().holder().as_deref(), Some(""));
}
