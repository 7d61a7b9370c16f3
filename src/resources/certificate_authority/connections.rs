//! Clients of the CAs: one per CA and identity, kept as long as what they were made of stays the same, so that
//! connections are used again.

use super::super::text::text;
use super::trust_name;
use crate::build::name;
use crate::cluster::api_error;
use crate::puppetca::{BodyBudget, CaClient, ClientConfigError, ClientError, ClientIdentity, NamespaceBudget, ServerCheck};
use crate::reconcile::Context;
use k8s_openapi::api::core::v1::Secret;
use kube::{Api, ResourceExt as _};
use openvox_crds::CertificateAuthority;
use openvox_crds::vocabulary::secret_key;
use openvox_puppet::{BundleError, CaBundle, KeyError, PrivateKey, Strength};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tracing::Instrument as _;
use zeroize::Zeroizing;

/// Who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Identity {
    /// Nobody: what every agent may ask.
    Nobody,
    /// The operator with its own certificate, which may sign.
    Operator,
}

type Key = (String, String, Identity);
type Client = (String, CaClient);

/// Most clients kept. Each is a connection pool; a cluster has a handful of CAs.
const MOST: usize = 64;

/// The clients.
#[derive(Default)]
pub struct Connections {
    clients: Mutex<HashMap<Key, Client>>,
    body_budget: BodyBudget,
    namespace_budgets: Mutex<HashMap<String, NamespaceBudget>>,
}

