//! The signing requests that wait at a CA. Callers that may `get` the CertificateAuthority can list them, and those that may
//! `approve` it can sign or deny them, as with the CertificateSigningRequests of Kubernetes.
//!
//! | request | answer |
//! |---|---|
//! | `GET /api/v1/signing-requests/{namespace}/{authority}` | what waits, with the verdict of the policies |
//! | `GET /api/v1/signing-requests/{namespace}/{authority}?certname=NAME` | the one of this name, read now |
//! | `POST /api/v1/signing-requests/{namespace}/{authority}/{certname}/sign?fingerprint=SHA256` | what was signed |
//! | `POST /api/v1/signing-requests/{namespace}/{authority}/{certname}/deny?fingerprint=SHA256` | what was removed |

use super::access::{AccessControl, Caller, CallerView, Target, target};
use super::kinds::{self, Kind};
use super::problem::Problem;
use crate::reconcile::Context;
use crate::resources::certificate_authority::requests::{self, Answer, RequestsError, SigningRequest, SigningRequests};
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::HeaderMap;
use axum::routing::{get, post};
use axum::{Json, Router};
use openvox_crds::CertificateAuthority;
use openvox_puppet::Certname;
use serde::Deserialize;
use std::sync::Arc;

const PATH: &str = "/api/v1/signing-requests/{namespace}/{authority}";
/// The verb that signing and denying need.
const APPROVE: &str = "approve";

#[derive(Clone)]
struct SigningApi {
    access: AccessControl,
    context: Arc<Context>,
}

/// The router; it is part of the history server's, which has TLS and asks for tokens.
pub fn router<S: Clone + Send + Sync + 'static>(access: AccessControl, context: Arc<Context>) -> Router<S> {
    let decide = |decision: Answer| {
        post(move |State(api): State<SigningApi>, Path(of): Path<(String, String, String)>, query, headers: HeaderMap| async move {
            api.decide(of, query, &headers, decision).await.map(Json)
        })
    };
    Router::new()
        .route(PATH, get(list))
        .route(&format!("{PATH}/{{certname}}/sign"), decide(Answer::Sign))
        .route(&format!("{PATH}/{{certname}}/deny"), decide(Answer::Deny))
        .with_state(SigningApi { access, context })
}

async fn list(
    State(api): State<SigningApi>,
    Path((namespace, authority)): Path<(String, String)>,
    only: Result<Query<Only>, QueryRejection>,
    headers: HeaderMap,
) -> Result<Json<SigningRequests>, Problem> {
    let caller = api.access.authenticate(&headers).await?;
    CallerView::new(&api.access, &caller).require(kind()?, &namespace, &authority).await?;
    let Query(Only { certname }) = only.map_err(|_| Problem::parameter("certname", "", CERTNAME))?;
    let certname: Option<Certname> =
        certname.map(|name| name.parse().map_err(|_| Problem::parameter("certname", &name, CERTNAME))).transpose()?;
    let authority = api.authority(&namespace, &authority)?;
    let found = match &certname {
        Some(certname) => requests::named(&api.context, &authority, certname).await,
        None => requests::waiting(&api.context, &authority).await,
    };
    Ok(Json(found.map_err(|error| problem(&error))?))
}

/// What a certname is.
const CERTNAME: &str = "a name in lower case";

/// Which requests are asked for.
#[derive(Deserialize)]
struct Only {
    certname: Option<String>,
}

/// The request that the caller has seen: the decision is about that one only.
#[derive(Deserialize)]
struct Seen {
    fingerprint: String,
}

impl SigningApi {
    async fn decide(
        &self,
        (namespace, authority, certname): (String, String, String),
        seen: Result<Query<Seen>, QueryRejection>,
        headers: &HeaderMap,
        decision: Answer,
    ) -> Result<SigningRequest, Problem> {
        let caller = self.access.authenticate(headers).await?;
        self.require_approval(&caller, &namespace, &authority).await?;
        let expected = "the SHA-256 of the request, in hexadecimal pairs with colons, as the list of signing requests shows it";
        let Query(Seen { fingerprint }) = seen.map_err(|_| Problem::parameter("fingerprint", "", expected))?;
        let certname: Certname = certname.parse().map_err(|_| Problem::parameter("certname", &certname, CERTNAME))?;
        let authority = self.authority(&namespace, &authority)?;
        let request =
            requests::answer(&self.context, &authority, &certname, &fingerprint, decision).await.map_err(|error| problem(&error))?;
        tracing::info!(
            caller = caller.name(),
            namespace,
            authority = authority.metadata.name,
            certname = request.certname,
            fingerprint = request.fingerprint,
            ?decision,
            "a person has decided about a signing request"
        );
        Ok(request)
    }

    /// Fails unless the caller has a name and may `approve` at the CA: callers without a token can only read.
    async fn require_approval(&self, caller: &Caller, namespace: &str, authority: &str) -> Result<(), Problem> {
        let target = Target { verb: APPROVE, ..target(kind()?, Some(namespace), Some(authority)) };
        match caller {
            Caller::Anyone => Err(Problem::nameless()),
            Caller::Known(_) if self.access.may(caller, &target).await? => Ok(()),
            Caller::Known(_) => Err(Problem::forbidden(caller.name(), &target)),
        }
    }

    fn authority(&self, namespace: &str, name: &str) -> Result<Arc<CertificateAuthority>, Problem> {
        let found = self.context.caches.authorities.get(namespace, name);
        found.ok_or_else(|| Problem::not_found(format!("there is no CertificateAuthority {name} in namespace {namespace}")))
    }
}

fn kind() -> Result<&'static Kind, Problem> {
    kinds::named("CertificateAuthority").ok_or_else(|| Problem::not_found("there is no kind CertificateAuthority"))
}

fn problem(error: &RequestsError) -> Problem {
    match error {
        RequestsError::NotWaiting(_) => Problem::not_found(error.to_string()),
        RequestsError::Another { .. } | RequestsError::Issued(_) | RequestsError::Refused { .. } => Problem::conflict(error.to_string()),
        RequestsError::Connection(_) | RequestsError::Call(_) => Problem::unavailable(error.to_string()),
    }
}
