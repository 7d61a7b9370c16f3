//! A namespace of one test, and the objects in it.

use super::plain::assert_plain;
use k8s_openapi::api::core::v1::{Event, Namespace as KubeNamespace};
use kube::api::{Api, ApiResource, DeleteParams, DynamicObject, GroupVersionKind, ListParams, Patch, PatchParams, PostParams};
use kube::config::KubeConfigOptions;
use kube::core::NamespaceResourceScope;
use kube::{Client, Resource, ResourceExt as _};
use openvox_crds::{Certificate, Lifecycle, Lifecycled};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::fmt::Debug;
use std::path::PathBuf;

/// A namespace that no other test knows.
pub struct Namespace {
    /// Its name.
    pub name: String,
    /// A client for the runtime that made the namespace.
    pub client: Client,
    /// How others reach the cluster.
    pub kubeconfig: PathBuf,
    goes_with_cluster: bool,
}

impl Namespace {
    pub(super) async fn create(client: Client, kubeconfig: PathBuf, goes_with_cluster: bool) -> Self {
        let api: Api<KubeNamespace> = Api::all(client.clone());
        let wanted = serde_json::from_value(json!({"metadata": {"generateName": "test-"}})).expect("a namespace");
        let name = api.create(&PostParams::default(), &wanted).await.expect("a namespace is created").name_any();
        Self { name, client, kubeconfig, goes_with_cluster }
    }

    /// The objects of a kind.
    pub fn api<K: Resource<DynamicType = (), Scope = NamespaceResourceScope>>(&self) -> Api<K> {
        Api::namespaced(self.client.clone(), &self.name)
    }

    /// The objects of the kind of a manifest.
    pub fn api_of(&self, manifest: &Value) -> Api<DynamicObject> {
        let text = |field: &str| manifest[field].as_str().unwrap_or_else(|| panic!("no {field} in {manifest}")).to_owned();
        let (version, kind) = (text("apiVersion"), text("kind"));
        let (group, version) = version.split_once('/').map_or(("", version.as_str()), |(group, version)| (group, version));
        let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, &kind));
        Api::namespaced_with(self.client.clone(), &self.name, &resource)
    }

    /// Creates every object of a YAML text.
    pub async fn create_all(&self, yaml: &str) {
        for manifest in documents(yaml) {
            self.create_one(&manifest).await.unwrap_or_else(|error| panic!("{error} for {manifest}"));
        }
    }

    /// Creates an object from its manifest.
    pub async fn create_one(&self, manifest: &Value) -> Result<DynamicObject, kube::Error> {
        let object: DynamicObject = serde_json::from_value(manifest.clone()).expect("a manifest has metadata");
        self.api_of(manifest).create(&PostParams::default(), &object).await
    }

    /// Creates an object.
    pub async fn put<K>(&self, object: &K) -> K
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope> + serde::Serialize + DeserializeOwned + Clone + Debug,
    {
        self.api().create(&PostParams::default(), object).await.unwrap_or_else(|error| panic!("{error} for {object:?}"))
    }

    /// Changes an object by a merge patch.
    pub async fn merge<K>(&self, name: &str, patch: Value) -> K
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope> + DeserializeOwned + Clone + Debug,
    {
        self.api().patch(name, &PatchParams::default(), &Patch::Merge(&patch)).await.expect("the object is changed")
    }

    /// Waits until an object of ours is in a state, such as `Signed/Valid`, that describes its present spec.
    pub async fn reaches<K: Ours>(&self, name: &str, state: &str) -> K {
        let reached = super::wait::until(&self.api::<K>(), name, &format!("to reach {state}"), |object| {
            object.lifecycle().is_some_and(|is| is.state.as_deref() == Some(state) && is.observed_generation == object.meta().generation)
        })
        .await;
        self.assert_plain(&reached).await;
        reached
    }

    /// Waits until an object of ours is in a state, with this reason and all of these words in its Ready condition.
    pub async fn says<K: Ours>(&self, name: &str, state: &str, reason: &str, words: &[&str]) -> K {
        let what = format!("to reach {state} with the Ready reason {reason} and the words {words:?}");
        let said = super::wait::until(&self.api::<K>(), name, &what, |object| {
            let there = object.lifecycle().is_some_and(|is| is.state.as_deref() == Some(state));
            there && ready(object).is_some_and(|(is, message)| is == reason && words.iter().all(|word| message.contains(word)))
        })
        .await;
        self.assert_plain(&said).await;
        said
    }

    /// The conditions and the history of the object, and every Event of the namespace, are plain text.
    async fn assert_plain<K: Ours>(&self, object: &K) {
        assert_plain(&json!(object));
        // An API server that is being restarted has nothing to show.
        if let Ok(events) = self.api::<Event>().list(&ListParams::default()).await {
            assert_plain(&json!(events.items));
        }
    }
}

