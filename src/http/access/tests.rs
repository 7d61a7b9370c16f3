use super::*;
use axum::http::header;
use futures::future::{BoxFuture, FutureExt as _};
use std::sync::Mutex;

/// Knows the token `good` as alice, who sees certificates in `mine`; counts what it is asked.
#[derive(Default)]
struct Answers {
    asked: Mutex<Vec<String>>,
    down: bool,
}

impl Answers {
    fn note(&self, question: String) -> Result<(), kube::Error> {
        self.asked.lock().unwrap().push(question);
        if self.down { Err(kube::Error::LinesCodecMaxLineLengthExceeded) } else { Ok(()) }
    }

    fn asked(&self) -> usize {
        self.asked.lock().unwrap().len()
    }
}

impl Reviews for Answers {
    fn user<'a>(&'a self, credential: &'a Credential) -> BoxFuture<'a, Result<Option<User>, kube::Error>> {
        let good = matches!(credential, Credential::Token(token) if token.secret() == "good");
        let known = good.then(|| User { name: "alice".to_owned(), ..User::default() });
        let answer = self.note("user".to_owned()).map(|()| known);
        async { answer }.boxed()
    }

    fn may<'a>(&'a self, user: &'a User, target: &'a Target) -> BoxFuture<'a, Result<bool, kube::Error>> {
        let allowed = user.name == "alice" && target.namespace.as_deref() == Some("mine") && target.resource == "certificates";
        let answer = self.note(format!("{target:?}")).map(|()| allowed);
        async move { answer }.boxed()
    }

    fn may_open<'a>(&'a self, _: &'a User, _: &'static str, path: &'static str) -> BoxFuture<'a, Result<bool, kube::Error>> {
        let answer = self.note(path.to_owned()).map(|()| false);
        async move { answer }.boxed()
    }

    fn namespace_since<'a>(&'a self, namespace: &'a str) -> BoxFuture<'a, Result<Option<i64>, kube::Error>> {
        async move { Ok((namespace != "gone").then_some(0)) }.boxed()
    }
}

fn with_token(token: &str) -> HeaderMap {
    [(header::AUTHORIZATION, format!("Bearer {token}").parse().unwrap())].into_iter().collect()
}

fn access() -> (AccessControl, Arc<Answers>) {
    let answers = Arc::new(Answers::default());
    (AccessControl::with_tokens(Arc::clone(&answers) as Arc<dyn Reviews>), answers)
}

fn certificates(namespace: Option<&str>) -> Target {
    Target { verb: "get", group: "openvox.voxpupuli.org", resource: "certificates", namespace: namespace.map(str::to_owned), name: None }
}

#[tokio::test]
async fn no_token_and_a_foreign_one_are_refused_with_a_hint() {
    let (access, answers) = access();
    let problem = access.authenticate(&HeaderMap::new()).await.unwrap_err();
    assert_eq!(problem.status, 401);
    assert!(problem.detail.contains("kubectl create token"), "{}", problem.detail);
    assert_eq!(answers.asked(), 0);
    assert_eq!(access.authenticate(&with_token("bad")).await.unwrap_err().status, 401);
}

#[tokio::test]
async fn answers_about_tokens_and_rights_are_remembered_for_seconds() {
    let (access, answers) = access();
    for _ in 0..3 {
        let caller = access.authenticate(&with_token("good")).await.unwrap();
        assert_eq!(caller.name(), "alice");
        assert!(access.may(&caller, &certificates(Some("mine"))).await.unwrap());
        assert!(!access.may(&caller, &certificates(None)).await.unwrap());
        access.authenticate(&with_token("bad")).await.unwrap_err();
    }
    // Two tokens and two rights, however often.
    assert_eq!(answers.asked(), 4);
}

#[tokio::test]
async fn who_asks_too_often_waits_and_others_do_not() {
    let (access, _) = access();
    let mut admitted = 0;
    let problem = loop {
        match access.authenticate(&with_token("good")).await {
            Ok(_) => admitted += 1,
            Err(problem) => break problem,
        }
        assert!(admitted < 100 * CALLER_BURST, "no bound");
    };
    assert!(admitted >= CALLER_BURST, "{admitted}");
    assert_eq!((problem.status, problem.retry_after), (429, Some(1)));
    assert_eq!(access.authenticate(&with_token("bad")).await.unwrap_err().status, 401);
}

#[tokio::test]
async fn guessing_tokens_does_not_keep_the_api_server_busy() {
    let (access, answers) = access();
    let mut guess = 0;
    while access.authenticate(&with_token(&format!("guess{guess}"))).await.unwrap_err().status == 401 {
        guess += 1;
        assert!(guess < 100 * NEW_TOKENS_BURST, "no bound");
    }
    assert!(guess >= NEW_TOKENS_BURST, "{guess}");
    assert_eq!(answers.asked(), guess as usize);
}

#[tokio::test]
async fn who_guesses_keeps_out_neither_a_known_token_nor_those_of_other_hosts() {
    let (access, answers) = access();
    let [guesser, other] = ["10.0.0.1", "10.0.0.2"].map(|address| address.parse().unwrap());
    let admit = async |from, token: &str| peer::of(from, access.authenticate(&with_token(token))).await;
    admit(guesser, "good").await.unwrap();
    let mut guess = 0;
    while admit(guesser, &format!("guess{guess}")).await.unwrap_err().status == 401 {
        guess += 1;
    }
    let digest = Credential::of(&with_token("good")).unwrap().digest();
    access.0.users.put(digest, None, Duration::ZERO, Instant::now());
    let before = answers.asked();
    admit(guesser, "good").await.unwrap();
    assert_eq!(answers.asked(), before + 1, "it is asked again whether the token still holds");
    assert_eq!(admit(guesser, "bad").await.unwrap_err().status, 429);
    assert_eq!(admit(other, "bad").await.unwrap_err().status, 401);
}

#[tokio::test]
async fn without_an_api_server_nobody_is_let_in_and_nothing_is_remembered() {
    let answers = Arc::new(Answers { down: true, ..Answers::default() });
    let access = AccessControl::with_tokens(Arc::clone(&answers) as Arc<dyn Reviews>);
    for _ in 0..2 {
        assert_eq!(access.authenticate(&with_token("good")).await.unwrap_err().status, 503);
    }
    assert_eq!(answers.asked(), 2);
}

#[tokio::test]
async fn a_token_that_is_no_longer_accepted_ends_what_lasts() {
    let (access, _) = access();
    let known = Known { user: User::default(), credential: Credential::of(&with_token("expired")).unwrap() };
    assert_eq!(access.reauthenticate(&Caller::Known(Arc::new(known))).await.unwrap_err().status, 401);
    let caller = access.authenticate(&with_token("good")).await.unwrap();
    access.reauthenticate(&caller).await.unwrap();
}

#[tokio::test]
async fn without_tokens_only_names_of_loopback_are_answered() {
    let access = AccessControl::open();
    let ask = async |host: &str| access.authenticate(&[(header::HOST, host.parse().unwrap())].into_iter().collect()).await;
    for host in ["localhost", "localhost:8082", "127.0.0.1:8082", "[::1]:8082"] {
        assert_eq!(ask(host).await.unwrap().name(), "anyone", "{host}");
    }
    for host in ["", "rebound.example.test:8082", "10.0.0.1", "localhost.example.test", "user@127.0.0.1.example.test"] {
        assert_eq!(ask(host).await.unwrap_err().status, 403, "{host}");
    }
}
