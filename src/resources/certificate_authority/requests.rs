//! The signing requests that wait at a CA, for a person to decide about: what each asks for, and what the policies say.

use super::connections::{ConnectionError, Identity, ask};
use super::policies;
use crate::cluster::Key;
use crate::puppetca::{CaClient, Certname, ClientError, CsrInfo, Signed, request_fingerprint};
use crate::reconcile::Context;
use futures::{StreamExt as _, TryStreamExt as _};
use kube::ResourceExt as _;
use openvox_crds::CertificateAuthority;
use openvox_runtime::autosign::policy::PolicyFile;
use openvox_runtime::autosign::request::Request;
use openvox_runtime::autosign::verdict;
use serde::{Deserialize, Serialize};

/// Requests of a list, at most: each is a call to the CA, and nobody reads more.
const MOST: usize = 500;
/// Calls at a time.
const AT_ONCE: usize = 8;

/// A request that waits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SigningRequest {
    /// The name it was submitted under.
    pub certname: String,
    /// SHA-256 of the request, as the agent that waits prints it.
    pub fingerprint: String,
    /// Host names and addresses that it asks for.
    pub alt_names: Vec<String>,
    /// Puppet extensions that it asks for, by name. Values may be secrets.
    pub extensions: Vec<String>,
    /// The Certificate of ours that waits for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificate: Option<String>,
    /// What the policies of the CA say; missing for an external one, which has its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verdict: Option<Verdict>,
}

/// What the policies say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Verdict {
    /// Whether they would have it signed.
    pub signs: bool,
    /// Which policy, and why; or why none.
    pub explanation: String,
}

/// Some requests of all that wait.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SigningRequests {
    /// In the order of their names, 500 at most.
    pub items: Vec<SigningRequest>,
    /// How many wait.
    pub total: usize,
}

/// What a person decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// A certificate is issued.
    Sign,
    /// The request is removed.
    Deny,
}

