//! The effects of a Certificate.

use super::super::certificate_authority::connections::{Identity, address, server_check};
use super::request::CertificateRequest;
use super::store::{pending_key, store, stored_key};
use crate::build::{self, Scope, name};
use crate::cluster::{FIELD_MANAGER, delete, owner_reference};
use crate::puppetca::{
    self, CaBundle, CaClient, ClientError, ClientIdentity, CsrInfo, Fingerprint, PrivateKey, Renewed, Signed, Submitted,
};
use crate::reconcile::Context;
use crate::telemetry::Verb;
use k8s_openapi::api::core::v1::Secret;
use kube::ResourceExt as _;
use kube::api::{Api, Patch, PatchParams, PostParams};
use openvox_crds::vocabulary::finalizer::CERTIFICATE_CLEANUP;
use openvox_crds::{Certificate, CertificateAuthority};
use openvox_machines::certificate::{Effect, Report};
use openvox_machines::reason;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;
use tracing::Instrument as _;

/// Keys are made on all cores and no more at a time: each takes a second of one core.
static KEY_MAKERS: std::sync::LazyLock<Semaphore> =
    std::sync::LazyLock::new(|| Semaphore::new(std::thread::available_parallelism().map_or(1, std::num::NonZero::get)));

fn failed(reason: &str, message: impl Into<String>) -> Report {
    Report::Failed { reason: reason.to_owned(), message: message.into() }
}

fn api_failed(error: &kube::Error, what: &str) -> Report {
    failed(reason::APPLY_FAILED, format!("failed to {what}: {error}"))
}

pub(super) async fn act(context: &Arc<Context>, object: &Arc<Certificate>, effect: Effect) -> Option<Report> {
    let done = match effect {
        Effect::EnsureKey => return ensure_key(context, object).await,
        Effect::DropPendingKey => return drop_pending_key(context, object).await,
        Effect::RemoveFinalizer => return remove_finalizer(context, object).await,
        Effect::SubmitCsr => submit(context, object).await,
        Effect::ObtainCertificate => obtain(context, object).await,
        Effect::PollCertificate => poll(context, object).await,
        Effect::Renew => renew(context, object).await,
        Effect::Clean => clean(context, object).await,
    };
    Some(done.unwrap_or_else(|report| report))
}

/// Makes the key and creates the pending Secret. Creating, not applying: a key that is there already is never
/// replaced.
async fn ensure_key(context: &Arc<Context>, object: &Arc<Certificate>) -> Option<Report> {
    let namespace = object.namespace().unwrap_or_default();
    let request = CertificateRequest::of(&object.spec).ok()?;
    let api: Api<Secret> = Api::namespaced(context.client.clone(), &namespace);
    let pending = name::pending_tls_secret(&object.name_any());
    // The cache may lag behind a key that was stored before a restart; a read is cheaper than a key.
    if let Ok(Some(there)) = api.get_opt(&pending).await {
        context.caches.secrets.wrote(Arc::new(there));
        return None;
    }
    let made = {
        let _permit = KEY_MAKERS.acquire().await.ok()?;
        let algorithm = request.algorithm;
        tokio::task::spawn_blocking(move || PrivateKey::generate(algorithm))
            .instrument(tracing::debug_span!("generate key", algorithm = %algorithm))
            .await
    };
    let key = match made {
        Ok(Ok(key)) => key,
        Ok(Err(error)) => return Some(failed("KeyGenerationFailed", error.to_string())),
        Err(error) => return Some(failed("KeyGenerationFailed", error.to_string())),
    };
    let owner = owner_reference(&**object);
    let scope = Scope { namespace: &namespace, owner: owner.as_ref() };
    let secret = build::secret::pending_key(scope, &object.spec.authority_ref, &object.name_any(), key.to_pem().as_bytes());
    context.metrics.api_write("Secret", Verb::Create);
    match api.create(&PostParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PostParams::default() }, &secret).await {
        Ok(created) => context.caches.secrets.wrote(Arc::new(created)),
        Err(kube::Error::Api(status)) if status.code == 409 => {}
        Err(error) => return Some(api_failed(&error, "store the private key")),
    }
    None
}

/// The authority and a client for it. The operator's own identity is used where it may sign.
async fn client(context: &Context, object: &Certificate, identity: Identity) -> Result<(Arc<CertificateAuthority>, CaClient), Report> {
    let namespace = object.namespace().unwrap_or_default();
    let authority = context
        .caches
        .authorities
        .get(&namespace, &object.spec.authority_ref)
        .ok_or_else(|| failed(reason::AUTHORITY_NOT_FOUND, format!("CertificateAuthority {} is gone", object.spec.authority_ref)))?;
    match context.connections.client(context, &namespace, &authority, identity).await {
        Ok(client) => Ok((authority, client)),
        Err(error) => Err(failed(reason::AUTHORITY_NOT_USABLE, error.to_string())),
    }
}

