//! What is known of the requests that wait at the CAs, so that looking at them often costs the CAs little.

use super::connections::ask;
use super::requests::RequestsError;
use crate::puppetca::{CaClient, Waiting};
use crate::reconcile::Context;
use futures::{StreamExt as _, TryStreamExt as _};
use openvox_puppet::{Certname, request_fingerprint};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// For so long, what a CA has said is shown again: a person who looks twice waits for nothing, and a program that looks all
/// the time costs the CA a call every five seconds.
const FRESH: Duration = Duration::from_secs(5);
/// Requests that one look reads at the CA, at most; the next look reads the next ones. A person reads fewer.
const READ_AT_ONCE: usize = 100;
/// Requests of a list, at most: nobody reads more.
const MOST: usize = 500;
/// Calls to a CA at a time.
const CALLS_AT_ONCE: usize = 8;
/// CAs that are remembered. A cluster has a handful.
const MOST_CAS: usize = 64;
/// Bytes of a request that is kept: one with an RSA key of 8192 bits and fifty names has less than 6 KiB.
const MOST_KEPT: usize = 16 * 1024;

/// The requests that wait, by namespace and name of the CA.
#[derive(Default)]
pub struct RequestQueues(Mutex<HashMap<(String, String), Shared>>);

/// Whoever looks at one CA waits for the others who do.
type Shared = Arc<tokio::sync::Mutex<Queue>>;

/// What one CA has said.
#[derive(Default)]
struct Queue {
    listed: Option<(Instant, Vec<Waiting>)>,
    read: HashMap<Certname, Read>,
}

/// A request that was read.
struct Read {
    at: Instant,
    fingerprint: Option<String>,
    request: Queued,
}

/// What the CA shows under a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Queued {
    /// A request, as PEM.
    Pem(String),
    /// A request of so many bytes, which is too large to be kept and shown.
    TooLarge(usize),
    /// None any more.
    Gone,
}

/// What waits.
pub(super) struct Found {
    /// The requests that were read, by name.
    pub(super) requests: Vec<(Certname, Queued)>,
    /// How many are read by later looks.
    pub(super) unread: usize,
    /// Names that no Puppet CA takes.
    pub(super) hidden: Vec<String>,
    /// How many wait.
    pub(super) total: usize,
}

impl RequestQueues {
    /// What waits at a CA. `lister` may list, `reader` is anybody.
    pub(super) async fn look(
        &self,
        context: &Context,
        key: (String, String),
        lister: &CaClient,
        reader: &CaClient,
    ) -> Result<Found, RequestsError> {
        let queue = self.queue(key);
        // Whoever looks at the same time waits for the same answers.
        let mut queue = queue.lock().await;
        if queue.listed.as_ref().is_none_or(|(at, _)| at.elapsed() >= FRESH) {
            let mut waiting = ask(context, "list", || lister.waiting()).await?;
            waiting.sort_unstable_by(|a, b| a.name.cmp(&b.name));
            queue.listed = Some((Instant::now(), waiting));
        }
        let waiting = queue.listed.as_ref().map(|(_, waiting)| waiting.clone()).unwrap_or_default();
        let (names, hidden) = told_apart(&waiting);
        queue.forget_changed(&names);
        let missing: Vec<Certname> =
            names.iter().map(|(name, _)| name.clone()).filter(|name| !queue.read.contains_key(name)).take(READ_AT_ONCE).collect();
        let fetched = futures::stream::iter(missing).map(|name| async move {
            let pem = ask(context, "request", || reader.queued_csr(&name)).await?;
            Ok::<_, RequestsError>((name, Read::of(pem)))
        });
        let fetched: Vec<_> = fetched.buffer_unordered(CALLS_AT_ONCE).try_collect().await?;
        queue.read.extend(fetched);
        let requests: Vec<_> = names.iter().filter_map(|(name, _)| Some((name.clone(), queue.read.get(name)?.request.clone()))).collect();
        Ok(Found { unread: names.len() - requests.len(), requests, hidden, total: waiting.len() })
    }

    /// Drops what is known of a CA's list: it has changed.
    pub(super) async fn changed(&self, key: (String, String), certname: &Certname) {
        let queue = self.queue(key);
        let mut queue = queue.lock().await;
        queue.listed = None;
        queue.read.remove(certname);
    }

