//! Client of the Puppet CA's HTTP API (Puppet Server documentation, "Certificate authority API").

use super::answer::{Answer, Renewed, ServiceStatus, Signed, Submitted, Waiting};
use super::body_budget::{BodyBudget, CrlText, LARGE, NamespaceBudget, SMALL};
use super::client_error::{ClientConfigError, ClientError};
use super::server_verifier::ServerVerifier;
use crate::telemetry::traceparent;
use openvox_puppet::{CaBundle, Certificate, Certname, PrivateKey, layout};
use reqwest::header::{ACCEPT, CONTENT_TYPE};
use reqwest::{Method, Url};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::sync::Arc;
use std::time::Duration;

/// A CA in the same cluster accepts a connection at once or not at all.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Signing takes the CA well under a second; a busy one with a slow autosign program gets this long.
const TOTAL_TIMEOUT: Duration = Duration::from_secs(30);

/// Puppet Server closes idle connections after 30 seconds. The client closes them earlier, or a request fails on a closed one.
const IDLE_TIMEOUT: Duration = Duration::from_secs(20);

/// As many as Certificates are reconciled concurrently: each new connection costs the CA an RSA signature.
const IDLE_CONNECTIONS: usize = 16;

/// A client certificate with its key.
#[derive(Debug, Clone, Copy)]
pub struct ClientIdentity<'a> {
    /// The certificate, and intermediates if the CA needs them.
    pub certificate_pem: &'a str,
    /// Its private key.
    pub key: &'a PrivateKey,
}

/// Whether the server has to prove that it is the CA.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ServerCheck {
    /// Its TLS certificate is one of the CA, for the name in the address.
    Verified,
    /// Every server is accepted. What it issues or lists is checked against the CA's certificates all the same.
    Unverified,
}

/// A connection pool to one CA. Make it once and clone it: clones share the pool.
#[derive(Debug, Clone)]
pub struct CaClient {
    http: reqwest::Client,
    base: Url,
    budget: NamespaceBudget,
}

impl CaClient {
    /// A client that trusts only the certificates of `bundle`, and presents `identity` if there is one.
    ///
    /// `address` is the base, such as `https://puppet.example.com:8140`, with or without a slash at the end.
    ///
    /// # Errors
    /// If the address is not https, or a certificate or key cannot be used for TLS.
    pub fn new(address: &str, bundle: &CaBundle, identity: Option<ClientIdentity<'_>>) -> Result<Self, ClientConfigError> {
        Self::with_check(address, bundle, identity, ServerCheck::Verified)
    }

    /// The same, with or without a check of the server's certificate.
    ///
    /// # Errors
    /// If the address is not https, or a certificate or key cannot be used for TLS.
    pub fn with_check(
        address: &str,
        bundle: &CaBundle,
        identity: Option<ClientIdentity<'_>>,
        check: ServerCheck,
    ) -> Result<Self, ClientConfigError> {
        Self::with_timeout(address, bundle, identity, check, TOTAL_TIMEOUT)
    }

