//! `enc.yaml`: the settings of `openvox-enc`.

use openvox_crds::{Auth, ClassifierMethod, NodeClassifierSpec, RequestBody, ResponseFormat, SecretKeyRef};
use openvox_puppet::layout;
use openvox_runtime::enc::settings::{self, CacheSettings, Settings, SettingsError, Ssl};

/// Key of the settings in their Secret, and their file name in the pod.
pub const FILE: &str = "enc.yaml";
/// Key and file name of the certificates that the `NodeClassifier` brings.
pub const CA_FILE: &str = "classifier-ca.pem";

/// The content of the Secret of a classifier.
#[derive(Clone, PartialEq, Eq)]
pub struct EncFiles {
    /// The settings, YAML.
    pub settings: String,
    /// The certificates that `spec.caSecretRef` names.
    pub ca: Option<String>,
}

/// Why a classifier cannot be rendered.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum EncError {
    /// A value of a Secret is not there yet.
    #[error("{field} names the key {key:?} of Secret {secret}, which is not there or empty")]
    MissingValue {
        /// Path of the reference.
        field: &'static str,
        /// Name of the Secret.
        secret: String,
        /// Key in the Secret.
        key: String,
    },
    /// A value in the spec, or in a Secret, that the program cannot use.
    #[error("spec.{0}")]
    Invalid(String),
}

