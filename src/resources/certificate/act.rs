//! The effects of a Certificate.

use super::super::certificate_authority::connections::{Identity, address, ask, server_check};
use super::clean::{clean, has_held};
use super::conflict::{Occupant, check_conflict, occupant};
use super::look::{ca_servers, trust};
use super::request::{CertificateRequest, wanted};
use super::store::{Expected, identity, own_secret, pending_key, store, stored_key};
use crate::build::{self, Scope, name};
use crate::cluster::{FIELD_MANAGER, api_error, owner_reference};
use crate::puppetca::{CaClient, ClientError, ClientIdentity, Renewed, Signed, Submitted};
use crate::reconcile::Context;
use crate::telemetry::Verb;
use k8s_openapi::api::core::v1::Secret;
use kube::ResourceExt as _;
use kube::api::{Api, Patch, PatchParams, PostParams};
use openvox_crds::vocabulary::finalizer::CERTIFICATE_CLEANUP;
use openvox_crds::vocabulary::secret_key;
use openvox_crds::{Certificate, CertificateAuthority};
use openvox_machines::certificate::{Effect, Report};
use openvox_machines::core::Acted;
use openvox_machines::reason;
use openvox_puppet::{CaBundle, CsrInfo, KeyAlgorithm, PrivateKey};
use std::sync::Arc;
use tokio::sync::Semaphore;
use tracing::Instrument as _;

/// Keys are made on all cores and no more at a time: each takes a second of one core.
static KEY_MAKERS: std::sync::LazyLock<Semaphore> =
    std::sync::LazyLock::new(|| Semaphore::new(std::thread::available_parallelism().map_or(1, std::num::NonZero::get)));

pub(super) fn failed(reason: &str, message: impl Into<String>) -> Report {
    Report::Failed { reason: reason.to_owned(), message: message.into() }
}

fn api_failed(error: &kube::Error, what: &str) -> Report {
    failed(reason::APPLY_FAILED, format!("failed to {what}: {}", api_error::words(error)))
}

pub(super) async fn act(context: &Arc<Context>, object: &Arc<Certificate>, effect: &Effect) -> Acted<Report> {
    let done = match effect {
        Effect::EnsureKey { reuse } => return ensure_key(context, object, reuse.as_deref()).await,
        Effect::DropPendingKey => return drop_pending_key(context, object).await,
        Effect::RemoveFinalizer => return remove_finalizer(context, object).await,
        Effect::SubmitCsr { superseded } => submit(context, object, superseded.as_deref()).await,
        Effect::CheckConflict { found } => check_conflict(context, object, found).await,
        Effect::ObtainCertificate => obtain(context, object).await,
        Effect::PollCertificate => poll(context, object).await,
        Effect::Renew => renew(context, object).await,
        Effect::Clean { keys } => clean(context, object, keys).await,
    };
    Acted::Reported(done.unwrap_or_else(|report| report))
}

/// Makes the key and creates the pending Secret. Creating, not applying: a key that is there already is never
/// replaced.
async fn ensure_key(context: &Arc<Context>, object: &Arc<Certificate>, reuse: Option<&str>) -> Acted<Report> {
    let namespace = object.namespace().unwrap_or_default();
    let Ok(request) = CertificateRequest::of(&object.spec) else { return Acted::Moot };
    let api: Api<Secret> = Api::namespaced(context.client.clone(), &namespace);
    let pending = name::pending_tls_secret(&object.name_any());
    // The cache may lag behind a key that was stored before a restart; a read is cheaper than a key. Any doubt about
    // what is there ends the attempt: a key must not be made beside one that exists.
    match api.get_opt(&pending).await {
        Ok(None) => {}
        Ok(Some(there)) => return pending_exists(context, object, there).await,
        Err(error) => return Acted::Reported(api_failed(&error, &format!("look for Secret {pending}"))),
    }
    // A damaged TLS Secret may still hold the key that the CA has certified: then nothing is issued anew.
    let kept = stored_key(context, object).ok().filter(|key| reuse == Some(key.public_key().as_str()));
    let key = match kept {
        Some(key) => key,
        None => match generate(request.algorithm).await {
            Ok(key) => key,
            Err(report) => return Acted::Reported(report),
        },
    };
    let owner = owner_reference(&**object);
    let scope = Scope { namespace: &namespace, owner: owner.as_ref() };
    let secret = build::secret::pending_key(scope, &object.spec.authority_ref, &object.name_any(), key.to_pem().as_bytes());
    context.metrics.api_write("Secret", Verb::Create);
    match api.create(&PostParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PostParams::default() }, &secret).await {
        Ok(created) => context.caches.secrets.wrote(Arc::new(created)),
        Err(kube::Error::Api(status)) if status.code == 409 => {}
        Err(error) => return Acted::Reported(api_failed(&error, "store the private key")),
    }
    Acted::Begun
}

