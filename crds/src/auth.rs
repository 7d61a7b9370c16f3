//! How a pod proves who it is to an HTTP endpoint.

use crate::{
    defaults,
    selector::{SecretKeyRef, SecretKeySelector},
};
use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Authentication towards an HTTP endpoint, at most one method. None means unauthenticated.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new(
    "[has(self.mtls) && self.mtls, has(self.token), has(self.bearer), has(self.basic)].filter(m, m).size() <= 1"
).message(Message::Expression(
    "'auth names several methods, %s: keep one of them and remove the others'.format([[has(self.mtls) && self.mtls ? 'mtls' : '', has(self.token) ? 'token' : '', has(self.bearer) ? 'bearer' : '', has(self.basic) ? 'basic' : ''].filter(m, m != '')])".into()
)))]
pub struct Auth {
    /// Present the pod's Puppet certificate.
    #[serde(default, skip_serializing_if = "defaults::is_false")]
    pub mtls: bool,
    /// Send a token in a named header.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<TokenAuth>,
    /// Send a token as Authorization: Bearer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bearer: Option<SecretKeySelector>,
    /// HTTP Basic authentication.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub basic: Option<BasicAuth>,
}

/// A token in a header of its own.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct TokenAuth {
    /// Name of the HTTP header.
    pub header: String,
    /// Where the token stands.
    pub secret_key_ref: SecretKeyRef,
}

/// HTTP Basic authentication with user name and password from one Secret.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct BasicAuth {
    /// Where user name and password stand.
    pub secret_ref: BasicAuthSecretRef,
}

/// A Secret with a user name and a password.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct BasicAuthSecretRef {
    /// Name of the Secret.
    pub name: String,
    /// Key of the user name.
    #[serde(default = "defaults::username_key")]
    pub username_key: String,
    /// Key of the password.
    #[serde(default = "defaults::password_key")]
    pub password_key: String,
}

impl Default for BasicAuthSecretRef {
    fn default() -> Self {
        Self { name: String::new(), username_key: defaults::username_key(), password_key: defaults::password_key() }
    }
}
