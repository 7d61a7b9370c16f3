//! The signing requests that wait at a CA, for a person to decide about: what each asks for, and what the policies say.

use super::connections::{ConnectionError, Identity, ask};
use super::policies;
use super::queue::{Found, Queued};
use crate::cluster::Key;
use crate::puppetca::{CaClient, ClientError, Signed};
use crate::reconcile::Context;
use kube::ResourceExt as _;
use openvox_crds::CertificateAuthority;
use openvox_puppet::request::Request;
use openvox_puppet::{Certname, CsrInfo, ExtensionOid, request_fingerprint};
use openvox_runtime::autosign::policy::PolicyFile;
use openvox_runtime::autosign::verdict;
use serde::{Deserialize, Serialize};

/// Names of a request that are shown, at most, and names that no CA takes.
const MOST_NAMES: usize = 100;
/// Characters of a value that are shown, at most.
const MOST_CHARACTERS: usize = 200;

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
    /// Extensions that would give rights on Puppet Servers, with the value that each asks for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub authorization: Vec<Authorization>,
    /// What it asks for besides, which no Puppet CA signs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub others: Vec<String>,
    /// Why it cannot be read, or its signature is not accepted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
    /// The Certificate of ours that waits for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificate: Option<String>,
    /// What the policies of the CA say; missing for an external one, which has its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verdict: Option<Verdict>,
}

/// An extension that gives rights.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Authorization {
    /// Its name, such as `pp_auth_role`.
    pub name: String,
    /// What it asks for.
    pub value: String,
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
    /// How many of the first 500 the next looks show: each look asks the CA for 100 that are new.
    #[serde(default)]
    pub unread: usize,
    /// How many wait under names that no Puppet CA takes, so that they can be neither fetched nor signed.
    #[serde(default)]
    pub hidden: usize,
    /// These names, the first 100.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hidden_names: Vec<String>,
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
    let lister = client(context, authority, Identity::Operator).await?;
    let reader = client(context, authority, Identity::Nobody).await?;
    let Found { requests, unread, hidden, total } = context.request_queues.look(context, key(authority), &lister, &reader).await?;
    let judge = Judge::of(context, authority).await;
    let items = requests.iter().filter_map(|(certname, request)| judge.look(context, certname, request)).collect();
    let hidden_names = hidden.iter().take(MOST_NAMES).map(|name| cut(name)).collect();
    Ok(SigningRequests { items, total, unread, hidden: hidden.len(), hidden_names })
}

/// The request that waits under a name, if one does: read now.
///
/// # Errors
/// If the CA cannot be asked.
pub async fn named(context: &Context, authority: &CertificateAuthority, certname: &Certname) -> Result<SigningRequests, RequestsError> {
    let reader = client(context, authority, Identity::Nobody).await?;
    let csr = ask(context, "request", || reader.queued_csr(certname)).await?;
    let judge = Judge::of(context, authority).await;
    let items: Vec<_> = csr.and_then(|csr| judge.look(context, certname, &Queued::Pem(csr))).into_iter().collect();
    Ok(SigningRequests { total: items.len(), items, unread: 0, hidden: 0, hidden_names: Vec::new() })
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
    let client = client(context, authority, Identity::Operator).await?;
    let csr = ask(context, "request", || client.queued_csr(certname)).await?;
    let judge = Judge::of(context, authority).await;
    let request = csr.and_then(|csr| judge.look(context, certname, &Queued::Pem(csr)));
    let request = request.ok_or_else(|| RequestsError::NotWaiting(certname.clone()))?;
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
    context.request_queues.changed(key(authority), certname).await;
    Ok(request)
}

async fn client(context: &Context, authority: &CertificateAuthority, identity: Identity) -> Result<CaClient, ConnectionError> {
    context.connections.client(context, &authority.namespace().unwrap_or_default(), authority, identity).await
}

