//! The level of the log is changed while the operator runs, by who may.

use crate::access::{ClusterRight, somebody};
use crate::support::operator::Options;
use crate::support::{Cluster, Operator, wait};
use openvox_crds::Pool;

fn pool(name: &str) -> String {
    format!("{{apiVersion: openvox.voxpupuli.org/v1alpha1, kind: Pool, metadata: {{name: {name}}}, spec: {{}}}}")
}

async fn put(operator: &Operator, token: &str, level: &'static str) -> (u16, String) {
    let url = format!("http://127.0.0.1:{}/log-level", operator.history_port());
    let response = reqwest::Client::new().put(url).bearer_auth(token).body(level).send().await.unwrap();
    (response.status().as_u16(), response.text().await.unwrap())
}

#[tokio::test]
async fn the_log_is_turned_down_and_up_again_while_the_operator_runs() {
    let namespace = Cluster::shared().namespace().await;
    let operator = Options::new(&namespace).history_for_callers_with_tokens().start();
    operator.ready().await;
    let token = somebody(&namespace, "loud").await;
    let (code, said) = put(&operator, &token, "warn").await;
    assert_eq!(code, 403);
    assert!(said.contains("nonResourceURLs [/log-level] and the verb put"), "{said}");

    let right = ClusterRight::to_path(&namespace, "loud", "/log-level", &["put"]).await;
    wait::until_some("the right to count", async || (put(&operator, &token, "warn").await.0 == 200).then_some(())).await;
    let quiet = operator.log().len();
    namespace.create_all(&pool("quiet")).await;
    namespace.reaches::<Pool>("quiet", "Ready/Synced").await;
    assert_eq!(&operator.log()[quiet..], "", "nothing that happens is a warning");

    let (code, said) = put(&operator, &token, "openvox_operator=loudest").await;
    assert_eq!(code, 400);
    assert!(said.contains("openvox_operator=loudest") && said.contains("expected error, warn, info, debug, trace"), "{said}");

    // The operators of these tests are started with debug.
    assert_eq!(put(&operator, &token, "").await.0, 200);
    let loud = operator.log().len();
    namespace.create_all(&pool("loud")).await;
    namespace.reaches::<Pool>("loud", "Ready/Synced").await;
    wait::until_some("lines of level debug", async || operator.log()[loud..].contains(r#""level":"DEBUG""#).then_some(())).await;
    right.taken_away().await;
}
