//! Authentication, authorization and rate limits of the HTTP API.
//!
//! A caller presents a bearer token, or proves that they created an object in the cluster. The API server authenticates them
//! (TokenReview, CertificateSigningRequest) and authorizes each `get` (SubjectAccessReview), so the permissions in the history
//! are those in the cluster. Answers are cached for seconds: a permission that is revoked ends here within [`ALLOWED_FOR`].

mod caller_view;
mod credential;
mod expiring;
mod proof;
mod rate;
mod reviews;
mod token;

pub use caller_view::CallerView;
pub(super) use caller_view::target;
pub use credential::{Credential, TOKEN_HEADER};
pub use proof::{NewProof, ProofError};
pub use rate::StreamPermit;
pub use reviews::{ApiServer, Reviews, Target, User};
pub use token::{Token, audience};

use self::credential::CredentialDigest;
use self::expiring::Expiring;
use self::rate::{Buckets, Streams};
use super::peer;
use super::problem::Problem;
use axum::http::uri::Authority;
use axum::http::{HeaderMap, header};
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;

/// How long a positive answer is cached: a caller whose permission is revoked can still read for this long.
const ALLOWED_FOR: Duration = Duration::from_secs(10);
/// How long a negative answer is cached: a caller who was just granted a permission waits for this long.
const DENIED_FOR: Duration = Duration::from_secs(5);
/// Tokens in the cache, about 300 bytes each. More callers than this in ten seconds only cost more reviews.
const MOST_TOKENS: usize = 1024;
/// Decisions in the cache: a thousand namespaces with nine kinds each, about 200 bytes each.
const MOST_DECISIONS: usize = 9 * 1024;
/// Namespaces whose creation time is in the cache, about 100 bytes each.
const MOST_NAMESPACES: usize = 1024;
/// Reviews in flight; the API server has other clients too.
const REVIEWS_AT_ONCE: usize = 8;
/// A review takes a millisecond. Longer than this means that the API server is gone, and the caller gets an error.
const REVIEW_TIMEOUT: Duration = Duration::from_secs(5);
/// Requests of one caller: the web page makes five when it opens, a live board one or two a second.
const CALLER_BURST: u32 = 60;
/// See [`CALLER_BURST`].
const CALLER_PER_SECOND: u32 = 20;
/// Unknown tokens of one host: each costs a review, and a client that guesses tokens must not cause thousands of them.
/// Reviews of all hosts share [`REVIEWS_AT_ONCE`].
const NEW_TOKENS_BURST: u32 = 100;
/// See [`NEW_TOKENS_BURST`].
const NEW_TOKENS_PER_SECOND: u32 = 20;
/// How long an accepted token counts as known: its reviews are not limited by those of unknown tokens. A caller who comes
/// less often counts as new.
const KNOWN_FOR: Duration = Duration::from_mins(10);
/// Concurrent streams and exports: each holds a page of at most a few hundred KiB.
const MOST_STREAMS: usize = 64;
/// Those of one caller: a few browser tabs and a terminal.
const MOST_STREAMS_OF_CALLER: usize = 12;

/// The client of a request.
#[derive(Debug, Clone)]
pub enum Caller {
    /// A client that needs no token.
    Anyone,
    /// A client with a credential that the API server accepts.
    Known(Arc<Known>),
}

/// The identity of an authenticated caller.
#[derive(Debug)]
pub struct Known {
    user: User,
    credential: Credential,
}

impl Caller {
    /// The name by which rate limits count.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Anyone => "anyone",
            Self::Known(known) => &known.user.name,
        }
    }
}

/// Authenticates and authorizes callers, and limits their rate. Clones share their state.
#[derive(Clone)]
pub struct AccessControl(Arc<Inner>);

