//! Secrets that users made and that specs name. They are read when they are needed, and not cached.

use crate::cluster::api_error;
use k8s_openapi::api::core::v1::Secret;
use kube::{Api, Client};
use std::collections::{BTreeMap, BTreeSet};

/// Secrets by name: what is there, or why that is not known.
pub type UserSecrets = BTreeMap<String, Result<Option<Secret>, String>>;

/// Reads the Secrets of these names.
pub async fn read(client: &Client, namespace: &str, names: BTreeSet<&str>) -> UserSecrets {
    let api: Api<Secret> = Api::namespaced(client.clone(), namespace);
    let mut secrets = UserSecrets::new();
    for name in names {
        secrets.insert(name.to_owned(), api.get_opt(name).await.map_err(|error| api_error::words(&error)));
    }
    secrets
}