    fn with_timeout(
        address: &str,
        bundle: &CaBundle,
        identity: Option<ClientIdentity<'_>>,
        check: ServerCheck,
        total: Duration,
    ) -> Result<Self, ClientConfigError> {
        let base = address.parse::<Url>().ok().filter(is_base).ok_or_else(|| {
            // A password in the address must not appear in a message.
            let shown = address.rsplit('@').next().unwrap_or_default();
            ClientConfigError::Address(shown.to_owned())
        })?;
        let http = reqwest::Client::builder()
            .tls_backend_preconfigured(tls(bundle, identity, check)?)
            .https_only(true)
            .http1_only()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(total)
            .pool_idle_timeout(IDLE_TIMEOUT)
            .pool_max_idle_per_host(IDLE_CONNECTIONS)
            .user_agent(concat!("openvox-operator/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| ClientConfigError::Http(Box::new(error)))?;
        Ok(Self { http, base, budget: BodyBudget::default().for_namespace() })
    }

    /// The same client with the budget for large answers that it shares with others.
    #[must_use]
    pub fn with_budget(self, budget: NamespaceBudget) -> Self {
        Self { budget, ..self }
    }

    /// Submits a signing request: `PUT certificate_request/{certname}`.
    ///
    /// # Errors
    /// If the CA cannot be reached or does not answer like a CA.
    pub async fn submit_csr(&self, certname: &Certname, csr_pem: &str) -> Result<Submitted, ClientError> {
        let action = format!("submit the signing request of {certname}");
        let call = self.call(Method::PUT, &["puppet-ca", "v1", "certificate_request", certname.as_str()]);
        let call = call.header(CONTENT_TYPE, "text/plain").body(csr_pem.to_owned());
        self.send(&action, call).await?.into_submitted(&action)
    }

    /// The request that waits under this name (PEM), if one does: `GET certificate_request/{certname}`.
    ///
    /// # Errors
    /// If the CA cannot be reached or answers neither with a request nor with "not found".
    pub async fn queued_csr(&self, certname: &Certname) -> Result<Option<String>, ClientError> {
        let action = format!("fetch the waiting signing request of {certname}");
        self.fetch(&action, &["certificate_request", certname.as_str()], "CERTIFICATE REQUEST").await
    }

    /// The requests that wait: `GET certificate_statuses/any?state=requested`. Needs a client certificate
    /// with admin rights.
    ///
    /// # Errors
    /// If the CA cannot be reached, forbids it, or does not answer like a CA.
    pub async fn waiting(&self) -> Result<Vec<Waiting>, ClientError> {
        let action = "list the waiting signing requests";
        let mut url = self.url(&["puppet-ca", "v1", "certificate_statuses", "any"]);
        url.set_query(Some("state=requested"));
        self.send_up_to(LARGE, action, self.request(Method::GET, url)).await?.into_waiting(action)
    }

    /// The certificate of this name (PEM), if there is one: `GET certificate/{certname}`.
    ///
    /// # Errors
    /// If the CA cannot be reached or answers neither with a certificate nor with "not found".
    pub async fn certificate(&self, certname: &Certname) -> Result<Option<String>, ClientError> {
        let action = format!("fetch the certificate of {certname}");
        self.fetch(&action, &["certificate", certname.as_str()], "CERTIFICATE").await
    }

    /// The CA's own certificates (PEM), the signing one first: `GET certificate/ca`.
    ///
    /// # Errors
    /// If the CA cannot be reached or does not answer with certificates.
    pub async fn ca_bundle(&self) -> Result<String, ClientError> {
        let action = "fetch the CA certificates";
        let call = self.call(Method::GET, &["puppet-ca", "v1", "certificate", "ca"]);
        self.expect_pem(action, call, "CERTIFICATE").await
    }

    /// Signs the waiting request: `PUT certificate_status/{certname}`. Needs a client certificate with admin rights.
    ///
    /// # Errors
    /// If the CA cannot be reached, forbids it, or does not answer like a CA.
    pub async fn sign(&self, certname: &Certname) -> Result<Signed, ClientError> {
        let action = format!("sign the request of {certname}");
        let call = self.call(Method::PUT, &["puppet-ca", "v1", "certificate_status", certname.as_str()]);
        let call = json(call, r#"{"desired_state":"signed"}"#.to_owned());
        self.send(&action, call).await?.into_signed(&action)
    }

    /// The CA's revocation lists (PEM): `GET certificate_revocation_list/ca`.
    ///
    /// # Errors
    /// If the CA cannot be reached or does not answer with a list.
    pub async fn crl(&self) -> Result<CrlText, ClientError> {
        let action = "fetch the CRL";
        self.lists(action, self.call(Method::GET, &["puppet-ca", "v1", "certificate_revocation_list", "ca"])).await
    }

    /// All revocation lists of a CA server that this operator has configured (PEM), whatever its own API shows:
    /// `GET /openvox/crl/ca_crl.pem`.
    ///
    /// # Errors
    /// If the CA cannot be reached or does not answer with a list.
    pub async fn full_crl(&self) -> Result<CrlText, ClientError> {
        let action = "fetch the full CRL";
        let path = layout::FULL_CRL_PATH.split('/').filter(|segment| !segment.is_empty()).chain([layout::CA_CRL]);
        self.lists(action, self.call(Method::GET, &path.collect::<Vec<_>>())).await
    }

    /// Revokes and removes the certificate of this name, if there is one: `PUT clean`. A waiting request stays.
    /// Needs a client certificate with admin rights.
    ///
    /// # Errors
    /// If the CA cannot be reached, forbids it, or does not answer like a CA.
    pub async fn clean(&self, certname: &Certname) -> Result<(), ClientError> {
        let action = format!("revoke the certificate of {certname}");
        let call = self.call(Method::PUT, &["puppet-ca", "v1", "clean"]);
        let body = serde_json::json!({ "certnames": [certname.as_str()] }).to_string();
        let answer = self.send(&action, json(call, body)).await?;
        match answer.status {
            200 | 204 => Ok(()),
            _ => Err(ClientError::status(&action, &answer)),
        }
    }

    /// Removes certificate and waiting request of this name without revoking: `DELETE certificate_status/{certname}`.
    /// Does nothing if there is neither. Needs a client certificate with admin rights.
    ///
    /// # Errors
    /// If the CA cannot be reached, forbids it, or does not answer like a CA.
    pub async fn forget(&self, certname: &Certname) -> Result<(), ClientError> {
        let action = format!("remove the certificate and the request of {certname}");
        let path = ["puppet-ca", "v1", "certificate_status", certname.as_str()];
        let answer = self.send(&action, self.call(Method::DELETE, &path)).await?;
        match answer.status {
            200 | 204 | 404 => Ok(()),
            _ => Err(ClientError::status(&action, &answer)),
        }
    }

    /// Renews the client certificate: `POST certificate_renewal`. The CA takes subject, key and extensions from that
    /// certificate; the API needs a request all the same.
    ///
    /// # Errors
    /// If the CA cannot be reached, forbids it, or does not answer like a CA.
    pub async fn renew(&self, csr_pem: &str) -> Result<Renewed, ClientError> {
        let action = "renew the certificate";
        let call = self.call(Method::POST, &["puppet-ca", "v1", "certificate_renewal"]);
        let call = call.header(CONTENT_TYPE, "text/plain").body(csr_pem.to_owned());
        self.send(action, call).await?.into_renewed(action)
    }

    /// Whether Puppet Server is up: `GET /status/v1/simple`.
    ///
    /// # Errors
    /// If it cannot be reached or does not answer like Puppet Server.
    pub async fn status_simple(&self) -> Result<ServiceStatus, ClientError> {
        let action = "ask for the server's status";
        let answer = self.send(action, self.call(Method::GET, &["status", "v1", "simple"])).await?;
        match (answer.status, answer.text.trim()) {
            (200, "running") => Ok(ServiceStatus::Running),
            (200 | 503, state @ ("starting" | "stopping" | "error" | "unknown")) => {
                Ok(ServiceStatus::NotRunning { state: state.to_owned() })
            }
            _ => Err(ClientError::status(action, &answer)),
        }
    }

    /// Fetches a PEM document; `None` when it does not exist.
    async fn fetch(&self, action: &str, path: &[&str], label: &str) -> Result<Option<String>, ClientError> {
        let segments = [["puppet-ca", "v1"].as_slice(), path].concat();
        let answer = self.send(action, self.call(Method::GET, &segments)).await?;
        match answer.status {
            200 => answer.into_pem(action, label).map(Some),
            404 => Ok(None),
            _ => Err(ClientError::status(action, &answer)),
        }
    }

    /// Fetches a PEM document that must exist.
    async fn expect_pem(&self, action: &str, call: reqwest::RequestBuilder, label: &str) -> Result<String, ClientError> {
        let answer = self.send(action, call).await?;
        match answer.status {
            200 => answer.into_pem(action, label),
            _ => Err(ClientError::status(action, &answer)),
        }
    }

    /// Fetches revocation lists, which must exist.
    async fn lists(&self, action: &str, call: reqwest::RequestBuilder) -> Result<CrlText, ClientError> {
        let answer = self.send_up_to(LARGE, action, call).await?;
        match answer.status {
            200 => answer.into_lists(action),
            _ => Err(ClientError::status(action, &answer)),
        }
    }

    /// A request for the path of these segments.
    fn call(&self, method: Method, segments: &[&str]) -> reqwest::RequestBuilder {
        self.request(method, self.url(segments))
    }

    /// The address of the path of these segments, each percent-encoded.
    fn url(&self, segments: &[&str]) -> Url {
        let mut url = self.base.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(segments);
        }
        url
    }

    fn request(&self, method: Method, url: Url) -> reqwest::RequestBuilder {
        let call = self.http.request(method, url).header(ACCEPT, "text/plain, */*");
        // The CA's own traces, if any, continue this one.
        match traceparent() {
            Some(value) => call.header("traceparent", value),
            None => call,
        }
    }

    async fn send(&self, action: &str, call: reqwest::RequestBuilder) -> Result<Answer, ClientError> {
        self.send_up_to(SMALL, action, call).await
    }

    /// Sends a request, and reads an answer of at most `most` bytes. Beyond [`SMALL`], reading waits for a permit.
    async fn send_up_to(&self, most: usize, action: &str, call: reqwest::RequestBuilder) -> Result<Answer, ClientError> {
        let broken = |error: reqwest::Error| ClientError::transport(action, &error);
        let mut response = call.send().await.map_err(broken)?;
        let status = response.status().as_u16();
        let content_type = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let (mut body, mut permit) = (Vec::new(), None);
        while let Some(chunk) = response.chunk().await.map_err(broken)? {
            let length = body.len() + chunk.len();
            if length > most {
                return Err(ClientError::UnexpectedAnswer {
                    action: action.to_owned(),
                    status,
                    text: format!("the body is larger than {most} bytes"),
                });
            }
            if length > SMALL && permit.is_none() {
                permit = self.budget.permit().await;
                if permit.is_none() {
                    return Err(ClientError::Timeout { action: action.to_owned() });
                }
            }
            body.extend_from_slice(&chunk);
        }
        // Valid UTF-8 is not copied.
        let text = String::from_utf8(body).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned());
        Ok(Answer { status, content_type, text, permit })
    }
}

fn is_base(url: &Url) -> bool {
    let plain = url.query().is_none() && url.fragment().is_none();
    url.scheme() == "https" && url.has_host() && plain && url.username().is_empty() && url.password().is_none()
}

fn json(call: reqwest::RequestBuilder, body: String) -> reqwest::RequestBuilder {
    call.header(CONTENT_TYPE, "application/json").body(body)
}

/// TLS 1.2 or 1.3 that trusts the bundle only, or every server.
fn tls(bundle: &CaBundle, identity: Option<ClientIdentity<'_>>, check: ServerCheck) -> Result<rustls::ClientConfig, ClientConfigError> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| ClientConfigError::Http(Box::new(error)))?;
    let verifier = ServerVerifier::new(bundle, check, &provider)?;
    let config = config.dangerous().with_custom_certificate_verifier(Arc::new(verifier));
    let Some(ClientIdentity { certificate_pem, key }) = identity else {
        return Ok(config.with_no_client_auth());
    };
    let unusable = |error: String| ClientConfigError::Identity(error);
    let chain = Certificate::all_from_pem(certificate_pem).map_err(|error| unusable(error.to_string()))?;
    if !chain.first().is_some_and(|leaf| leaf.matches(key)) {
        return Err(unusable("the private key does not belong to the certificate".to_owned()));
    }
    let chain = chain.iter().map(|c| CertificateDer::from(c.der().to_vec())).collect();
    // The library's messages name its own types. A key that was parsed here fails only for its kind.
    let no_tls_key =
        || unusable("TLS cannot use the private key; RSA of 2048 to 8192 bits, or ECDSA on P-256, P-384 or P-521 is needed".to_owned());
    let key = PrivateKeyDer::from_pem_slice(key.to_pem().as_bytes()).map_err(|_| no_tls_key())?;
    config.with_client_auth_cert(chain, key).map_err(|_| no_tls_key())
}

#[cfg(test)]
mod tests;