/// There is nothing to make a client of.
#[derive(Debug, thiserror::Error)]
pub enum ConnectionError {
    /// A Secret or a key in it is missing.
    #[error("failed to connect to the CA: Secret {secret} has no {key}")]
    Missing {
        /// Name of the Secret.
        secret: String,
        /// Key in it.
        key: &'static str,
    },
    /// The Secret could not be read.
    #[error("failed to read Secret {secret}: {}", api_error::words(source))]
    Unreadable {
        /// Name of the Secret.
        secret: String,
        /// What the API server said.
        source: Box<kube::Error>,
    },
    /// The CA certificates cannot be read.
    #[error(transparent)]
    Bundle(#[from] BundleError),
    /// The operator's key cannot be read.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The operator must not connect to the host of the CA.
    #[error("{0}")]
    HostNotAllowed(String),
    /// The client refuses what it was given.
    #[error(transparent)]
    Config(#[from] ClientConfigError),
}

impl Connections {
    /// The client for a CA.
    ///
    /// # Errors
    /// [`ConnectionError`] if what it is made of is missing or cannot be used.
    pub async fn client(
        &self,
        context: &Context,
        namespace: &str,
        authority: &CertificateAuthority,
        identity: Identity,
    ) -> Result<CaClient, ConnectionError> {
        if let Some(blocked) = context.external_hosts.refuse(authority) {
            return Err(ConnectionError::HostNotAllowed(blocked.message));
        }
        let authority_name = authority.name_any();
        let external = authority.spec.external.as_ref();
        let (trust_name, address) = (trust_name(authority), address(namespace, authority));
        let trust = secret(context, namespace, &trust_name).await?;
        let bundle = needed(&trust, &trust_name, secret_key::CA_CERTIFICATES)?;
        let pair_name = match (identity, external.and_then(|external| external.tls_secret_ref.clone())) {
            (_, Some(given)) => Some((given, "tls.crt", "tls.key")),
            (Identity::Operator, None) => {
                Some((name::tls_secret(&name::operator_signing(&authority_name)), secret_key::CERTIFICATE, secret_key::KEY))
            }
            (Identity::Nobody, None) => None,
        };
        let pair = match &pair_name {
            Some((name, certificate, key)) => {
                let pair = secret(context, namespace, name).await?;
                Some((needed(&pair, name, certificate)?.to_owned(), Zeroizing::new(needed(&pair, name, key)?.to_owned())))
            }
            None => None,
        };
        let check = server_check(authority);
        let strength = strength(authority);
        let made_of = format!("{address}\n{check:?}\n{strength:?}\n{bundle}\n{}", pair.as_ref().map_or("", |(certificate, _)| certificate));
        let key = (namespace.to_owned(), authority_name, identity);
        if let Some((of, client)) = self.clients().get(&key)
            && *of == made_of
        {
            return Ok(client.clone());
        }
        let private_key = pair.as_ref().map(|(_, key)| PrivateKey::from_pem(key)).transpose()?;
        let identity = pair.as_ref().zip(private_key.as_ref()).map(|((certificate_pem, _), key)| ClientIdentity { certificate_pem, key });
        let client = CaClient::with_check(&address, &CaBundle::from_pem(bundle)?.with_strength(strength), identity, check)?
            .with_budget(self.namespace_budget(namespace));
        let mut clients = self.clients();
        if clients.len() >= MOST {
            clients.clear();
        }
        clients.insert(key, (made_of, client.clone()));
        Ok(client)
    }

    /// Where the CAs of a namespace take turns with large answers.
    fn namespace_budget(&self, namespace: &str) -> NamespaceBudget {
        let mut bodies = self.namespace_budgets.lock().unwrap_or_else(PoisonError::into_inner);
        bodies.retain(|_, bodies| !bodies.is_idle());
        bodies.entry(namespace.to_owned()).or_insert_with(|| self.body_budget.for_namespace()).clone()
    }

    fn clients(&self) -> std::sync::MutexGuard<'_, HashMap<Key, Client>> {
        self.clients.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How long a call that does not even connect is made again: a CA server that has just become ready is known to the
/// node's network a second or two later (kube-proxy gathers changes for so long).
const CONNECT_WITHIN: Duration = Duration::from_secs(4);
/// The pause between two of them.
const CONNECT_AGAIN: Duration = Duration::from_millis(400);

/// One call to a CA: a span and a count.
///
/// # Errors
/// Those of the call.
pub async fn ask<T, F>(context: &Context, name: &'static str, call: impl Fn() -> F) -> Result<T, ClientError>
where
    F: Future<Output = Result<T, ClientError>>,
{
    let began = Instant::now();
    let tried = async {
        loop {
            match call().await {
                // Nothing was sent, so nothing can happen twice.
                Err(ClientError::Unreachable { sent: false, .. }) if began.elapsed() < CONNECT_WITHIN => {
                    tokio::time::sleep(CONNECT_AGAIN).await;
                }
                answer => return answer,
            }
        }
    };
    let answer = tried.instrument(tracing::debug_span!("ca call", otel.name = name, otel.kind = "client")).await;
    context.metrics.ca_call(name, answer.as_ref().err().map(ClientError::reason));
    answer
}

/// Where the CA answers: its own Service, or what the spec of an external one says.
#[must_use]
pub fn address(namespace: &str, authority: &CertificateAuthority) -> String {
    match &authority.spec.external {
        Some(external) => external.url.clone(),
        None => format!("https://{}.{namespace}.svc:8140", name::ca_service(&authority.name_any())),
    }
}

/// Whether the CA has to prove who it is.
#[must_use]
pub fn server_check(authority: &CertificateAuthority) -> ServerCheck {
    let unverified = authority.spec.external.as_ref().is_some_and(|external| external.insecure_skip_verify);
    if unverified { ServerCheck::Unverified } else { ServerCheck::Verified }
}

/// What the signatures of a CA have to withstand.
#[must_use]
pub fn strength(authority: &CertificateAuthority) -> Strength {
    let short_keys = authority.spec.external.as_ref().is_some_and(|external| external.allow_short_keys);
    if short_keys { Strength::Legacy } else { Strength::Established }
}

/// A Secret of ours from the cache, one of the user's from the API server.
///
/// # Errors
/// [`ConnectionError`] if it is not there or cannot be read.
pub async fn secret(context: &Context, namespace: &str, name: &str) -> Result<Arc<Secret>, ConnectionError> {
    if let Some(cached) = context.caches.secrets.get(namespace, name) {
        return Ok(cached);
    }
    let api: Api<Secret> = Api::namespaced(context.client.clone(), namespace);
    match api.get_opt(name).await {
        Ok(Some(found)) => Ok(Arc::new(found)),
        Ok(None) => Err(ConnectionError::Missing { secret: name.to_owned(), key: "data" }),
        Err(source) => Err(ConnectionError::Unreadable { secret: name.to_owned(), source: Box::new(source) }),
    }
}

fn needed<'a>(secret: &'a Secret, name: &str, key: &'static str) -> Result<&'a str, ConnectionError> {
    text(secret, key).ok_or_else(|| ConnectionError::Missing { secret: name.to_owned(), key })
}
