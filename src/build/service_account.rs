//! `ServiceAccount`.

use super::label_set::{self, Labels};
use super::metadata::metadata;
use super::name;
use super::scope::Scope;
use k8s_openapi::api::core::v1::ServiceAccount;

/// Account of Server pods. They never talk to Kubernetes.
#[must_use]
pub fn server(scope: Scope<'_>, config: &str) -> ServiceAccount {
    without_token(scope, name::server_service_account(config), label_set::config(config))
}

/// Account of the Job that sets a CA up. Only its pod mounts a token.
#[must_use]
pub fn ca_setup(scope: Scope<'_>, authority: &str) -> ServiceAccount {
    without_token(scope, name::ca_setup(authority), label_set::authority(authority))
}

fn without_token(scope: Scope<'_>, name: String, labels: Labels) -> ServiceAccount {
    ServiceAccount { metadata: metadata(scope, name, labels), automount_service_account_token: Some(false), ..ServiceAccount::default() }
}
