//! The operator's history service, through the API server's service proxy.

use super::credential::{Credential, FRESH};
use super::transition::Transition;
use crate::connection::Connection;
use crate::target::Target;
use crate::time::rfc3339;
use anyhow::{Context as _, anyhow, bail};
use chrono::{DateTime, Utc};
use futures::{AsyncBufReadExt as _, Stream, StreamExt as _, TryStreamExt as _};
use http::header::{ACCEPT, HeaderMap, HeaderName, HeaderValue};
use http::{Request, Response};
use k8s_openapi::api::core::v1::Service as KubeService;
use kube::api::{Api, ListParams};
use kube::client::Body;
use kube::{Client, ResourceExt as _};
use openvox_crds::vocabulary::label::OPERATOR_SELECTOR;
use openvox_operator::http::access::TOKEN_HEADER;
use openvox_operator::resources::certificate_authority::requests::{Answer, SigningRequest, SigningRequests};
use serde::Deserialize;
use std::sync::Arc;
use tokio::sync::Mutex;

/// End of the name of a history Service in the chart.
const HISTORY: &str = "-history";
/// Where a stream of server-sent events goes on (WHATWG HTML, section 9.2.4).
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
/// The exit code of a program that Ctrl-C ends, as shells have it.
const INTERRUPTED: i32 = 130;
/// Transitions that are shown where nobody says since when: more than a screen.
const NEWEST: usize = 100;

/// Which transitions are asked for.
#[derive(Debug, Clone)]
pub struct Asked {
    /// Of one object.
    pub object: Option<Target>,
    /// Of one namespace.
    pub namespace: Option<String>,
    /// Not before this; otherwise the newest.
    pub since: Option<DateTime<Utc>>,
}

impl Asked {
    /// Whether an object is asked for.
    pub fn wants(&self, kind: &str, namespace: &str, name: &str) -> bool {
        self.namespace.as_deref().is_none_or(|wanted| wanted == namespace)
            && self.object.as_ref().is_none_or(|wanted| wanted.kind.name() == kind && wanted.name == name)
    }

    /// Reduces transitions to those that are asked for, in the order of their times; at the end, those of one object
    /// stand in their own order.
    pub fn reduce(&self, transitions: &mut Vec<Transition>) {
        transitions.retain(|transition| {
            let in_time = self.since.is_none_or(|since| crate::time::utc(&transition.entry.at) >= since);
            in_time && self.wants(&transition.kind, &transition.namespace, &transition.name)
        });
        transitions.sort_by(|a, b| (a.entry.at.0, &a.uid, a.entry.seq).cmp(&(b.entry.at.0, &b.uid, b.entry.seq)));
        if self.since.is_none() {
            transitions.drain(..transitions.len().saturating_sub(NEWEST));
        }
    }

    fn query(&self) -> String {
        let namespace = self.namespace.as_ref().map(|namespace| format!("&namespace={namespace}"));
        let object = self.object.as_ref().map(|target| format!("&kind={}&name={}", target.kind.name(), target.name));
        namespace.unwrap_or_default() + &object.unwrap_or_default()
    }
}

/// A history service.
pub struct Service {
    client: Client,
    /// The path of its root.
    root: String,
    /// The namespace of its operator.
    operator: String,
    credential: Mutex<Credential>,
}

/// What comes of a live stream.
pub enum Live {
    /// The position in the journal.
    At(String),
    /// A transition.
    Transition(Box<Transition>),
    /// The end, and why.
    Problem(String),
}

#[derive(Deserialize)]
struct Page {
    items: Vec<Transition>,
}

#[derive(Deserialize)]
struct Problem {
    detail: String,
}

impl Service {
    /// Does something with the history service of the operator, and removes afterwards, also after Ctrl-C, what saying
    /// who asks has left in the cluster.
    ///
    /// # Errors
    /// If there is no such service in the operator's namespace, if it cannot be said who asks, or those of the work.
    pub async fn with<T>(connection: &Connection, work: impl AsyncFnOnce(&Arc<Self>) -> anyhow::Result<T>) -> anyhow::Result<T> {
        let service = Arc::new(Self::find(connection).await?);
        let done = tokio::select! {
            done = work(&service) => Some(done),
            _ = tokio::signal::ctrl_c() => None,
        };
        service.credential.lock().await.discard(&service.client).await;
        done.unwrap_or_else(|| std::process::exit(INTERRUPTED))
    }

