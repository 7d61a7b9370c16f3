//! The example operator of the engine: whatever it dies at, the next one goes on, and its history folds to its status.

use crate::support::{Cluster, Namespace, wait};
use k8s_openapi::api::core::v1::ConfigMap;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{Api, DynamicObject, Patch, PatchParams};
use serde_json::{Value, json};
use std::io::Write as _;
use std::process::{Child, Command, Stdio};

fn greeting(arguments: &[&str]) -> Command {
    let mut command = Command::new(std::env::var("ENGINE_EXAMPLE").expect("ENGINE_EXAMPLE is set by tests/integration.sh"));
    command.args(arguments);
    command
}

fn hello(text: &str) -> Value {
    json!({"apiVersion": "example.org/v1", "kind": "Greeting", "metadata": {"name": "hello"}, "spec": {"text": text}})
}

/// The operator of a namespace; killed when it is dropped.
struct Operator(Child);

impl Operator {
    fn start(namespace: &Namespace, crash_at: &str) -> Self {
        let mut command = greeting(&["run", &namespace.name]);
        command.env("KUBECONFIG", &namespace.kubeconfig).env("CRASH_AT", crash_at).stdin(Stdio::null()).stderr(Stdio::null());
        Self(command.spawn().expect("it starts"))
    }

    fn runs(&mut self) -> bool {
        self.0.try_wait().expect("its status").is_none()
    }
}

impl Drop for Operator {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A namespace with a Greeting.
async fn namespace_with_greeting(text: &str) -> (Namespace, Api<DynamicObject>) {
    let namespace = Cluster::shared().namespace().await;
    let crd = greeting(&["crd"]).output().expect("it runs").stdout;
    let crd: CustomResourceDefinition = serde_json::from_slice(&crd).expect("a CRD");
    let crds: Api<CustomResourceDefinition> = Api::all(namespace.client.clone());
    crds.patch("greetings.example.org", &PatchParams::apply("tests").force(), &Patch::Apply(crd)).await.expect("the CRD is applied");
    wait::until_some("Greetings to be served", async || namespace.create_one(&hello(text)).await.ok()).await;
    let api = namespace.api_of(&hello(text));
    (namespace, api)
}

/// Waits until the text is written or the operator has ended, and says which.
async fn is_written(namespace: &Namespace, text: &str, api: &Api<DynamicObject>, operator: &mut Operator) -> bool {
    wait::until_some("the Greeting to be written, or the operator to end", async || {
        let object = api.get("hello").await.ok()?;
        let map = namespace.api::<ConfigMap>().get_opt("hello").await.ok()?;
        let said = map.and_then(|map| map.data?.get("text").cloned());
        let settled =
            object.data["status"]["state"] == "Ready/Written" && object.data["status"]["machine"]["data"]["Written"]["text"] == text;
        match (settled && said.as_deref() == Some(text), operator.runs()) {
            (true, true) => Some(true),
            (_, false) => Some(false),
            _ => None,
        }
    })
    .await
}

/// The history of the Greeting is numbered from 1 without a gap and leads to the state in its status.
async fn assert_history_folds_to_status(api: &Api<DynamicObject>) {
    let object = api.get("hello").await.expect("the Greeting");
    let status = &object.data["status"];
    let numbers: Vec<i64> = status["history"].as_array().expect("a history").iter().filter_map(|entry| entry["seq"].as_i64()).collect();
    let last = status["machine"]["seq"].as_i64().expect("a number");
    assert_eq!(numbers, (1..=last).collect::<Vec<_>>());
    let mut fold = greeting(&["fold"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("it starts");
    let text = serde_json::to_vec(&object).expect("JSON");
    fold.stdin.take().expect("its input").write_all(&text).expect("it reads");
    let folded = fold.wait_with_output().expect("it ends").stdout;
    assert_eq!(serde_json::from_slice::<Value>(&folded).expect("a state"), status["machine"]["data"], "{object:?}");
}

/// Lets the operator die at the first, second, … point until it does not die any more. Answers how often it died.
async fn dies_at_every(point: &str) -> usize {
    for deaths in 0..10 {
        let (namespace, api) = namespace_with_greeting("hello").await;
        let mut mortal = Operator::start(&namespace, &format!("Greeting/{point}/{}", deaths + 1));
        let survives = is_written(&namespace, "hello", &api, &mut mortal).await;
        drop(mortal);
        let mut next = Operator::start(&namespace, "");
        assert!(is_written(&namespace, "hello", &api, &mut next).await, "after Greeting/{point}/{}", deaths + 1);
        assert_history_folds_to_status(&api).await;
        if survives {
            return deaths;
        }
    }
    panic!("it dies at ever more points");
}

#[tokio::test]
async fn the_history_of_the_example_folds_to_its_status_whatever_commit_or_effect_it_dies_at() {
    // A commit that starts the writing and one that ends it; one effect.
    assert_eq!((dies_at_every("commit").await, dies_at_every("effect").await, dies_at_every("done").await), (2, 1, 1));
}

#[tokio::test]
async fn the_example_follows_a_change_of_the_spec() {
    let (namespace, api) = namespace_with_greeting("hello").await;
    let mut operator = Operator::start(&namespace, "");
    assert!(is_written(&namespace, "hello", &api, &mut operator).await);
    api.patch("hello", &PatchParams::default(), &Patch::Merge(json!({"spec": {"text": "good morning"}}))).await.expect("a change");
    assert!(is_written(&namespace, "good morning", &api, &mut operator).await);
    assert_history_folds_to_status(&api).await;
}