struct Inner {
    reviews: Option<Arc<dyn Reviews>>,
    users: Expiring<CredentialDigest, Option<Arc<Known>>>,
    /// Credentials that were accepted within [`KNOWN_FOR`].
    accepted: Expiring<CredentialDigest, ()>,
    decisions: Expiring<(CredentialDigest, Target), bool>,
    /// Creation times of namespaces.
    namespaces: Expiring<String, Option<i64>>,
    in_flight: Semaphore,
    requests: Buckets,
    new_tokens: Buckets,
    streams: Arc<Streams>,
}

impl fmt::Debug for AccessControl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessControl").field("asks_for_tokens", &self.0.reviews.is_some()).finish_non_exhaustive()
    }
}

impl AccessControl {
    /// Access for callers with a token.
    #[must_use]
    pub fn with_tokens(reviews: Arc<dyn Reviews>) -> Self {
        Self::new(Some(reviews))
    }

    /// Access for everybody: only for a listener that nobody reaches without another permission.
    #[must_use]
    pub fn open() -> Self {
        Self::new(None)
    }

    fn new(reviews: Option<Arc<dyn Reviews>>) -> Self {
        Self(Arc::new(Inner {
            reviews,
            users: Expiring::new(MOST_TOKENS),
            accepted: Expiring::new(MOST_TOKENS),
            decisions: Expiring::new(MOST_DECISIONS),
            namespaces: Expiring::new(MOST_NAMESPACES),
            in_flight: Semaphore::new(REVIEWS_AT_ONCE),
            requests: Buckets::new(CALLER_BURST, CALLER_PER_SECOND),
            new_tokens: Buckets::new(NEW_TOKENS_BURST, NEW_TOKENS_PER_SECOND),
            streams: Streams::new(MOST_STREAMS, MOST_STREAMS_OF_CALLER),
        }))
    }

    /// The caller that sends these headers.
    ///
    /// # Errors
    /// 401 without a token that is accepted, 403 for a foreign host name where no token is needed, 429 when the rate limit is
    /// exceeded, 503 when the API server cannot be asked.
    pub async fn authenticate(&self, headers: &HeaderMap) -> Result<Caller, Problem> {
        let caller = match &self.0.reviews {
            None if names_loopback(headers) => Caller::Anyone,
            None => return Err(Problem::foreign_host()),
            Some(reviews) => {
                let credential = Credential::of(headers).ok_or_else(|| Problem::unauthenticated(NO_TOKEN))?;
                Caller::Known(self.known(&**reviews, credential).await?)
            }
        };
        let limited = self.0.requests.take(caller.name(), Instant::now());
        limited.map_err(|wait| Problem::too_many(format!("more than {CALLER_PER_SECOND} requests a second"), wait))?;
        Ok(caller)
    }

    /// Checks that the token of a caller is still accepted: for long-running answers.
    ///
    /// # Errors
    /// As with [`AccessControl::authenticate`].
    pub async fn reauthenticate(&self, caller: &Caller) -> Result<(), Problem> {
        match (&self.0.reviews, caller) {
            (Some(reviews), Caller::Known(known)) => self.known(&**reviews, known.credential.clone()).await.map(drop),
            _ => Ok(()),
        }
    }

    /// Whether the caller may access the target.
    ///
    /// # Errors
    /// 503 when the API server cannot be asked.
    pub async fn may(&self, caller: &Caller, target: &Target) -> Result<bool, Problem> {
        let (Some(reviews), Caller::Known(known)) = (&self.0.reviews, caller) else { return Ok(true) };
        let key = (known.credential.digest(), target.clone());
        if let Some(decision) = self.0.decisions.get(&key, Instant::now()) {
            return Ok(decision);
        }
        let decision = self.review(reviews.may(&known.user, target)).await?;
        self.0.decisions.put(key, decision, if decision { ALLOWED_FOR } else { DENIED_FOR }, Instant::now());
        Ok(decision)
    }

