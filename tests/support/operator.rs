//! The operator as a process of its own.

use super::namespace::Namespace;
use super::wait::until_some;
use serde_json::Value;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use tempfile::TempDir;

/// How an operator is started.
pub struct Options {
    arguments: Vec<String>,
    environment: Vec<(String, String)>,
    folder: Arc<TempDir>,
    journal: String,
    kubeconfig: PathBuf,
    namespace: String,
    /// Host to listen on, and the mode of authentication.
    history: (&'static str, &'static str),
}

impl Options {
    /// An operator that works in a namespace, with a journal of its own.
    pub fn new(namespace: &Namespace) -> Self {
        let folder = TempDir::new().expect("a folder");
        Self {
            journal: format!("sqlite://{}", folder.path().join("journal.db").display()),
            arguments: Vec::new(),
            // As in a pod.
            environment: vec![("POD_NAMESPACE".to_owned(), namespace.name.clone())],
            folder: Arc::new(folder),
            kubeconfig: namespace.kubeconfig.clone(),
            namespace: namespace.name.clone(),
            history: ("127.0.0.1", "none"),
        }
    }

    /// With a history API that everybody reaches and that asks for tokens, as by default.
    pub fn history_for_callers_with_tokens(mut self) -> Self {
        self.history = ("", "token");
        self
    }

    /// On another way to the API server.
    pub fn kubeconfig(mut self, kubeconfig: impl Into<PathBuf>) -> Self {
        self.kubeconfig = kubeconfig.into();
        self
    }

    /// With its journal in another place.
    pub fn journal(mut self, url: &impl std::fmt::Display) -> Self {
        self.journal = url.to_string();
        self
    }

    /// With a further argument.
    pub fn argument(mut self, argument: &str) -> Self {
        self.arguments.push(argument.to_owned());
        self
    }

