//! Who asks, what they may see, and how much at once.
//!
//! A caller shows a bearer token, or that they have created an object of the cluster. The API server says who they are
//! (TokenReview, CertificateSigningRequest) and what they may `get` (SubjectAccessReview), so the rights in the history
//! are those in the cluster. Answers are remembered for seconds: a right that is taken away ends here within
//! [`ALLOWED_FOR`].

mod credential;
mod expiring;
mod proof;
mod rate;
mod reviews;
mod sight;
mod token;

pub use credential::{Credential, TOKEN_HEADER};
pub use proof::{NewProof, ProofError};
pub use rate::StreamPlace;
pub use reviews::{ApiServer, Reviews, Target, User};
pub use sight::Sight;
pub(super) use sight::target;
pub use token::{Token, audience};

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::http::uri::Authority;
use axum::http::{HeaderMap, header};
use tokio::sync::Semaphore;

use self::credential::CredentialDigest;
use self::expiring::Expiring;
use self::rate::{Buckets, Streams};
use super::peer;
use super::problem::Problem;

/// How long a yes is believed: the time for which somebody whose rights were taken away still sees.
const ALLOWED_FOR: Duration = Duration::from_secs(10);
/// How long a no is believed: the time for which somebody who was just given rights still waits.
const DENIED_FOR: Duration = Duration::from_secs(5);
/// Tokens remembered, about 300 bytes each. More callers than this in ten seconds only cost more reviews.
const MOST_TOKENS: usize = 1024;
/// Decisions remembered: a thousand namespaces with nine kinds each, about 200 bytes each.
const MOST_DECISIONS: usize = 9 * 1024;
/// Namespaces whose age is remembered, about 100 bytes each.
const MOST_NAMESPACES: usize = 1024;
/// Reviews under way at once; the API server has others to answer.
const REVIEWS_AT_ONCE: usize = 8;
/// A review takes a millisecond. Longer than this means that the API server is gone, and the caller should hear of it.
const REVIEW_TIMEOUT: Duration = Duration::from_secs(5);
/// Requests of one caller: the web page makes five when it opens, a board that lives one or two a second.
const CALLER_BURST: u32 = 60;
/// See [`CALLER_BURST`].
const CALLER_PER_SECOND: u32 = 20;
/// Tokens of one host that are not known: each costs a review, and somebody who guesses should not get the API server to
/// do thousands. Those of all hosts wait for each other ([`REVIEWS_AT_ONCE`]).
const NEW_TOKENS_BURST: u32 = 100;
/// See [`NEW_TOKENS_BURST`].
const NEW_TOKENS_PER_SECOND: u32 = 20;
/// How long a token that was accepted counts as known: it is reviewed again as before, and whoever guesses cannot keep it
/// from that. Those who come less often are as good as new.
const KNOWN_FOR: Duration = Duration::from_mins(10);
/// Streams and exports at once: each holds a page of at most a few hundred KiB.
const MOST_STREAMS: usize = 64;
/// Those of one caller: a few browser tabs and a terminal.
const MOST_STREAMS_OF_CALLER: usize = 12;

/// Somebody who asks.
#[derive(Debug, Clone)]
pub enum Caller {
    /// Nobody was asked for a token.
    Anyone,
    /// Who showed a token that the API server accepts.
    Known(Arc<Known>),
}

/// Who they are.
#[derive(Debug)]
pub struct Known {
    user: User,
    credential: Credential,
}

impl Caller {
    /// The name that limits count by.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Anyone => "anyone",
            Self::Known(known) => &known.user.name,
        }
    }
}

/// Lets callers in. Clones share their state.
#[derive(Clone)]
pub struct Gate(Arc<Inner>);

struct Inner {
    reviews: Option<Arc<dyn Reviews>>,
    users: Expiring<CredentialDigest, Option<Arc<Known>>>,
    /// Credentials that were accepted not long ago.
    acquainted: Expiring<CredentialDigest, ()>,
    decisions: Expiring<(CredentialDigest, Target), bool>,
    /// When namespaces were made.
    namespaces: Expiring<String, Option<i64>>,
    under_way: Semaphore,
    requests: Buckets,
    new_tokens: Buckets,
    streams: Arc<Streams>,
}

impl fmt::Debug for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gate").field("asks_for_tokens", &self.0.reviews.is_some()).finish_non_exhaustive()
    }
}

impl Gate {
    /// A gate that asks for tokens.
    #[must_use]
    pub fn with_tokens(reviews: Arc<dyn Reviews>) -> Self {
        Self::new(Some(reviews))
    }

