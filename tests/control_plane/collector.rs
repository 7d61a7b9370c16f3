//! A real OpenTelemetry Collector, and what it was told.

use crate::support::operator::free_port;
use crate::support::wait;
use std::collections::HashMap;
use std::fs::File;
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;

/// A span as it was exported; ids in hexadecimal, no parent as an empty one.
#[derive(Debug, Clone, Default)]
pub struct Span {
    pub trace: String,
    pub id: String,
    pub parent: String,
    pub name: String,
    /// As the collector shows them, such as `Str(Certificate)`.
    pub attributes: HashMap<String, String>,
}

/// Takes OTLP over HTTP and writes down everything it gets.
pub struct Collector {
    /// For `OTEL_EXPORTER_OTLP_ENDPOINT`.
    pub endpoint: String,
    child: Child,
    output: PathBuf,
    _folder: TempDir,
}

impl Collector {
    pub async fn start() -> Self {
        let program = std::env::var_os("COLLECTOR_BIN").expect("COLLECTOR_BIN names the collector; tests/integration.sh builds it");
        let port = free_port();
        let config = format!(
            "yaml:{{receivers: {{otlp: {{protocols: {{http: {{endpoint: \"127.0.0.1:{port}\"}}}}}}}}, exporters: {{debug: {{verbosity: detailed}}}}, \
             service: {{pipelines: {{traces: {{receivers: [otlp], exporters: [debug]}}}}, telemetry: {{metrics: {{level: none}}}}}}}}"
        );
        let folder = TempDir::new().unwrap();
        let output = folder.path().join("collector.log");
        let log = File::create(&output).unwrap();
        let child = Command::new(program).arg(format!("--config={config}")).stdin(Stdio::null()).stderr(log).spawn().expect("it starts");
        let collector = Self { endpoint: format!("http://127.0.0.1:{port}"), child, output, _folder: folder };
        wait::until_some("the collector to listen", async || TcpStream::connect(("127.0.0.1", port)).ok()).await;
        collector
    }

    /// Everything that it was told, as text.
    pub fn text(&self) -> String {
        std::fs::read_to_string(&self.output).unwrap()
    }

    /// All spans so far.
    pub fn spans(&self) -> Vec<Span> {
        self.text().split("\nSpan #").skip(1).map(span).collect()
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Lines like `    Trace ID       : 0af7…` and, for attributes, `     -> k8s.kind: Str(Certificate)`.
fn span(text: &str) -> Span {
    let mut span = Span::default();
    for line in text.lines().map(str::trim) {
        if let Some((name, value)) = line.strip_prefix("-> ").and_then(|attribute| attribute.split_once(": ")) {
            span.attributes.insert(name.to_owned(), value.to_owned());
        } else if let Some((name, value)) = line.split_once(':') {
            let value = value.trim().to_owned();
            match name.trim() {
                "Trace ID" => span.trace = value,
                "Parent ID" => span.parent = value,
                "ID" => span.id = value,
                "Name" => span.name = value,
                _ => {}
            }
        }
    }
    span
}