    /// With a variable in its environment.
    pub fn variable(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Starts it.
    pub fn start(&self) -> Operator {
        self.run(&[])
    }

    /// Starts it with one more variable this time.
    pub fn start_with(&self, name: &str, value: &str) -> Operator {
        self.run(&[(name, value)])
    }

    fn run(&self, more: &[(&str, &str)]) -> Operator {
        let [metrics, health, history] = [(); 3].map(|()| free_port());
        let log = self.folder.path().join(format!("operator-{metrics}.log"));
        let file = std::fs::File::create(&log).expect("a log file");
        let child = Command::new(env!("CARGO_BIN_EXE_openvox-operator"))
            .arg(format!("--journal={}", self.journal))
            .arg(format!("--metrics-bind-address=127.0.0.1:{metrics}"))
            .arg(format!("--health-probe-bind-address=127.0.0.1:{health}"))
            .arg(format!("--history-bind-address={}:{history}", self.history.0))
            .arg(format!("--history-auth={}", self.history.1))
            .arg(format!("--watch-namespace={}", self.namespace))
            .args(["--operator-image", "example.test/openvox-operator:test", "--log-level", "debug"])
            .args(&self.arguments)
            .env("KUBECONFIG", &self.kubeconfig)
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .envs(more.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(file)
            .spawn()
            .expect("the operator starts");
        Operator { child: Some(child), log, metrics, health, history, _folder: Arc::clone(&self.folder) }
    }
}

/// A running operator; killed when it is dropped.
pub struct Operator {
    child: Option<Child>,
    log: PathBuf,
    metrics: u16,
    health: u16,
    history: u16,
    _folder: Arc<TempDir>,
}

impl Operator {
    /// An operator that works in a namespace and is ready.
    pub async fn in_namespace(namespace: &Namespace) -> Self {
        let operator = Options::new(namespace).start();
        operator.ready().await;
        operator
    }

    /// Waits until its caches are filled.
    pub async fn ready(&self) {
        until_some("the operator to be ready", async || get(self.health, "/readyz").filter(|(code, _)| *code == 200)).await;
    }

    /// Whether it says that it is ready.
    pub fn is_ready(&self) -> bool {
        get(self.health, "/readyz").is_some_and(|(code, _)| code == 200)
    }

    /// Ends it as the kernel would: without a word.
    pub fn kill(mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().expect("it runs");
            child.wait().expect("it ends");
        }
    }

    /// Stops it in the middle of whatever it does, as a node that hangs does, or lets it go on.
    pub fn freeze(&self, frozen: bool) {
        let pid = self.child.as_ref().expect("it runs").id().to_string();
        let signal = if frozen { "-STOP" } else { "-CONT" };
        assert!(Command::new("kill").args([signal, &pid]).status().expect("kill").success());
    }

    /// Ends it as Kubernetes does, and waits for its end.
    pub async fn terminate(mut self) -> ExitStatus {
        let pid = self.child.as_ref().expect("it runs").id().to_string();
        Command::new("kill").args(["-TERM", &pid]).status().expect("kill");
        self.ended().await
    }

    /// Waits for its end.
    pub async fn ended(&mut self) -> ExitStatus {
        let child = self.child.as_mut().expect("it runs");
        let status = until_some("the operator to end", async || child.try_wait().expect("its status")).await;
        self.child = None;
        status
    }

    /// Whether it still runs.
    pub fn runs(&mut self) -> bool {
        self.child.as_mut().is_some_and(|child| child.try_wait().expect("its status").is_none())
    }

    /// Where /metrics answers on loopback.
    pub fn metrics_port(&self) -> u16 {
        self.metrics
    }

    /// The text of /metrics.
    pub fn metrics(&self) -> String {
        let (code, text) = get(self.metrics, "/metrics").expect("/metrics answers");
        assert_eq!(code, 200, "{text}");
        text
    }

    /// The sum of all series of a counter, or of a gauge of whole numbers, whose labels contain all of `labels`.
    pub fn metric(&self, name: &str, labels: &[&str]) -> u64 {
        let text = self.metrics();
        let series = text.lines().filter(|line| {
            line.strip_prefix(name).is_some_and(|rest| rest.starts_with(['{', ' '])) && labels.iter().all(|label| line.contains(label))
        });
        series.map(|line| line.rsplit_once(' ').expect("a value").1.parse::<u64>().expect("a whole number")).sum()
    }

    /// The port of the history API.
    pub fn history_port(&self) -> u16 {
        self.history
    }

    /// An answer of the history API; `path` begins after `/api/v1/history`.
    pub fn history(&self, path: &str) -> (u16, Value) {
        let (code, text) = get(self.history, &format!("/api/v1/history{path}")).expect("the history API answers");
        (code, serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error} in {text}")))
    }

    /// Its log so far.
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).expect("a log")
    }

    /// The lines of its log of level error, and what a panic writes.
    pub fn errors(&self) -> Vec<String> {
        self.log().lines().filter(|line| line.contains(r#""level":"ERROR""#) || line.contains("panicked at")).map(str::to_owned).collect()
    }
}

impl Drop for Operator {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
        if std::thread::panicking() {
            show_end(&self.log);
        }
    }
}

/// The last lines of a log, for the reader of a failed test.
fn show_end(log: &Path) {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    eprintln!("--- end of the operator's log ---");
    for line in &lines[lines.len().saturating_sub(40)..] {
        eprintln!("{}", line.chars().take(600).collect::<String>());
    }
}

/// A port that nobody listens on and that nobody else is given: below those that the kernel hands to whoever connects or
/// asks for any port, and each only once in a process.
pub fn free_port() -> u16 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    const LOWEST: u32 = 10_000;
    const HOW_MANY: u32 = 22_000;
    let begin = std::process::id().wrapping_mul(997);
    loop {
        let nth = begin.wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed));
        let port = u16::try_from(LOWEST + nth % HOW_MANY).expect("a port");
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

/// GET on loopback: status and body; `None` when nobody answers.
fn get(port: u16, path: &str) -> Option<(u16, String)> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(10))).ok()?;
    stream.write_all(format!("GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n").as_bytes()).ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    Some((head.split(' ').nth(1)?.parse().ok()?, body.to_owned()))
}
