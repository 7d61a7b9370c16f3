//! A real Chromium without a screen, driven over `WebDriver` (W3C) by Debian's chromedriver.

use crate::support::operator::free_port;
use crate::support::wait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// A browser with one window; closed when it is dropped.
pub struct Browser {
    driver: Child,
    session: String,
    client: reqwest::Client,
}

impl Browser {
    /// Starts it. `None` where Chromium is not installed, after saying so.
    pub async fn start() -> Option<Self> {
        let port = free_port();
        let driver = Command::new("chromedriver")
            .arg(format!("--port={port}"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        let Ok(driver) = driver else {
            eprintln!("NOT TESTED: there is no chromedriver: apt-get install chromium chromium-driver");
            return None;
        };
        // Whoever installs a provider first wins; any is fine.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let client = reqwest::Client::builder().tls_certs_only([]).build().unwrap();
        let mut browser = Self { driver, session: format!("http://127.0.0.1:{port}"), client };
        let arguments = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars", "--lang=en-GB"];
        let wanted = json!({"capabilities": {"alwaysMatch": {
            "goog:chromeOptions": {"args": arguments},
            "goog:loggingPrefs": {"browser": "ALL"},
        }}});
        let made = wait::until_some("chromedriver", async || browser.post("/session", &wanted).await.ok()).await;
        browser.session = format!("{}/session/{}", browser.session, made["sessionId"].as_str().expect("a session"));
        browser.size(1440, 1000).await;
        Some(browser)
    }

    async fn post(&self, path: &str, body: &Value) -> Result<Value, String> {
        let url = format!("{}{path}", self.session);
        let request = self.client.post(url).header("content-type", "application/json").body(body.to_string());
        let text = request.send().await.map_err(|error| error.to_string())?.text().await.map_err(|error| error.to_string())?;
        let answer: Value = serde_json::from_str(&text).map_err(|error| format!("{error} in {text}"))?;
        match answer["value"]["error"].as_str() {
            Some(_) => Err(answer["value"]["message"].to_string()),
            None => Ok(answer["value"].clone()),
        }
    }

    async fn done(&self, path: &str, body: Value) -> Value {
        self.post(path, &body).await.unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    /// The inner size of the window, in CSS pixels.
    pub async fn size(&self, width: u32, height: u32) {
        let metrics = json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": false});
        self.devtools("Emulation.setDeviceMetricsOverride", metrics).await;
    }

    /// What the reader prefers: `dark` or `light`.
    pub async fn prefers(&self, scheme: &str) {
        let features = json!({"features": [{"name": "prefers-color-scheme", "value": scheme}]});
        self.devtools("Emulation.setEmulatedMedia", features).await;
    }

    async fn devtools(&self, command: &str, parameters: Value) -> Value {
        self.done("/goog/cdp/execute", json!({"cmd": command, "params": parameters})).await
    }

    /// Goes to an address.
    pub async fn open(&self, url: &str) {
        self.done("/url", json!({"url": url})).await;
    }

    /// The value of a JavaScript expression.
    pub async fn value(&self, expression: &str) -> Value {
        self.done("/execute/sync", json!({"script": format!("return ({expression})"), "args": []})).await
    }

    /// Waits until a JavaScript expression is true.
    ///
    /// Panics with the text of the page when that takes too long.
    pub async fn until(&self, expression: &str) {
        if wait::within(async || (self.value(expression).await == true).then_some(())).await.is_some() {
            return;
        }
        let text = self.value("document.body.innerText").await;
        panic!("waited for {expression}; the page is\n{}", text.as_str().unwrap_or_default());
    }

    /// Presses keys, as on a keyboard, on what has the focus. Keys without a character are those of `WebDriver`.
    pub async fn press(&self, keys: &str) {
        let strokes = keys.chars().flat_map(|key| {
            let key = key.to_string();
            [json!({"type": "keyDown", "value": key}), json!({"type": "keyUp", "value": key})]
        });
        let actions: Vec<Value> = strokes.collect();
        self.done("/actions", json!({"actions": [{"type": "key", "id": "keyboard", "actions": actions}]})).await;
    }

    /// What the browser complained about: errors of scripts and policies.
    pub async fn complaints(&self) -> Vec<String> {
        let log = self.done("/se/log", json!({"type": "browser"})).await;
        let entries = log.as_array().cloned().unwrap_or_default();
        entries.iter().filter_map(|entry| entry["message"].as_str().map(str::to_owned)).collect()
    }

    /// Writes a picture of the page, in its whole height, where somebody asked for pictures (`PAGE_PICTURES=folder`).
    pub async fn picture(&self, name: &str) {
        let Some(folder) = std::env::var_os("PAGE_PICTURES") else { return };
        let shot = self.devtools("Page.captureScreenshot", json!({"format": "png", "captureBeyondViewport": true})).await;
        let bytes = STANDARD.decode(shot["data"].as_str().expect("a picture")).unwrap();
        std::fs::write(Path::new(&folder).join(format!("{name}.png")), bytes).unwrap();
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // Chromium goes with its session: without the DELETE it would outlive its driver, which hears no HTTP/1.0.
        if let Some(rest) = self.session.strip_prefix("http://")
            && let Some((address, path)) = rest.split_once('/')
            && let Ok(mut stream) = std::net::TcpStream::connect(address)
        {
            use std::io::{Read as _, Write as _};
            let _ = stream.set_read_timeout(Some(wait::BOUND));
            let _ = write!(stream, "DELETE /{path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
            let _ = stream.read(&mut [0; 64]);
        }
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}
