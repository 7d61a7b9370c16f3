//! Against a small API server that keeps Secrets in memory and speaks the parts of the API used here.

use super::*;
use crate::ca_setup::goal::SetupGoal;
use axum::Json;
use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};

type Objects = Arc<Mutex<Kept>>;

#[derive(Default)]
struct Kept {
    secrets: BTreeMap<String, Value>,
    writes: Vec<String>,
}

async fn store() -> (SecretStore, Objects) {
    let objects = Objects::default();
    let app = Router::new()
        .route("/api/v1/namespaces/ns/secrets", post(create))
        .route("/api/v1/namespaces/ns/secrets/{name}", get(read).patch(patch))
        .with_state(objects.clone());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, app).await });
    let config = kube::Config::new(format!("http://{address}").parse().unwrap());
    let client = Client::try_from(config).unwrap();
    (SecretStore::new(client, "ns", "main"), objects)
}

fn failure(code: StatusCode, reason: &str) -> Response {
    let body =
        json!({ "kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": reason, "message": reason, "code": code.as_u16() });
    (code, Json(body)).into_response()
}

async fn create(State(objects): State<Objects>, Json(mut secret): Json<Value>) -> Response {
    let mut kept = objects.lock().unwrap();
    let name = secret["metadata"]["name"].as_str().unwrap().to_owned();
    secret["metadata"]["resourceVersion"] = json!("1");
    kept.writes.push(format!("create {name}"));
    kept.secrets.insert(name, secret.clone());
    (StatusCode::CREATED, Json(secret)).into_response()
}

async fn read(State(objects): State<Objects>, Path(name): Path<String>) -> Response {
    match objects.lock().unwrap().secrets.get(&name) {
        Some(secret) => Json(secret.clone()).into_response(),
        None => failure(StatusCode::NOT_FOUND, "NotFound"),
    }
}

async fn patch(State(objects): State<Objects>, Path(name): Path<String>, body: String) -> Response {
    let patch: Value = serde_json::from_str(&body).unwrap();
    let mut kept = objects.lock().unwrap();
    kept.writes.push(format!("patch {name}"));
    let secret = kept.secrets.get_mut(&name).unwrap();
    if patch["metadata"]["resourceVersion"] != secret["metadata"]["resourceVersion"] {
        return failure(StatusCode::CONFLICT, "Conflict");
    }
    for (part, entries) in [("data", &patch["data"]), ("metadata", &json!({ "labels": patch["metadata"]["labels"] }))] {
        merge(&mut secret[part], entries);
    }
    secret["metadata"]["resourceVersion"] = json!("2");
    Json(secret.clone()).into_response()
}

fn merge(target: &mut Value, patch: &Value) {
    for (key, value) in patch.as_object().unwrap() {
        if value.is_null() {
            target.as_object_mut().unwrap().remove(key);
        } else if value.is_object() {
            merge(&mut target[key], value);
        } else {
            target[key] = value.clone();
        }
    }
}

fn desired(text: &str) -> DesiredSecret {
    DesiredSecret {
        name: "puppet-tls".to_owned(),
        certificate: Some("puppet".to_owned()),
        data: SecretData::from([("cert.pem".to_owned(), text.to_owned())]),
        removed: Vec::new(),
    }
}

#[tokio::test]
async fn a_new_secret_has_its_labels_and_no_owner_and_is_written_once() {
    let (store, objects) = store().await;
    assert_eq!(store.write(&desired("a")).await.unwrap(), Written::Created);
    assert_eq!(store.write(&desired("a")).await.unwrap(), Written::Unchanged);
    let kept = objects.lock().unwrap();
    assert_eq!(kept.writes, ["create puppet-tls"]);
    let metadata = &kept.secrets["puppet-tls"]["metadata"];
    assert_eq!(
        metadata["labels"],
        json!({
            "app.kubernetes.io/name": "openvox",
            "app.kubernetes.io/managed-by": "openvox-operator",
            "openvox.voxpupuli.org/certificateauthority": "main",
            "openvox.voxpupuli.org/certificate": "puppet",
        })
    );
    assert!(metadata.get("ownerReferences").is_none());
    assert_eq!(kept.secrets["puppet-tls"]["data"]["cert.pem"], "YQ==");
}

