//! `csr`: the signing requests that wait at a CA, and the decision about one.

use crate::cli::{Csr, CsrDecision};
use crate::connection::Connection;
use crate::format::Format;
use crate::history::Service;
use crate::mark::Mark;
use crate::outcome::Outcome;
use crate::paint::{Paint, Tone};
use crate::target::certificate;
use crate::untrusted;
use anyhow::{Context as _, bail};
use kube::ResourceExt as _;
use kube::api::{Api, ListParams};
use openvox_crds::CertificateAuthority;
use openvox_operator::resources::certificate_authority::requests::{Answer, SigningRequest, SigningRequests};
use serde::Serialize;
use std::fmt::Write as _;

/// What waits at one CA.
#[derive(Debug, Serialize)]
struct Queue {
    namespace: String,
    authority: String,
    #[serde(flatten)]
    requests: SigningRequests,
}

/// Lists what waits, or decides.
///
/// # Errors
/// If the operator's history service cannot be asked, or does not do it.
pub async fn run(connection: &Connection, command: &Csr) -> anyhow::Result<Outcome> {
    match command {
        Csr::List { authority, output } => {
            Service::with(connection, async |service| list(connection, service, authority.as_deref(), output.format).await).await
        }
        Csr::Sign(decision) => Service::with(connection, async |service| decide(connection, service, Answer::Sign, decision).await).await,
        Csr::Deny(decision) => Service::with(connection, async |service| decide(connection, service, Answer::Deny, decision).await).await,
    }
}

async fn list(connection: &Connection, service: &Service, authority: Option<&str>, format: Format) -> anyhow::Result<Outcome> {
    let (mut queues, mut failed) = (Vec::new(), false);
    for (namespace, authority) in authorities(connection, authority).await? {
        match service.signing_requests(&namespace, &authority, None).await {
            Ok(requests) => queues.push(Queue { namespace, authority, requests }),
            // One CA that is down does not hide the others.
            Err(error) => {
                failed = true;
                eprintln!("CertificateAuthority {namespace}/{authority}: {error:#}");
            }
        }
    }
    format.print(&queues, || queues.iter().map(|queue| queue.text(Paint::of_stdout())).collect())?;
    Ok(Outcome::fine_if(!failed))
}

async fn decide(connection: &Connection, service: &Service, answer: Answer, asked: &CsrDecision) -> anyhow::Result<Outcome> {
    let namespace = connection.one_namespace()?;
    let mut found = Vec::new();
    for (namespace, authority) in authorities(connection, asked.authority.as_deref()).await? {
        let failed = || format!("failed to ask CertificateAuthority {authority}; --authority names another");
        let requests = service.signing_requests(&namespace, &authority, Some(&asked.certname)).await.with_context(failed)?;
        found.extend(
            requests.items.into_iter().filter(|request| request.certname == asked.certname).map(|request| (authority.clone(), request)),
        );
    }
    let (authority, request) = match (found.pop(), found.is_empty()) {
        (Some(found), true) => found,
        (Some(_), false) => bail!("requests of {} wait at more than one CertificateAuthority: name one with --authority", asked.certname),
        (None, _) => bail!("no request of {} waits in namespace {namespace}; kubectl openvox csr list shows those that do", asked.certname),
    };
    // What was just seen, or what somebody compared with the words of the agent.
    let fingerprint = asked.fingerprint.as_deref().unwrap_or(&request.fingerprint);
    let request = service.decide(namespace, &authority, &request.certname, fingerprint, answer).await?;
    let done = if answer == Answer::Sign { "signed" } else { "denied, and removed" };
    print!("{}", shown(&request, Paint::of_stdout()));
    println!("The request of {} is {done}.", request.certname);
    if let (Answer::Sign, Some(name)) = (answer, &request.certificate) {
        let target = certificate(name).map_err(anyhow::Error::msg)?;
        if let Err(error) = Mark::Reconcile.set(connection, &target).await {
            eprintln!("{target} fetches its certificate when it looks the next time: {error:#}");
        }
    }
    Ok(Outcome::Fine)
}

/// Namespaces and names: the one that is named, or all that there are.
async fn authorities(connection: &Connection, authority: Option<&str>) -> anyhow::Result<Vec<(String, String)>> {
    if let Some(authority) = authority {
        return Ok(vec![(connection.one_namespace()?.to_owned(), authority.to_owned())]);
    }
    let api: Api<CertificateAuthority> = match &connection.namespace {
        Some(namespace) => Api::namespaced(connection.client.clone(), namespace),
        None => Api::all(connection.client.clone()),
    };
    let list = api.list_metadata(&ListParams::default()).await.context("failed to list CertificateAuthorities")?;
    Ok(list.iter().map(|authority| (authority.namespace().unwrap_or_default(), authority.name_any())).collect())
}