/// Waits before a call is made again that did not even connect: a CA server that has just become ready is known to
/// the node's network some tenths of a second later.
const CONNECT_AGAIN: [Duration; 2] = [Duration::from_millis(200), Duration::from_millis(500)];

/// One call to the CA: a span and a count.
async fn call<T, F>(context: &Context, name: &'static str, work: impl Fn() -> F) -> Result<T, Report>
where
    F: Future<Output = Result<T, ClientError>>,
{
    let tried = async {
        for wait in CONNECT_AGAIN {
            match work().await {
                // Nothing was sent, so nothing can happen twice.
                Err(ClientError::Unreachable { .. }) => tokio::time::sleep(wait).await,
                answer => return answer,
            }
        }
        work().await
    };
    let result = tried.instrument(tracing::debug_span!("ca call", otel.name = name, otel.kind = "client")).await;
    context.metrics.ca_call(name, result.as_ref().map_or_else(ClientError::reason, |_| "Ok"));
    result.map_err(|error| failed(error.reason(), error.to_string()))
}

/// The caller of every CA operation: parts of a spec that were checked before they were acted on.
fn request(object: &Certificate) -> Result<CertificateRequest, Report> {
    CertificateRequest::of(&object.spec).map_err(|blocked| failed(blocked.reason, blocked.message))
}

async fn submit(context: &Arc<Context>, object: &Arc<Certificate>) -> Result<Report, Report> {
    let request = request(object)?;
    let key = pending_key(context, object)?;
    // From here on the CA knows the name: the object must not go without cleaning up there.
    add_finalizer(context, object).await?;
    let (_, client) = client(context, object, Identity::Operator).await.or(client(context, object, Identity::Nobody).await)?;
    let csr = request.csr.build(&key).map_err(|error| failed("RequestFailed", error.to_string()))?;
    let certname = &request.certname;
    let ours = key.public_key();
    Ok(match call(context, "submit", || client.submit_csr(certname, &csr)).await? {
        Submitted::Accepted => Report::Submitted,
        Submitted::AlreadyRequested => match call(context, "queued", || client.queued_csr(certname)).await? {
            Some(queued) => compared(&requested_key(&queued)?, &ours, "a request"),
            // Signed between the two calls.
            None => Report::Submitted,
        },
        Submitted::AlreadySigned => match call(context, "fetch", || client.certificate(certname)).await? {
            Some(pem) => {
                let found = puppetca::Certificate::from_pem(&pem).map_err(|error| failed("UnexpectedAnswer", error.to_string()))?;
                compared(&found.info().public_key, &ours, "a certificate")
            }
            None => failed("UnexpectedAnswer", "the CA says that the certificate is signed and does not have it"),
        },
        Submitted::AlreadyRevoked => Report::Conflict { found: "a revoked certificate".to_owned() },
        Submitted::Refused { status, text } => Report::Refused { message: format!("{status}: {text}") },
    })
}

fn requested_key(csr: &str) -> Result<Fingerprint, Report> {
    CsrInfo::from_pem(csr).map(|info| info.public_key).map_err(|error| failed("UnexpectedAnswer", error.to_string()))
}

fn compared(found: &Fingerprint, ours: &Fingerprint, what: &str) -> Report {
    if found == ours { Report::Submitted } else { Report::Conflict { found: format!("{what} for key {found}") } }
}

/// Compares, signs where that is our right, fetches and stores.
async fn obtain(context: &Arc<Context>, object: &Arc<Certificate>) -> Result<Report, Report> {
    let request = request(object)?;
    let key = pending_key(context, object)?;
    let Ok((authority, signer)) = client(context, object, Identity::Operator).await else {
        return poll(context, object).await;
    };
    if authority.spec.external.is_some() {
        return poll(context, object).await;
    }
    let certname = &request.certname;
    if let Some(queued) = call(context, "queued", || signer.queued_csr(certname)).await? {
        let found = requested_key(&queued)?;
        if found != key.public_key() {
            return Ok(Report::Conflict { found: format!("a request for key {found}") });
        }
        match call(context, "sign", || signer.sign(certname)).await? {
            // Signed by somebody else since the look.
            Signed::Done | Signed::NoCsr => {}
            Signed::Refused { text } => return Ok(Report::Refused { message: text }),
        }
    }
    match call(context, "fetch", || signer.certificate(certname)).await? {
        Some(pem) => Ok(store(context, object, &authority, &pem, &key).await),
        None => Ok(failed("NotSignedYet", "the CA has signed the request and does not have the certificate yet")),
    }
}

async fn poll(context: &Arc<Context>, object: &Arc<Certificate>) -> Result<Report, Report> {
    let request = request(object)?;
    let key = pending_key(context, object)?;
    let (authority, client) = client(context, object, Identity::Nobody).await?;
    if let Some(pem) = call(context, "fetch", || client.certificate(&request.certname)).await? {
        return Ok(store(context, object, &authority, &pem, &key).await);
    }
    let Some(queued) = call(context, "queued", || client.queued_csr(&request.certname)).await? else { return Ok(Report::RequestLost) };
    Ok(match compared(&requested_key(&queued)?, &key.public_key(), "a request") {
        Report::Submitted => Report::NotSigned,
        conflict => conflict,
    })
}

/// Renews with the key kept: the CA takes subject, key and extensions from the certificate we present.
async fn renew(context: &Arc<Context>, object: &Arc<Certificate>) -> Result<Report, Report> {
    let request = request(object)?;
    let namespace = object.namespace().unwrap_or_default();
    let key = stored_key(context, object)?;
    let (authority, _) = client(context, object, Identity::Nobody).await?;
    let secret = context.caches.secrets.get(&namespace, &name::tls_secret(&object.name_any()));
    let pem = secret.as_ref().and_then(|secret| crate::resources::text::text(secret, "cert.pem")).unwrap_or_default();
    let trust = super::observe::trust(context, &namespace, &authority)
        .await
        .ok_or_else(|| failed(reason::AUTHORITY_NOT_USABLE, "the authority's own certificate is not known"))?;
    let client = renewing_client(&namespace, &authority, &trust, pem, &key)?;
    let csr = request.csr.build(&key).map_err(|error| failed("RequestFailed", error.to_string()))?;
    match call(context, "renew", || client.renew(&csr)).await? {
        Renewed::Done(pem) => Ok(store(context, object, &authority, &pem, &key).await),
        Renewed::Disabled => {
            Ok(Report::Refused { message: "the CA does not renew: allowAutoRenewal of the authority is false".to_owned() })
        }
        Renewed::Refused { status, text } => Ok(Report::Refused { message: format!("{status}: {text}") }),
    }
}

fn renewing_client(
    namespace: &str,
    authority: &CertificateAuthority,
    trust: &CaBundle,
    pem: &str,
    key: &PrivateKey,
) -> Result<CaClient, Report> {
    let identity = Some(ClientIdentity { certificate_pem: pem, key });
    CaClient::with_check(&address(namespace, authority), trust, identity, server_check(authority))
        .map_err(|error| failed(reason::AUTHORITY_NOT_USABLE, error.to_string()))
}

async fn clean(context: &Arc<Context>, object: &Arc<Certificate>) -> Result<Report, Report> {
    let request = request(object)?;
    let (_, client) = client(context, object, Identity::Operator).await?;
    call(context, "clean", || client.clean(&request.certname)).await?;
    // Cleaning leaves a queued request behind, and a new object of this name would then meet it.
    call(context, "forget", || client.forget(&request.certname)).await?;
    Ok(Report::Cleaned)
}

async fn drop_pending_key(context: &Arc<Context>, object: &Arc<Certificate>) -> Option<Report> {
    let namespace = object.namespace().unwrap_or_default();
    let pending = name::pending_tls_secret(&object.name_any());
    let there = context.caches.secrets.get(&namespace, &pending)?;
    if let Err(error) = delete::<Secret>(&context.client, &namespace, &pending, &context.metrics).await {
        return Some(failed(error.reason(), error.to_string()));
    }
    context.caches.secrets.deleted(&there);
    None
}

async fn add_finalizer(context: &Arc<Context>, object: &Arc<Certificate>) -> Result<(), Report> {
    if object.finalizers().iter().any(|finalizer| finalizer == CERTIFICATE_CLEANUP) {
        return Ok(());
    }
    let mut finalizers = object.finalizers().to_vec();
    finalizers.push(CERTIFICATE_CLEANUP.to_owned());
    set_finalizers(context, object, &finalizers).await.map_err(|error| api_failed(&error, "set the finalizer"))
}

async fn remove_finalizer(context: &Arc<Context>, object: &Arc<Certificate>) -> Option<Report> {
    let finalizers: Vec<String> = object.finalizers().iter().filter(|finalizer| *finalizer != CERTIFICATE_CLEANUP).cloned().collect();
    if finalizers.len() == object.finalizers().len() {
        return None;
    }
    match set_finalizers(context, object, &finalizers).await {
        Ok(()) => None,
        Err(kube::Error::Api(status)) if status.code == 404 => None,
        Err(error) => Some(api_failed(&error, "remove the finalizer")),
    }
}

/// Guarded by the resource version: a list of finalizers is replaced as a whole.
async fn set_finalizers(context: &Arc<Context>, object: &Arc<Certificate>, finalizers: &[String]) -> Result<(), kube::Error> {
    let api: Api<Certificate> = Api::namespaced(context.client.clone(), &object.namespace().unwrap_or_default());
    let patch = serde_json::json!({"metadata": {"finalizers": finalizers, "resourceVersion": object.resource_version()}});
    context.metrics.api_write("Certificate", Verb::Patch);
    let patched = api.patch(&object.name_any(), &PatchParams::default(), &Patch::Merge(&patch)).await?;
    context.caches.certificates.wrote(Arc::new(patched));
    Ok(())
}
