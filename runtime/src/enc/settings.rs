//! The settings file of `openvox-enc`, which the operator renders from a `NodeClassifier`.

use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use std::time::Duration;
use thiserror::Error;
use ureq::http::{HeaderName, HeaderValue, Uri};

/// Seconds to wait for the whole answer where the file says nothing, or 0.
const DEFAULT_TIMEOUT: u32 = 10;

/// Directory of the cache where the file says nothing.
pub const DEFAULT_CACHE_DIRECTORY: &str = "/var/cache/openvox-enc";

/// How long a cached answer may stand in for the service where the file says nothing: a weekend without the service.
pub const DEFAULT_MAX_AGE: u64 = 3 * 24 * 3600;

/// Settings of one classifier. Names and defaults are those of `enc.yaml` (reference section 1.10).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Settings {
    /// Base URL of the service, `http` or `https`.
    pub url: String,
    /// HTTP method.
    #[serde(default)]
    pub method: Method,
    /// Appended to `url`; `{certname}` is replaced by the node's certname. It may have a query.
    #[serde(default = "default_path")]
    pub path: String,
    /// What is sent with POST.
    #[serde(default, skip_serializing_if = "Body::is_empty")]
    pub body: Body,
    /// Format of the answer.
    #[serde(default)]
    pub response_format: Format,
    /// Seconds until the whole answer has to be there; 0 means 10.
    #[serde(default)]
    pub timeout_seconds: u32,
    /// How the program proves who it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth: Option<Auth>,
    /// Keeps the last good answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache: Option<CacheSettings>,
    /// Certificates and key.
    #[serde(default)]
    pub ssl: Ssl,
    /// Where Puppet Server keeps the facts of its nodes, as JSON files named after them.
    #[serde(default = "default_facts_directory")]
    pub facts_directory: PathBuf,
}

/// HTTP method of the question.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Method {
    /// GET, without a body.
    #[default]
    Get,
    /// POST.
    Post,
}

/// What is sent with POST.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Body {
    /// Nothing.
    #[default]
    #[serde(rename = "")]
    Empty,
    /// `{"certname": …}`.
    Certname,
    /// `{"certname": …, "facts": {…}}`.
    Facts,
    /// `{"fact": {…}, "trusted": {…}}`, as the classifier API of Puppet Enterprise takes it.
    Pe,
}

impl Body {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference")]
    fn is_empty(&self) -> bool {
        *self == Self::Empty
    }
}

/// Format of the answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// YAML.
    #[default]
    Yaml,
    /// JSON.
    Json,
}

/// How the program proves who it is.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase", deny_unknown_fields)]
pub enum Auth {
    /// With the client certificate of [`Ssl`].
    Mtls,
    /// With a token in a header of its own.
    Token {
        /// Name of the header.
        header: String,
        /// The token.
        token: String,
    },
    /// With `Authorization: Bearer`.
    Bearer {
        /// The token.
        token: String,
    },
    /// With `Authorization: Basic`.
    Basic {
        /// User name.
        username: String,
        /// Password.
        password: String,
    },
}

impl std::fmt::Debug for Auth {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::Mtls => "Mtls",
            Self::Token { .. } => "Token",
            Self::Bearer { .. } => "Bearer",
            Self::Basic { .. } => "Basic",
        })
    }
}

/// The cache of answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CacheSettings {
    /// The cache is used.
    pub enabled: bool,
    /// Its directory.
    #[serde(default = "default_cache_directory")]
    pub directory: PathBuf,
    /// Seconds for which an answer may stand in for the service.
    #[serde(default = "default_max_age")]
    pub max_age_seconds: u64,
}

/// Files with certificates and the key, PEM.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Ssl {
    /// The client certificate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cert_file: Option<PathBuf>,
    /// Its key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_file: Option<PathBuf>,
    /// Certificates that the service's certificate may be issued by, beside those of the system.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_file: Option<PathBuf>,
    /// More of these.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub additional_ca_file: Option<PathBuf>,
}

fn default_path() -> String {
    "/node/{certname}".to_owned()
}

fn default_cache_directory() -> PathBuf {
    DEFAULT_CACHE_DIRECTORY.into()
}

fn default_facts_directory() -> PathBuf {
    "/run/puppetserver/server_data/facts".into()
}

const fn default_max_age() -> u64 {
    DEFAULT_MAX_AGE
}

/// The settings cannot be used.
#[derive(Debug, Error)]
pub enum SettingsError {
    /// Not the YAML of [`Settings`].
    #[error("{0}")]
    Shape(String),
    /// A URL that no HTTP request can go to.
    #[error("url: {0:?} is not an http or https URL with a host; write one such as https://foreman.example.com")]
    Url(String),
    /// A body that no GET request has.
    #[error("body: a GET request has none; set method to POST, or remove body")]
    BodyWithGet,
    /// A file that `mtls` needs is not named.
    #[error("auth: mtls needs ssl.certFile and ssl.keyFile")]
    NoClientCertificate,
    /// A name that no HTTP header has.
    #[error("auth.header: {0:?} is not the name of an HTTP header; use letters, digits and -")]
    Header(String),
    /// A value that no HTTP header has.
    #[error("auth: the credentials have characters that no HTTP header may have, such as line ends")]
    Credentials,
}