/// The settings of a classifier. `value` looks up a key of a Secret.
///
/// # Errors
/// [`EncError`] with the field that keeps it from being rendered.
pub fn enc(spec: &NodeClassifierSpec, value: impl Fn(&str, &str) -> Option<String>) -> Result<EncFiles, EncError> {
    let read = |field: &'static str, secret: &str, key: &str| {
        // A file that was made with `echo` ends with a line end, which no header may have.
        let text = value(secret, key).map(|text| text.trim_end_matches(['\r', '\n']).to_owned()).filter(|text| !text.is_empty());
        text.ok_or_else(|| EncError::MissingValue { field, secret: secret.to_owned(), key: key.to_owned() })
    };
    let reference = |field, SecretKeyRef { name, key }: &SecretKeyRef| read(field, name, key);
    let auth = match &spec.auth {
        Some(Auth { mtls: true, .. }) => Some(settings::Auth::Mtls),
        Some(Auth { token: Some(token), .. }) => Some(settings::Auth::Token {
            header: token.header.clone(),
            token: reference("spec.auth.token.secretKeyRef", &token.secret_key_ref)?,
        }),
        Some(Auth { bearer: Some(bearer), .. }) => {
            Some(settings::Auth::Bearer { token: reference("spec.auth.bearer.secretKeyRef", &bearer.secret_key_ref)? })
        }
        Some(Auth { basic: Some(basic), .. }) => {
            let given = &basic.secret_ref;
            Some(settings::Auth::Basic {
                username: read("spec.auth.basic.secretRef", &given.name, &given.username_key)?,
                password: read("spec.auth.basic.secretRef", &given.name, &given.password_key)?,
            })
        }
        None | Some(Auth { mtls: false, token: None, bearer: None, basic: None }) => None,
    };
    let ca = spec.ca_secret_ref.as_ref().map(|given| reference("spec.caSecretRef", given)).transpose()?;
    let settings = Settings {
        url: spec.url.clone(),
        method: match spec.request.method {
            ClassifierMethod::Get => settings::Method::Get,
            ClassifierMethod::Post => settings::Method::Post,
        },
        path: spec.request.path.clone(),
        body: match spec.request.body.unwrap_or_default() {
            RequestBody::Empty => settings::Body::Empty,
            RequestBody::Certname => settings::Body::Certname,
            RequestBody::Facts => settings::Body::Facts,
            RequestBody::Pe => settings::Body::Pe,
        },
        response_format: match spec.response.format {
            ResponseFormat::Yaml => settings::Format::Yaml,
            ResponseFormat::Json => settings::Format::Json,
        },
        timeout_seconds: u32::try_from(spec.timeout_seconds).unwrap_or(0),
        auth,
        cache: spec.cache.as_ref().filter(|cache| cache.enabled).map(|cache| CacheSettings {
            enabled: true,
            directory: if cache.directory.is_empty() { settings::DEFAULT_CACHE_DIRECTORY } else { &cache.directory }.into(),
            max_age_seconds: u64::try_from(cache.max_age_seconds).ok().filter(|age| *age > 0).unwrap_or(settings::DEFAULT_MAX_AGE),
        }),
        ssl: Ssl {
            cert_file: Some(layout::CERT_FILE.into()),
            key_file: Some(layout::KEY_FILE.into()),
            ca_file: Some(layout::CA_CERT_FILE.into()),
            additional_ca_file: ca.as_ref().map(|_| format!("{}/{CA_FILE}", layout::ENC_DIR).into()),
        },
        facts_directory: format!("{}/server_data/facts", layout::SERVER_VAR_DIR).into(),
    };
    settings.check().map_err(|error: SettingsError| EncError::Invalid(error.to_string()))?;
    // JSON is YAML, and what writes it quotes all that needs it.
    let settings = serde_json::to_string_pretty(&settings).map_err(|error| EncError::Invalid(error.to_string()))?;
    Ok(EncFiles { settings: settings + "\n", ca })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn spec(extra: &serde_json::Value) -> NodeClassifierSpec {
        let mut spec = json!({"url": "https://enc.example.com", "request": {}, "response": {}});
        spec.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        serde_json::from_value(spec).unwrap()
    }

    fn secrets(secret: &str, key: &str) -> Option<String> {
        (secret == "enc").then(|| format!("{key}-of-enc\n"))
    }

    fn rendered(extra: &serde_json::Value) -> Settings {
        Settings::parse(&enc(&spec(extra), secrets).unwrap().settings).unwrap()
    }

    #[test]
    fn the_smallest_classifier_takes_the_defaults_and_the_files_of_the_pod() {
        let settings = rendered(&json!({}));
        assert_eq!((settings.path.as_str(), settings.auth, settings.cache), ("/node/{certname}", None, None));
        assert_eq!(settings.ssl.ca_file, Some("/etc/puppetlabs/puppet/ssl/certs/ca.pem".into()));
        assert_eq!(settings.facts_directory, std::path::PathBuf::from("/run/puppetserver/server_data/facts"));
    }

    #[test]
    fn credentials_come_from_their_secrets_without_the_line_end() {
        let key = json!({"secretKeyRef": {"name": "enc", "key": "t"}});
        for (auth, wanted) in [
            (json!({"mtls": true}), settings::Auth::Mtls),
            (
                json!({"token": {"header": "X-Token", "secretKeyRef": {"name": "enc", "key": "t"}}}),
                settings::Auth::Token { header: "X-Token".into(), token: "t-of-enc".into() },
            ),
            (json!({"bearer": key}), settings::Auth::Bearer { token: "t-of-enc".into() }),
            (
                json!({"basic": {"secretRef": {"name": "enc"}}}),
                settings::Auth::Basic { username: "username-of-enc".into(), password: "password-of-enc".into() },
            ),
        ] {
            assert_eq!(rendered(&json!({"auth": auth})).auth, Some(wanted));
        }
    }

    #[test]
    fn certificates_of_its_own_lie_beside_the_settings() {
        let files = enc(&spec(&json!({"caSecretRef": {"name": "enc", "key": "ca.crt"}})), secrets).unwrap();
        assert_eq!(files.ca.as_deref(), Some("ca.crt-of-enc"));
        assert_eq!(Settings::parse(&files.settings).unwrap().ssl.additional_ca_file, Some("/etc/puppetlabs/enc/classifier-ca.pem".into()));
    }

    #[test]
    fn what_keeps_it_from_being_rendered_is_named() {
        let error = |extra| enc(&spec(&extra), secrets).err().unwrap().to_string();
        let gone = json!({"auth": {"bearer": {"secretKeyRef": {"name": "gone", "key": "token"}}}});
        assert_eq!(error(gone), "spec.auth.bearer.secretKeyRef names the key \"token\" of Secret gone, which is not there or empty");
        assert!(error(json!({"url": "enc.example.com"})).starts_with("spec.url: \"enc.example.com\" is not an http or https URL"));
    }
}