impl Drop for Namespace {
    /// In a cluster that stays, the namespace goes, and nothing in it holds it up.
    fn drop(&mut self) {
        if self.goes_with_cluster {
            return;
        }
        let (client_of, name) = (self.kubeconfig.clone(), self.name.clone());
        let cleaner = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async {
                let file = kube::config::Kubeconfig::read_from(client_of).expect("a kubeconfig");
                let config = kube::Config::from_custom_kubeconfig(file, &KubeConfigOptions::default()).await.expect("a usable kubeconfig");
                let client = Client::try_from(config).expect("a client");
                let certificates: Api<Certificate> = Api::namespaced(client.clone(), &name);
                let none = json!({"metadata": {"finalizers": null}});
                for certificate in certificates.list(&ListParams::default()).await.expect("a list") {
                    let _ = certificates.patch(&certificate.name_any(), &PatchParams::default(), &Patch::Merge(&none)).await;
                }
                let _ = Api::<KubeNamespace>::all(client).delete(&name, &DeleteParams::background()).await;
            });
        });
        let _ = cleaner.join();
    }
}

/// The documents of a YAML text.
pub fn documents(yaml: &str) -> Vec<Value> {
    let texts = yaml.split("\n---").filter(|text| text.lines().any(|line| !line.trim().is_empty() && !line.starts_with('#')));
    texts.map(|text| serde_saphyr::from_str(text).unwrap_or_else(|error| panic!("{error} in {text}"))).collect()
}

/// A kind of ours, whose status has a lifecycle.
pub trait HasLifecycle {
    /// The lifecycle, once there is a status.
    fn lifecycle(&self) -> Option<&Lifecycle>;
}

impl<K: kube::core::object::HasStatus<Status: Lifecycled>> HasLifecycle for K {
    fn lifecycle(&self) -> Option<&Lifecycle> {
        self.status().map(Lifecycled::lifecycle)
    }
}

/// A kind of ours.
pub trait Ours:
    Resource<DynamicType = (), Scope = NamespaceResourceScope>
    + HasLifecycle
    + serde::Serialize
    + DeserializeOwned
    + Clone
    + Debug
    + Send
    + 'static
{
}

impl<K> Ours for K where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
        + HasLifecycle
        + serde::Serialize
        + DeserializeOwned
        + Clone
        + Debug
        + Send
        + 'static
{
}

/// Reason and message of the Ready condition.
pub fn ready<K: HasLifecycle>(object: &K) -> Option<(String, String)> {
    let condition = object.lifecycle()?.conditions.iter().find(|condition| condition.type_ == "Ready")?;
    Some((condition.reason.clone(), condition.message.clone()))
}

/// Names of the events of an object's history, oldest first.
pub fn events<K: HasLifecycle>(object: &K) -> Vec<String> {
    object.lifecycle().map(|is| is.history.iter().map(|entry| entry.event.clone()).collect()).unwrap_or_default()
}
