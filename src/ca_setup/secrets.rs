//! The Secrets in the cluster.

use super::error::SetupError;
use super::goal::{DesiredLeaf, DesiredSecret, SecretData, SetupGoal, StoredSecrets};
use crate::cluster::Foreign;
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};
use kube::api::{Patch, PatchParams, PostParams};
use kube::{Api, Client, Resource as _, ResourceExt as _};
use openvox_crds::vocabulary::{CA_SETUP_FIELD_MANAGER, label};
use std::collections::BTreeMap;

/// Secrets of one CA.
#[derive(Clone)]
pub(super) struct SecretStore {
    api: Api<Secret>,
    ca_name: String,
}

impl SecretStore {
    pub(super) fn new(client: Client, namespace: &str, ca_name: &str) -> Self {
        Self { api: Api::namespaced(client, namespace), ca_name: ca_name.to_owned() }
    }

    /// The Secrets of the goal that exist. A Secret with another owner ends the run before anything is made.
    pub(super) async fn read(&self, goal: &SetupGoal) -> Result<StoredSecrets, SetupError> {
        let mut stored = StoredSecrets::new();
        for name in goal.secret_names() {
            let Some(secret) = self.api.get_opt(&name).await.map_err(failed("read", &name))? else { continue };
            let leaf = goal.leaves.iter().find(|leaf| leaf.secret == name);
            self.refuse_foreign(&secret, leaf.map(DesiredLeaf::certificate).as_deref())?;
            stored.insert(name, texts(&secret));
        }
        Ok(stored)
    }

    /// Fails unless the Secret has the labels of this CA, or the CA or the Certificate controls it.
    fn refuse_foreign(&self, secret: &Secret, certificate: Option<&str>) -> Result<(), SetupError> {
        let (kind, name) = certificate.map_or(("CertificateAuthority", &*self.ca_name), |name| ("Certificate", name));
        // The Job does not know its UID, so a controller of this kind and name counts.
        let owner = OwnerReference {
            api_version: openvox_crds::CertificateAuthority::api_version(&()).into_owned(),
            kind: kind.to_owned(),
            name: name.to_owned(),
            controller: Some(true),
            ..OwnerReference::default()
        };
        let labels = self.labels(certificate);
        let wanted = ObjectMeta { labels: Some(labels.clone()), owner_references: Some(vec![owner]), ..ObjectMeta::default() };
        match Foreign::of(&secret.metadata, &wanted) {
            None | Some(Foreign::Predecessor(_)) => Ok(()),
            Some(owner) => {
                let labels: Vec<String> = labels.into_iter().map(|(key, value)| format!("{key}={value}")).collect();
                Err(SetupError::NotOurs { secret: secret.name_any(), owner, labels: labels.join(" ") })
            }
        }
    }

    /// Writes a Secret as desired. One that is so already is not written; labels and owners that others gave it stay.
    pub(super) async fn write(&self, desired: &DesiredSecret) -> Result<Written, SetupError> {
        let DesiredSecret { name, certificate, data, removed } = desired;
        let labels = self.labels(certificate.as_deref());
        let Some(existing) = self.api.get_opt(name).await.map_err(failed("read", name))? else {
            let mut secret = Secret { type_: Some("Opaque".to_owned()), data: Some(bytes(data)), ..Secret::default() };
            secret.metadata.name = Some(name.clone());
            secret.metadata.labels = Some(labels);
            let params = PostParams { field_manager: Some(CA_SETUP_FIELD_MANAGER.to_owned()), ..PostParams::default() };
            self.api.create(&params, &secret).await.map_err(failed("create", name))?;
            return Ok(Written::Created);
        };
        self.refuse_foreign(&existing, certificate.as_deref())?;
        let found = existing.metadata.labels.clone().unwrap_or_default();
        let labelled = labels.iter().all(|(key, value)| found.get(key) == Some(value));
        let stored = texts(&existing);
        if labelled && desired.is_met(&stored) {
            return Ok(Written::Unchanged);
        }
        if existing.immutable == Some(true) {
            return Err(SetupError::Immutable(name.clone()));
        }
        let changes = bytes(data).into_iter().map(|(key, value)| (key, Some(value)));
        let changes: BTreeMap<_, _> = changes.chain(removed.iter().map(|key| ((*key).to_owned(), None))).collect();
        // With the version that was read: if the Secret has changed since then, this fails and the Job runs again.
        let patch = serde_json::json!({
            "metadata": { "labels": labels, "resourceVersion": existing.metadata.resource_version },
            "data": changes,
        });
        let params = PatchParams { field_manager: Some(CA_SETUP_FIELD_MANAGER.to_owned()), ..PatchParams::default() };
        let patched = self.api.patch(name, &params, &Patch::Merge(patch)).await;
        patched.map_err(failed("update", name))?;
        Ok(Written::Updated)
    }

    fn labels(&self, certificate: Option<&str>) -> BTreeMap<String, String> {
        let mut labels = BTreeMap::from([
            (label::NAME.to_owned(), label::NAME_VALUE.to_owned()),
            (label::MANAGED_BY.to_owned(), label::MANAGED_BY_VALUE.to_owned()),
            (label::CERTIFICATE_AUTHORITY.to_owned(), self.ca_name.clone()),
        ]);
        let certificate = certificate.map(str::to_owned);
        labels.extend(certificate.map(|name| (label::CERTIFICATE.to_owned(), name)));
        labels
    }
}

/// The result of writing a Secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Written {
    /// It is new.
    Created,
    /// It differed.
    Updated,
    /// It was right.
    Unchanged,
}

fn failed(action: &'static str, secret: &str) -> impl FnOnce(kube::Error) -> SetupError {
    let secret = secret.to_owned();
    move |source| SetupError::Kubernetes { action, secret, source: Box::new(source) }
}

fn bytes(data: &SecretData) -> BTreeMap<String, ByteString> {
    let entries = data.iter();
    entries.map(|(key, text)| (key.clone(), ByteString(text.clone().into_bytes()))).collect()
}

/// The data of a Secret as text; bytes that are none cannot be PEM and are treated as such.
fn texts(secret: &Secret) -> SecretData {
    let data = secret.data.iter().flatten();
    data.map(|(key, bytes)| (key.clone(), String::from_utf8_lossy(&bytes.0).into_owned())).collect()
}

#[cfg(test)]
mod tests;
