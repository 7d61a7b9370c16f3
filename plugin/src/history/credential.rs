//! What is shown to the operator: made for it, good for minutes, and of no use anywhere else. The credentials of the
//! kubeconfig go to the API server alone.

use anyhow::{Context as _, anyhow};
use http::HeaderValue;
use k8s_openapi::api::authentication::v1::{SelfSubjectReview, TokenRequest, TokenRequestSpec};
use k8s_openapi::api::certificates::v1::CertificateSigningRequest;
use k8s_openapi::api::core::v1::ServiceAccount;
use kube::api::{Api, DeleteParams, PostParams};
use kube::{Client, ResourceExt as _};
use openvox_operator::http::access::{NewProof, audience};
use std::time::{Duration, Instant};

/// Age at which another one is made: long before the operator or the API server stops to believe it, which is after ten
/// minutes.
pub const FRESH: Duration = Duration::from_mins(4);
/// Lifetime of a token in seconds; the API server makes none that ends earlier.
const LIFETIME: i64 = 600;

/// A credential for one operator.
pub struct Credential {
    /// What is sent as `Openvox-Authorization`.
    pub header: HeaderValue,
    made: Instant,
    /// Name of the CertificateSigningRequest behind it.
    object: Option<String>,
}

impl Credential {
    /// Makes one for the operator in a namespace: a token for a ServiceAccount that may make one for itself, and for
    /// everybody else a CertificateSigningRequest, by which the operator learns from the API server who has created it.
    ///
    /// # Errors
    /// If the user has neither right.
    pub async fn obtain(client: &Client, operator: &str) -> anyhow::Result<Self> {
        let account = service_account(client).await;
        let refused = match &account {
            Some((namespace, name)) => match token(client, namespace, name, operator).await {
                Ok(credential) => return Ok(credential),
                Err(error) => format!("; nor may it create serviceaccounts/token of {namespace}/{name} ({error:#})"),
            },
            None => String::new(),
        };
        proof(client, operator).await.with_context(|| {
            format!(
                "to say who you are, a CertificateSigningRequest is created (the ClusterRole openvox-operator-history-client has the right){refused}"
            )
        })
    }

    /// Whether it is good for the minutes of one answer.
    pub fn is_fresh(&self) -> bool {
        self.made.elapsed() < FRESH
    }

    /// Removes what it left in the cluster. Who may not delete it leaves that to the cluster, which does it within a day.
    pub async fn discard(&self, client: &Client) {
        if let Some(name) = &self.object {
            let api: Api<CertificateSigningRequest> = Api::all(client.clone());
            let _ = api.delete(name, &DeleteParams::default()).await;
        }
    }
}

/// The ServiceAccount that the kubeconfig's user is, if it is one.
async fn service_account(client: &Client) -> Option<(String, String)> {
    let asked = Api::<SelfSubjectReview>::all(client.clone()).create(&PostParams::default(), &SelfSubjectReview::default()).await;
    let user = asked.ok()?.status?.user_info?.username?;
    let (namespace, name) = user.strip_prefix("system:serviceaccount:")?.split_once(':')?;
    Some((namespace.to_owned(), name.to_owned()))
}

async fn token(client: &Client, namespace: &str, name: &str, operator: &str) -> anyhow::Result<Credential> {
    let spec = TokenRequestSpec { audiences: vec![audience(operator)], expiration_seconds: Some(LIFETIME), bound_object_ref: None };
    let request = TokenRequest { spec, ..TokenRequest::default() };
    let api: Api<ServiceAccount> = Api::namespaced(client.clone(), namespace);
    let made = api.create_token_request(name, &PostParams::default(), &request).await?;
    let token = made.status.context("failed to read the answer to a TokenRequest: it has no token")?.token;
    let mut header = HeaderValue::from_str(&format!("Bearer {token}"))?;
    header.set_sensitive(true);
    Ok(Credential { header, made: Instant::now(), object: None })
}

async fn proof(client: &Client, operator: &str) -> anyhow::Result<Credential> {
    let proof = NewProof::new(operator)?;
    let api: Api<CertificateSigningRequest> = Api::all(client.clone());
    let name = api.create(&PostParams::default(), &proof.object).await?.name_any();
    let header = proof.header(&name).ok_or_else(|| anyhow!("the API server has changed the name to {name}"))?;
    Ok(Credential { header, made: Instant::now(), object: Some(name) })
}