    /// The caller that sends these headers, if they may `verb` a path that is no resource of the API server. The answer is not
    /// cached: scrapes are further apart than an answer would be kept.
    ///
    /// # Errors
    /// Those of [`Self::authenticate`], 403 without the permission, 503 when the API server cannot be asked.
    pub async fn authorize_path(&self, headers: &HeaderMap, verb: &'static str, path: &'static str) -> Result<Caller, Problem> {
        let caller = self.authenticate(headers).await?;
        let may = match (&self.0.reviews, &caller) {
            (Some(reviews), Caller::Known(known)) => self.review(reviews.may_open(&known.user, verb, path)).await?,
            _ => true,
        };
        if may { Ok(caller) } else { Err(Problem::closed(caller.name(), verb, path)) }
    }

    /// Creation time of the namespace in Unix seconds; `None` when it does not exist.
    ///
    /// # Errors
    /// 503 when the API server cannot be asked.
    async fn namespace_since(&self, namespace: &str) -> Result<Option<i64>, Problem> {
        let Some(reviews) = &self.0.reviews else { return Ok(None) };
        let key = namespace.to_owned();
        if let Some(since) = self.0.namespaces.get(&key, Instant::now()) {
            return Ok(since);
        }
        let since = self.review(reviews.namespace_since(namespace)).await?;
        self.0.namespaces.put(key, since, DENIED_FOR, Instant::now());
        Ok(since)
    }

    /// A permit for a long-running answer.
    ///
    /// # Errors
    /// 429 when there is none.
    pub fn stream(&self, caller: &Caller) -> Result<StreamPermit, Problem> {
        let full = || {
            let detail = format!("{MOST_STREAMS_OF_CALLER} streams and exports of one caller, or {MOST_STREAMS} of all, are under way");
            Problem::too_many(detail, Duration::from_secs(5))
        };
        self.0.streams.acquire(caller.name()).ok_or_else(full)
    }

    async fn known(&self, reviews: &dyn Reviews, credential: Credential) -> Result<Arc<Known>, Problem> {
        let digest = credential.digest();
        let refused =
            || Problem::unauthenticated("the API server does not accept this token: it may be expired, or of another cluster or operator");
        if let Some(known) = self.0.users.get(&digest, Instant::now()) {
            return known.ok_or_else(refused);
        }
        if self.0.accepted.get(&digest, Instant::now()).is_none() {
            let host = peer::host().map_or_else(String::new, |host| host.to_string());
            let limited = self.0.new_tokens.take(&host, Instant::now());
            limited.map_err(|wait| Problem::too_many("too many tokens that were not shown before", wait))?;
        }
        let user = self.review(reviews.user(&credential)).await?;
        let known = user.map(|user| Arc::new(Known { user, credential }));
        if known.is_some() {
            self.0.accepted.put(digest, (), KNOWN_FOR, Instant::now());
        }
        self.0.users.put(digest, known.clone(), if known.is_some() { ALLOWED_FOR } else { DENIED_FOR }, Instant::now());
        known.ok_or_else(refused)
    }

    async fn review<T>(&self, question: impl Future<Output = Result<T, kube::Error>>) -> Result<T, Problem> {
        let asked = async {
            // The semaphore is never closed.
            let _turn = self.0.in_flight.acquire().await;
            question.await
        };
        match tokio::time::timeout(REVIEW_TIMEOUT, asked).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => {
                tracing::warn!(%error, "failed to ask the API server about a caller");
                Err(Problem::unavailable("the API server cannot be asked who you are; the operator's log says why"))
            }
            Err(_) => Err(Problem::unavailable("the API server did not say in time who you are")),
        }
    }
}

/// Whether the request names a loopback host. Without tokens, this check protects against DNS rebinding: a page of the
/// internet whose name resolves to loopback must not read through the browser of a person who has a `port-forward` open.
fn names_loopback(headers: &HeaderMap) -> bool {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    host.parse::<Authority>().is_ok_and(|authority| {
        let host = authority.host().trim_matches(['[', ']']);
        host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
    })
}

const NO_TOKEN: &str = "send a token of the cluster as Authorization: Bearer TOKEN, or as Openvox-Authorization: Bearer TOKEN through \
                        the API server's proxy; kubectl create token SERVICEACCOUNT makes one. kubectl openvox needs none";

#[cfg(test)]
mod tests;