    /// Finds the service in the operator's namespace. Nothing is asked anywhere else: who may make a Service in another
    /// namespace must not learn anything of who asks.
    async fn find(connection: &Connection) -> anyhow::Result<Self> {
        let (client, operator) = (connection.client.clone(), connection.operator.clone());
        let api: Api<KubeService> = Api::namespaced(client.clone(), &operator);
        let listed = api.list(&ListParams::default().labels(OPERATOR_SELECTOR)).await;
        let services = listed.with_context(|| format!("failed to list the Services of namespace {operator}"))?;
        let Some(service) = services.iter().find(|service| service.name_any().ends_with(HISTORY)) else {
            bail!(
                "namespace {operator} has no Service with the label {OPERATOR_SELECTOR} and a name that ends in {HISTORY}; \
                 --operator-namespace says where the operator runs"
            );
        };
        let name = service.name_any();
        let port = service.spec.as_ref().and_then(|spec| spec.ports.as_ref()?.first()).map(|port| port.port);
        let port = port.with_context(|| format!("Service {operator}/{name} has no port"))?;
        let root = format!("/api/v1/namespaces/{operator}/services/https:{name}:{port}/proxy");
        let credential = Mutex::new(Credential::obtain(&client, &operator).await?);
        Ok(Self { client, root, operator, credential })
    }

    /// What to show now; another one when the last one gets old.
    async fn credential(&self) -> anyhow::Result<HeaderValue> {
        let mut credential = self.credential.lock().await;
        if !credential.is_fresh() {
            let next = Credential::obtain(&self.client, &self.operator).await?;
            std::mem::replace(&mut *credential, next).discard(&self.client).await;
        }
        Ok(credential.header.clone())
    }

    async fn get(&self, path: &str) -> anyhow::Result<Request<Vec<u8>>> {
        Ok(Request::get(format!("{}{path}", self.root)).header(TOKEN_HEADER, self.credential().await?).body(Vec::new())?)
    }

    async fn text(&self, path: &str) -> anyhow::Result<String> {
        self.client.request_text(self.get(path).await?).await.map_err(|error| told(&error))
    }

    /// The answer as it comes, for a browser. The page's own files need nobody to say who asks.
    ///
    /// # Errors
    /// If there is no answer; one that refuses is an answer.
    pub async fn fetch(&self, path: &str, asked_with: &HeaderMap, says_who: bool) -> anyhow::Result<Response<Body>> {
        let mut request = Request::get(format!("{}{path}", self.root));
        for name in [ACCEPT, LAST_EVENT_ID] {
            request = asked_with.get(&name).into_iter().fold(request, |request, value| request.header(&name, value));
        }
        if says_who {
            request = request.header(TOKEN_HEADER, self.credential().await?);
        }
        Ok(self.client.send(request.body(Body::empty())?).await?)
    }

    /// Whether it answers and knows who asks.
    ///
    /// # Errors
    /// If it does not.
    pub async fn answers(&self) -> anyhow::Result<()> {
        self.text("/api/v1/objects?limit=1").await.map(drop)
    }

    /// Transitions, oldest first.
    ///
    /// # Errors
    /// If the service does not answer, or refuses.
    pub async fn transitions(&self, asked: &Asked) -> anyhow::Result<Vec<Transition>> {
        let mut transitions = if let Some(since) = asked.since {
            self.export(&format!("{}&since={}", asked.query(), rfc3339(since))).await?
        } else {
            let text = self.text(&format!("/api/v1/history?limit={NEWEST}{}", asked.query())).await?;
            serde_json::from_str::<Page>(&text)
                .context("failed to read the answer of the history service: it is not a page of history")?
                .items
        };
        asked.reduce(&mut transitions);
        Ok(transitions)
    }

    /// Everything that the service has of a namespace, or of all; oldest first.
    ///
    /// # Errors
    /// As [`Service::transitions`].
    pub async fn everything(&self, namespace: Option<&str>) -> anyhow::Result<Vec<Transition>> {
        self.export(&namespace.map(|namespace| format!("&namespace={namespace}")).unwrap_or_default()).await
    }

    /// The signing requests that wait at a CertificateAuthority, or the one under a name.
    ///
    /// # Errors
    /// If the service or the CA does not answer, or refuses.
    pub async fn signing_requests(&self, namespace: &str, authority: &str, certname: Option<&str>) -> anyhow::Result<SigningRequests> {
        let only = certname.map(|certname| format!("?certname={certname}")).unwrap_or_default();
        let text = self.text(&format!("/api/v1/signing-requests/{namespace}/{authority}{only}")).await?;
        serde_json::from_str(&text).context("failed to read the answer of the operator: it is not a list of signing requests")
    }

