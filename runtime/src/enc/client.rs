//! Asking the classifier over HTTP.

use super::request::Request;
use super::settings::{Auth, Method, Settings, Ssl};
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;
use std::{fs, io};
use thiserror::Error;
use ureq::http::{self, Uri};
use ureq::tls::{Certificate, ClientCert, PemItem, PrivateKey, RootCerts, TlsConfig, TlsProvider};

/// Longest answer in bytes. A classification of a thousand classes has some 100 KiB.
const MAX_ANSWER: u64 = 10 * 1024 * 1024;

/// Most redirects that are followed, as in Go and curl.
const MAX_REDIRECTS: usize = 10;

/// Why there is no answer.
#[derive(Debug, Error)]
pub enum AskError {
    /// The classifier does not know the node. No cached answer may stand in.
    #[error("{0} answered 404: it does not know this node")]
    UnknownNode(String),
    /// The classifier does not accept the credentials.
    #[error("{0} answered {1}: it does not accept the credentials; check the auth of the NodeClassifier and its Secret")]
    Denied(String, u16),
    /// Another answer than success.
    #[error("{0} answered {1}")]
    Status(String, u16),
    /// A redirect that would carry credentials and facts to somebody else.
    #[error(
        "{0} redirects to {1:?}, which is another server: nothing is sent there; if it is the right one, make it the url of the NodeClassifier"
    )]
    Redirect(String, String),
    /// Redirects without end.
    #[error("{0} redirects more than {MAX_REDIRECTS} times")]
    Redirects(String),
    /// More than anybody needs.
    #[error("{0} answered more than {MAX_ANSWER} bytes")]
    TooLong(String),
    /// No answer, or half of one.
    #[error("failed to ask {0}: {1}")]
    Transport(String, String),
    /// A certificate or key cannot be used.
    #[error("failed to read {0}: {1}")]
    File(String, String),
}

/// Asks, and answers with the body of a success.
///
/// # Errors
/// [`AskError`] for everything else.
pub fn ask(settings: &Settings, request: &Request) -> Result<Vec<u8>, AskError> {
    let deadline = Instant::now() + settings.timeout();
    let mut method = settings.method;
    let mut url = request.url.clone();
    for _ in 0..=MAX_REDIRECTS {
        let uri: Uri = url.parse().map_err(|error: http::uri::InvalidUri| AskError::Transport(shown(&url), error.to_string()))?;
        // One for each step: a redirect may lead from http to https, which needs the certificates.
        let agent = self::agent(settings, is_https(&uri))?;
        let mut answer =
            send(&agent, method, &uri, request, deadline).map_err(|error| AskError::Transport(shown(&url), error.to_string()))?;
        let status = answer.status().as_u16();
        match status {
            200..=299 => {
                return body(&mut answer).map_err(|error| match error {
                    ureq::Error::BodyExceedsLimit(_) => AskError::TooLong(shown(&url)),
                    other => AskError::Transport(shown(&url), other.to_string()),
                });
            }
            301 | 302 | 303 | 307 | 308 => {
                let location = answer.headers().get("location").and_then(|value| value.to_str().ok()).unwrap_or_default();
                let next = target(&uri, location).ok_or_else(|| AskError::Redirect(shown(&url), shown(location)))?;
                if status < 307 {
                    method = Method::Get;
                }
                url = next;
            }
            404 => return Err(AskError::UnknownNode(shown(&url))),
            401 | 403 => return Err(AskError::Denied(shown(&url), status)),
            other => return Err(AskError::Status(shown(&url), other)),
        }
    }
    Err(AskError::Redirects(shown(&request.url)))
}

fn is_https(uri: &Uri) -> bool {
    uri.scheme_str() == Some("https")
}

/// A URL without what may be a secret in it.
fn shown(url: &str) -> String {
    let end = url.find('?').unwrap_or(url.len());
    let plain = url.get(..end).unwrap_or(url);
    match (plain.find("://"), plain.find('@')) {
        (Some(scheme), Some(at)) if scheme < at => {
            format!("{}://…{}", plain.get(..scheme).unwrap_or_default(), plain.get(at..).unwrap_or_default())
        }
        _ => plain.to_owned(),
    }
}

fn agent(settings: &Settings, tls: bool) -> Result<ureq::Agent, AskError> {
    let mut config = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .proxy(None)
        .user_agent(concat!("openvox-enc/", env!("CARGO_PKG_VERSION")));
    if tls {
        config = config.tls_config(tls_config(settings)?);
    }
    Ok(config.build().into())
}

fn tls_config(settings: &Settings) -> Result<TlsConfig, AskError> {
    let client = match (&settings.auth, &settings.ssl) {
        (Some(Auth::Mtls), Ssl { cert_file: Some(certificate), key_file: Some(key), .. }) => Some(client_certificate(certificate, key)?),
        _ => None,
    };
    let mut roots: Vec<Certificate<'static>> =
        rustls_native_certs::load_native_certs().certs.iter().map(|certificate| Certificate::from_der(certificate).to_owned()).collect();
    for file in settings.ssl.ca_file.iter().chain(&settings.ssl.additional_ca_file) {
        roots.extend(certificates(file)?);
    }
    Ok(TlsConfig::builder()
        .provider(TlsProvider::Rustls)
        .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
        .root_certs(RootCerts::new_with_certs(&roots))
        .client_cert(client)
        .build())
}

