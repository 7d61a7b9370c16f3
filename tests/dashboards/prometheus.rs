//! Prometheus as a process of its own, and the questions to it.

use crate::support::operator::free_port;
use crate::support::wait::until_some;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;

/// A running Prometheus; killed when it is dropped.
pub struct Prometheus {
    child: Child,
    port: u16,
    folder: TempDir,
}

/// Scraped and evaluated each second, so that a test need not wait a minute for two samples. `honor_labels` as the
/// chart's `ServiceMonitor` has it: namespaces are those of the objects.
const CONFIGURATION: &str = "
global: {scrape_interval: 1s, evaluation_interval: 1s}
rule_files: [ALERTS]
scrape_configs:
  - job_name: openvox-operator
    honor_labels: true
    file_sd_configs: [{files: [targets.json], refresh_interval: 1s}]
";

impl Prometheus {
    /// One that scrapes nobody yet.
    pub async fn start() -> Self {
        let program = std::env::var_os("PROMETHEUS_BIN").expect("PROMETHEUS_BIN is set: run tests/dashboards.sh");
        let folder = TempDir::new().unwrap();
        let alerts = Path::new(env!("CARGO_MANIFEST_DIR")).join("dashboards/generated/alerts.yaml");
        std::fs::write(folder.path().join("prometheus.yml"), CONFIGURATION.replace("ALERTS", &alerts.display().to_string())).unwrap();
        std::fs::write(folder.path().join("targets.json"), "[]").unwrap();
        let port = free_port();
        let child = Command::new(PathBuf::from(program).join("prometheus"))
            .arg("--config.file=prometheus.yml")
            .arg("--storage.tsdb.path=data")
            .arg("--enable-feature=exemplar-storage")
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(std::fs::File::create(folder.path().join("log")).unwrap())
            .spawn()
            .expect("Prometheus starts");
        let prometheus = Self { child, port, folder };
        until_some("Prometheus to be ready", async || prometheus.ask("status/runtimeinfo", &[]).await.ok()).await;
        prometheus
    }

    /// From now on it scrapes this port, and nothing else.
    pub fn scrapes(&self, port: u16) {
        let targets = json!([{"targets": [format!("127.0.0.1:{port}")]}]).to_string();
        // In one step: half a file would be an error.
        let (new, place) = (self.folder.path().join("targets.new"), self.folder.path().join("targets.json"));
        std::fs::write(&new, targets).unwrap();
        std::fs::rename(new, place).unwrap();
    }

    /// The data of an answer of the HTTP API, or what Prometheus has against the question.
    pub async fn ask(&self, what: &str, parameters: &[(&str, &str)]) -> Result<Value, String> {
        let url = format!("http://127.0.0.1:{}/api/v1/{what}", self.port);
        let url = reqwest::Url::parse_with_params(&url, parameters).unwrap();
        // No certificates are needed where nobody speaks TLS.
        let client = reqwest::Client::builder().tls_certs_only([]).build().unwrap();
        let answer = client.get(url).send().await.map_err(|error| error.to_string())?;
        let answer: Value =
            serde_json::from_str(&answer.text().await.map_err(|error| error.to_string())?).map_err(|error| error.to_string())?;
        if answer["status"] == "success" { Ok(answer["data"].clone()) } else { Err(answer["error"].to_string()) }
    }

    /// The series of a query, now.
    pub async fn query(&self, expr: &str) -> Vec<Value> {
        let data = self.ask("query", &[("query", expr)]).await.unwrap_or_else(|error| panic!("{error} in {expr}"));
        data["result"].as_array().cloned().unwrap_or_else(|| panic!("no list of series: {data} for {expr}"))
    }

    /// Waits until a query has a result.
    pub async fn until(&self, expr: &str) -> Vec<Value> {
        until_some(&format!("Prometheus to have {expr}"), async || Some(self.query(expr).await).filter(|series| !series.is_empty())).await
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            let log = std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
            let lines: Vec<&str> = log.lines().collect();
            eprintln!("--- end of Prometheus's log ---\n{}", lines[lines.len().saturating_sub(10)..].join("\n"));
        }
    }
}