/// A key that is there is used. One that nobody can read makes room for a new one, if the Secret is ours.
async fn pending_exists(context: &Arc<Context>, object: &Certificate, there: Secret) -> Acted<Report> {
    let (name, identity) = (there.name_any(), identity(object, &there.name_any()));
    if let Some(owner) = identity.foreign(&there) {
        return Acted::Reported(failed(owner.reason(), format!("Secret {name} {owner}; rename or delete it")));
    }
    let readable = crate::resources::text::text(&there, secret_key::KEY).is_some_and(|pem| PrivateKey::from_pem(pem).is_ok());
    if readable {
        context.caches.secrets.wrote(Arc::new(there));
        return Acted::Begun;
    }
    match identity.delete(&context.client, &context.caches, &context.metrics).await {
        Ok(()) => Acted::Begun,
        Err(error) => Acted::Reported(failed(error.reason(), error.to_string())),
    }
}

/// Makes a key on a thread that may block, as many at a time as there are cores.
async fn generate(algorithm: KeyAlgorithm) -> Result<PrivateKey, Report> {
    let unmade = |error: &dyn std::fmt::Display| failed("KeyGenerationFailed", error.to_string());
    let _permit = KEY_MAKERS.acquire().await.map_err(|error| unmade(&error))?;
    let made = tokio::task::spawn_blocking(move || PrivateKey::generate(algorithm))
        .instrument(tracing::debug_span!("generate key", algorithm = %algorithm))
        .await;
    made.map_err(|error| unmade(&error))?.map_err(|error| unmade(&error))
}

