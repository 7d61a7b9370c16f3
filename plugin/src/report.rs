//! `report`: what somebody who helps needs to see, and no secret.

use crate::connection::Connection;
use crate::history::{Asked, Service, Transition, ring};
use crate::kind::Kind;
use crate::outcome::Outcome;
use crate::redact::redact;
use crate::secret::SecretFacts;
use crate::time::rfc3339;
use anyhow::{Context as _, bail};
use chrono::Utc;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{Event, Secret};
use kube::api::{Api, DynamicObject, ListParams};
use kube::core::NamespaceResourceScope;
use kube::{Client, Resource, ResourceExt as _};
use openvox_crds::vocabulary::{GROUP, label};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::fmt::Debug;
use std::path::Path;
use std::process::Command;

/// File of the transitions in a report of many files, one a line.
pub const HISTORY: &str = "history.jsonl";
/// File of the objects.
pub const OBJECTS: &str = "objects.json";

/// Everything that is reported.
#[derive(Debug, Serialize, Deserialize)]
pub struct Report {
    /// When, of what, with which versions.
    pub about: About,
    /// The objects: spec, conditions, machine, newest transitions.
    pub objects: Vec<Value>,
    /// Transitions, oldest first.
    pub history: Vec<Transition>,
    /// Kubernetes Events of the objects, and of Pods, Jobs and Deployments beside them.
    pub events: Vec<Value>,
    /// Secrets of the operator, without their data.
    pub secrets: Vec<SecretFacts>,
}

/// When a report was made, and of what.
#[derive(Debug, Serialize, Deserialize)]
pub struct About {
    /// When, RFC 3339.
    pub made: String,
    /// Version of the plug-in.
    pub plugin: String,
    /// The namespace; none for all of them.
    pub namespace: Option<String>,
    /// Version of the API server.
    pub kubernetes: String,
    /// Operators: namespace, name, image.
    pub operators: Vec<String>,
    /// What could not be had, and why.
    pub lacking: Vec<String>,
}

/// Makes a report: JSON on standard output, or in a file, a folder or a packed folder.
///
/// # Errors
/// If the objects cannot be read, or the place cannot be written. Whatever else cannot be had is named in the report.
pub async fn run(connection: &Connection, to: Option<&Path>) -> anyhow::Result<Outcome> {
    let report = Report::collect(connection).await?;
    for lacking in &report.about.lacking {
        eprintln!("Not in the report: {lacking}");
    }
    match to {
        None => println!("{}", serde_json::to_string_pretty(&report)?),
        Some(path) => {
            report.write(path).with_context(|| format!("failed to write {}", path.display()))?;
            println!(
                "{}: {} objects, {} transitions, {} events, {} Secrets by name",
                path.display(),
                report.objects.len(),
                report.history.len(),
                report.events.len(),
                report.secrets.len()
            );
        }
    }
    Ok(Outcome::Fine)
}

impl Report {
    async fn collect(connection: &Connection) -> anyhow::Result<Self> {
        let (client, namespace) = (&connection.client, connection.namespace.as_deref());
        let mut lacking = Vec::new();
        let mut objects = Vec::new();
        for kind in Kind::all() {
            let api: Api<DynamicObject> = match namespace {
                Some(namespace) => Api::namespaced_with(client.clone(), namespace, &kind.resource),
                None => Api::all_with(client.clone(), &kind.resource),
            };
            let list = api.list(&ListParams::default()).await.with_context(|| format!("failed to list {}", kind.resource.plural))?;
            for mut object in list.items {
                object.types = Some(kube::core::TypeMeta { api_version: kind.resource.api_version.clone(), kind: kind.name().to_owned() });
                objects.push(clean(&object)?);
            }
        }
        let asked = Asked { object: None, namespace: connection.namespace.clone(), since: Some(chrono::DateTime::UNIX_EPOCH) };
        let history = match everything(connection).await {
            Ok(history) => history,
            Err(error) => {
                lacking.push(format!("the journal's history ({error:#}); the transitions are those that the objects still have"));
                ring(connection, &asked).await?
            }
        };
        let mut given = |what: &str, error: anyhow::Error| lacking.push(format!("{what} ({error:#})"));
        let selected = ListParams::default().labels(&format!("{}={}", label::MANAGED_BY, label::MANAGED_BY_VALUE));
        let secrets = list::<Secret>(client, namespace, &selected).await.unwrap_or_else(|error| {
            given("Secrets by name", error);
            Vec::new()
        });
        let events = list::<Event>(client, namespace, &ListParams::default()).await.unwrap_or_else(|error| {
            given("Kubernetes Events", error);
            Vec::new()
        });
        let operators = ListParams::default().labels(label::OPERATOR_SELECTOR);
        let operators = list::<Deployment>(client, None, &operators).await.unwrap_or_else(|error| {
            given("the version of the operator", error);
            Vec::new()
        });
        let kubernetes = client.apiserver_version().await.map_or_else(|error| error.to_string(), |version| version.git_version);
        let about = About {
            made: rfc3339(Utc::now()),
            plugin: env!("CARGO_PKG_VERSION").to_owned(),
            namespace: connection.namespace.clone(),
            kubernetes,
            operators: operators.iter().map(operator).collect(),
            lacking,
        };
        let events = events.iter().filter(|event| concerns_us(event)).map(clean).collect::<Result<_, _>>()?;
        let history = history.iter().map(|transition| Ok(serde_json::from_value(clean(transition)?)?)).collect::<anyhow::Result<_>>()?;
        Ok(Self { about, objects, history, events, secrets: secrets.iter().map(SecretFacts::of).collect() })
    }

