//! The Secret with an intermediate CA that the user brings.

use super::connections::{ConnectionError, secret};
use crate::build::name;
use crate::reconcile::Context;
use crate::resources::text::text;
use kube::ResourceExt as _;
use openvox_crds::CertificateAuthority;
use openvox_machines::core::Blocked;
use openvox_machines::reason;

/// Keys of that Secret: certificates from the signing one up to the root, its key, and a revocation list of each.
const KEYS: [&str; 3] = ["ca.pem", "key.pem", "crl.pem"];

/// Name of the Secret, if the spec asks for one.
pub(super) fn secret_name(object: &CertificateAuthority) -> Option<&str> {
    let given = object.spec.intermediate_ca.as_ref().filter(|given| given.enabled)?;
    given.secret_name.as_deref().filter(|name| !name.is_empty())
}

/// What is missing before the set-up can take that CA. Only asked as long as the CA has no Secret of its own: afterwards
/// the given one may go.
pub(super) async fn missing(context: &Context, namespace: &str, object: &CertificateAuthority) -> Option<Blocked> {
    let given = secret_name(object)?;
    let own = name::ca_secret(&object.name_any());
    if context.caches.secrets.get(namespace, &own).is_some() {
        return None;
    }
    let waiting = |message: String| {
        Some(
            Blocked::waiting(reason::SECRET_NOT_FOUND, message)
                .remedy("put the CA's certificates, its key and their revocation lists there as ca.pem, key.pem and crl.pem"),
        )
    };
    match secret(context, namespace, given).await {
        Ok(found) => {
            let key = KEYS.into_iter().find(|key| text(&found, key).is_none())?;
            waiting(format!("spec.intermediateCA.secretName: Secret {given} has no {key}"))
        }
        Err(ConnectionError::Missing { .. }) => waiting(format!("spec.intermediateCA.secretName: there is no Secret {given}")),
        Err(error) => waiting(error.to_string()),
    }
}