    fn queue(&self, key: (String, String)) -> Shared {
        let mut queues = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if queues.len() >= MOST_CAS && !queues.contains_key(&key) {
            queues.clear();
        }
        Arc::clone(queues.entry(key).or_default())
    }
}

impl Queue {
    /// Drops what waits no more, and what may be another request by now.
    fn forget_changed(&mut self, names: &[(Certname, Option<String>)]) {
        let listed: HashMap<&Certname, &Option<String>> = names.iter().map(|(name, fingerprint)| (name, fingerprint)).collect();
        self.read.retain(|name, read| match listed.get(name) {
            Some(Some(fingerprint)) if read.fingerprint.as_ref() == Some(fingerprint) => true,
            Some(_) => read.at.elapsed() < FRESH,
            None => false,
        });
    }
}

impl Read {
    fn of(pem: Option<String>) -> Self {
        let fingerprint = pem.as_deref().and_then(request_fingerprint);
        let request = match pem {
            Some(pem) if pem.len() > MOST_KEPT => Queued::TooLarge(pem.len()),
            Some(pem) => Queued::Pem(pem),
            None => Queued::Gone,
        };
        Self { at: Instant::now(), fingerprint, request }
    }
}

/// Names under which requests can be fetched, with the fingerprints the CA tells, and others.
fn told_apart(waiting: &[Waiting]) -> (Vec<(Certname, Option<String>)>, Vec<String>) {
    let (mut names, mut hidden) = (Vec::new(), Vec::new());
    for Waiting { name, fingerprint } in waiting {
        match name.parse() {
            Ok(certname) if names.len() < MOST => names.push((certname, fingerprint.clone())),
            Ok(_) => {}
            Err(_) => hidden.push(name.clone()),
        }
    }
    (names, hidden)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waiting(name: &str, fingerprint: Option<&str>) -> Waiting {
        Waiting { name: name.to_owned(), fingerprint: fingerprint.map(str::to_owned) }
    }

    #[test]
    fn a_name_that_no_ca_takes_is_kept_apart_and_only_so_many_are_read() {
        let mut all: Vec<Waiting> = (0..600).map(|number| waiting(&format!("node{number}"), None)).collect();
        all.extend([waiting("Node", None), waiting("a/../b", Some("AB")), waiting("al2023-2.", None)]);
        let (names, hidden) = told_apart(&all);
        assert_eq!((names.len(), hidden), (MOST, vec!["Node".to_owned(), "a/../b".to_owned()]));
        assert_eq!(told_apart(&[waiting("al2023-2.", None)]).0.len(), 1);
    }

    #[test]
    fn a_request_is_read_again_when_its_fingerprint_changes_or_is_not_told_for_long() {
        let pem = pem::encode(&pem::Pem::new("CERTIFICATE REQUEST", b"abc"));
        let print = request_fingerprint(&pem);
        let name: Certname = "web".parse().unwrap();
        let mut queue = Queue::default();
        let old = Instant::now().checked_sub(FRESH).unwrap();
        for (listed, at, stays) in [
            (Some(print.clone()), old, true),
            (Some(Some("AB:CD".to_owned())), old, false),
            (Some(None), old, false),
            (Some(None), Instant::now(), true),
            (None, Instant::now(), false),
        ] {
            queue.read.insert(name.clone(), Read { at, ..Read::of(Some(pem.clone())) });
            let names: Vec<_> = listed.into_iter().map(|fingerprint| (name.clone(), fingerprint)).collect();
            queue.forget_changed(&names);
            assert_eq!(queue.read.contains_key(&name), stays, "{names:?}");
        }
    }

    #[test]
    fn a_huge_request_is_not_kept() {
        let huge = pem::encode(&pem::Pem::new("CERTIFICATE REQUEST", vec![0; MOST_KEPT]));
        let length = huge.len();
        let read = Read::of(Some(huge));
        assert_eq!(read.request, Queued::TooLarge(length));
        assert!(read.fingerprint.is_some());
        assert_eq!(Read::of(None).request, Queued::Gone);
    }
}
