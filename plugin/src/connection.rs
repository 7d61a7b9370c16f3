//! The API server, as the user's kubeconfig leads to it.

use crate::cli::Cluster;
use anyhow::{Context as _, bail};
use http::header::{AUTHORIZATION, HeaderValue};
use http::{Request, Response};
use kube::client::{Body, ConfigExt as _};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use tower::{BoxError, Layer as _, ServiceExt as _, service_fn};

/// A client, and where in the cluster to look.
pub struct Connection {
    /// The client.
    pub client: Client,
    /// One namespace, or all of them.
    pub namespace: Option<String>,
    config: Config,
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
        let client = Client::try_from(config.clone()).context("failed to make a client for the API server")?;
        let namespace = (!flags.all_namespaces).then(|| flags.namespace.clone().unwrap_or_else(|| config.default_namespace.clone()));
        Ok(Self { client, namespace, config })
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

    /// What the kubeconfig sends as `Authorization`: a token from it, from a file, or from a program. `None` for a user
    /// with a client certificate, who has nothing to hand on.
    ///
    /// # Errors
    /// If the program or the file does not give a token.
    pub async fn authorization(&self) -> anyhow::Result<Option<HeaderValue>> {
        let Some(layer) = self.config.auth_layer().context("failed to read the user of the kubeconfig")? else { return Ok(None) };
        // The client's own authentication is asked what it would send.
        let shown = layer.layer(service_fn(async |request: Request<Body>| {
            Ok::<_, BoxError>(Response::new(request.headers().get(AUTHORIZATION).cloned()))
        }));
        let answer = shown.oneshot(Request::new(Body::empty())).await;
        Ok(answer.map_err(|error| anyhow::anyhow!(error)).context("failed to get a token from the kubeconfig's user")?.into_body())
    }
}