fn read(path: &Path) -> Result<Vec<u8>, AskError> {
    fs::read(path).map_err(|error: io::Error| AskError::File(path.display().to_string(), error.to_string()))
}

/// The certificates of a file, at least one.
fn certificates(path: &Path) -> Result<Vec<Certificate<'static>>, AskError> {
    let pem = read(path)?;
    let unusable = |why: &str| AskError::File(path.display().to_string(), why.to_owned());
    let mut certificates = Vec::new();
    for item in ureq::tls::parse_pem(&pem) {
        match item {
            Ok(PemItem::Certificate(certificate)) => certificates.push(certificate),
            Ok(_) => {}
            Err(error) => return Err(unusable(&error.to_string())),
        }
    }
    if certificates.is_empty() { Err(unusable("it holds no certificate")) } else { Ok(certificates) }
}

fn client_certificate(certificate: &Path, key: &Path) -> Result<ClientCert, AskError> {
    let chain = certificates(certificate)?;
    let key_text = read(key)?;
    let private =
        PrivateKey::from_pem(&key_text).map_err(|_| AskError::File(key.display().to_string(), "it holds no private key".to_owned()))?;
    Ok(ClientCert::new_with_certs(&chain, private))
}

fn send(
    agent: &ureq::Agent,
    method: Method,
    uri: &Uri,
    request: &Request,
    deadline: Instant,
) -> Result<http::Response<ureq::Body>, ureq::Error> {
    let mut builder = http::Request::builder().uri(uri.clone()).method(match method {
        Method::Get => "GET",
        Method::Post => "POST",
    });
    let body = request.body.as_ref().filter(|_| method == Method::Post);
    for (name, value) in &request.headers {
        if body.is_some() || name != "Content-Type" {
            builder = builder.header(name, value);
        }
    }
    let left = deadline.saturating_duration_since(Instant::now());
    match (method, body) {
        (Method::Post, body) => {
            let request = agent.configure_request(builder.body(body.cloned().unwrap_or_default())?).timeout_global(Some(left)).build();
            agent.run(request)
        }
        (Method::Get, _) => {
            let request = agent.configure_request(builder.body(())?).timeout_global(Some(left)).build();
            agent.run(request)
        }
    }
}

fn body(answer: &mut http::Response<ureq::Body>) -> Result<Vec<u8>, ureq::Error> {
    answer.body_mut().with_config().limit(MAX_ANSWER).read_to_vec()
}

/// Where a redirect leads, if it stays with the same server: the same host and port, or from http to https of the same host.
fn target(from: &Uri, location: &str) -> Option<String> {
    let (scheme, host) = (from.scheme_str()?, from.host()?);
    if location.starts_with('/') && !location.starts_with("//") {
        return Some(format!("{scheme}://{}{location}", from.authority()?));
    }
    let to: Uri = if location.starts_with("//") { format!("{scheme}:{location}") } else { location.to_owned() }.parse().ok()?;
    let same_host = to.host().is_some_and(|other| other.eq_ignore_ascii_case(host));
    let same_port = port(&to) == port(from) && to.scheme_str() == Some(scheme);
    let upgraded = scheme == "http" && is_https(&to);
    (same_host && (same_port || upgraded)).then(|| to.to_string())
}

fn port(uri: &Uri) -> Option<u16> {
    uri.port_u16().or(match uri.scheme_str() {
        Some("http") => Some(80),
        Some("https") => Some(443),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(url: &str) -> Uri {
        url.parse().unwrap()
    }

    #[test]
    fn a_redirect_is_followed_only_to_the_same_server_or_to_https_of_the_same_host() {
        let from = parsed("http://enc.example.com/node/web");
        for (location, to) in [
            ("/other", Some("http://enc.example.com/other")),
            ("http://ENC.example.com:80/other", Some("http://ENC.example.com:80/other")),
            ("https://enc.example.com/node/web", Some("https://enc.example.com/node/web")),
            ("https://enc.example.com:8443/x", Some("https://enc.example.com:8443/x")),
            ("//enc.example.com/x", Some("http://enc.example.com/x")),
            ("http://enc.example.com:8080/x", None),
            ("http://evil.example.com/x", None),
            ("https://enc.example.com.evil.org/x", None),
            ("//evil.example.com/x", None),
            ("ftp://enc.example.com/x", None),
            ("other", None),
            ("", None),
        ] {
            assert_eq!(target(&from, location).as_deref(), to, "{location}");
        }
        let secure = parsed("https://enc.example.com/");
        assert_eq!(target(&secure, "http://enc.example.com/"), None);
    }

    #[test]
    fn a_url_in_a_message_shows_neither_password_nor_query() {
        assert_eq!(shown("https://u:p@h/x?token=t"), "https://…@h/x");
        assert_eq!(shown("https://h/a@b"), "https://…@b");
        assert_eq!(shown("https://h/x"), "https://h/x");
    }
}