impl Settings {
    /// Reads the text of the file.
    ///
    /// # Errors
    /// [`SettingsError`] with the field that cannot be used.
    pub fn parse(text: &str) -> Result<Self, SettingsError> {
        // The message of the parser quotes the line, which may hold a password.
        let settings: Self = serde_saphyr::from_str(text).map_err(|error| SettingsError::Shape(without_snippet(&error.to_string())))?;
        settings.check()?;
        Ok(settings)
    }

    /// Whether a request can be made with them.
    ///
    /// # Errors
    /// [`SettingsError`] with the field that cannot be used.
    pub fn check(&self) -> Result<(), SettingsError> {
        let url: Uri = self.url.parse().map_err(|_| SettingsError::Url(self.url.clone()))?;
        if !matches!(url.scheme_str(), Some("http" | "https")) || url.host().is_none_or(str::is_empty) {
            return Err(SettingsError::Url(self.url.clone()));
        }
        if self.method == Method::Get && self.body != Body::Empty {
            return Err(SettingsError::BodyWithGet);
        }
        match &self.auth {
            Some(Auth::Mtls) if self.ssl.cert_file.is_none() || self.ssl.key_file.is_none() => Err(SettingsError::NoClientCertificate),
            Some(Auth::Token { header, .. }) if HeaderName::from_bytes(header.as_bytes()).is_err() => {
                Err(SettingsError::Header(header.clone()))
            }
            Some(Auth::Token { token, .. } | Auth::Bearer { token }) if HeaderValue::from_str(token).is_err() => {
                Err(SettingsError::Credentials)
            }
            _ => Ok(()),
        }
    }

    /// Time until the whole answer has to be there.
    #[must_use]
    pub fn timeout(&self) -> Duration {
        Duration::from_secs(match self.timeout_seconds {
            0 => DEFAULT_TIMEOUT.into(),
            seconds => seconds.into(),
        })
    }

    /// The cache settings, if the cache is used.
    #[must_use]
    pub fn cache(&self) -> Option<&CacheSettings> {
        self.cache.as_ref().filter(|cache| cache.enabled)
    }
}

/// The first line of a message, which names place and cause; those after it show the source.
fn without_snippet(message: &str) -> String {
    message.lines().next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALLEST: &str = "url: https://enc.example.com\n";

    #[test]
    fn what_is_left_out_has_the_defaults_of_the_reference() {
        let settings = Settings::parse(SMALLEST).unwrap();
        assert_eq!((settings.method, settings.path.as_str(), settings.response_format), (Method::Get, "/node/{certname}", Format::Yaml));
        assert_eq!((settings.timeout(), settings.cache()), (Duration::from_secs(10), None));
        assert_eq!(settings.facts_directory, PathBuf::from("/run/puppetserver/server_data/facts"));
    }

    #[test]
    fn the_file_of_the_reference_is_read() {
        let text = "
url: https://enc.example.com
method: POST
path: /classify
body: facts
responseFormat: json
timeoutSeconds: 3
auth: {type: basic, username: puppet, password: 'se:cret'}
cache: {enabled: true, directory: /cache}
ssl: {certFile: /c.pem, keyFile: /k.pem, caFile: /ca.pem}
";
        let settings = Settings::parse(text).unwrap();
        assert_eq!((settings.body, settings.timeout()), (Body::Facts, Duration::from_secs(3)));
        assert_eq!(settings.cache().unwrap().directory, PathBuf::from("/cache"));
        assert_eq!(settings.auth, Some(Auth::Basic { username: "puppet".into(), password: "se:cret".into() }));
        assert!(!format!("{settings:?}").contains("se:cret"));
    }

    #[test]
    fn what_the_operator_writes_is_what_the_program_reads() {
        let settings =
            Settings { auth: Some(Auth::Token { header: "X-Token".into(), token: "'t: #".into() }), ..Settings::parse(SMALLEST).unwrap() };
        let text = serde_json::to_string(&settings).unwrap();
        assert_eq!(Settings::parse(&text).unwrap(), settings);
    }

    #[test]
    fn what_cannot_be_used_is_refused_by_the_name_of_its_field_and_shows_no_secret() {
        let cases = [
            ("url: ftp://x\n", "url: \"ftp://x\""),
            ("url: enc.example.com\n", "url: \"enc.example.com\""),
            ("method: GET\n", "url"),
            ("url: http://x\nbody: facts\n", "body: a GET request has none"),
            ("url: http://x\nauth: {type: mtls}\n", "ssl.certFile"),
            ("url: http://x\nauth: {type: token, header: 'X Token', token: s3cret}\n", "auth.header: \"X Token\""),
            ("url: http://x\nauth: {type: bearer, token: \"s3cret\\n\"}\n", "line ends"),
            ("url: http://x\nauth: {type: bearer, token: s3cret, more: 1}\n", "more"),
            ("url: http://x\ntimeoutSeconds: s3cret\n", "line 2"),
        ];
        for (text, words) in cases {
            let said = Settings::parse(text).unwrap_err().to_string();
            assert!(said.contains(words) && !said.contains("s3cret"), "{text:?}: {said}");
        }
    }
}
