//! What happens to the operator that Prometheus watches: first all is well, then much is not.

use crate::authority::Authority;
use crate::fake_ca::{Behaviour, FakeCa};
use crate::support::namespace::HasLifecycle as _;
use crate::support::wait::until_some;
use crate::support::{Cluster, Namespace};
use k8s_openapi::api::admissionregistration::v1::{ValidatingAdmissionPolicy, ValidatingAdmissionPolicyBinding};
use k8s_openapi::api::core::v1::Pod;
use kube::api::{Api, ListParams, Patch, PatchParams, PostParams};
use kube::{Client, ResourceExt as _};
use openvox_crds::{Certificate, CertificateAuthority, Config, Pool, Server};
use serde_json::{Value, json};

const HEALTHY: &str = "
apiVersion: openvox.voxpupuli.org/v1alpha1
kind: Config
metadata: {name: main}
spec: {authorityRef: ca, image: {repository: example.test/server, tag: v1}}
---
apiVersion: openvox.voxpupuli.org/v1alpha1
kind: CertificateAuthority
metadata: {name: ca}
spec: {}
---
apiVersion: openvox.voxpupuli.org/v1alpha1
kind: Certificate
metadata: {name: puppet}
spec: {authorityRef: ca, certname: puppet}
---
apiVersion: openvox.voxpupuli.org/v1alpha1
kind: Server
metadata: {name: puppet}
spec: {configRef: main, certificateRef: puppet, ca: true, poolRefs: [puppet]}
---
apiVersion: openvox.voxpupuli.org/v1alpha1
kind: Pool
metadata: {name: puppet}
spec: {}
---
apiVersion: openvox.voxpupuli.org/v1alpha1
kind: SigningPolicy
metadata: {name: nodes}
spec: {certificateAuthorityRef: ca, pattern: {allow: ['*.example.test']}}
";

/// Nobody may write the status of this Certificate, so no decision about it can be stored.
const REFUSED: &str = "refused";

/// The world of the operator.
pub struct Scenario<'c> {
    cluster: &'c Cluster,
    pub namespace: Namespace,
    ca: FakeCa,
}

fn certificate(name: &str, authority: &str) -> Value {
    json!({
        "apiVersion": "openvox.voxpupuli.org/v1alpha1", "kind": "Certificate", "metadata": {"name": name},
        "spec": {"authorityRef": authority, "certname": format!("{name}.example.test"), "privateKey": {"algorithm": "ECDSA", "size": 256}},
    })
}

impl<'c> Scenario<'c> {
    /// A namespace without anything in it.
    pub async fn new(cluster: &'c Cluster) -> Self {
        Self { cluster, namespace: cluster.own_namespace().await, ca: FakeCa::start(Behaviour::Signs) }
    }

    /// A CA in the cluster with a server, whose pod is said to run; a CA outside, and a certificate of it.
    pub async fn is_well(&self) {
        let namespace = &self.namespace;
        Authority::shared().set_up(namespace, "ca").await;
        namespace.put(&Authority::shared().tls_secret(&namespace.name, "ca", "puppet", "puppet")).await;
        namespace.create_all(HEALTHY).await;
        namespace.reaches::<CertificateAuthority>("ca", "Ready/Valid").await;
        namespace.reaches::<Config>("main", "Running/Rendered").await;
        namespace.reaches::<Pool>("puppet", "Ready/Synced").await;
        namespace.reaches::<Server>("puppet", "Pending/Deploying").await;
        self.pods_run().await;

        let trust = json!({
            "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "outside"},
            "stringData": {"ca_crt.pem": Authority::shared().files.bundle_pem},
        });
        namespace.create_one(&trust).await.unwrap();
        let outside = json!({
            "apiVersion": "openvox.voxpupuli.org/v1alpha1", "kind": "CertificateAuthority", "metadata": {"name": "outside"},
            "spec": {"external": {"url": self.ca.url, "caSecretRef": "outside"}},
        });
        namespace.create_one(&outside).await.unwrap();
        namespace.reaches::<CertificateAuthority>("outside", "External/Reachable").await;
        self.requests("web").await;
        namespace.reaches::<Certificate>("web", "Signed/Valid").await;
    }

    /// Another certificate of the CA outside.
    pub async fn requests(&self, name: &str) {
        self.namespace.create_one(&certificate(name, "outside")).await.unwrap();
    }