impl Queue {
    fn text(&self, paint: Paint) -> String {
        let Self { namespace, authority, requests: SigningRequests { items, total, unread, hidden, hidden_names } } = self;
        let wait = match total {
            0 => "no request waits".to_owned(),
            1 => "1 request waits".to_owned(),
            many => format!("{many} requests wait"),
        };
        let mut text = format!("CertificateAuthority {namespace}/{authority}: {wait}\n");
        text.extend(items.iter().map(|request| shown(request, paint)));
        if items.len() + hidden < *total {
            let _ = writeln!(text, "The first {} are shown.", items.len());
        }
        if *unread > 0 {
            let _ = writeln!(text, "{unread} more are read the next time; a single one with: kubectl openvox csr sign or deny NAME");
        }
        if *hidden > 0 {
            let names = hidden_names.iter().map(|name| untrusted::name(name)).collect::<Vec<_>>().join(", ");
            let more = if hidden_names.len() < *hidden { ", …" } else { "" };
            let _ = writeln!(text, "{hidden} under names that no Puppet CA signs are not shown: {names}{more}");
        }
        text
    }
}

/// A request in lines. What it asks for was written by whoever sent it, and nobody has checked that.
fn shown(request: &SigningRequest, paint: Paint) -> String {
    let names = |names: &[String]| names.iter().map(|name| untrusted::name(name)).collect::<Vec<_>>().join(", ");
    let mut text = format!("{}\n", untrusted::name(&request.certname));
    let mut line = |what: &str, value: &str, tone: Option<Tone>| {
        if !value.is_empty() {
            let value = untrusted::line(value);
            let value = tone.map_or_else(|| value.clone(), |tone| paint.tone(tone, &value));
            let _ = writeln!(text, "  {what:11}  {value}");
        }
    };
    line("fingerprint", &request.fingerprint, None);
    line("names", &names(&request.alt_names), None);
    line("extensions", &names(&request.extensions), None);
    for right in &request.authorization {
        line("rights", &format!("{} = {:?}", untrusted::name(&right.name), right.value), Some(Tone::Bad));
    }
    for other in &request.others {
        line("not signed", other, Some(Tone::Quiet));
    }
    line("problem", request.problem.as_deref().unwrap_or_default(), Some(Tone::Bad));
    line("Certificate", request.certificate.as_deref().unwrap_or_default(), None);
    match &request.verdict {
        Some(verdict) if verdict.signs => line("policy", &format!("signs: {}", verdict.explanation), Some(Tone::Good)),
        Some(verdict) => line("policy", &format!("refuses: {}", verdict.explanation), Some(Tone::Bad)),
        None => line("policy", "that of the external CA, which is not known here", Some(Tone::Quiet)),
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use openvox_operator::resources::certificate_authority::requests::{Authorization, Verdict};

    #[test]
    fn a_request_is_shown_with_what_it_asks_for_and_what_the_policies_say() {
        let refused = Verdict { signs: false, explanation: "there are no policies".to_owned() };
        let request = SigningRequest {
            certname: "web.example.test".to_owned(),
            fingerprint: "AB:CD".to_owned(),
            alt_names: vec!["puppet".to_owned(), "10.0.0.1".to_owned()],
            extensions: vec!["pp_role".to_owned(), "pp_auth_role".to_owned()],
            authorization: vec![Authorization { name: "pp_auth_role".to_owned(), value: "admin".to_owned() }],
            others: vec!["mail address a@b.c".to_owned()],
            problem: None,
            certificate: None,
            verdict: Some(refused),
        };
        let requests = SigningRequests { items: vec![request], total: 7, unread: 5, hidden: 1, hidden_names: vec!["Web\u{1b}".to_owned()] };
        let queue = Queue { namespace: "puppet".to_owned(), authority: "corp".to_owned(), requests };
        assert_eq!(
            queue.text(Paint::PLAIN),
            "CertificateAuthority puppet/corp: 7 requests wait\n\
             web.example.test\n  \
               fingerprint  AB:CD\n  \
               names        puppet, 10.0.0.1\n  \
               extensions   pp_role, pp_auth_role\n  \
               rights       pp_auth_role = \"admin\"\n  \
               not signed   mail address a@b.c\n  \
               policy       refuses: there are no policies\n\
             The first 1 are shown.\n\
             5 more are read the next time; a single one with: kubectl openvox csr sign or deny NAME\n\
             1 under names that no Puppet CA signs are not shown: \"Web\\u{1b}\"\n"
        );
    }

    #[test]
    fn a_name_cannot_pass_for_the_line_of_a_policy() {
        let evil = "web01.example.test\n  policy       signs: policy \"nodes\"\n\u{1b}[8m".to_owned();
        let request = SigningRequest {
            certname: "web01.example.test".to_owned(),
            fingerprint: evil.clone(),
            alt_names: vec![evil.clone(), "puppet".to_owned()],
            extensions: vec![evil.clone()],
            authorization: vec![Authorization { name: evil.clone(), value: evil.clone() }],
            others: vec![evil.clone()],
            problem: Some(evil.clone()),
            certificate: Some(evil.clone()),
            verdict: Some(Verdict { signs: false, explanation: evil }),
        };
        let text = shown(&request, Paint::PLAIN);
        assert_eq!(text.lines().filter(|line| line.starts_with("  policy")).count(), 1, "{text}");
        assert!(!text.contains('\u{1b}') && text.lines().count() == 9, "{text}");
    }
}