    fn write(&self, path: &Path) -> anyhow::Result<()> {
        match path.extension().and_then(|end| end.to_str()) {
            Some("json") => return Ok(std::fs::write(path, serde_json::to_vec_pretty(self)?)?),
            Some("gz" | "tgz") => {}
            _ => return self.write_folder(path),
        }
        let folder = path.with_extension(format!("{}.part", std::process::id()));
        let packed = self.write_folder(&folder).and_then(|()| pack(&folder, path));
        std::fs::remove_dir_all(&folder)?;
        packed
    }

    fn write_folder(&self, folder: &Path) -> anyhow::Result<()> {
        std::fs::create_dir(folder).context("failed to make the folder; the name of one that does not exist is needed")?;
        let mut history = Vec::new();
        for transition in &self.history {
            serde_json::to_writer(&mut history, transition)?;
            history.push(b'\n');
        }
        std::fs::write(folder.join(HISTORY), history)?;
        std::fs::write(folder.join(OBJECTS), serde_json::to_vec_pretty(&self.objects)?)?;
        std::fs::write(folder.join("about.json"), serde_json::to_vec_pretty(&self.about)?)?;
        std::fs::write(folder.join("events.json"), serde_json::to_vec_pretty(&self.events)?)?;
        Ok(std::fs::write(folder.join("secrets.json"), serde_json::to_vec_pretty(&self.secrets)?)?)
    }
}

/// Packs the files of a folder, without the folder.
fn pack(folder: &Path, path: &Path) -> anyhow::Result<()> {
    let files = [HISTORY, OBJECTS, "about.json", "events.json", "secrets.json"];
    let output = Command::new("tar").arg("-czf").arg(path).arg("-C").arg(folder).args(files).output();
    let output = output.context("failed to run tar, which packs .tar.gz; a folder or .json needs no tar")?;
    if !output.status.success() {
        bail!("tar: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(())
}

async fn everything(connection: &Connection) -> anyhow::Result<Vec<Transition>> {
    Service::with(connection, async |service| service.everything(connection.namespace.as_deref()).await).await
}

async fn list<K>(client: &Client, namespace: Option<&str>, selected: &ListParams) -> anyhow::Result<Vec<K>>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope> + DeserializeOwned + Clone + Debug,
{
    let api: Api<K> = namespace.map_or_else(|| Api::all(client.clone()), |namespace| Api::namespaced(client.clone(), namespace));
    Ok(api.list(selected).await?.items)
}

fn clean<T: Serialize>(object: &T) -> anyhow::Result<Value> {
    let mut document = serde_json::to_value(object)?;
    redact(&mut document);
    Ok(document)
}

fn operator(deployment: &Deployment) -> String {
    let pod = deployment.spec.as_ref().and_then(|spec| spec.template.spec.as_ref());
    let image = pod.and_then(|pod| pod.containers.first()?.image.clone()).unwrap_or_default();
    format!("{}/{} {image}", deployment.namespace().unwrap_or_default(), deployment.name_any())
}

/// Of an object of ours, or of what runs for one.
fn concerns_us(event: &Event) -> bool {
    let object = &event.involved_object;
    let ours = object.api_version.as_deref().is_some_and(|version| version.starts_with(GROUP));
    ours || matches!(object.kind.as_deref(), Some("Pod" | "Job" | "Deployment" | "ReplicaSet" | "PersistentVolumeClaim"))
}