/// The authority and a client for it. The operator's own identity is used where it may sign.
pub(super) async fn client(
    context: &Context,
    object: &Certificate,
    identity: Identity,
) -> Result<(Arc<CertificateAuthority>, CaClient), Report> {
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

/// One call to the CA.
pub(super) async fn call<T, F>(context: &Context, name: &'static str, work: impl Fn() -> F) -> Result<T, Report>
where
    F: Future<Output = Result<T, ClientError>>,
{
    let result = ask(context, name, work).await;
    #[cfg(debug_assertions)]
    openvox_engine::reconcile::crash::point("Certificate", "answer");
    result.map_err(|error| failed(error.reason(), error.to_string()))
}

/// What is asked for: the parts of a spec that were checked before they were acted on.
pub(super) fn request(context: &Context, object: &Certificate) -> Result<CertificateRequest, Report> {
    wanted(object, &ca_servers(&context.caches, object)).map_err(|blocked| failed(blocked.reason, blocked.message))
}

pub(super) fn unexpected(error: &dyn std::fmt::Display) -> Report {
    failed("UnexpectedAnswer", error.to_string())
}

/// A client, and whether it may do more than every agent may.
pub(super) async fn strongest(context: &Context, object: &Certificate) -> Result<(CaClient, bool), Report> {
    match client(context, object, Identity::Operator).await {
        Ok((authority, client)) => Ok((client, authority.spec.external.is_none())),
        Err(_) => Ok((client(context, object, Identity::Nobody).await?.1, false)),
    }
}

async fn submit(context: &Arc<Context>, object: &Arc<Certificate>, superseded: Option<&str>) -> Result<Report, Report> {
    let request = request(context, object)?;
    let key = pending_key(context, object)?;
    // From here on the CA knows the name: the object must not go without cleaning up there.
    add_finalizer(context, object).await?;
    let (client, may_clean) = strongest(context, object).await?;
    let csr = request.csr.build(&key).map_err(|error| failed("RequestFailed", error.to_string()))?;
    let certname = &request.certname;
    let mut answer = call(context, "submit", || client.submit_csr(certname, &csr)).await?;
    if let Some(occupant) = occupant(context, &client, &request, &answer).await? {
        if occupant.is_wanted(&key) {
            return Ok(Report::Submitted);
        }
        let former = Some(occupant.key.as_str()) == superseded && has_held(context, object, &occupant.key);
        let ours = former || occupant.key == key.public_key();
        if !ours || !may_clean {
            return Ok(Report::Conflict { found: occupant.described(ours) });
        }
        // Forgotten, not revoked: the old pair stays in use until the new one is stored.
        call(context, "forget", || client.forget(certname)).await?;
        answer = call(context, "submit", || client.submit_csr(certname, &csr)).await?;
        if matches!(answer, Submitted::Accepted) {
            return Ok(Report::Replaced { former: occupant.key.to_string() });
        }
    }
    Ok(match answer {
        Submitted::Accepted => Report::Submitted,
        Submitted::Refused { status, text } => Report::Refused { message: format!("{status}: {text}") },
        Submitted::AlreadyRequested | Submitted::AlreadySigned | Submitted::AlreadyRevoked => {
            failed("UnexpectedAnswer", "what the CA says about this certname changes from call to call")
        }
    })
}

/// Compares, signs where that is our right, fetches and stores.
async fn obtain(context: &Arc<Context>, object: &Arc<Certificate>) -> Result<Report, Report> {
    let request = request(context, object)?;
    let key = pending_key(context, object)?;
    let Ok((authority, signer)) = client(context, object, Identity::Operator).await else {
        return poll(context, object).await;
    };
    if authority.spec.external.is_some() {
        return poll(context, object).await;
    }
    let certname = &request.certname;
    if let Some(queued) = call(context, "queued", || signer.queued_csr(certname)).await? {
        let queued = CsrInfo::from_pem(&queued).map_err(|error| unexpected(&error))?;
        if queued.public_key != key.public_key() {
            return Ok(Report::Conflict { found: format!("a request for key {}, which is not ours,", queued.public_key) });
        }
        if !request.is_asked_by(&queued) {
            // The spec has changed since.
            call(context, "forget", || signer.forget(certname)).await?;
            return Ok(Report::RequestLost);
        }
        match call(context, "sign", || signer.sign(certname)).await? {
            // Signed by somebody else since the look.
            Signed::Done | Signed::NoCsr => {}
            Signed::Refused { text } => return Ok(Report::Refused { message: text }),
        }
    }
    match call(context, "fetch", || signer.certificate(certname)).await? {
        Some(pem) => Ok(store(context, object, &authority, &Expected::of_spec(object, request), &pem, &key).await),
        None => Ok(Report::RequestLost),
    }
}

async fn poll(context: &Arc<Context>, object: &Arc<Certificate>) -> Result<Report, Report> {
    let request = request(context, object)?;
    let key = pending_key(context, object)?;
    let (authority, client) = client(context, object, Identity::Nobody).await?;
    if let Some(pem) = call(context, "fetch", || client.certificate(&request.certname)).await? {
        return Ok(store(context, object, &authority, &Expected::of_spec(object, request), &pem, &key).await);
    }
    let Some(queued) = call(context, "queued", || client.queued_csr(&request.certname)).await? else { return Ok(Report::RequestLost) };
    let queued = CsrInfo::from_pem(&queued).map_err(|error| unexpected(&error))?;
    let found = Occupant::request(queued, &request);
    let ours = found.key == key.public_key();
    Ok(if found.is_wanted(&key) { Report::NotSigned } else { Report::Conflict { found: found.described(ours) } })
}

/// Renews with the key kept: the CA takes subject, key and extensions from the certificate we present.
async fn renew(context: &Arc<Context>, object: &Arc<Certificate>) -> Result<Report, Report> {
    let request = request(context, object)?;
    let namespace = object.namespace().unwrap_or_default();
    let key = stored_key(context, object)?;
    let (authority, anybody) = client(context, object, Identity::Nobody).await?;
    let secret = own_secret(context, object, &name::tls_secret(&object.name_any()));
    let pem = secret.as_ref().and_then(|secret| crate::resources::text::text(secret, secret_key::CERTIFICATE)).unwrap_or_default();
    let old = openvox_puppet::Certificate::from_pem(pem).map_err(|error| failed(reason::SECRET_UNUSABLE, error.to_string()))?;
    let csr = request.csr.build(&key).map_err(|error| failed("RequestFailed", error.to_string()))?;
    let certname = request.certname.clone();
    let expected = Expected::of_renewal(object, request, old.info());
    // Renewed already, by an operator that died before it could store the answer?
    if let Some(there) = call(context, "fetch", || anybody.certificate(&certname)).await?
        && let Ok(found) = openvox_puppet::Certificate::from_pem(&there)
        && found.matches(&key)
        && found.info().serial != old.info().serial
        // Not by its end: a renewed certificate may well live shorter than the one it takes the place of.
        && found.info().not_before >= old.info().not_before
    {
        return Ok(store(context, object, &authority, &expected, &there, &key).await);
    }
    let trust = trust(context, &namespace, &authority)
        .await
        .ok_or_else(|| failed(reason::AUTHORITY_NOT_USABLE, "the authority's own certificate is not known"))?;
    let client = renewing_client(&namespace, &authority, &trust, pem, &key)?;
    match call(context, "renew", || client.renew(&csr)).await? {
        Renewed::Done(pem) => Ok(store(context, object, &authority, &expected, &pem, &key).await),
        Renewed::Disabled => Ok(Report::Refused { message: "automatic renewal is off there".to_owned() }),
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

async fn drop_pending_key(context: &Arc<Context>, object: &Arc<Certificate>) -> Acted<Report> {
    let pending = name::pending_tls_secret(&object.name_any());
    if own_secret(context, object, &pending).is_none() {
        return Acted::Moot;
    }
    let deleted = identity(object, &pending).delete(&context.client, &context.caches, &context.metrics).await;
    deleted.map_or_else(|error| Acted::Reported(failed(error.reason(), error.to_string())), |()| Acted::Begun)
}

async fn add_finalizer(context: &Arc<Context>, object: &Arc<Certificate>) -> Result<(), Report> {
    if object.finalizers().iter().any(|finalizer| finalizer == CERTIFICATE_CLEANUP) {
        return Ok(());
    }
    let mut finalizers = object.finalizers().to_vec();
    finalizers.push(CERTIFICATE_CLEANUP.to_owned());
    set_finalizers(context, object, &finalizers).await.map_err(|error| api_failed(&error, "set the finalizer"))
}

async fn remove_finalizer(context: &Arc<Context>, object: &Arc<Certificate>) -> Acted<Report> {
    let finalizers: Vec<String> = object.finalizers().iter().filter(|finalizer| *finalizer != CERTIFICATE_CLEANUP).cloned().collect();
    if finalizers.len() == object.finalizers().len() {
        return Acted::Moot;
    }
    match set_finalizers(context, object, &finalizers).await {
        Ok(()) => Acted::Begun,
        // Gone, or changed by somebody else, which wakes it.
        Err(kube::Error::Api(status)) if status.code == 404 || status.code == 409 => Acted::Moot,
        Err(error) => Acted::Reported(api_failed(&error, "remove the finalizer")),
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