#[tokio::test]
async fn an_update_keeps_the_labels_owners_and_keys_of_others() {
    let (store, objects) = store().await;
    let existing = json!({
        "metadata": {
            "name": "puppet-tls", "resourceVersion": "1", "labels": { "mine": "yes", "app.kubernetes.io/managed-by": "openvox-operator", "openvox.voxpupuli.org/certificate": "puppet" },
            "ownerReferences": [{ "apiVersion": "v1", "kind": "ConfigMap", "name": "x", "uid": "1" }],
        },
        "data": { "cert.pem": "eA==", "extra": "eA==" },
    });
    objects.lock().unwrap().secrets.insert("puppet-tls".to_owned(), existing);
    assert_eq!(store.write(&desired("a")).await.unwrap(), Written::Updated);
    let secret = objects.lock().unwrap().secrets["puppet-tls"].clone();
    assert_eq!(secret["metadata"]["labels"]["mine"], "yes");
    assert_eq!(secret["metadata"]["labels"]["openvox.voxpupuli.org/certificate"], "puppet");
    assert_eq!(secret["metadata"]["ownerReferences"][0]["name"], "x");
    assert_eq!(secret["data"], json!({ "cert.pem": "YQ==", "extra": "eA==" }));
}

#[tokio::test]
async fn a_key_that_must_not_be_there_is_removed() {
    let (store, objects) = store().await;
    store.write(&desired("a")).await.unwrap();
    let mut desired = desired("b");
    objects.lock().unwrap().secrets.get_mut("puppet-tls").unwrap()["data"]["old.pem"] = json!("eA==");
    desired.removed.push("old.pem");
    assert_eq!(store.write(&desired).await.unwrap(), Written::Updated);
    assert_eq!(objects.lock().unwrap().secrets["puppet-tls"]["data"], json!({ "cert.pem": "Yg==" }));
    assert_eq!(store.write(&desired).await.unwrap(), Written::Unchanged);
}

#[tokio::test]
async fn an_immutable_secret_is_named_with_the_remedy_where_it_has_to_change() {
    let (store, objects) = store().await;
    store.write(&desired("a")).await.unwrap();
    objects.lock().unwrap().secrets.get_mut("puppet-tls").unwrap()["immutable"] = json!(true);
    assert_eq!(store.write(&desired("a")).await.unwrap(), Written::Unchanged);
    let error = store.write(&desired("b")).await.unwrap_err().to_string();
    assert!(error.contains("Secret puppet-tls: it is immutable") && error.contains("create it again"), "{error}");
}

#[tokio::test]
async fn only_secrets_that_exist_are_read() {
    let (store, _objects) = store().await;
    store.write(&desired("a")).await.unwrap();
    let found = store.read(&SetupGoal::for_tests(std::path::Path::new("unused"))).await.unwrap();
    assert_eq!(found, StoredSecrets::from([("puppet-tls".to_owned(), desired("a").data)]));
}

/// Secrets of somebody else under a name of this CA's: unlabelled, of another tool, of another CA, of a controller.
fn strangers(name: &str) -> Vec<Value> {
    let mut found = Vec::new();
    let labels = |managed_by: &str, authority: &str| json!({ "app.kubernetes.io/managed-by": managed_by, "openvox.voxpupuli.org/certificateauthority": authority });
    for labels in [json!({}), labels("Helm", "main"), labels("cert-manager", "main"), labels("openvox-operator", "other")] {
        found.push(json!({ "metadata": { "name": name, "resourceVersion": "1", "labels": labels }, "data": { "tls.crt": "eA==" } }));
    }
    let owner = json!([{ "apiVersion": "example.test/v1", "kind": "Shop", "name": "shop", "uid": "1", "controller": true }]);
    found.push(json!({ "metadata": { "name": name, "resourceVersion": "1", "labels": labels("openvox-operator", "main"), "ownerReferences": owner } }));
    found
}