/// Why nothing was listed, signed or removed.
#[derive(Debug, thiserror::Error)]
pub enum RequestsError {
    /// There is nothing to call the CA with.
    #[error(transparent)]
    Connection(#[from] ConnectionError),
    /// The CA did not do it.
    #[error(transparent)]
    Call(#[from] ClientError),
    /// Nothing waits under the name.
    #[error("no request of {0} waits; kubectl openvox csr list shows those that do")]
    NotWaiting(Certname),
    /// Another request waits than the one that was decided about.
    #[error("the request of {certname} that waits now has the fingerprint {found}: another one came since; look at it first")]
    Another {
        /// The name.
        certname: Certname,
        /// The fingerprint of what waits.
        found: String,
    },
    /// The CA would throw away the certificate with the request.
    #[error("{0} has a certificate as well, which a CA that drops the request drops unrevoked; revoke it with puppetserver ca clean")]
    Issued(Certname),
    /// The CA refuses to sign it.
    #[error("the CA does not sign the request of {certname}: {text}")]
    Refused {
        /// The name.
        certname: Certname,
        /// The CA's words.
        text: String,
    },
}

/// What waits at a CA.
///
/// # Errors
/// If the CA cannot be asked.
pub async fn waiting(context: &Context, authority: &CertificateAuthority) -> Result<SigningRequests, RequestsError> {
    let client = client(context, authority).await?;
    let mut names = ask(context, "list", || client.waiting()).await?;
    names.sort_unstable();
    let total = names.len();
    // Names that could not have been submitted are not asked for.
    let names: Vec<Certname> = names.iter().filter_map(|name| name.parse().ok()).take(MOST).collect();
    let judge = Judge::of(context, authority).await;
    let fetched = futures::stream::iter(names).map(|certname| {
        let (client, judge) = (&client, &judge);
        async move {
            let csr = ask(context, "request", || client.queued_csr(&certname)).await?;
            // One that was signed since waits no more.
            Ok::<_, RequestsError>(csr.map(|csr| judge.look(context, &certname, &csr)))
        }
    });
    let items: Vec<Option<SigningRequest>> = fetched.buffered(AT_ONCE).try_collect().await?;
    Ok(SigningRequests { items: items.into_iter().flatten().collect(), total })
}

/// Signs or removes the request with this fingerprint, and answers with what it was.
///
/// # Errors
/// If another one waits or none, or the CA does not do it.
pub async fn answer(
    context: &Context,
    authority: &CertificateAuthority,
    certname: &Certname,
    fingerprint: &str,
    answer: Answer,
) -> Result<SigningRequest, RequestsError> {
    let client = client(context, authority).await?;
    let csr = ask(context, "request", || client.queued_csr(certname)).await?;
    let csr = csr.ok_or_else(|| RequestsError::NotWaiting(certname.clone()))?;
    let request = Judge::of(context, authority).await.look(context, certname, &csr);
    if !request.fingerprint.eq_ignore_ascii_case(fingerprint) {
        return Err(RequestsError::Another { certname: certname.clone(), found: request.fingerprint });
    }
    match answer {
        Answer::Sign => match ask(context, "sign", || client.sign(certname)).await? {
            Signed::Done => {}
            Signed::NoCsr => return Err(RequestsError::NotWaiting(certname.clone())),
            Signed::Refused { text } => return Err(RequestsError::Refused { certname: certname.clone(), text }),
        },
        Answer::Deny => {
            if ask(context, "certificate", || client.certificate(certname)).await?.is_some() {
                return Err(RequestsError::Issued(certname.clone()));
            }
            ask(context, "forget", || client.forget(certname)).await?;
        }
    }
    Ok(request)
}

async fn client(context: &Context, authority: &CertificateAuthority) -> Result<CaClient, ConnectionError> {
    context.connections.client(context, &authority.namespace().unwrap_or_default(), authority, Identity::Operator).await
}

/// Looks at requests with the eyes of a CA's policies.
struct Judge {
    namespace: String,
    authority: String,
    policies: Option<PolicyFile>,
}

impl Judge {
    async fn of(context: &Context, authority: &CertificateAuthority) -> Self {
        let policies = match &authority.spec.external {
            Some(_) => None,
            None => Some(policies::file(context, authority).await),
        };
        Self { namespace: authority.namespace().unwrap_or_default(), authority: authority.name_any(), policies }
    }

    fn look(&self, context: &Context, certname: &Certname, csr: &str) -> SigningRequest {
        let waiting = context.caches.certificates.by(&self.namespace, &Key::Certname(certname.as_str().to_owned()));
        let certificate = waiting.into_iter().find(|certificate| certificate.spec.authority_ref == self.authority);
        let (alt_names, extensions) = match CsrInfo::from_pem(csr) {
            Ok(info) => (
                info.alt_names.iter().map(ToString::to_string).collect(),
                info.extensions.iter().map(|(oid, _)| oid.name().map_or_else(|| oid.to_string(), str::to_owned)).collect(),
            ),
            // The verdict says that it cannot be read, and why.
            Err(_) => (Vec::new(), Vec::new()),
        };
        SigningRequest {
            certname: certname.to_string(),
            fingerprint: request_fingerprint(csr).unwrap_or_default(),
            alt_names,
            extensions,
            certificate: certificate.map(|certificate| certificate.name_any()),
            verdict: self.policies.as_ref().map(|policies| judge(policies, certname, csr)),
        }
    }
}

/// What the CA server's own program would say.
fn judge(policies: &PolicyFile, certname: &Certname, csr: &str) -> Verdict {
    match Request::from_pem(csr.as_bytes()) {
        Ok(request) => {
            let verdict = verdict::evaluate(policies, certname.as_str(), &request);
            Verdict { signs: verdict.signs(), explanation: verdict.to_string() }
        }
        Err(error) => Verdict { signs: false, explanation: error.to_string() },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::puppetca::{CsrRequest, KeyAlgorithm, PrivateKey};

    #[test]
    fn the_verdict_is_that_of_the_policies_and_explains_itself() {
        let certname: Certname = "web1.example.test".parse().unwrap();
        let key = PrivateKey::generate(KeyAlgorithm::EcdsaP256).unwrap();
        let request = CsrRequest { certname: certname.clone(), alt_names: Vec::new(), extensions: Vec::new() };
        let csr = request.build(&key).unwrap();
        let policies = |glob: &str| PolicyFile::parse(&format!("policies: [{{name: web, pattern: {{allow: [\"{glob}\"]}}}}]")).unwrap();
        let signs = judge(&policies("web*.example.test"), &certname, &csr);
        assert!(signs.signs && signs.explanation.contains("web*.example.test"), "{signs:?}");
        let denies = judge(&policies("db*"), &certname, &csr);
        assert!(!denies.signs && denies.explanation.contains("pattern did not match"), "{denies:?}");
        let unreadable = judge(&policies("*"), &certname, "nonsense");
        assert!(!unreadable.signs && unreadable.explanation.contains("PEM"), "{unreadable:?}");
    }
}
