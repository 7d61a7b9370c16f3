//! What the classifier is asked.

use super::facts;
use super::settings::{Auth, Body, Method, Settings};
use serde::Serialize;
use serde_json::value::RawValue;
use thiserror::Error;

/// One question.
#[derive(Debug)]
pub struct Request {
    /// The method.
    pub method: Method,
    /// Where it goes.
    pub url: String,
    /// Its headers.
    pub headers: Vec<(String, String)>,
    /// Its body, JSON.
    pub body: Option<String>,
}

/// A question cannot be asked.
#[derive(Debug, Error)]
pub enum RequestError {
    /// A certname that is none.
    #[error("the certname {0:?} is not one: letters, digits, `.`, `_` and `-` are allowed")]
    Certname(String),
    /// The facts cannot be sent.
    #[error(transparent)]
    Facts(#[from] facts::FactsError),
    /// The facts do not serialise, which no JSON does.
    #[error("failed to write the request: {0}")]
    Serialise(#[from] serde_json::Error),
}

/// Whether a certname may become part of a URL and a file name.
///
/// # Errors
/// [`RequestError::Certname`] if not.
pub fn check_certname(certname: &str) -> Result<(), RequestError> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    let only_dots = certname.bytes().all(|byte| byte == b'.');
    if only_dots || !certname.bytes().all(allowed) { Err(RequestError::Certname(certname.to_owned())) } else { Ok(()) }
}

impl Request {
    /// The question about one node. Reads its facts where they are sent.
    ///
    /// # Errors
    /// [`RequestError`] if the certname is none, or the facts cannot be read.
    pub fn about(settings: &Settings, certname: &str) -> Result<Self, RequestError> {
        check_certname(certname)?;
        let mut headers = vec![("Accept".to_owned(), "application/json, application/yaml, text/yaml".to_owned())];
        let body = match settings.method {
            Method::Get => None,
            Method::Post => body(settings, certname)?,
        };
        if body.is_some() {
            headers.push(("Content-Type".to_owned(), "application/json".to_owned()));
        }
        headers.extend(settings.auth.as_ref().and_then(credentials));
        let url = format!("{}{}", settings.url, settings.path).replace("{certname}", certname);
        Ok(Self { method: settings.method, url, headers, body })
    }
}

/// The header that proves who asks.
fn credentials(auth: &Auth) -> Option<(String, String)> {
    match auth {
        Auth::Mtls => None,
        Auth::Token { header, token } => Some((header.clone(), token.clone())),
        Auth::Bearer { token } => Some(("Authorization".to_owned(), format!("Bearer {token}"))),
        Auth::Basic { username, password } => {
            let pair = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, format!("{username}:{password}"));
            Some(("Authorization".to_owned(), format!("Basic {pair}")))
        }
    }
}

#[derive(Serialize)]
struct Named<'a> {
    certname: &'a str,
}

#[derive(Serialize)]
struct WithFacts<'a> {
    certname: &'a str,
    facts: &'a RawValue,
}

/// The classifier API of Puppet Enterprise, `POST /v1/classified/nodes/NAME`.
#[derive(Serialize)]
struct Classified<'a> {
    fact: &'a RawValue,
    trusted: Named<'a>,
}

fn body(settings: &Settings, certname: &str) -> Result<Option<String>, RequestError> {
    let facts = || facts::stored(&settings.facts_directory, certname);
    Ok(match settings.body {
        Body::Empty => None,
        Body::Certname => Some(serde_json::to_string(&Named { certname })?),
        Body::Facts => Some(serde_json::to_string(&WithFacts { certname, facts: &facts()? })?),
        Body::Pe => Some(serde_json::to_string(&Classified { fact: &facts()?, trusted: Named { certname } })?),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(settings: &str) -> Request {
        Request::about(&Settings::parse(settings).unwrap(), "web.example.com").unwrap()
    }

    #[test]
    fn the_certname_stands_wherever_the_path_says_also_before_a_query() {
        let request = asked("{url: 'https://foreman', path: '/node/{certname}?format=yml&name={certname}'}");
        assert_eq!(request.url, "https://foreman/node/web.example.com?format=yml&name=web.example.com");
        assert_eq!((request.body, request.headers.len()), (None, 1));
    }

    #[test]
    fn each_body_is_what_its_service_takes() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("web.example.com.json"), r#"{"values": {"os": "x"}}"#).unwrap();
        for (body, wanted) in [
            ("certname", Some(r#"{"certname":"web.example.com"}"#)),
            ("facts", Some(r#"{"certname":"web.example.com","facts":{"os": "x"}}"#)),
            ("pe", Some(r#"{"fact":{"os": "x"},"trusted":{"certname":"web.example.com"}}"#)),
            ("''", None),
        ] {
            let settings = format!("{{url: 'http://x', method: POST, body: {body}, factsDirectory: {}}}", directory.path().display());
            assert_eq!(asked(&settings).body.as_deref(), wanted);
        }
    }

    #[test]
    fn credentials_are_one_header() {
        for (auth, header) in [
            ("{type: token, header: X-Authentication, token: t}", ("X-Authentication", "t")),
            ("{type: bearer, token: t}", ("Authorization", "Bearer t")),
            ("{type: basic, username: u, password: 'p:w'}", ("Authorization", "Basic dTpwOnc=")),
        ] {
            let request = asked(&format!("{{url: 'http://x', auth: {auth}}}"));
            assert_eq!(request.headers[1], (header.0.to_owned(), header.1.to_owned()));
        }
    }

    #[test]
    fn a_name_that_could_be_a_path_is_never_asked_for() {
        for name in ["", ".", "..", "a/b", "../etc/passwd", "a b", "a\nb", "a?b", "ü", "a%2fb"] {
            assert!(check_certname(name).is_err(), "{name:?}");
        }
        for name in ["web01", "web-01.example.com", "a_b", "..a"] {
            assert!(check_certname(name).is_ok(), "{name:?}");
        }
    }
}