    /// Signs or denies the request with this fingerprint.
    ///
    /// # Errors
    /// If the service or the CA does not answer, or refuses.
    pub async fn decide(
        &self,
        namespace: &str,
        authority: &str,
        certname: &str,
        fingerprint: &str,
        answer: Answer,
    ) -> anyhow::Result<SigningRequest> {
        let verb = match answer {
            Answer::Sign => "sign",
            Answer::Deny => "deny",
        };
        let path = format!("{}/api/v1/signing-requests/{namespace}/{authority}/{certname}/{verb}?fingerprint={fingerprint}", self.root);
        let request = Request::post(path).header(TOKEN_HEADER, self.credential().await?).body(Vec::new());
        let request = request
            .with_context(|| format!("failed to build the request: {certname:?} or {fingerprint:?} has characters that are not allowed"))?;
        let text = self.client.request_text(request).await.map_err(|error| told(&error))?;
        serde_json::from_str(&text).context("failed to read the answer of the operator: it is not a signing request")
    }

    async fn export(&self, query: &str) -> anyhow::Result<Vec<Transition>> {
        let text = self.text(&format!("/api/v1/history?format=jsonl&order=asc{query}")).await?;
        let line = |line: &str| {
            serde_json::from_str(line).context("failed to read the answer of the history service: it is not a list of transitions")
        };
        text.lines().map(line).collect()
    }

    /// What happens from a position on, or from now on.
    ///
    /// # Errors
    /// If the service does not answer, or refuses.
    pub async fn live(&self, asked: &Asked, after: Option<&str>) -> anyhow::Result<impl Stream<Item = anyhow::Result<Live>> + use<>> {
        let after = after.map(|cursor| format!("&cursor={cursor}")).unwrap_or_default();
        let request = self.get(&format!("/api/v1/history?format=sse{}{after}", asked.query())).await?;
        let lines = self.client.request_stream(request).await.map_err(|error| told(&error))?.lines();
        let mut event = String::new();
        // Before the operator ends it: the next one begins with another credential, where this one was.
        let lines = lines.take_until(Box::pin(tokio::time::sleep(FRESH)));
        Ok(lines.err_into::<anyhow::Error>().try_filter_map(move |line| std::future::ready(live(&line, &mut event))).boxed())
    }
}

/// One line of a stream of server-sent events. `event` is the name of the event that its data belong to.
fn live(line: &str, event: &mut String) -> anyhow::Result<Option<Live>> {
    let (field, value) = line.split_once(':').map_or((line, ""), |(field, value)| (field, value.strip_prefix(' ').unwrap_or(value)));
    Ok(match (field, &**event) {
        ("event", _) => {
            value.clone_into(event);
            None
        }
        ("id", _) => Some(Live::At(value.to_owned())),
        ("data", "transition") => {
            Some(Live::Transition(serde_json::from_str(value).context("failed to read an event of the stream: it is not a transition")?))
        }
        ("data", "problem") => Some(Live::Problem(serde_json::from_str::<Problem>(value)?.detail)),
        _ => None,
    })
}

/// The history service's own words, where they are in the answer.
fn told(error: &kube::Error) -> anyhow::Error {
    if let kube::Error::Api(status) = error {
        let detail = serde_json::from_str::<Problem>(&status.message).map_or_else(|_| status.message.clone(), |problem| problem.detail);
        return anyhow!("{} {detail}", status.code);
    }
    anyhow!("{error}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lines_of_a_stream_are_positions_transitions_and_problems() {
        let mut event = String::new();
        let mut read = |line: &str| live(line, &mut event).unwrap();
        assert!(read(": keep-alive").is_none());
        assert!(matches!(read("id: AQ"), Some(Live::At(at)) if at == "AQ"));
        assert!(read("event: transition").is_none());
        let line = r#"data: {"kind":"Pool","namespace":"n","name":"a","uid":"u","seq":1,"at":"2026-01-31T12:00:00Z","event":"Synced","version":1,"from":"a","to":"b","phase":"b"}"#;
        assert!(matches!(read(line), Some(Live::Transition(of)) if of.entry.event == "Synced"));
        assert!(read("").is_none());
        assert!(read("event: problem").is_none());
        assert!(matches!(read(r#"data: {"detail":"the token has ended"}"#), Some(Live::Problem(detail)) if detail.contains("ended")));
    }
}