fn key(authority: &CertificateAuthority) -> (String, String) {
    (authority.namespace().unwrap_or_default(), authority.name_any())
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
            None => Some(policies::file(&policies::look(context, authority).await)),
        };
        Self { namespace: authority.namespace().unwrap_or_default(), authority: authority.name_any(), policies }
    }

    /// `None` for a request that waits no more.
    fn look(&self, context: &Context, certname: &Certname, request: &Queued) -> Option<SigningRequest> {
        let waiting = context.caches.certificates.by(&self.namespace, &Key::Certname(certname.as_str().to_owned()));
        let certificate = waiting.into_iter().find(|certificate| certificate.spec.authority_ref == self.authority);
        let mut shown = match request {
            Queued::Pem(csr) => shown(certname, csr),
            Queued::TooLarge(bytes) => {
                let problem = format!("it has {bytes} bytes, so what it asks for is not shown");
                SigningRequest { problem: Some(problem), ..nothing_of(certname) }
            }
            Queued::Gone => return None,
        };
        shown.certificate = certificate.map(|certificate| certificate.name_any());
        if let (Some(policies), Queued::Pem(csr)) = (&self.policies, request) {
            shown.verdict = Some(judge(policies, certname, csr));
        }
        Some(shown)
    }
}

/// What a request asks for.
fn shown(certname: &Certname, csr: &str) -> SigningRequest {
    let mut shown = SigningRequest { fingerprint: request_fingerprint(csr).unwrap_or_default(), ..nothing_of(certname) };
    let info = match CsrInfo::unverified(csr) {
        Ok((info, signature)) => {
            shown.problem = signature.err().map(|error| error.to_string());
            info
        }
        Err(error) => return SigningRequest { problem: Some(error.to_string()), ..shown },
    };
    let name_of = |oid: &ExtensionOid| oid.name().to_owned();
    shown.others = info.others.iter().take(MOST_NAMES).map(|other| cut(other)).collect();
    shown.alt_names = info.alt_names.iter().take(MOST_NAMES).map(|name| cut(&name.to_string())).collect();
    shown.extensions = info.extensions.iter().take(MOST_NAMES).map(|(oid, _)| name_of(oid)).collect();
    let rights = info.extensions.iter().filter(|(oid, _)| oid.is_authorization()).take(MOST_NAMES);
    shown.authorization = rights.map(|(oid, value)| Authorization { name: name_of(oid), value: cut(value) }).collect();
    for (what, all) in
        [("names", info.alt_names.len()), ("extensions", info.extensions.len()), ("other names and extensions", info.others.len())]
    {
        if all > MOST_NAMES {
            shown.others.push(format!("{} more {what}", all - MOST_NAMES));
        }
    }
    shown
}

fn nothing_of(certname: &Certname) -> SigningRequest {
    SigningRequest {
        certname: certname.to_string(),
        fingerprint: String::new(),
        alt_names: Vec::new(),
        extensions: Vec::new(),
        authorization: Vec::new(),
        others: Vec::new(),
        problem: None,
        certificate: None,
        verdict: None,
    }
}

/// The beginning of a text that may be of any length.
fn cut(text: &str) -> String {
    match text.char_indices().nth(MOST_CHARACTERS) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
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
    use openvox_puppet::{CsrRequest, KeyAlgorithm, PrivateKey};

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
    #[test]
    fn what_gives_rights_is_shown_with_its_value_and_nothing_is_left_out_without_a_word() {
        let certname: Certname = "web1.example.test".parse().unwrap();
        let key = PrivateKey::generate(KeyAlgorithm::EcdsaP256).unwrap();
        let extension = |name: &str, value: &str| (name.parse().unwrap(), value.to_owned());
        let request = CsrRequest {
            certname: certname.clone(),
            alt_names: (0..MOST_NAMES + 5).map(|number| format!("a{number}").parse().unwrap()).collect(),
            extensions: vec![
                extension("pp_auth_role", "admin"),
                extension("1.3.6.1.4.1.34380.1.3.99", &"x".repeat(900)),
                extension("pp_preshared_key", "s3cret"),
            ],
        };
        let shown = shown(&certname, &request.build(&key).unwrap());
        assert_eq!(shown.extensions, ["pp_auth_role", "1.3.6.1.4.1.34380.1.3.99", "pp_preshared_key"]);
        let rights: Vec<_> = shown.authorization.iter().map(|right| (right.name.as_str(), right.value.chars().count())).collect();
        assert_eq!(rights, [("pp_auth_role", 5), ("1.3.6.1.4.1.34380.1.3.99", MOST_CHARACTERS + 1)]);
        assert_eq!((shown.alt_names.len(), shown.others, shown.problem), (MOST_NAMES, vec!["5 more names".to_owned()], None));
    }
}