#[tokio::test]
async fn a_secret_of_somebody_else_ends_the_run_before_anything_is_made() {
    for name in ["puppet-tls", "main-operator-signing-tls", "main-ca-key", "main-ca-crl", "main-ca"] {
        for theirs in strangers(name) {
            let root = tempfile::tempdir().unwrap();
            let (store, objects) = store().await;
            objects.lock().unwrap().secrets.insert(name.to_owned(), theirs.clone());
            let error = crate::ca_setup::publish(SetupGoal::for_tests(root.path()), &store).await.unwrap_err();
            let message = error.to_string();
            assert!(matches!(error, SetupError::NotOurs { .. }) && message.contains(&format!("kubectl label secret {name}")), "{message}");
            let kept = objects.lock().unwrap();
            assert_eq!((&kept.writes, &kept.secrets[name]), (&Vec::new(), &theirs));
            assert_eq!(std::fs::read_dir(root.path()).unwrap().count(), 0, "no CA was made for {name}");
        }
    }
}

#[tokio::test]
async fn a_secret_that_somebody_makes_during_the_run_is_not_written_either() {
    let (store, objects) = store().await;
    for theirs in strangers("puppet-tls") {
        objects.lock().unwrap().secrets.insert("puppet-tls".to_owned(), theirs.clone());
        assert!(matches!(store.write(&desired("a")).await, Err(SetupError::NotOurs { .. })));
        assert_eq!(objects.lock().unwrap().secrets["puppet-tls"], theirs);
    }
    assert_eq!(objects.lock().unwrap().writes, Vec::<String>::new());
}

#[tokio::test]
async fn a_secret_that_its_resource_controls_is_ours_although_it_lacks_labels() {
    let (store, objects) = store().await;
    let owner = |kind: &str, name: &str| json!([{ "apiVersion": "openvox.voxpupuli.org/v1alpha1", "kind": kind, "name": name, "uid": "1", "controller": true }]);
    for (name, owner) in [("main-ca", owner("CertificateAuthority", "main")), ("puppet-tls", owner("Certificate", "puppet"))] {
        let secret = json!({ "metadata": { "name": name, "resourceVersion": "1", "ownerReferences": owner }, "data": { "a": "YQ==" } });
        objects.lock().unwrap().secrets.insert(name.to_owned(), secret);
    }
    let found = store.read(&SetupGoal::for_tests(std::path::Path::new("unused"))).await.unwrap();
    assert_eq!(found.keys().collect::<Vec<_>>(), ["main-ca", "puppet-tls"]);
}

#[tokio::test]
async fn a_whole_run_writes_the_ca_certificates_last_and_a_second_one_writes_nothing() {
    let root = tempfile::tempdir().unwrap();
    let (store, objects) = store().await;
    let mut goal = SetupGoal::for_tests(root.path());
    crate::ca_setup::publish(goal.clone(), &store).await.unwrap();
    let written = ["create puppet-tls", "create main-operator-signing-tls", "create main-ca-key", "create main-ca-crl", "create main-ca"];
    assert_eq!(objects.lock().unwrap().writes, written);
    crate::ca_setup::publish(goal.clone(), &store).await.unwrap();
    assert_eq!(objects.lock().unwrap().writes, written);
    // Elsewhere there is no CA, but its Secrets are here: the volume is filled from them, and they stay as they are.
    let empty = tempfile::tempdir().unwrap();
    empty.path().clone_into(&mut goal.directory);
    crate::ca_setup::publish(goal, &store).await.unwrap();
    assert_eq!(objects.lock().unwrap().writes, written);
    let on_volume = |root: &std::path::Path| std::fs::read_to_string(root.join("ca_crt.pem")).unwrap();
    assert_eq!(on_volume(empty.path()), on_volume(root.path()));
}
