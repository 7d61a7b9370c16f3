//! The API server, as the user's kubeconfig leads to it.

use crate::cli::Cluster;
use anyhow::{Context as _, bail};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};

/// A client, and where in the cluster to look.
pub struct Connection {
    /// The client.
    pub client: Client,
    /// One namespace, or all of them.
    pub namespace: Option<String>,
    /// The namespace of the operator.
    pub operator: String,
}

impl Connection {
    /// Reads the kubeconfig and makes a client; asks nobody yet.
    ///
    /// # Errors
    /// If the kubeconfig cannot be read or used.
    pub async fn open(flags: &Cluster) -> anyhow::Result<Self> {
        // Whoever installs a provider first wins, and nobody has before.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let options = KubeConfigOptions { context: flags.context.clone(), ..KubeConfigOptions::default() };
        let config = match &flags.kubeconfig {
            Some(path) => {
                let file = Kubeconfig::read_from(path).with_context(|| format!("failed to read --kubeconfig={}", path.display()))?;
                Config::from_custom_kubeconfig(file, &options).await
            }
            None => Config::from_kubeconfig(&options).await,
        };
        let config = config.context("failed to use the kubeconfig; --kubeconfig, KUBECONFIG and --context choose another")?;
        let default_namespace = config.default_namespace.clone();
        let client = Client::try_from(config).context("failed to make a client for the API server")?;
        let namespace = (!flags.all_namespaces).then(|| flags.namespace.clone().unwrap_or(default_namespace));
        Ok(Self { client, namespace, operator: flags.operator_namespace.clone() })
    }

    /// The namespace of a command that is about one object.
    ///
    /// # Errors
    /// With `--all-namespaces`.
    pub fn one_namespace(&self) -> anyhow::Result<&str> {
        let Some(namespace) = &self.namespace else {
            bail!("--all-namespaces is of no use here: an object is in one namespace; name it with --namespace");
        };
        Ok(namespace)
    }
}