    /// A gate that lets everybody in: only for a listener that nobody reaches without another right.
    #[must_use]
    pub fn open() -> Self {
        Self::new(None)
    }

    fn new(reviews: Option<Arc<dyn Reviews>>) -> Self {
        Self(Arc::new(Inner {
            reviews,
            users: Expiring::new(MOST_TOKENS),
            acquainted: Expiring::new(MOST_TOKENS),
            decisions: Expiring::new(MOST_DECISIONS),
            namespaces: Expiring::new(MOST_NAMESPACES),
            under_way: Semaphore::new(REVIEWS_AT_ONCE),
            requests: Buckets::new(CALLER_BURST, CALLER_PER_SECOND),
            new_tokens: Buckets::new(NEW_TOKENS_BURST, NEW_TOKENS_PER_SECOND),
            streams: Streams::new(MOST_STREAMS, MOST_STREAMS_OF_CALLER),
        }))
    }

    /// Who sends these headers, if they may ask now.
    ///
    /// # Errors
    /// 401 without a token that is accepted, 403 for a foreign host name where no tokens are asked for, 429 when they ask too often, 503 when the API server cannot be asked.
    pub async fn admit(&self, headers: &HeaderMap) -> Result<Caller, Problem> {
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

    /// The same caller, if their token is still accepted: for answers that last.
    ///
    /// # Errors
    /// As with [`Gate::admit`].
    pub async fn still_admits(&self, caller: &Caller) -> Result<(), Problem> {
        match (&self.0.reviews, caller) {
            (Some(reviews), Caller::Known(known)) => self.known(&**reviews, known.credential.clone()).await.map(drop),
            _ => Ok(()),
        }
    }

    /// Whether the caller may do that with the target.
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

    /// Who sends these headers, if they have the right to `verb` a path that is no resource of the API server. Asked each
    /// time: a scraper comes less often than an answer would be remembered.
    ///
    /// # Errors
    /// Those of [`Self::admit`], 403 without the right, 503 when the API server cannot be asked.
    pub async fn admit_to(&self, headers: &HeaderMap, verb: &'static str, path: &'static str) -> Result<Caller, Problem> {
        let caller = self.admit(headers).await?;
        let may = match (&self.0.reviews, &caller) {
            (Some(reviews), Caller::Known(known)) => self.review(reviews.may_open(&known.user, verb, path)).await?,
            _ => true,
        };
        if may { Ok(caller) } else { Err(Problem::closed(caller.name(), verb, path)) }
    }

    /// When the namespace of this name was made, in Unix seconds; `None` when there is none now.
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

    /// A place for an answer that lasts.
    ///
    /// # Errors
    /// 429 when there is none.
    pub fn stream(&self, caller: &Caller) -> Result<StreamPlace, Problem> {
        let full = || {
            let detail = format!("{MOST_STREAMS_OF_CALLER} streams and exports of one caller, or {MOST_STREAMS} of all, are under way");
            Problem::too_many(detail, Duration::from_secs(5))
        };
        self.0.streams.enter(caller.name()).ok_or_else(full)
    }

    async fn known(&self, reviews: &dyn Reviews, credential: Credential) -> Result<Arc<Known>, Problem> {
        let digest = credential.digest();
        let refused =
            || Problem::unauthenticated("the API server does not accept this token: it may be expired, or of another cluster or operator");
        if let Some(known) = self.0.users.get(&digest, Instant::now()) {
            return known.ok_or_else(refused);
        }
        if self.0.acquainted.get(&digest, Instant::now()).is_none() {
            let host = peer::host().map_or_else(String::new, |host| host.to_string());
            let limited = self.0.new_tokens.take(&host, Instant::now());
            limited.map_err(|wait| Problem::too_many("too many tokens that were not shown before", wait))?;
        }
        let user = self.review(reviews.user(&credential)).await?;
        let known = user.map(|user| Arc::new(Known { user, credential }));
        if known.is_some() {
            self.0.acquainted.put(digest, (), KNOWN_FOR, Instant::now());
        }
        self.0.users.put(digest, known.clone(), if known.is_some() { ALLOWED_FOR } else { DENIED_FOR }, Instant::now());
        known.ok_or_else(refused)
    }

    async fn review<T>(&self, question: impl Future<Output = Result<T, kube::Error>>) -> Result<T, Problem> {
        let asked = async {
            // The semaphore is never closed.
            let _turn = self.0.under_way.acquire().await;
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

/// The request was made to a name of loopback. Where nobody is asked for a token, this keeps a page of the internet, whose
/// name somebody let point to loopback, from reading with the browser of a person who has a `port-forward` open.
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