    /// No kubelet is here to say that the server's pod is ready, nor that of a rollout which replaces it.
    async fn pods_run(&self) {
        let (pods, servers) = (self.namespace.api::<Pod>(), self.namespace.api::<Server>());
        let ours = ListParams::default().labels("openvox.voxpupuli.org/server=puppet");
        let ready = json!({"status": {"phase": "Running", "conditions": [
            {"type": "Ready", "status": "True", "lastTransitionTime": "2026-01-01T00:00:00Z"},
            {"type": "ContainersReady", "status": "True", "lastTransitionTime": "2026-01-01T00:00:00Z"},
        ]}});
        until_some("the server to be available", async || {
            for pod in pods.list(&ours).await.unwrap().items {
                // One that goes meanwhile needs no status.
                let _ = pods.patch_status(&pod.name_any(), &PatchParams::default(), &Patch::Strategic(&ready)).await;
            }
            let server = servers.get("puppet").await.unwrap();
            (server.lifecycle()?.state.as_deref() == Some("Running/Available")).then_some(())
        })
        .await;
    }

    /// One object for each way not to be well.
    pub async fn goes_wrong(&self) {
        let namespace = &self.namespace;
        namespace.create_one(&certificate("orphan", "nobody")).await.unwrap();
        namespace.says::<Certificate>("orphan", "Pending/WaitingForAuthority", "AuthorityNotFound", &["nobody"]).await;
        self.has_waited_for_an_hour("orphan").await;

        self.ca.becomes(Behaviour::Refuses);
        self.requests("unwanted").await;
        namespace.reaches::<Certificate>("unwanted", "Error/Stalled").await;
        self.ca.becomes(Behaviour::Queues);
        self.requests("unsigned").await;
        namespace.reaches::<Certificate>("unsigned", "WaitingForSigning/WaitingForSigning").await;

        let waiting = json!({
            "apiVersion": "openvox.voxpupuli.org/v1alpha1", "kind": "Server", "metadata": {"name": "compiler"},
            "spec": {"configRef": "nobody", "certificateRef": "puppet"},
        });
        namespace.create_one(&waiting).await.unwrap();
        namespace.says::<Server>("compiler", "Pending/ResolvingReferences", "ConfigNotFound", &["nobody"]).await;

        self.ca.becomes(Behaviour::Broken);
        self.requests("failing").await;
        namespace.reaches::<Certificate>("failing", "Error/Retrying").await;
        namespace.create_one(&certificate(REFUSED, "nobody")).await.unwrap();
        self.statuses_are_refused().await;
        // A status of this generation has to be written now.
        namespace.merge::<Certificate>(REFUSED, json!({"spec": {"dnsAltNames": ["other"]}})).await;
    }

    /// Its state was entered an hour ago: nobody waits an hour for a test.
    async fn has_waited_for_an_hour(&self, name: &str) {
        let ago = chrono::Utc::now() - chrono::TimeDelta::hours(1);
        let since = json!({"status": {"machine": {"since": ago.to_rfc3339_opts(chrono::SecondsFormat::Secs, true)}}});
        self.namespace.api::<Certificate>().patch_status(name, &PatchParams::default(), &Patch::Merge(&since)).await.unwrap();
    }

    /// The API server refuses every status of [`REFUSED`].
    async fn statuses_are_refused(&self) {
        let client: Client = self.cluster.client().await;
        let rule = json!({"apiGroups": ["openvox.voxpupuli.org"], "apiVersions": ["*"], "operations": ["UPDATE"], "resources": ["certificates/status"]});
        let policy: ValidatingAdmissionPolicy = serde_json::from_value(json!({
            "metadata": {"name": "refuse-status"},
            "spec": {
                "failurePolicy": "Fail",
                "matchConstraints": {"resourceRules": [rule]},
                "validations": [{"expression": format!("object.metadata.name != '{REFUSED}'"), "message": "refused by the test"}],
            },
        }))
        .unwrap();
        let binding: ValidatingAdmissionPolicyBinding = serde_json::from_value(json!({
            "metadata": {"name": "refuse-status"},
            "spec": {"policyName": "refuse-status", "validationActions": ["Deny"]},
        }))
        .unwrap();
        let create = PostParams::default();
        Api::all(client.clone()).create(&create, &policy).await.unwrap();
        Api::all(client).create(&create, &binding).await.unwrap();
        // The API server takes notice of a policy within a few seconds.
        let probe = PatchParams { dry_run: true, ..PatchParams::default() };
        let status = Patch::Merge(json!({"status": {"phase": "Error"}}));
        let certificates = self.namespace.api::<Certificate>();
        until_some("the status to be refused", async || certificates.patch_status(REFUSED, &probe, &status).await.err()).await;
    }
}
